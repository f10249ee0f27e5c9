"""What setup.py says about the C sources, for tools that compile them without Python: read, not run."""
import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build_tables():
    """The literal constants of setup.py by name: KERNELS, COMMON, FLAGS, GNU_FLAGS, ..."""
    tables = {}
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                tables[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue                       # computed at build time
    return tables


def instruction_sets(machine):
    """The sets of a machine (X86, ARM64, WASM, PLAIN) and their flags, as src_c/sets.h lists them."""
    tables = build_tables()
    listed = re.findall(tables["LISTED"], (ROOT / "src_c/sets.h").read_text())
    return {isa: tables["FLAGS"][isa] for on, isa in listed if on == machine}
