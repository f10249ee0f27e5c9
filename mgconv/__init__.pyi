# What __init__.py resolves lazily, spelled out for type checkers and editors.
from mgconv import activations as activations
from mgconv import callbacks as callbacks
from mgconv import constraints as constraints
from mgconv import datasets as datasets
from mgconv import dde as dde
from mgconv import forecast as forecast
from mgconv import geometry as geometry
from mgconv import initializers as initializers
from mgconv import layers as layers
from mgconv import losses as losses
from mgconv import metrics as metrics
from mgconv import models as models
from mgconv import onnx as onnx
from mgconv import ops as ops
from mgconv import optimizers as optimizers
from mgconv import plot as plot
from mgconv import regularizers as regularizers
from mgconv import saving as saving
from mgconv import signal as signal
from mgconv import utils as utils
from mgconv.config import get_num_threads as get_num_threads
from mgconv.config import set_num_threads as set_num_threads
from mgconv.config import set_random_seed as set_random_seed
from mgconv.config import show_config as show_config
from mgconv.models.sequential import Input as Input
from mgconv.models.sequential import Sequential as Sequential
from mgconv.saving import load_model as load_model

__version__: str
