"""The programs in examples/ run, with mgconv and, but for the imports, with Keras."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the tree is not here")


def run(text, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False, timeout=240)
    assert not done.returncode, done.stderr
    return float(re.search(r"accuracy ([\d.]+), \d+ epochs", done.stdout)[1])


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
