"""The picture of a training shows each figure, and its validation beside it."""
import numpy as np
import pytest

pytest.importorskip("matplotlib")
import mgconv
from mgconv import layers, plot


def test_history():
    model = mgconv.Sequential([mgconv.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    x = np.random.default_rng(0).standard_normal((20, 3))
    history = model.fit(x, x.sum(axis=1), epochs=5, initial_epoch=2, validation_split=0.2, verbose=0)
    figure = plot.history(history, title="three epochs")
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "mae"]
    for axes, name in zip(figure.axes, ("loss", "mae"), strict=True):
        training, validation = axes.lines
        np.testing.assert_array_equal(training.get_xdata(), [3, 4, 5])
        np.testing.assert_array_equal(training.get_ydata(), history.history[name])
        np.testing.assert_array_equal(validation.get_ydata(), history.history[f"val_{name}"])


def test_a_plain_dict_and_scales():
    figure = plot.history({"loss": [100, 1.0, 0.1], "lr": [1, 1, 1.0]})
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "linear"]
    assert plot.history({"loss": [100, 1.0]}, log=False).axes[0].get_yscale() == "linear"
    assert plot.history({"loss": [np.nan, np.nan]}).axes[0].lines
    with pytest.raises(ValueError, match="at least one epoch"):
        plot.history({"loss": []})
