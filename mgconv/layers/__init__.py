"""The layers of a model, with the names and parameters of Keras 3."""
from mgconv.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from mgconv.layers.base import Layer
from mgconv.layers.batch_normalization import BatchNormalization
from mgconv.layers.binding import Bound, bind_all
from mgconv.layers.blocks import Concatenate, Residual
from mgconv.layers.conv import Conv1D, Conv2D, Dense, DepthwiseConv1D, DepthwiseConv2D
from mgconv.layers.function import Lambda
from mgconv.layers.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
)
from mgconv.layers.input import Input, InputLayer
from mgconv.layers.margins import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
from mgconv.layers.normalization import GroupNormalization, LayerNormalization, UnitNormalization
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
from mgconv.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from mgconv.layers.separable import SeparableConv1D, SeparableConv2D
from mgconv.layers.transposed import Conv1DTranspose, Conv2DTranspose
from mgconv.layers.upsampling import UpSampling1D, UpSampling2D

# The other names that Keras has for them.
Convolution1D, Convolution2D = Conv1D, Conv2D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
MaxPool1D, MaxPool2D = MaxPooling1D, MaxPooling2D
AvgPool1D, AvgPool2D = AveragePooling1D, AveragePooling2D
GlobalMaxPool1D, GlobalMaxPool2D = GlobalMaxPooling1D, GlobalMaxPooling2D
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "Bound",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Normalization",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Residual",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "bind_all",
    "get",
]

for _name in __all__:
    if isinstance(globals()[_name], type) and issubclass(globals()[_name], Layer) and _name != "Layer":
        registry.add(globals()[_name], name=_name)
