"""What to tell those who import the sources, in which the compiled part is not built."""
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path


def advice(package):
    """What to do, where `package` is the folder of the sources and may hide an installed package."""
    built = [Path(folder) / "mgconv" for folder in sys.path
             if any((Path(folder) / f"mgconv/native/runtime{suffix}").exists() for suffix in EXTENSION_SUFFIXES)]
    if built:
        return (f"`mgconv` is imported from its sources in {package}, which hide the package installed in {built[0]}. "
                "Start Python in another folder, or install by `pip install -e .`, which builds in the sources.")
    return (f"The compiled part of mgconv is not built in {package}. `pip install -e .` in the folder above builds it "
            "there; after `pip install .`, start Python in another folder.")
