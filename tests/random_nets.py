"""Random models for export: everything that has a plain form, in random shapes, with random weights."""
import numpy as np

import mgconv
from mgconv import layers

ACTIVATIONS = ["celu", "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu",
               "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softplus",
               "softsign", "sparse_sigmoid", "tanh"]


def chooser(rng, without):
    """Names of activations by chance."""
    names = [name for name in ACTIVATIONS if name not in without]
    return lambda: str(rng.choice(names))


def conv_net(rng, dtype, without=()):
    """A random net of two dimensions."""
    act = chooser(rng, without)
    return draw_weights(mgconv.Sequential([
        mgconv.Input((int(rng.integers(9, 16)), int(rng.integers(9, 16)), int(rng.integers(1, 4))), dtype=dtype),
        layers.Conv2D(int(rng.integers(1, 20)), (3, int(rng.integers(1, 4))), strides=int(rng.integers(1, 3)),
                      padding=str(rng.choice(["same", "valid"])), activation=act()),
        layers.Residual([layers.Conv2D(6, 3, padding="same", dilation_rate=2, activation="tanh")],
                        shortcut=layers.Conv2D(6, 1)),
        layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, activation=act()),
        layers.Conv2D(12, 2, groups=3, use_bias=False, activation=act()),
        layers.Concatenate([layers.MaxPooling2D(2, 1, padding="same"),
                            layers.AveragePooling2D(3, 1, padding="same"), []]),
        layers.Flatten(), layers.Dense(9, activation=act())]), rng)


def mixed_net(rng, dtype, without=()):
    """A random net of the other layers of two dimensions."""
    act = chooser(rng, without)
    return draw_weights(mgconv.Sequential([
        mgconv.Input((int(rng.integers(5, 9)), int(rng.integers(5, 9)), int(rng.integers(1, 5))), dtype=dtype),
        layers.SeparableConv2D(int(rng.integers(2, 9)), 3, padding="same", depth_multiplier=int(rng.integers(1, 4))),
        layers.BatchNormalization(), layers.ReLU(), layers.ZeroPadding2D(((0, 1), (2, 0))),
        layers.PReLU(shared_axes=[1, 2]),
        layers.Conv2DTranspose(int(rng.integers(2, 12)), 3, strides=int(rng.integers(1, 3)), activation=act()),
        layers.UpSampling2D((1, 2)), layers.Cropping2D(1), layers.LayerNormalization(), layers.Permute((2, 3, 1)),
        layers.Permute((3, 1, 2)), layers.GlobalAveragePooling2D(), layers.Dense(5, activation="softmax")]), rng)


def causal_net(rng, dtype, without=(), steps=None):
    """A random net of series, whose steps can be computed one by one."""
    act = chooser(rng, without)
    return draw_weights(mgconv.Sequential([
        mgconv.Input((steps, int(rng.integers(1, 4))), dtype=dtype),
        layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation=act()),
        layers.Residual([layers.Conv1D(8, 4, padding="causal", activation="tanh"), layers.Dropout(0.2)]),
        layers.DepthwiseConv1D(3, activation=act()),
        layers.Concatenate([layers.Dense(3), layers.Conv1D(5, 2, padding="causal")]),
        layers.Conv1D(7, 2, activation="elu")]), rng)


def draw_weights(model, rng):
    """`model` with random weights, of a size that keeps the numbers' size from layer to layer."""
    for layer in model.flattened():
        positive = isinstance(layer, layers.BatchNormalization)
        for weight in layer.weights:
            drawn = rng.standard_normal(weight.shape) / max(1, np.prod(weight.shape[:-1])) ** 0.5
            weight.assign(abs(drawn) + 0.1 if positive else drawn)
    return model


def random_samples(model, rng, count, steps=40):
    """Samples for it."""
    return rng.standard_normal((count, *(size or steps for size in model.input_shape[1:])))


def export_random(net, seed, dtype, folder):
    """Write folder/net.c and its test for a random model; "int8" is calibrated by random samples."""
    rng = np.random.default_rng(seed)
    if dtype == "int8":
        model = net(rng, "float32", without=["log_softmax"])
        model.export_c(folder / "net.c", dtype="int8", calibration=random_samples(model, rng, 20))
    else:
        net(rng, dtype).export_c(folder / "net.c")
