"""What the project's pages say about itself is what it does. Needs the tree, not only the installed package."""
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mgconv

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(not (ROOT / "README.md").is_file(), reason="the tree is not here")


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(language, page="README.md"):
    return re.findall(rf"```{language}\n(.*?)```", read(page), re.DOTALL)


def test_ci_runs_the_test_command_of_the_readme():
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.endswith("pytest")]
    assert len(commands) == 1
    assert commands[0] in read(".ci/run").splitlines()


def test_the_examples_of_the_readme_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for example in blocks("python"):
        assert len(example.strip().splitlines()) <= 14
        (tmp_path / "example.py").write_text(example, encoding="utf-8")
        variables = runpy.run_path("example.py")
        promised, form = re.findall(r"print\(.*:(\.\d\w)}.*\) +# about (.*)", example)[0][::-1]
        assert variables["error"] < 2 * float(promised)
        assert f"{variables['error']:{form}}" in capsys.readouterr().out


def test_pages_the_readme_points_to_exist():
    for target in re.findall(r"\]\(([^)#]+)", read("README.md")):
        if "://" not in target:
            assert (ROOT / target).exists(), target


def test_the_version_heads_the_changelog():
    heading = re.search(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)
    assert heading is not None
    assert heading[1] == mgconv.__version__


@pytest.mark.skipif(sys.platform == "win32", reason="no executable bit")
def test_ci_is_executable():
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler is here")
def test_the_c_tests_fit_the_headers():
    """They run in `tools/check_c.py` alone, which takes minutes."""
    for path in sorted((ROOT / "tests/c").glob("*.c")):
        done = subprocess.run(["cc", "-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Isrc_c", path],
                              cwd=ROOT, capture_output=True, text=True)
        assert not done.returncode, done.stderr
