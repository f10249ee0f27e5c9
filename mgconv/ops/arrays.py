"""What the operations share: arrays checked and laid out for the engine, results handed back, plans kept.

The short way (mgconv/native/conv_calls.pyx) finds a plan by the arrays and answers None where a call is not the plain
one. Then comes the long way, which checks everything, says what is wrong, and copies what has to be copied.
"""
import numpy as np

from mgconv._support.arrays import unmasked
from mgconv._support.memory import empty_result

plans: dict = {}
_MOST_PLANS = 256
_FLOAT32, _FLOAT64 = np.dtype("float32"), np.dtype("float64")


def plan_for(key, make):
    """The plan under `key`, or the one that `make()` makes; kept where the settings in `key` can be one.

    Settings stand in `key` beside their types: 2.0 equals 2 as a key, and is refused.
    """
    try:
        plan = plans[key]             # without the GIL, .get takes a lock that a fork may leave locked in the child
    except KeyError:
        plan = None
    except TypeError:                     # a list, say: not to be kept
        key = plan = None
    if plan is None or plan.stale:
        plan = make()
        if key is not None:
            while len(plans) >= _MOST_PLANS:
                plans.pop(next(iter(plans), None), None)
            plans[key] = plan
    return plan


def as_array(name, value, data_format="channels_last"):
    """`value` as an aligned C-contiguous array, channels last."""
    array = value if type(value) is np.ndarray else unmasked(name, value)
    plain = array.dtype is _FLOAT32 or array.dtype is _FLOAT64
    if plain and data_format == "channels_last" and array.flags.c_contiguous and array.flags.aligned:
        return array
    if array.dtype not in (np.float32, np.float64) or not array.dtype.isnative:
        raise TypeError(f"`{name}` must be float32 or float64. Received: dtype={array.dtype}.")
    if data_format == "channels_first" and array.ndim > 1:
        array = np.moveaxis(array, 1, -1)
    elif data_format not in ("channels_last", "channels_first"):
        raise ValueError('`data_format` must be "channels_last" or "channels_first". '
                         f"Received: data_format={data_format!r}.")
    # Files (MATLAB's, for one) give dtypes that name their byte order; buffers of those have another format.
    return np.require(array, requirements=["C", "A"]).view(array.dtype.newbyteorder("="))


def common_dtype(arrays, names):
    """The one dtype of all `arrays`; TypeError, with their `names`, if they differ."""
    dtypes = [array.dtype for array in arrays]
    if len(set(dtypes)) > 1:
        got = ", ".join(f"{name}: {dtype}" for name, dtype in zip(names, dtypes))
        raise TypeError(f"All arrays must be float32 or all float64. Received: {got}.")
    return dtypes[0]


def channels_last(shape, data_format):
    """`shape`, given in `data_format`, with the channels last."""
    return (shape[0], *shape[2:], shape[1]) if data_format == "channels_first" and len(shape) > 1 else shape


def result_array(shape, dtype, out, data_format, arrays):
    """Where the engine writes: `out` itself if it can, else a new array."""
    if out is None:
        return empty_result(shape, dtype)
    if not isinstance(out, np.ndarray) or out.dtype != dtype or not out.dtype.isnative:
        raise TypeError(f"`out` must be an array of dtype {dtype}. Received: {getattr(out, 'dtype', type(out))}.")
    expected = (shape[0], shape[-1], *shape[1:-1]) if data_format == "channels_first" else tuple(shape)
    if out.shape != expected:
        raise ValueError(f"`out` must have the result's shape {expected}. Received: out.shape={out.shape}.")
    if not out.flags.writeable:
        raise ValueError("`out` must be writeable. Received: a read-only array.")
    refuse_overlap(out, arrays)
    if data_format == "channels_first" or not (out.flags.c_contiguous and out.flags.aligned) or \
            out.dtype.byteorder != dtype.byteorder:
        return empty_result(shape, dtype)
    return out


def refuse_overlap(out, arrays):
    """ValueError if `out` shares memory with any of `arrays`."""
    if any(np.shares_memory(out, array) for array in arrays):
        raise ValueError("`out` must not overlap the other arguments. Received: an array that does.")


def deliver(result, out, data_format):
    """What the caller gets: the engine's `result` in `data_format`, in `out` if there is one."""
    if data_format == "channels_first":
        result = np.moveaxis(result, -1, 1)
    if out is None:
        return np.ascontiguousarray(result)
    if out is not result:
        out[...] = result
    return out
