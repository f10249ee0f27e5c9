"""Convolution and its gradients as plain NumPy sums over kernel taps, in float64: slow, and easy to check by eye."""
import numpy as np


def taps(geometry):
    """For each kernel tap: its index, and slices of the padded input and strides that meet the outputs."""
    spans = geometry.output_shape[1:-1]
    for tap in np.ndindex(*geometry.kernel_shape[:-2]):
        starts = [k * d for k, d in zip(tap, geometry.dilation_rate)]
        yield tap, tuple(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(starts, spans, geometry.strides))


def padded(x, geometry):
    return np.pad(np.asarray(x, np.float64), ((0, 0), *geometry.pads, (0, 0)))


def split(array, groups):
    """The last axis cut into groups: (..., groups, size)."""
    return array.reshape(*array.shape[:-1], groups, -1)


def conv(x, kernel, geometry, bias=None):
    x, groups = padded(x, geometry), geometry.groups
    y = np.zeros(geometry.output_shape)
    for tap, where in taps(geometry):
        k = split(np.asarray(kernel[tap], np.float64), groups)                  # (channels of a group, groups, filters)
        y += np.einsum("...gc,cgf->...gf", split(x[:, *where], groups), k).reshape(y.shape)
    return y if bias is None else y + bias


def conv_grad_input(dy, kernel, geometry):
    groups = geometry.groups
    dx = np.zeros_like(padded(np.zeros(geometry.input_shape), geometry))
    for tap, where in taps(geometry):
        k = split(np.asarray(kernel[tap], np.float64), groups)
        part = np.einsum("...gf,cgf->...gc", split(np.asarray(dy, np.float64), groups), k)
        dx[:, *where] += part.reshape(*part.shape[:-2], -1)
    inside = tuple(slice(before, before + n) for (before, _), n in zip(geometry.pads, geometry.input_shape[1:-1]))
    return dx[:, *inside]


def conv_grad_kernel(x, dy, geometry):
    x, groups = padded(x, geometry), geometry.groups
    dk = np.zeros(geometry.kernel_shape)
    dy = split(np.asarray(dy, np.float64), groups)
    for tap, where in taps(geometry):
        part = split(x[:, *where], groups)
        part = np.einsum("pgc,pgf->cgf", part.reshape(-1, *part.shape[-2:]), dy.reshape(-1, *dy.shape[-2:]))
        dk[tap] = part.reshape(dk[tap].shape)
    return dk
