"""Every layer's gradient to its weights and to its input, by finite differences through a model."""
import numpy as np
import pytest
from finite_differences import check_gradient, model_of

from mgconv import layers

SERIES, IMAGE = (11, 2), (7, 6, 2)
# What stands below the layer under test, so that its gradient to the input is seen in the weights of another.
BELOW = {SERIES: lambda: layers.Conv1D(4, 3, activation="tanh"), IMAGE: lambda: layers.Conv2D(4, 2, activation="tanh")}

CASES = {
    "conv1d": (SERIES, lambda: layers.Conv1D(3, 3)),
    "conv1d relu": (SERIES, lambda: layers.Conv1D(3, 3, activation="relu")),
    "conv1d same stride": (SERIES, lambda: layers.Conv1D(3, 4, strides=2, padding="same")),
    "conv1d causal dilation": (SERIES, lambda: layers.Conv1D(3, 3, padding="causal", dilation_rate=2)),
    "conv1d stride and dilation": (SERIES, lambda: layers.Conv1D(3, 2, strides=2, dilation_rate=3)),
    "conv1d groups": (SERIES, lambda: layers.Conv1D(6, 3, groups=2, activation="relu")),
    "conv1d no bias": (SERIES, lambda: layers.Conv1D(3, 3, use_bias=False, activation="relu")),
    "conv2d": (IMAGE, lambda: layers.Conv2D(3, (3, 2), activation="relu")),
    "conv2d same stride": (IMAGE, lambda: layers.Conv2D(3, 3, strides=(2, 1), padding="same")),
    "conv2d dilation": (IMAGE, lambda: layers.Conv2D(3, 2, dilation_rate=(2, 3))),
    "conv2d groups": (IMAGE, lambda: layers.Conv2D(4, 3, groups=2)),
    "depthwise1d": (SERIES, lambda: layers.DepthwiseConv1D(3, depth_multiplier=2, activation="relu")),
    "depthwise2d": (IMAGE, lambda: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)),
    "depthwise2d stride": (IMAGE, lambda: layers.DepthwiseConv2D(2, strides=2)),
    "dense": (SERIES, lambda: layers.Dense(5, activation="sigmoid")),
    "dense on maps": (IMAGE, lambda: layers.Dense(5)),
    "activation": (SERIES, lambda: layers.Activation("softplus")),
    "max pooling 1d": (SERIES, lambda: layers.MaxPooling1D(2)),
    "max pooling 1d overlap": (SERIES, lambda: layers.MaxPooling1D(3, strides=1, padding="same")),
    "max pooling 2d": (IMAGE, lambda: layers.MaxPooling2D((2, 3), padding="same")),
    "average pooling 1d": (SERIES, lambda: layers.AveragePooling1D(3, strides=2, padding="same")),
    "average pooling 2d": (IMAGE, lambda: layers.AveragePooling2D(2)),
    "flatten": (IMAGE, lambda: layers.Flatten()),
    "reshape": (SERIES, lambda: layers.Reshape((3, -1))),
    "conv1d first": (SERIES, lambda: layers.Conv1D(3, 3, data_format="channels_first", activation="relu")),
    "conv2d first": (IMAGE, lambda: layers.Conv2D(3, 2, data_format="channels_first", activation="gelu")),
    "depthwise2d first": (IMAGE, lambda: layers.DepthwiseConv2D(2, data_format="channels_first")),
    "max pooling first": (IMAGE, lambda: layers.MaxPooling2D(2, data_format="channels_first")),
    "batch normalization": (SERIES, lambda: layers.BatchNormalization()),
    "batch normalization 2d": (IMAGE, lambda: layers.BatchNormalization(scale=False)),
    "batch normalization first": (IMAGE, lambda: layers.BatchNormalization(axis=1, center=False)),
    "layer normalization": (SERIES, lambda: layers.LayerNormalization()),
    "layer normalization axes": (IMAGE, lambda: layers.LayerNormalization(axis=[1, 3])),
    "layer normalization whole": (IMAGE, lambda: layers.LayerNormalization(axis=[1, 2, 3], center=False)),
    "layer normalization rms": (SERIES, lambda: layers.LayerNormalization(rms_scaling=True)),
    "group normalization": (IMAGE, lambda: layers.GroupNormalization(2)),
    "instance normalization": (SERIES, lambda: layers.GroupNormalization(-1, scale=False)),
    "group normalization first": (SERIES, lambda: layers.GroupNormalization(3, axis=1)),
    "unit normalization": (SERIES, lambda: layers.UnitNormalization()),
    "rescaling": (SERIES, lambda: layers.Rescaling([0.5, 2, -1, 3], offset=1.0)),
    "normalization": (SERIES, lambda: layers.Normalization(mean=[0.5, 2, -1, 3], variance=[1, 2, 3, 4.0])),
    "relu": (SERIES, lambda: layers.ReLU()),
    "relu general": (SERIES, lambda: layers.ReLU(max_value=0.3, negative_slope=0.1, threshold=0.05)),
    "leaky relu": (SERIES, lambda: layers.LeakyReLU()),
    "elu": (IMAGE, lambda: layers.ELU(0.7)),
    "prelu": (SERIES, lambda: layers.PReLU("he_normal")),
    "prelu shared": (IMAGE, lambda: layers.PReLU("he_normal", shared_axes=[1, 2])),
    "softmax": (SERIES, lambda: layers.Softmax()),
    "softmax axes": (IMAGE, lambda: layers.Softmax(axis=(1, 2))),
    "activity": (SERIES, lambda: layers.ActivityRegularization(l2=0.1)),
    "lambda": (SERIES, lambda: layers.Lambda(lambda x, by: x ** 3 + by * x, arguments={"by": 2},
                                             gradient=lambda x, dy, by: dy * (3 * x * x + by))),
    "flatten first": (IMAGE, lambda: layers.Flatten("channels_first")),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_of_the_layer(name):
    shape, make = CASES[name]
    rng = np.random.default_rng(0)
    below = BELOW[shape]()
    model = model_of([below, make(), layers.Flatten(), layers.Dense(2)], shape)
    in_training = name.startswith("batch normalization")
    check_gradient(model, rng.standard_normal((3, *shape)), rng.standard_normal((3, 2)), in_training=in_training)


