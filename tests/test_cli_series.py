"""`mgconv series`: files read back, pictures, and what is refused without a file left behind."""
import numpy as np
import pytest
import scipy.io

from mgconv import dde
from mgconv.cli import main


def status(arguments):
    """The exit status, whether options could not be read or not be followed."""
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


def read(path):
    if path.suffix == ".mat":
        content = scipy.io.loadmat(path)
        return content["t"], content["x"]
    if path.suffix == ".npz":
        with np.load(path) as content:
            return content["t"], content["x"]
    assert path.read_text().startswith("t,x\n")
    return np.loadtxt(path, delimiter=",", skiprows=1).T


@pytest.mark.parametrize("suffix", [".mat", ".npz", ".csv"])
def test_files_hold_the_series(tmp_path, suffix, capsys):
    path = tmp_path / f"x{suffix}"
    assert main(["series", str(path), "-n", "200", "--dt", "0.5", "--set", "tau=17", "--discard", "10"]) == 0
    t, x = read(path)
    if suffix == ".mat":
        assert t.shape == x.shape == (200, 1)
    assert np.array_equal(x.ravel(), dde.mackey_glass(200, dt=0.5, tau=17, discard=10))
    assert np.array_equal(t.ravel(), 10 + 0.5 * np.arange(200))
    assert str(path) in capsys.readouterr().out


def test_every_system(tmp_path):
    for name, system in {"ikeda": dde.Ikeda(a=4), "blowflies": dde.Blowflies(), "hutchinson": dde.Hutchinson(),
                         "lasota-wazewska": dde.LasotaWazewska()}.items():
        path = tmp_path / f"{name}.npz"
        extra = ["--set", "a=4"] if name == "ikeda" else []
        assert main(["series", str(path), "--system", name, "-n", "50", "--history", "0.5", *extra]) == 0
        assert np.array_equal(read(path)[1], dde.series(system, 50, history=0.5))


def test_a_picture(tmp_path):
    pytest.importorskip("matplotlib")
    assert main(["series", str(tmp_path / "x.csv"), "--plot", str(tmp_path / "x.png")]) == 0
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("arguments", [
    ["x.txt"], ["x.csv", "--set", "tau"], ["x.csv", "--set", "speed=3"], ["x.csv", "--set", "tau=-1"],
    ["x.csv", "-n", "-3"], ["x.csv", "--dt", "0"], ["x.csv", "--system", "lorenz"], ["missing/x.csv"],
    ["x.csv", "--history", "nan"], ["x.csv", "--set", "b=-5"], ["x.csv", "-n", "0"],
    ["x.csv", "--plot", "x.gif"], ["x.csv", "-n", "1000000000000"], ["missing/x.csv", "--out", "new"]])
def test_what_cannot_be_done_is_refused_in_one_line(tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.chdir(tmp_path)
    assert status(["series", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_out_is_made_and_quiet_is_quiet(tmp_path, capsys):
    folder = tmp_path / "new" / "folder"
    assert main(["series", "x.npz", "--out", str(folder), "--quiet", "--samples", "5", "--tau", "17", "--dt", "2"]) == 0
    assert np.array_equal(read(folder / "x.npz")[1], dde.mackey_glass(5, dt=2, tau=17))
    assert capsys.readouterr().out == ""
