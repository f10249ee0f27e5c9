"""The layers of a model, with the names and parameters of Keras 3."""
from mgconv.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound, bind_all
from mgconv.layers.blocks import Concatenate, Residual
from mgconv.layers.conv import Conv1D, Conv2D, Dense, DepthwiseConv1D, DepthwiseConv2D
from mgconv.layers.function import Lambda
from mgconv.layers.input import Input, InputLayer
from mgconv.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    UnitNormalization,
)
from mgconv.layers.pooling import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D
from mgconv.layers.preprocessing import Normalization, Rescaling
from mgconv.layers.registered import get, registry
from mgconv.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
)
from mgconv.layers.reshaping import Flatten, Reshape

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "AveragePooling1D",
    "AveragePooling2D",
    "BatchNormalization",
    "Bound",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "Normalization",
    "PReLU",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Residual",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "UnitNormalization",
    "bind_all",
    "get",
]

for _name in __all__:
    if isinstance(globals()[_name], type) and issubclass(globals()[_name], Layer) and _name != "Layer":
        registry.add(globals()[_name])
