"""Proves the wheels as far as one Linux machine can: `python tools/check_wheels.py [CHECK ...] [--out DIR]`.

    settings    cibuildwheel would build exactly the intended wheels; pyproject.toml is valid
    workflows   actionlint, zizmor and GitHub's schema on .github/workflows
    types       mypy --strict on the stubs, and pyright on the README's Python
    c           tools/check_c.py: the C sources for every platform
    sdist       the source distribution, and from it, unpacked, this machine's wheel in --out
    artefacts   what is in --out: the limited API, contents, size, metadata
    tests       the wheel in --out by the tests, away from the sources, on every CPython that is found (or on each
                --python PATH); a free-threaded one gets its own wheel, and runs each test in four threads at once

Without names it does all of these in this order. `pip install --group checks` brings the tools, apt-get install
qemu-user-static wine libsimde-dev the emulators.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST_WHEEL = 2_000_000
BUILDS = ["cp311", "cp314t", "cp315", "cp315t"]       # cp315 only tests the wheel that cp311 makes
PLATFORMS = {
    "linux": [f"{libc}_{arch}" for libc in ("manylinux", "musllinux") for arch in ("x86_64", "aarch64")],
    "macos": ["macosx_x86_64", "macosx_arm64"],
    "windows": ["win_amd64", "win_arm64"],
}


def run(*command, **options):
    """Runs a command, quietly unless it fails; whether it succeeded."""
    done = subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **{"cwd": ROOT, **options})
    if done.returncode:
        print(f"FAILED: {' '.join(map(str, command))}\n{done.stdout}")
    return done.returncode == 0


def tool(name):
    """The program of that name, from this Python's environment if it is there."""
    own = Path(sys.executable).with_name(name)
    return str(own) if own.exists() else name


def check_settings(_):
    good = run(tool("validate-pyproject"), "pyproject.toml")
    for platform, tags in PLATFORMS.items():
        done = subprocess.run([sys.executable, "-m", "cibuildwheel", "--platform", platform, "--archs", "all",
                               "--print-build-identifiers", "."], text=True, capture_output=True, cwd=ROOT)
        intended = {f"{build}-{tag}" for build in BUILDS for tag in tags}
        found = set(done.stdout.split())
        print(f"settings: {platform}: {len(found)} builds")
        if found != intended:
            print(f"FAILED: missing {sorted(intended - found)}, not intended {sorted(found - intended)}\n{done.stderr}")
            good = False
    return good


