"""conv2, filter2 and the lecture's passes: printed tables, MATLAB's rules, Octave where it is installed."""
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from patience import PATIENCE

from mgconv.signal import causal_conv, conv2, filter2, valid_conv2


def naive_conv2(a, b, shape="full"):
    """The sum itself; "same" begins at floor(k / 2), "valid" is empty where nothing fits."""
    (n, m), (k, q) = a.shape, b.shape
    full = np.zeros((n + k - 1, m + q - 1))
    for i in range(k):
        for j in range(q):
            full[i:i + n, j:j + m] += b[i, j] * a
    if shape == "same":
        return full[k // 2:k // 2 + n, q // 2:q // 2 + m]
    return full if shape == "full" else full[k - 1:max(n, k - 1), q - 1:max(m, q - 1)]


def test_the_printed_full_convolution():
    rng = np.random.RandomState(5489)
    a, b = rng.rand(9).reshape(3, 3, order="F"), rng.rand(16).reshape(4, 4, order="F")
    printed = """0.7861 1.2768 1.4581 1.0007 0.2876 0.0099
                 1.0024 1.8458 3.0844 2.5151 1.5196 0.2560
                 1.0561 1.9824 3.5790 3.9432 2.9708 0.7587
                 1.6790 2.0772 3.0052 3.7511 2.7593 1.5129
                 0.9902 1.1000 2.4492 1.6082 1.7976 1.2655
                 0.1215 0.1469 1.0409 0.5540 0.6941 0.6499"""
    want = np.array(printed.split(), float).reshape(6, 6)
    assert np.array_equal(np.round(conv2(a, b), 4), want)


def test_the_printed_valid_convolutions():
    b, a = np.ones((4, 4)), np.ones((3, 3)) / 9
    assert np.array_equal(np.round(conv2(b, a, "valid"), 4), np.ones((2, 2)))
    assert np.array_equal(np.round(valid_conv2(b, a), 4), np.ones((2, 2)))
    a = np.array([[0.2348, 0.0154, 0.6491], [0.3532, 0.0430, 0.7317], [0.8212, 0.1690, 0.6477]])
    b = np.array([[0.4509, 0.1890, 0.6256, 0.7757], [0.5470, 0.6868, 0.7802, 0.4868], [0.2963, 0.1835, 0.0811, 0.4359],
                  [0.7447, 0.3685, 0.9294, 0.4468]])
    assert np.abs(valid_conv2(b, a) - [[1.6354, 1.6366], [2.0932, 1.6255]]).max() < 2e-4
    assert np.abs(filter2(a, b, "valid") - valid_conv2(b, a)).max() < 1e-14


@pytest.mark.parametrize("shape", ["full", "same", "valid"])
def test_conv2_and_filter2_over_sizes(shape):
    rng = np.random.default_rng(0)
    for _ in range(200):
        a, b = rng.standard_normal(rng.integers(1, 9, 2)), rng.standard_normal(rng.integers(1, 9, 2))
        assert conv2(a, b, shape).shape == naive_conv2(a, b, shape).shape
        assert np.allclose(conv2(a, b, shape), naive_conv2(a, b, shape), rtol=1e-12, atol=1e-13)
        assert np.allclose(filter2(b, a, shape), naive_conv2(a, b[::-1, ::-1], shape), rtol=1e-12, atol=1e-13)
        u, v = b[:, 0], b[0]
        assert np.allclose(conv2(u, v, a, shape), naive_conv2(a, np.outer(u, v), shape), rtol=1e-12, atol=1e-13)


def test_same_is_centred_as_in_matlab():
    assert conv2([range(1, 6)] * 2, [1, 2], "same").tolist() == [[4, 7, 10, 13, 10]] * 2


@pytest.mark.parametrize(("a", "b", "shape", "size"), [((3, 4), (4, 4), "valid", (0, 1)),
                                                       ((3, 4), (5, 5), "valid", (0, 0)),
                                                       ((0, 3), (2, 2), "full", (1, 4)),
                                                       ((0, 3), (2, 2), "same", (0, 3))])
def test_sizes_of_empty_results(a, b, shape, size):
    assert conv2(np.ones(a), np.ones(b), shape).shape == size


def test_causal_conv_is_the_lectures_sum():
    rng = np.random.default_rng(1)
    for tau, n in [(1, 5), (5, 30), (7, 3), (400, 3000)]:
        a, x = rng.standard_normal(tau), rng.standard_normal(n)
        padded = np.concatenate([np.zeros(tau - 1), x])
        want = [a @ padded[i:i + tau] for i in range(n)]
        assert np.allclose(causal_conv(a, x), want, rtol=1e-11, atol=1e-11)
    assert causal_conv([1, 2], []).shape == (0,)


def test_valid_conv2_does_not_turn_its_kernel():
    rng = np.random.default_rng(2)
    x, kernel = rng.standard_normal((10, 9)), rng.standard_normal((3, 4))
    assert np.allclose(valid_conv2(x, kernel), scipy.signal.correlate2d(x, kernel, "valid"), rtol=1e-13)


@pytest.mark.parametrize(("call", "error", "message"), [
    (lambda: conv2(), TypeError, "conv2 takes"), (lambda: conv2([[1]]), TypeError, "Received: 1 arrays"),
    (lambda: conv2(np.ones((2, 2)), np.ones((2, 2, 2))), ValueError, "vector or a matrix"),
    (lambda: conv2(1, 2, "NOT_A_SHAPE"), ValueError, "NOT_A_SHAPE"),
    (lambda: conv2(np.ones((2, 2)), 1, 1), ValueError, "vector"),
    (lambda: conv2(1, np.ones((2, 2)), 1), ValueError, "vector"), (lambda: conv2(["a"], [1]), TypeError, "numbers"),
    (lambda: filter2([1], [1], "most"), ValueError, "most"),
    (lambda: valid_conv2(np.ones((2, 5)), np.ones((3, 3))), ValueError, "invalid matrix size"),
    (lambda: valid_conv2([1], [1]), ValueError, "two axes"), (lambda: causal_conv([], [1]), ValueError, "an entry"),
    (lambda: causal_conv([[1]], [1]), ValueError, "one axis"),
])
def test_refuses(call, error, message):
    with pytest.raises(error, match=message):
        call()


def octave(test):
    """Needs GNU Octave, a peer."""
    skipped = pytest.mark.skipif(not shutil.which("octave"), reason="GNU Octave is not installed")
    return pytest.mark.peers(skipped(test))


def run_octave(script, folder):
    result = subprocess.run(["octave", "--norc", "--no-history", "--no-gui", "--quiet", "--eval", script], cwd=folder,
                            capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, "HOME": str(folder)})
    assert result.returncode == 0, result.stderr