@pytest.mark.parametrize("name", [name for name, (_, make) in CASES.items() if hasattr(make(), "kernel_shape")])
def test_gradient_of_the_first_layer(name):
    shape, make = CASES[name]
    rng = np.random.default_rng(0)
    layer = make()
    if getattr(layer, "data_format", "") == "channels_first":
        shape = (shape[-1], *shape[:-1])
    model = model_of([layer, layers.Flatten(), layers.Dense(2)], shape)
    check_gradient(model, rng.standard_normal((3, *shape)), rng.standard_normal((3, 2)))


def test_layers_without_weights_may_come_first():
    rng = np.random.default_rng(0)
    stack = [layers.Activation("tanh"), layers.MaxPooling1D(2), layers.Reshape((-1,)), layers.Dense(1)]
    model = model_of(stack, SERIES)
    check_gradient(model, rng.standard_normal((4, *SERIES)), rng.standard_normal((4, 1)))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_gradient_does_not_depend_on_the_batch_size_but_for_the_mean(batch):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((batch, *SERIES)), rng.standard_normal((batch, 2))
    model = model_of([layers.Conv1D(3, 3, activation="relu"), layers.Flatten(), layers.Dense(2)], SERIES)
    model.train_on_batch(x, y)
    whole = model.gradient.copy()
    parts = []
    for i in range(batch):
        model.train_on_batch(x[i:i + 1], y[i:i + 1])
        parts.append(model.gradient.copy())
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), rtol=1e-10, atol=1e-13)
