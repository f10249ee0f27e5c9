"""The layers of a model, with the names and parameters of Keras 3."""
from mgconv.layers.activation import Activation
from mgconv.layers.base import Bound, Layer
from mgconv.layers.conv import Conv1D, Conv2D, Dense, DepthwiseConv1D, DepthwiseConv2D
from mgconv.layers.input import Input
from mgconv.layers.pooling import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D
from mgconv.layers.regularization import Dropout
from mgconv.layers.reshaping import Flatten, Reshape

__all__ = ["Activation", "AveragePooling1D", "AveragePooling2D", "Bound", "Conv1D", "Conv2D", "Dense",
           "DepthwiseConv1D", "DepthwiseConv2D", "Dropout", "Flatten", "Input", "Layer", "MaxPooling1D", "MaxPooling2D",
           "Reshape"]
