"""`mgconv forecast`: the same as the library says, from every kind of file, and refusals in one line."""
import csv

import numpy as np
import pytest
import scipy.io

from mgconv import dde
from mgconv.cli import main
from mgconv.forecast import ConvForecaster

SERIES = dde.mackey_glass(400, tau=17, discard=500)


def rows(folder):
    with open(folder / "forecast.csv", newline="") as file:
        return list(csv.DictReader(file))


def status(arguments):
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as end:
        return end.code


def write(path):
    if path.suffix == ".csv":
        np.savetxt(path, np.column_stack([np.arange(400), SERIES]), fmt="%.17g", delimiter=",", header="t,x",
                   comments="")
    elif path.suffix == ".npz":
        np.savez(path, t=np.arange(400), x=SERIES)
    else:
        scipy.io.savemat(path, {"t": np.arange(400.0), "x": SERIES}, oned_as="column")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".mat"])
def test_files_of_every_kind(tmp_path, suffix, capsys):
    path = write(tmp_path / f"mine{suffix}")
    assert status(["forecast", path, "--steps", 6, "--family", "autoregression", "--out", tmp_path / "out"]) == 0
    done = rows(tmp_path / "out")
    assert [int(row["sample"]) for row in done] == list(range(401, 407))
    expected = ConvForecaster("autoregression").fit(SERIES).predict(6)
    np.testing.assert_allclose([float(row["forecast"]) for row in done], expected, rtol=1e-9)
    for row in done:
        assert float(row["low"]) <= float(row["forecast"]) <= float(row["high"])
    told = capsys.readouterr().out
    assert "75 forecasts of 6 steps" in told
    assert str(path) in told


def test_a_picture_where_matplotlib_is(tmp_path):
    pytest.importorskip("matplotlib")
    assert status(["forecast", write(tmp_path / "x.npz"), "--family", "autoregression", "--plot", "mine.png", "--quiet",
                   "--out", tmp_path]) == 0
    assert (tmp_path / "mine.png").read_bytes().startswith(b"\x89PNG")


def test_columns_are_named_or_found(tmp_path):
    (tmp_path / "a.csv").write_text("date,sales,note\n" + "".join(f"2026-01-{i:02d},{i},x\n" for i in range(1, 31)))
    for column in ([], ["--column", "sales"]):
        assert status(["forecast", tmp_path / "a.csv", "--family", "persistence", "--steps", 2, "--out", tmp_path,
                       *column]) == 0
        assert [float(row["forecast"]) for row in rows(tmp_path)] == [30, 30]
    (tmp_path / "b.csv").write_text("".join(f"{i}\n" for i in range(30)))           # without names
    assert status(["forecast", tmp_path / "b.csv", "--family", "persistence", "--steps", 1, "--out", tmp_path]) == 0
    assert float(rows(tmp_path)[0]["forecast"]) == 29


def test_a_short_series_has_a_forecast_without_interval(tmp_path, capsys):
    (tmp_path / "x.csv").write_text("".join(f"{i % 3}\n" for i in range(15)))
    assert status(["forecast", tmp_path / "x.csv", "--steps", 3, "--out", tmp_path]) == 0
    assert set(rows(tmp_path)[0]) == {"sample", "forecast"}
    assert "o interval" in capsys.readouterr().out


@pytest.mark.parametrize(("content", "extra", "message"), [
    ("a,b\n1,2\n", [], "10 samples"),
    ("x\n" + "1\n" * 9 + "nan\n" + "2\n" * 9, [], "x[9]=nan"),
    ("x\n" + "1\n2\n" * 9, ["--column", "y"], "--column must be one of x. Received: y."),
    ("words\nmore\n", [], "must hold a column of finite numbers"),
    ("", [], "it is empty"),
    ("x\n" + "1\n2\n" * 9, ["--steps", "0"], "positive integer"),
    ("x\n" + "1\n2\n" * 9, ["--coverage", "1"], "between 0 and 1"),
])
def test_what_cannot_be_is_refused_in_one_line(tmp_path, content, extra, message, capsys):
    (tmp_path / "x.csv").write_text(content)
    assert status(["forecast", tmp_path / "x.csv", "--out", tmp_path / "out", *extra]) == 2
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_files_that_are_none_are_refused(tmp_path, capsys):
    for name in ("x.npz", "x.mat"):
        (tmp_path / name).write_bytes(b"no such file")
        assert status(["forecast", tmp_path / name]) == 2
    assert status(["forecast", tmp_path / "missing.csv"]) == 2
    assert status(["forecast", tmp_path / "x.txt"]) == 2
    assert "missing.csv cannot be read" in capsys.readouterr().err
