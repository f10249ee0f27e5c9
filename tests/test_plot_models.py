"""The pictures of a model's maps and kernels, read back from their axes."""
import numpy as np
import pytest
import scipy.signal

import mgconv
from mgconv import layers, plot

pytest.importorskip("matplotlib")


def small_model():
    mgconv.set_random_seed(0)
    return mgconv.Sequential([mgconv.Input((9, 8, 1)), layers.Conv2D(5, 3), layers.Conv2D(2, 2), layers.Flatten(),
                              layers.Dense(1)])


def images(figure):
    return [np.asarray(ax.get_images()[0].get_array()) for ax in figure.axes if ax.get_images()]


def test_feature_maps_are_the_layers_output():
    model, rng = small_model(), np.random.default_rng(0)
    x = rng.standard_normal((9, 8, 1))
    shown = images(plot.feature_maps(model, x))
    kernel, bias = model.layers[0].get_weights()
    assert len(shown) == 5
    for i, image in enumerate(shown):
        want = scipy.signal.correlate2d(x[..., 0], kernel[..., 0, i], "valid") + bias[i]
        np.testing.assert_allclose(image, want, atol=1e-5)
    assert [image.shape for image in images(plot.feature_maps(model, x[None], layer=1))] == [(6, 5)] * 2
    assert len(images(plot.feature_maps(model, x, layer=model.layers[1].name))) == 2


def test_maps_of_a_signal_are_lines():
    model = mgconv.Sequential([mgconv.Input((20, 1)), layers.Conv1D(3, 4)])
    figure = plot.feature_maps(model, np.ones((20, 1)))
    assert [len(ax.get_lines()[-1].get_xdata()) for ax in figure.axes] == [17] * 3
    assert len(plot.kernels(model.layers[0]).axes) == 3


def test_kernels_has_a_row_for_each_filter():
    model = small_model()
    kernel = np.asarray(model.layers[1].kernel)
    shown = images(plot.kernels(model.layers[1]))
    assert len(shown) == 10
    for (o, i), image in zip(np.ndindex(2, 5), shown, strict=True):
        np.testing.assert_array_equal(image, kernel[..., i, o])


@pytest.mark.thread_unsafe(reason="the random seed is the process's")
def test_channels_first_maps_are_the_same():
    rng, shown = np.random.default_rng(1), []
    x = rng.standard_normal((9, 8, 3))
    for data_format, image in (("channels_last", x), ("channels_first", np.moveaxis(x, -1, 0))):
        mgconv.set_random_seed(0)
        model = mgconv.Sequential([mgconv.Input(image.shape), layers.Conv2D(5, 3, data_format=data_format),
                                   layers.Activation("tanh")])
        shown.append(images(plot.feature_maps(model, image, layer=1)))
    assert len(shown[0]) == 5
    np.testing.assert_allclose(shown[1], shown[0], atol=1e-6)


def test_kernels_are_named_by_the_maps_between_which_they_are():
    def titles(layer, channels):
        layer.build((None, 9, 9, channels))
        return [ax.get_title() for ax in plot.kernels(layer).axes if ax.get_images()]
    assert titles(layers.DepthwiseConv2D(3, depth_multiplier=2), 2) == ["(1,1)", "(2,3)", "(1,2)", "(2,4)"]
    assert titles(layers.Conv2D(4, 3, groups=2), 4) == ["(1,1)", "(2,1)", "(1,2)", "(2,2)", "(3,3)", "(4,3)", "(3,4)",
                                                        "(4,4)"]


def test_maps_of_nan_are_drawn():
    model = mgconv.Sequential([mgconv.Input((20, 1)), layers.Conv1D(3, 4)])
    assert len(plot.feature_maps(model, np.full((20, 1), np.nan)).axes) == 3


def test_refuses():
    model = small_model()
    with pytest.raises(ValueError, match="columns"):
        plot.feature_maps(model, np.ones((9, 8, 1)), columns=0)
    with pytest.raises(ValueError, match="at least one"):
        plot.feature_maps(model, np.ones((0, 9, 8, 1)))
    with pytest.raises(ValueError, match="most"):
        plot.kernels(model.layers[0], most=0)
    with pytest.raises(ValueError, match="must put out maps"):
        plot.feature_maps(model, np.ones((9, 8, 1)), layer=-1)
    with pytest.raises(ValueError, match="built convolution"):
        plot.kernels(layers.Flatten())
    with pytest.raises(ValueError, match="built"):
        plot.feature_maps(mgconv.Sequential([layers.Conv2D(2, 3)]), np.ones((9, 8, 1)))


def test_titles_stay_in_narrow_pictures():
    model = mgconv.Sequential([mgconv.Input((8, 8, 1)), layers.DepthwiseConv2D(2, name="a_layer_with_a_long_name")])
    for figure in (plot.kernels(model.layers[0]), plot.feature_maps(model, np.zeros((8, 8, 1)))):
        figure.canvas.draw()
        box = figure.texts[0].get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
