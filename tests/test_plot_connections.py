"""What the pictures of connections show, read back from their axes, and the frames of the animation."""
import numpy as np
import pytest

from mgconv import plot

pytest.importorskip("matplotlib")


def labels(ax):
    """The texts on a map by their (row, column)."""
    return {tuple(map(round, text.get_position()[::-1])): text.get_text() for text in ax.texts}


def test_an_inner_position_reaches_the_turned_kernel():
    left, middle, right = plot.contributions((5, 6), (10, 10), (3, 3)).axes
    assert labels(left) == {(5, 6): "x"}
    assert labels(middle) == {(i, j): str(3 * i + j + 1) for i in range(3) for j in range(3)}
    assert labels(right) == {(3 + i, 4 + j): str(9 - 3 * i - j) for i in range(3) for j in range(3)}


def test_a_position_near_the_corner_reaches_four():
    right = plot.contributions((1, 1), (10, 10), (3, 3)).axes[2]
    assert labels(right) == {(0, 0): "5", (0, 1): "4", (1, 0): "2", (1, 1): "1"}


def test_a_signal_is_one_row():
    left, middle, right = plot.contributions(7, 16, 5, padding="causal").axes
    assert labels(left) == {(0, 7): "x"}
    assert labels(middle) == {(0, k): str(k + 1) for k in range(5)}
    assert labels(right) == {(0, 7 + k): str(5 - k) for k in range(5)}


@pytest.mark.parametrize("geometry", [
    ((5, 5), (12, 12), (3, 3), 1, "full", (2, 3)), ((1, 1), (9, 9), (1, 1), 3), ((0, 0), (1, 1), (1, 1)),
    (3, 12, 5, 1, "causal", 2), (50, 200, 7), ((6, 6), (12, 12), (11, 11), 1, "same"),
    (np.array([2, 2]), (6, 6), (3, 3)),
])
def test_titles_are_whole(geometry):
    figure = plot.contributions(*geometry)
    figure.draw_without_rendering()
    for ax in figure.axes:
        title = ax.title.get_window_extent()
        assert figure.bbox.x0 <= title.x0 < title.x1 <= figure.bbox.x1
        assert title.y1 <= figure.bbox.y1
        for other in figure.axes:
            assert other is ax or not title.overlaps(other.get_window_extent())
            assert other is ax or not title.overlaps(other.title.get_window_extent())
            assert other is ax or not ax.get_window_extent().overlaps(other.get_window_extent())


def test_long_numbers_stay_in_their_cells(tmp_path, monkeypatch):
    pytest.importorskip("PIL")
    widest = []

    def look(writer):
        figure = writer._writer.fig
        figure.draw_without_rendering()
        for ax in figure.axes:
            cell = ax.transData.transform((1, 0))[0] - ax.transData.transform((0, 0))[0]
            widest.extend(text.get_window_extent().width / cell for text in ax.texts)
    monkeypatch.setattr("mgconv.plot.gif.GifWriter.add_frame", look)
    monkeypatch.setattr("mgconv.plot.gif.GifWriter.__exit__", lambda *_: None)
    plot.sliding(-1.234e-5 * np.arange(1, 13).reshape(3, 4), np.ones((2, 2)), tmp_path / "x.gif")
    assert 0.5 < max(widest) < 1


def test_contributions_refuses_a_position_outside():
    with pytest.raises(ValueError, match="lie within"):
        plot.contributions((8, 0), (8, 8), (3, 3))


def test_sliding_writes_a_frame_for_each_output(tmp_path):
    image = pytest.importorskip("PIL.Image")
    plane = plot.sliding(np.eye(3), np.ones((2, 2)), tmp_path / "2d.gif")
    line = plot.sliding([1, 2, 3, 4, 5], [1, 2], tmp_path / "1d.gif", strides=2, padding="same")
    for path, frames in ((plane, 4), (line, 3)):
        with image.open(path) as animation:
            assert animation.n_frames == frames


def test_sliding_refuses(tmp_path):
    with pytest.raises(ValueError, match="same rank"):
        plot.sliding(np.eye(3), np.ones(2), tmp_path / "bad.gif")
    with pytest.raises(TypeError, match="must be real"):
        plot.sliding([1j, 2], [1], tmp_path / "a.gif")
    with pytest.raises(ValueError, match="at most 400"):
        plot.sliding(np.ones((30, 30)), np.ones((2, 2)), tmp_path / "bad.gif")
    with pytest.raises(ValueError, match="1 or 2"):
        plot.sliding(np.ones((2, 2, 2)), np.ones((1, 1, 1)), tmp_path / "bad.gif")
    with pytest.raises(ValueError, match="frames_per_second"):
        plot.sliding([1, 2], [1], tmp_path / "bad.gif", frames_per_second=0)
    assert not list(tmp_path.iterdir())
