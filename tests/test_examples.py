"""The programs in examples/ run, with mgconv and, but for the imports, with Keras."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the tree is not here")


def output_of(text, tmp_path, *arguments):
    program = tmp_path / "program.py"
    program.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, program, *arguments], capture_output=True, text=True, check=False,
                          timeout=240)
    assert not done.returncode, done.stderr
    return done.stdout


def run(text, tmp_path):
    return float(re.search(r"accuracy ([\d.]+), \d+ epochs", output_of(text, tmp_path))[1])


def test_digits(tmp_path):
    pytest.importorskip("sklearn")
    assert run((EXAMPLES / "digits.py").read_text(encoding="utf-8"), tmp_path) > 0.96


@pytest.mark.peers
def test_digits_with_keras(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("keras")
    text = (EXAMPLES / "digits.py").read_text(encoding="utf-8")
    text = text.replace("import mgconv as keras", "import keras").replace("from mgconv import", "from keras import")
    assert run(text, tmp_path) > 0.96


def test_export_to_c(tmp_path):
    pytest.importorskip("sklearn")
    told = output_of((EXAMPLES / "export_to_c.py").read_text(encoding="utf-8"), tmp_path, tmp_path)
    exact, *others = map(float, re.findall(r": accuracy ([\d.]+)", told))
    assert exact > 0.94
    assert all(abs(accuracy - exact) < 0.01 for accuracy in others)
    if shutil.which("cc"):
        assert len(others) == 2
        assert others[0] == others[1]
        assert told.count("_test: the same bits") == 2