@pytest.mark.thread_unsafe(reason="one folder for all calls")
@octave
def test_random_calls_agree_with_octave(tmp_path):
    import scipy.io
    rng = np.random.default_rng(3)
    inputs, want = {}, {}
    script = ["load('in.mat');"]
    for i in range(60):
        inputs[f"a{i}"], inputs[f"b{i}"] = (rng.standard_normal(rng.integers(1, 8, 2)) for _ in range(2))
        shape = ("full", "same", "valid")[i % 3]
        want[f"c{i}"] = conv2(inputs[f"a{i}"], inputs[f"b{i}"], shape)
        want[f"f{i}"] = filter2(inputs[f"b{i}"], inputs[f"a{i}"], shape)
        script.append(f"c{i} = conv2(a{i}, b{i}, '{shape}'); f{i} = filter2(b{i}, a{i}, '{shape}');")
    scipy.io.savemat(tmp_path / "in.mat", inputs)
    run_octave(" ".join(script) + " save('-v6', 'out.mat');", tmp_path)
    got = scipy.io.loadmat(tmp_path / "out.mat")
    for name, value in want.items():
        assert got[name].shape == value.shape, name
        assert np.allclose(got[name], value, rtol=1e-12, atol=1e-13), name


def test_the_shape_may_be_named():
    a, b = np.arange(12.0).reshape(3, 4), np.ones((2, 3))
    assert np.array_equal(conv2(a, b, shape="same"), conv2(a, b, "same"))
    assert np.array_equal(conv2([1, 2], [1], a, shape="valid"), conv2([1, 2], [1], a, "valid"))


RECORDER = """function c = conv2 (varargin)
  here = fileparts (mfilename ("fullpath"));
  file = fullfile (here, sprintf ("call_%d.mat", numel (dir (fullfile (here, "call_*.mat")))));
  args = varargin; failed = ""; c = [];
  try
    c = builtin ("conv2", varargin{:});
  catch problem
    failed = problem.message;
  end
  save ("-v6", file, "args", "c", "failed");
  if (! isempty (failed)) error (failed); end
end
"""


@pytest.mark.thread_unsafe(reason="one folder for all calls")
@octave
def test_octaves_own_tests(tmp_path):
    """Every call in the blocks of Octave's installed test file, recorded as Octave runs them: random matrices too."""
    import scipy.io
    root = Path(shutil.which("octave")).resolve().parents[1]
    files = sorted(root.glob("share/octave/*/etc/tests/**/conv2.cc-tst"))
    if not files:
        pytest.skip("Octave came without its tests")
    (tmp_path / "conv2.m").write_text(RECORDER)
    run_octave(f"warning off Octave:shadowed-function; assert (test ('{files[0]}', 'quiet', 'log.txt'))", tmp_path)
    calls = [scipy.io.loadmat(path) for path in tmp_path.glob("call_*.mat")]
    assert len(calls) >= 25
    for call in calls:
        args = [str(arg[0]) if arg.dtype.kind == "U" else arg for arg in call["args"].ravel()]
        if call["failed"].size:
            with pytest.raises((ValueError, TypeError)):
                conv2(*args)
            continue
        got, want = conv2(*args), call["c"]
        assert got.dtype == want.dtype, call
        assert got.shape == want.shape, call
        assert np.allclose(got, want, rtol=0 if want.dtype == np.float32 else 1e-14, atol=0), call


def test_valid_is_exactly_the_middle_of_full():
    """As the last block there asks, for one and the same way of adding up."""
    x, y = np.random.default_rng(4).random((100, 100)), np.ones((5, 5))
    assert np.array_equal(conv2(x, y)[4:-4, 4:-4], conv2(x, y, "valid"))