def check_workflows(_):
    files = sorted((ROOT / ".github/workflows").glob("*.yml"))
    return all([run(tool("actionlint"), *files),
                run(tool("zizmor"), "--offline", "--persona=pedantic", ".github"),
                run(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", *files)])


def check_types(_):
    with tempfile.TemporaryDirectory() as folder:
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)):
            Path(folder, f"readme_{number}.py").write_text(code)
        Path(folder, "pyrightconfig.json").write_text(
            json.dumps({"typeCheckingMode": "standard", "extraPaths": [str(ROOT)]}))
        return all([run(tool("mypy"), "--strict", "--follow-imports=silent",
                        *sorted(ROOT.glob("mgconv/native/*.pyi")), ROOT / "mgconv/__init__.pyi"),
                    run(tool("basedpyright"), "--pythonpath", sys.executable, "--project", folder)])


def check_c(_):
    return subprocess.run([sys.executable, "tools/check_c.py"], cwd=ROOT).returncode == 0


def check_sdist(options):
    """Builds the sdist; unpacks it elsewhere; builds the wheel there; makes it one that any Linux takes."""
    for old in options.out.glob("mgconv-*"):
        old.unlink()
    if not run(sys.executable, "-m", "build", "--sdist", "--outdir", options.out):
        return False
    sdist = next(options.out.glob("*.tar.gz"))
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        source = next(Path(folder).iterdir())
        return build_wheel(sys.executable, source, options.out)


def build_wheel(python, source, out):
    """A wheel of the sources in `source` by that interpreter's pip, repaired and stripped, in `out`."""
    with tempfile.TemporaryDirectory() as folder:
        if not run(python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, source, cwd=folder):
            return False
        wheel = next(Path(folder).glob("*.whl"))
        if sys.platform == "linux":
            return run(tool("auditwheel"), "repair", "--strip", "--wheel-dir", out, wheel,
                       env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
        shutil.copy(wheel, out)
        return True


def wrong_contents(wheel):
    """What is in a wheel and should not be."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inside = re.fullmatch(r"mgconv/(.*(\.pyi?|\.so|\.pyd|/)|plain/\w+\.h|py\.typed)?", name)
            if not inside and not re.match(r"mgconv-[^/]*\.dist-info/", name):
                yield f"{name} is in it"
            if ".abi3-" in name:
                yield f"{name} has a suffix that only the CPython which built it looks for"
            if name.endswith(".so") and archive.read(name).startswith(b"\x7fELF"):
                from elftools.elf.elffile import ELFFile
                with archive.open(name) as file:
                    sections = {section.name for section in ELFFile(file).iter_sections()}
                if ".symtab" in sections or ".debug_info" in sections:
                    yield f"{name} is not stripped"
    if wheel.stat().st_size > LARGEST_WHEEL:
        yield f"it has {wheel.stat().st_size} bytes"


def check_artefacts(options):
    files = sorted(options.out.glob("mgconv-*"))
    wheels = [path for path in files if path.suffix == ".whl"]
    good = bool(wheels) and run(tool("twine"), "check", "--strict", *files)
    for wheel in wheels:
        wrong = list(wrong_contents(wheel))
        print(f"artefacts: {wheel.name}: {wheel.stat().st_size / 1e6:.2f} MB")
        print("".join(f"FAILED: {wheel.name}: {text}\n" for text in wrong), end="")
        good &= not wrong and run(tool("check-wheel-contents"), "--toplevel", "mgconv", wheel)
        if "-abi3-" in wheel.name:
            good &= run(tool("abi3audit"), "--strict", wheel)
    return good


def interpreters():
    """The CPythons 3.11 and later on PATH and in pyenv, the newest patch of each: (version, threads) -> path."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(f"python3.{minor}{t}") for minor in range(11, 20) for t in ("", "t")]
    found = {}
    for path in [*filter(None, candidates), *sorted(pyenv.glob("versions/*/bin/python"))]:
        if about := version_of(path):
            found[about] = path
    return found


def version_of(python):
    """("3.14", whether it is free-threaded), or None for what is no CPython 3.11 or later."""
    ask = ("import sys, sysconfig; sys.version_info < (3, 11) and sys.exit(1); "
           "print('%d.%d' % sys.version_info[:2], sysconfig.get_config_var('Py_GIL_DISABLED') or 0)")
    done = subprocess.run([python, "-c", ask], text=True, capture_output=True)
    if done.returncode:
        return None
    version, free = done.stdout.split()
    return version, free == "1"


def check_tests(options):
    good = True
    found = {version_of(path): path for path in options.python} if options.python else interpreters()
    for (version, free), python in sorted(found.items()):
        with tempfile.TemporaryDirectory() as folder:
            passed = test_on(python, free, options.out.resolve(), Path(folder))
        print(f"tests: CPython {version}{' free-threaded' if free else ''}: {passed or 'FAILED'}")
        good &= bool(passed)
    return good


def test_on(python, free, out, folder):
    """Tests the wheel of `out` in a new environment, in a folder without the sources; pytest's last line, or None."""
    own = folder / "environment/bin/python"
    if not run(python, "-m", "venv", folder / "environment"):
        return None
    if free and not build_wheel(own, ROOT, folder):
        return None
    wheel = next((folder if free else out).glob("*.whl" if free else "*-abi3-*.whl"), None)
    if wheel is None or not run(own, "-m", "pip", "install", "--prefer-binary", f"{wheel}[test]",
                                *(["pytest-run-parallel"] if free else [])):
        return None
    shutil.copytree(ROOT / "tests", folder / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder)
    done = subprocess.run([own, "-m", "pytest", "-q", *(["--parallel-threads=4"] if free else [])], cwd=folder,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        print(done.stdout)
        return None
    return done.stdout.strip().splitlines()[-1]


CHECKS = {"settings": check_settings, "workflows": check_workflows, "types": check_types, "c": check_c,
          "sdist": check_sdist, "artefacts": check_artefacts, "tests": check_tests}

if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    parser.add_argument("--out", type=Path, default=Path("dist"))
    parser.add_argument("--python", action="append", default=[])
    arguments = parser.parse_args()
    if unknown := set(arguments.checks) - set(CHECKS):
        parser.error(f"unknown check: {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    failed = [name for name in arguments.checks or CHECKS if not CHECKS[name](arguments)]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
