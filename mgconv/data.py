"""What `fit`, `evaluate` and `predict` are given, checked and cast to the model's dtype."""
import numpy as np

from mgconv._support.arrays import as_sample_weight, as_samples
from mgconv._support.checks import check_count


def as_training_data(model, x, y, sample_weight=None, class_weight=None):
    """(x, y, weight or None) as arrays that the model's loss takes, all of one length."""
    if y is None:
        raise ValueError("`y`, the targets, must be given.")
    x = as_samples("x", x, model.input_shape, model.dtype)
    target = model.loss.prepare(y, model.output_shape, model.dtype)
    if len(x) != len(target):
        raise ValueError(f"`x` and `y` must have the same number of samples. Received: {len(x)} and {len(target)}.")
    if len(x) == 0:
        raise ValueError("`x` must hold at least one sample. Received: 0.")
    weight = None
    if class_weight is not None:
        if sample_weight is not None:
            raise ValueError("only one of `class_weight` and `sample_weight` may be given.")
        sample_weight = _weights_of_classes(target, class_weight, model.loss.sparse)
    if sample_weight is not None:
        weight = as_sample_weight(sample_weight, model.output_shape, model.dtype)
        if len(weight) != len(x):
            raise ValueError("`sample_weight` must have one entry a sample. "
                             f"Received: {len(weight)} for {len(x)} samples.")
    return x, target, weight


def _weights_of_classes(target, class_weight, sparse):
    """A weight a sample, from {class number: weight}; 1 for classes that are not named."""
    if not isinstance(class_weight, dict):
        raise TypeError(f"`class_weight` must be a dict from class number to weight. Received: {class_weight!r}.")
    if sparse or target.shape[-1] == 1:
        classes = target.reshape(len(target), -1)
        if classes.shape[1] != 1:
            raise ValueError("`class_weight` needs one class a sample. Received: targets of shape "
                             f"{('batch', *target.shape[1:])}.")
        classes = np.rint(classes[:, 0])
    else:
        if target.ndim != 2:
            raise ValueError("`class_weight` needs one class a sample. Received: targets of shape "
                             f"{('batch', *target.shape[1:])}.")
        classes = target.argmax(axis=-1)
    weight = np.ones(len(target))
    for number, factor in class_weight.items():
        weight[classes == check_count("class_weight", number, 0)] = factor
    return weight


def split(data, share):
    """`data` without its last part, and that part, the `share` of the samples."""
    count = len(data[0])
    if not 0 < share < 1:
        raise ValueError(f"`validation_split` must be from 0 to below 1. Received: validation_split={share}.")
    first = int(count * (1 - share))
    if first in (0, count):
        raise ValueError(f"`validation_split` must leave samples on both sides. Received: validation_split={share} "
                         f"for {count} samples.")
    return (tuple(None if a is None else a[:first] for a in data),
            tuple(None if a is None else a[first:] for a in data))
