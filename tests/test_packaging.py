"""What is shipped: types for compiled modules, the tables that setup.py compiles by, versions that agree."""
import ast
import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

import mgconv

PACKAGE = Path(mgconv.__file__).parent
SOURCES = Path(__file__).resolve().parent.parent
in_the_tree = pytest.mark.skipif(not (SOURCES / "setup.py").exists(), reason="the sources are not here")


def native_modules_that_python_imports():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r"from mgconv\.native\.(\w+) import", text))
        for names in re.findall(r"from mgconv\.native import (\w+(?:, \w+)*)", text):
            found |= set(names.split(", "))
    return sorted(name for name in found if not (PACKAGE / "native" / f"{name}.py").exists())


def test_there_are_compiled_modules():
    assert {"runtime", "conv"} <= set(native_modules_that_python_imports())


@pytest.mark.parametrize("name", native_modules_that_python_imports())
def test_a_compiled_module_has_types_for_what_it_holds(name):
    module = importlib.import_module(f"mgconv.native.{name}")
    stub = PACKAGE / "native" / f"{name}.pyi"
    assert stub.exists(), f"{name}.pyx needs a {name}.pyi"
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            assert hasattr(module, node.name)
        if isinstance(node, ast.AnnAssign):
            assert hasattr(module, node.target.id)
        if isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, ast.FunctionDef):
                    assert hasattr(getattr(module, node.name), member.name), f"{node.name}.{member.name}"


def test_it_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()


def test_the_installed_version_is_the_package_s():
    assert importlib.metadata.version("mgconv") == mgconv.__version__


@in_the_tree
def test_every_c_source_is_compiled():
    tables = {node.targets[0].id: node.value for node in ast.parse((SOURCES / "setup.py").read_text()).body
              if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    listed = [name for table in ("KERNELS", "COMMON", "PLAIN") for name in ast.literal_eval(tables[table])]
    assert sorted(listed) == sorted(path.name for path in (SOURCES / "src_c").glob("*.c"))


@in_the_tree
def test_every_instruction_set_that_is_listed_has_a_header_and_flags():
    tables = {node.targets[0].id: node.value for node in ast.parse((SOURCES / "setup.py").read_text()).body
              if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}
    listed = re.findall(ast.literal_eval(tables["LISTED"]), (SOURCES / "src_c/sets.h").read_text())
    lines = re.findall(r"MG_\w+\(X\(", (SOURCES / "src_c/sets.h").read_text())
    headers = [path.stem.removeprefix("simd_") for path in (SOURCES / "src_c").glob("simd_*.h")]
    assert len(listed) == len(lines) >= 7
    assert {machine for machine, _ in listed} == {*ast.literal_eval(tables["MACHINES"]).values(), "PLAIN"}
    assert {isa for _, isa in listed} == ast.literal_eval(tables["FLAGS"]).keys() == {*headers} - {"x86"}


@in_the_tree
@pytest.mark.parametrize(("suffix", "name"), [
    (".abi3-x86_64-linux-gnu.so", "runtime.abi3.so"), (".abi3-darwin.so", "runtime.abi3.so"),
    (".abi3.so", "runtime.abi3.so"), (".cp314t-win_amd64.pyd", "runtime.cp314t-win_amd64.pyd")])
def test_every_python_imports_the_names_of_the_limited_api(suffix, name):
    text = (SOURCES / "setup.py").read_text()
    method = next(node for node in ast.walk(ast.parse(text)) if getattr(node, "name", "") == "get_ext_filename")

    class Base:
        def get_ext_filename(self, fullname):
            return fullname + suffix
    found = {"Base": Base, "re": re}
    exec(f"class BuildExt(Base):\n    {ast.get_source_segment(text, method)}", found)
    assert found["BuildExt"]().get_ext_filename("runtime") == name


@in_the_tree
def test_no_memoryview_is_of_plain_char():
    """Its format is that of a signed number on x86 and of an unsigned one on Arm, so NumPy's bytes fit on one only."""
    for path in (SOURCES / "mgconv/native").glob("*.p[yx][xd]"):
        assert not re.search(r"(?<!unsigned )(?<!signed )\bchar\s*\[[^\]]*:", path.read_text()), path.name


@in_the_tree
def test_workflows_pin_every_action_by_commit():
    for path in (SOURCES / ".github/workflows").glob("*.yml"):
        for action in re.findall(r"uses: (.*)", path.read_text()):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v[\d.]+", action), f"{path.name}: {action}"


def test_the_lazy_names_have_types():
    named = {"__version__"}
    for node in ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            named |= {alias.asname for alias in node.names}
    assert named == set(mgconv.__all__)


def import_from(folder, *others):
    """What `import mgconv` says in `folder`, with `others` behind it on the path and nothing else."""
    code = f"import sys, numpy, pathlib; sys.path = ['', *{list(map(str, others))}]; import mgconv"
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=PATIENCE,
                          env=os.environ | {"PYTHONPATH": ""}).stderr.strip().splitlines()[-1]


def test_sources_without_their_compiled_part_say_so(tmp_path):
    compiled = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "sources" / "mgconv", ignore=compiled)
    message = import_from(tmp_path / "sources", PACKAGE.parent)
    assert f"sources in {tmp_path / 'sources' / 'mgconv'}, which hide the package installed in {PACKAGE}" in message
    assert "The compiled part of mgconv is not built in" in import_from(tmp_path / "sources")
