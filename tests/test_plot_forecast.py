"""What the figure of a forecast shows, read back from its axes."""
import numpy as np
import pytest

from mgconv import plot

pytest.importorskip("matplotlib")


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_the_series_is_a_line_and_predictions_are_red_points():
    series = np.sin(0.3 * np.arange(100))
    guesses = {"loop": series[90:] + 0.1, "at once": series[90:] - 0.2}
    figure = plot.forecast(series, guesses, start=90, context=30, interval=6)
    above, below = figure.axes
    drawn = lines(above)
    assert drawn["true series"].get_xdata().tolist() == list(range(61, 101))
    np.testing.assert_array_equal(drawn["true series"].get_ydata(), series[60:])
    for name, guess in guesses.items():
        red, green, blue = matplotlib_rgb(drawn[name].get_color())
        assert red > 2 * max(green, blue)
        assert drawn[name].get_linestyle() == "None"
        assert drawn[name].get_marker() == "o"
        assert drawn[name].get_xdata().tolist() == list(range(91, 101))
        np.testing.assert_array_equal(drawn[name].get_ydata(), guess)
    errors = [line.get_ydata() for line in below.get_lines() if len(line.get_xdata()) == 10]
    np.testing.assert_allclose(errors, [np.full(10, 0.1), np.full(10, -0.2)], atol=1e-12)
    assert {text.get_text() for text in above.get_legend().get_texts()} == {"true series", *guesses}
    assert "6 time units" in below.get_xlabel()
    assert above.get_ylabel()


def matplotlib_rgb(color):
    from matplotlib.colors import to_rgb
    return to_rgb(color)


def test_context_longer_than_the_past_shows_all_of_it():
    figure = plot.forecast(np.arange(6.0), {"guess": [4.0, 5.0]}, start=4, context=1000)
    assert lines(figure.axes[0])["true series"].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]


def test_refuses():
    with pytest.raises(ValueError, match="one or two. Received: 0."):
        plot.forecast(np.arange(6.0), {}, start=4)
    with pytest.raises(ValueError, match=r"each of the 2 samples .* Received: 'guess' of shape \(3,\)."):
        plot.forecast(np.arange(6.0), {"guess": [1, 2, 3]}, start=4)
    with pytest.raises(ValueError, match=r"each of the 4 samples before .* Received: shape \(6,\)."):
        plot.forecast(np.arange(6.0), {"guess": [1, 2]}, start=4, fitted=np.arange(6.0))


def test_the_overview_shows_all_samples_and_what_was_off_in_training():
    series = np.sin(0.3 * np.arange(100))
    fitted = np.append([np.nan] * 5, series[5:90] + 0.05)
    figure = plot.forecast(series, {"guess": series[90:] + 0.1}, start=90, context=10, fitted=fitted)
    whole, off, above, _ = figure.axes
    np.testing.assert_array_equal(whole.get_lines()[0].get_ydata(), series)
    known, unknown = off.get_lines()
    np.testing.assert_allclose(known.get_ydata()[5:], 0.05)
    np.testing.assert_allclose(unknown.get_ydata(), 0.1)
    assert unknown.get_xdata().tolist() == list(range(91, 101))
    assert lines(above)["true series"].get_xdata()[0] == 81
    assert len(plot.forecast(series, {"guess": series[90:]}, start=90, overview=True).axes) == 3


@pytest.mark.parametrize(("n", "start", "context"), [(801, 800, 40), (814, 800, 40), (814, 800, 800), (20, 5, 40)])
def test_the_parts_are_named_within_the_axes(n, start, context):
    figure = plot.forecast(np.sin(0.3 * np.arange(n)), {"guess": np.zeros(n - start)}, start, context=context,
                           overview=True)
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        words = [text for text in axes.texts if text.get_text() in ("training", "testing")]
        boxes = [word.get_window_extent() for word in words]
        assert len(boxes) == 2
        assert all(box.x1 <= axes.bbox.x1 + 1 and box.y1 <= axes.bbox.y1 + 1 for box in boxes)
        assert not boxes[0].overlaps(boxes[1])


def test_a_series_is_a_line_over_time():
    figure = plot.time_series([0.0, 0.5, 1.0], [3, 1, 2], title="three")
    (line,) = figure.axes[0].get_lines()
    assert line.get_xdata().tolist() == [0.0, 0.5, 1.0]
    assert line.get_ydata().tolist() == [3, 1, 2]
    assert figure.axes[0].get_title() == "three"
    with pytest.raises(ValueError, match=r"vectors of one length. Received: shapes \(3,\) and \(2,\)."):
        plot.time_series([1, 2, 3], [1, 2])
