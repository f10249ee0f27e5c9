"""The command, as a user runs it: in a process of its own wherever that matters."""
import csv
import importlib.util
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import scipy.io
from patience import PATIENCE

import mgconv
from mgconv import cli, forecast
from mgconv.cli import mg30

SHORT = ("--train", "120", "--lags", "8", "--epochs", "2")
draws = pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed")
FILES = {"MG30_time_series.mat", "predictions.csv", "fourteen_steps.png", "one_step.png"}


def run(*arguments, before="", **options):
    """`mgconv ARGUMENTS` in a fresh process; `before` is Python to run ahead of it."""
    code = f"import sys; {before}\nfrom mgconv.cli import main\nsys.exit(main(sys.argv[1:]))"
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True,
                          timeout=PATIENCE, check=False, **options)


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def refused(*arguments, **options):
    """What stands on stderr when the command refuses: one line, and exit status 2."""
    done = run("mg30", *arguments, **options)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """One run at both intervals, through `python -m mgconv`."""
    folder = tmp_path_factory.mktemp("both")
    done = subprocess.run([sys.executable, "-m", "mgconv", "mg30", *SHORT], cwd=folder, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return folder, done


@draws
def test_default_run_writes_both_intervals_into_the_current_folder(both):
    folder, done = both
    assert files(folder) == FILES | {f"interval_6/{name}" for name in FILES}
    for name in files(folder):
        assert str(os.path.join(*name.split("/"))) in done.stdout
    assert done.stderr == ""
    assert "\r" not in done.stdout


@pytest.mark.parametrize(("subfolder", "interval"), [("", 1.0), ("interval_6", 6.0)])
def test_mat_file_holds_exactly_the_series(both, subfolder, interval):
    content = scipy.io.loadmat(both[0] / subfolder / "MG30_time_series.mat")
    assert {name for name in content if not name.startswith("__")} == {"x_training", "x_testing"}
    assert content["__header__"].startswith(b"MATLAB 5.0 MAT-file")
    assert content["x_training"].shape == (120, 1)
    assert content["x_testing"].shape == (14, 1)
    series = mgconv.dde.mackey_glass(134, dt=interval, tau=30.0)
    np.testing.assert_array_equal(np.vstack([content["x_training"], content["x_testing"]])[:, 0], series)


def test_csv_holds_truth_and_predictions(both):
    with open(both[0] / "interval_6" / "predictions.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    series = mgconv.dde.mackey_glass(134, dt=6.0)
    assert [int(row["sample"]) for row in rows] == list(range(121, 135))
    assert [float(row["time"]) for row in rows] == [6.0 * i for i in range(120, 134)]
    assert [float(row["true"]) for row in rows] == series[120:].tolist()
    for name in ("conv", "autoregression", "persistence"):
        for way in ("one_step", "recursive", "direct"):
            assert all(np.isfinite(float(row[f"{name}_{way}"])) for row in rows)
    for way in ("one_step", "recursive"):
        assert all(np.isfinite(float(row[f"solved_{way}"])) for row in rows)
    assert [float(row["persistence_one_step"]) for row in rows] == series[119:133].tolist()
    assert {float(row["persistence_recursive"]) for row in rows} == {series[119]}
    single = forecast.LinearAutoregression(8).fit(series[:120])
    np.testing.assert_allclose([float(row["autoregression_recursive"]) for row in rows],
                               forecast.recursive(single, series[:120], 14), rtol=1e-9)


def test_tables_agree_with_the_csv(both):
    folder, done = both
    with open(folder / "predictions.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    first = done.stdout[:done.stdout.index("6 time units")]
    for row in rows:
        columns = ("true", "conv_one_step", "conv_recursive", "conv_direct")
        shown = " ".join(f"{float(row[name]):.5f}" for name in columns)
        assert f"{row['sample']} {shown}" in " ".join(first.split())
    scale = mgconv.dde.mackey_glass(120).std()
    for way in ("one_step", "recursive", "direct"):
        for name in ("conv", "autoregression", "persistence"):
            error = np.sqrt(np.mean([(float(row[f"{name}_{way}"]) - float(row["true"])) ** 2 for row in rows]))
            assert f"{error:.3g} ({error / scale:.3g})" in first
    for way in ("one_step", "recursive"):
        error = np.sqrt(np.mean([(float(row[f"solved_{way}"]) - float(row["true"])) ** 2 for row in rows]))
        assert f"{error:.3g} ({error / scale:.3g})" in first


def test_figures_are_png(both):
    for name in files(both[0]):
        if name.endswith(".png"):
            assert (both[0] / name).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


@draws
def test_one_interval_goes_quietly_into_the_folder_itself_and_gives_the_same(both, tmp_path):
    done = run("mg30", *SHORT, "--interval", "6", "--quiet", "--out", tmp_path / "new" / "folder")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert files(tmp_path) == {f"new/folder/{name}" for name in FILES}
    again = tmp_path / "new" / "folder" / "predictions.csv"
    assert again.read_bytes() == (both[0] / "interval_6" / "predictions.csv").read_bytes()


def test_the_number_of_threads_changes_nothing(both, tmp_path):
    for threads in ("1", "3"):
        done = run("mg30", *SHORT, "--interval", "1", "--quiet", "--out", tmp_path,
                   before="sys.modules['matplotlib'] = None", env=os.environ | {"MGCONV_NUM_THREADS": threads})
        assert done.returncode == 0
        assert done.stdout == ""
        assert (tmp_path / "predictions.csv").read_bytes() == (both[0] / "predictions.csv").read_bytes()


def test_without_matplotlib_it_says_so_once_and_does_the_rest(tmp_path):
    done = run("mg30", *SHORT, "--out", tmp_path, before="sys.modules['matplotlib'] = None")
    assert done.returncode == 0
    assert done.stderr.count("pip install matplotlib") == 1
    assert files(tmp_path) == {f"{folder}{name}" for folder in ("", "interval_6/") for name in FILES
                               if not name.endswith(".png")}


@pytest.mark.parametrize(("arguments", "message"), [
    (("--lags", "0"), "argument --lags: must be a positive integer. Received: 0."),
    (("--lags", "2.5"), "argument --lags: must be a positive integer. Received: 2.5."),
    (("--train", "-5"), "argument --train: must be a positive integer. Received: -5."),
    (("--epochs", "many"), "argument --epochs: must be a positive integer. Received: many."),
    (("--tau", "0"), "argument --tau: must be positive. Received: 0."),
    (("--tau", "nan"), "argument --tau: must be a finite number. Received: nan."),
    (("--interval", "-1"), "argument --interval: must be positive. Received: -1."),
    (("--discard", "-1"), "argument --discard: must not be negative. Received: -1."),
    (("--seed", "-1"), "argument --seed: must be an integer from 0 to 2**32 - 1. Received: -1."),
    (("--train", "45"), "Received: --lags 32 --test 14 --train 45."),
    (("--nonsense",), "unrecognized arguments: --nonsense"),
    (("--a", "0", "--b", "0"), "the series is constant"),
    (("--a", "1e300", "--train", "100"), "the series"),
    (("--set", "tau"), "argument --set: must be NAME=NUMBER. Received: tau."),
    (("--set", "tau=x"), "argument --set: must be a finite number. Received: x."),
    (("--set", "phase=1"), "--set must name one of tau, a, b, c for MackeyGlass. Received: phase."),
    (("--history", "sin"), "argument --history: must be a finite number. Received: sin."),
    (("--train", "1000000000000"), "not enough memory"),
    (("--a", "1e300", "--out", "new"), "the series"),
])
def test_nonsense_is_refused_in_one_line(tmp_path, arguments, message):
    assert message in refused(*arguments, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_command_is_required():
    done = run()
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("in the way")
    message = refused("--out", tmp_path / "file", "--epochs", "1000000")
    assert "--out must be a folder that can be written to. Received: " in message
    if hasattr(os, "geteuid") and os.geteuid() != 0:           # root may write anywhere
        (tmp_path / "closed").mkdir(mode=0o500)
        assert "Permission denied" in refused("--out", tmp_path / "closed", "--epochs", "1000000")


def test_an_interrupted_write_leaves_nothing_half_done(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr("mgconv._support.files.os.replace", full)
    assert cli.main(["mg30", *SHORT, "--interval", "1", "--quiet", "--out", str(tmp_path)]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert files(tmp_path) == set()


def test_an_interrupt_ends_quietly(tmp_path, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt
    monkeypatch.setattr(forecast.ConvPredictor, "fit", interrupt)
    assert cli.main(["mg30", *SHORT, "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "mgconv mg30: interrupted\n"


def test_progress_in_a_terminal_is_one_line_a_net(monkeypatch, capsys):
    progress = mg30._Progress("net")
    progress.set_params({"epochs": 3})
    for terminal in (False, True):
        monkeypatch.setattr(sys.stdout, "isatty", lambda answer=terminal: answer)
        for epoch in range(3):
            progress.shown = -1e9                                 # as if the last news were long ago
            progress.on_epoch_end(epoch)
        progress.on_train_end()
        out = capsys.readouterr().out
        assert out.count("\n") == 1
        assert ("\r" in out) is terminal
        assert ("epoch 2 of 3" in out) is terminal


def test_both_spellings_of_options_mean_the_same(tmp_path):
    for folder, spelling in (("a", ("--tau", "17", "--interval", "2")), ("b", ("--set", "tau=17", "--dt", "2"))):
        done = run("mg30", *SHORT, *spelling, "--history", "0.9", "--quiet", "--out", tmp_path / folder,
                   before="sys.modules['matplotlib'] = None")
        assert done.returncode == 0, done.stderr
    content = scipy.io.loadmat(tmp_path / "a" / "MG17_time_series.mat")
    series = mgconv.dde.mackey_glass(134, dt=2.0, tau=17.0, history=0.9)
    np.testing.assert_array_equal(np.vstack([content["x_training"], content["x_testing"]])[:, 0], series)
    assert (tmp_path / "a" / "predictions.csv").read_bytes() == (tmp_path / "b" / "predictions.csv").read_bytes()


@draws
def test_one_sample_and_many_are_named_as_they_are(tmp_path):
    for m, name in ((1, "1_step.png"), (3, "3_steps.png")):
        done = run("mg30", *SHORT, "--interval", "1", "--test", m, "--out", tmp_path / str(m))
        assert done.returncode == 0, done.stderr
        assert files(tmp_path / str(m)) == FILES - {"fourteen_steps.png"} | {name}
        assert ("testing on 121;" if m == 1 else "testing on 121-123;") in done.stdout


def test_what_rounding_leaves_is_no_merit():
    truth, train = np.array([0.5, 0.25]), np.array([1.0, 2.0])
    net = dict.fromkeys(mg30.WAYS, truth + 0.1)
    line = dict.fromkeys(mg30.WAYS, truth + 1e-17)
    text = mg30._score_table(train, truth, {"conv": net, "autoregression": line, "persistence": net})
    assert text.count("autoregression is exact to rounding.") == 3


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's redirections")
@pytest.mark.parametrize("arguments", ["mg30 --train 120 --lags 8 --epochs 2", "series x.csv"])
@pytest.mark.parametrize(("redirection", "why"), [(">&-", "is closed"), ("> /dev/full", "No space left on device")])
def test_an_output_that_takes_nothing_is_refused_in_one_line(tmp_path, arguments, redirection, why):
    if redirection.endswith("full") and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    command = f"'{sys.executable}' -m mgconv {arguments} {redirection}"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"error: standard output {'is closed' if why == 'is closed' else 'cannot be written to'}" in done.stderr
    assert why in done.stderr


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no such signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, getattr(signal, "SIGHUP", None)])
def test_a_signal_ends_it_and_leaves_nothing_unfinished(tmp_path, number):
    before = (f"import os, signal; signal.signal({int(number or 0)}, signal.SIG_DFL); from mgconv.cli import series; "
              f"series._save = lambda file, *_: (file.write(b'half'), os.kill(os.getpid(), {int(number or 0)}))")
    done = run("series", "x.csv", before=before, cwd=tmp_path)
    assert done.returncode == 128 + number
    assert list(tmp_path.iterdir()) == []


def test_version():
    assert run("--version").stdout.strip() == f"mgconv {mgconv.__version__}"
