"""The layers of a model, with the names and parameters of Keras 3."""
from mgconv.layers.activation import Activation
from mgconv.layers.base import Layer
from mgconv.layers.binding import Bound, bind_all
from mgconv.layers.blocks import Concatenate, Residual
from mgconv.layers.conv import Conv1D, Conv2D, Dense, DepthwiseConv1D, DepthwiseConv2D
from mgconv.layers.input import Input, InputLayer
from mgconv.layers.pooling import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D
from mgconv.layers.registered import get, registry
from mgconv.layers.regularization import Dropout
from mgconv.layers.reshaping import Flatten, Reshape

__all__ = ["Activation", "AveragePooling1D", "AveragePooling2D", "Bound", "Concatenate", "Conv1D", "Conv2D", "Dense",
           "DepthwiseConv1D", "DepthwiseConv2D", "Dropout", "Flatten", "Input", "InputLayer", "Layer", "MaxPooling1D",
           "MaxPooling2D", "Reshape", "Residual", "bind_all", "get"]

for _name in __all__:
    if isinstance(globals()[_name], type) and issubclass(globals()[_name], Layer) and _name != "Layer":
        registry.add(globals()[_name])
