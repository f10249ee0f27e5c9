"""Who may import whom, read from the sources; and what `import mgconv` leaves alone."""
import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mgconv

PACKAGE = Path(mgconv.__file__).parent
SRC_C = PACKAGE.parent / "src_c"

MAY_CALL_NATIVE = {"config", "dde", "layers", "native", "ops", "optimizers", "plain", "signal"}
NETWORK = {"activations", "callbacks", "constraints", "initializers", "layers", "losses", "metrics", "models", "onnx",
           "ops", "optimizers", "plain", "regularizers", "saving"}
LEAVES = {"cli", "plot"}                   # nobody imports them but those named below
MAY_IMPORT_LEAVES = {"__main__": {"cli"}, "cli": {"plot"}}
HEAVY = {"scipy", "matplotlib"}
LIBC = {"assert", "errno", "float", "limits", "math", "stdbool", "stddef", "stdint", "stdio", "stdlib", "string",
        "time"}
PLATFORM = {"compat.h", "os.h", "threads.c", "cpu.c"}      # here the system is asked for what libc does not offer
VECTORS = {"immintrin", "arm_neon", "wasm_simd128"}     # and in simd_*.h, the processors' own headers


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree):
    """(line, imported module, whether importing this file runs it) for each import statement."""
    def visit(node, at_import):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, at_import
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield node.lineno, node.module, at_import
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}", at_import
        inside = at_import and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)
    return visit(tree, True)


def python_imports():
    """(importer, what it imports, where, whether at import) over the package; `mgconv.` is left out of both names."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for line, name, at_import in imports(ast.parse(path.read_text(encoding="utf-8"))):
            yield module_name(path), name.removeprefix("mgconv."), f"{path.name}:{line}", at_import


def top(name):
    return name.partition(".")[0]


def violations(rule):
    return [f"{where}: {importer} imports {name}" for importer, name, where, at_import in python_imports()
            if rule(importer, name, at_import)]


def test_the_reader_sees_imports():
    tree = ast.parse("import a.b\ndef f():\n    from c import d\n")
    assert list(imports(tree)) == [(1, "a.b", True), (3, "c", False), (3, "c.d", False)]
    assert ("cli.common", "_support.files.whole_file") in {(importer, name) for importer, name, *_ in python_imports()}


def test_only_some_call_native():
    assert violations(lambda importer, name, _: top(name) == "native" and top(importer) not in MAY_CALL_NATIVE) == []


def test_delay_equations_and_networks_know_nothing_of_each_other():
    assert violations(lambda importer, name, _: top(importer) == "dde" and top(name) in NETWORK) == []
    assert violations(lambda importer, name, _: top(importer) in NETWORK and top(name) == "dde") == []


def test_what_forecast_builds_on_does_not_build_on_forecast():
    assert violations(lambda importer, name, _: top(importer) in NETWORK | {"dde", "geometry", "signal"}
                      and top(name) == "forecast") == []


def test_leaves_are_leaves():
    assert violations(lambda importer, name, _: top(name) in LEAVES - MAY_IMPORT_LEAVES.get(top(importer), set())
                      and top(importer) != top(name)) == []


def test_geometry_needs_no_array_library():
    assert violations(lambda importer, name, _: importer == "geometry" and top(name) in HEAVY | {"numpy"}) == []


def test_heavy_libraries_are_imported_where_they_are_used():
    assert violations(lambda importer, name, at_import: top(name) in HEAVY and at_import) == []


def test_import_leaves_heavy_libraries_alone():
    code = ("import sys, mgconv, mgconv.onnx; mgconv.set_random_seed(0); "
            "print(sorted({name.partition('.')[0] for name in sys.modules} & "
            "{'scipy', 'matplotlib', 'csv', 'json', 'onnx'}))")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.skipif(not SRC_C.is_dir(), reason="src_c is not installed")
def test_c_knows_only_libc():
    for path in sorted(SRC_C.glob("*.[ch]")):
        for line in path.read_text(encoding="utf-8").splitlines():
            found = re.match(r"\s*#\s*include\s*<([\w/]+)\.h>", line)
            if found and path.name not in PLATFORM:
                allowed = LIBC | (VECTORS if path.name.startswith(("simd", "stream")) else set())
                assert found[1] in allowed, f"{path.name}: {line}"
            assert "Python.h" not in line, f"{path.name}: {line}"


def test_cython_modules_reach_c_by_typed_memoryviews():
    for path in sorted((PACKAGE / "native").glob("*.pyx")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*cimport numpy|from numpy cimport", text, re.MULTILINE), path.name
