"""Small helpers with Keras's names: for labels, data sets, windows of series, random seeds."""
from mgconv.callbacks.progress import Progbar
from mgconv.config import set_random_seed
from mgconv.utils.arrays import normalize, split_dataset, to_categorical
from mgconv.utils.dataset import PyDataset, timeseries_dataset_from_array

__all__ = ["Progbar", "PyDataset", "normalize", "set_random_seed", "split_dataset", "timeseries_dataset_from_array",
           "to_categorical"]
