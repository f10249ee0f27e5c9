"""Back-propagation through the functions of mgconv.signal, by the lecture's formulas.

With y = dL/dz for the output z (`dy` below), each function gives dL/d(argument). All operations are the window of a
correlation, z[o] = sum over m of g[m] X[o - before + m], with g the kernel, turned for a convolution. So

    dL/dX[i] = sum over m of g[m] dy[i + before - m]         another window: the kernel turned the other way
    dL/dg[m] = sum over o of dy[o] X[o - before + m]         another: the output's gradient is the kernel

For the lecture's unflipped pass the first is the full convolution of v with K, for conv2 the full correlation. With
complex numbers the adjoint is taken: <dy, f(x)> = <gradient, x>, where <a, b> = sum of conj(a) b.
"""
from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgconv._support.arrays import unmasked
from mgconv.signal.arrays import extend, filtered, fold, output_window
from mgconv.signal.convolution import BOUNDARY_NAMES, SCIPY_MODES, check_flag, fill_number, is_exchanged
from mgconv.signal.matlab import as_matrix, check_shape, matlab_dtype, matlab_window

Shape: TypeAlias = int | Sequence[int]


def _grad_signal(dy, h, shape, window, flip, conjugate=False, boundary="fill"):
    if not (dy.size and h.size and all(shape)):
        return np.zeros(shape, np.result_type(dy, h))
    if boundary == "fill":
        back = tuple((k - 1 - before, n) for (before, _), k, n in zip(window, h.shape, shape, strict=True))
        return filtered(dy, h, back, flip=not flip, conjugate=not conjugate)
    reached = filtered(dy, h, output_window("full", dy.shape, h.shape), flip=not flip, conjugate=not conjugate)
    return fold(reached, window, shape, boundary)


def _grad_kernel(dy, x, shape, window, flip, conjugate=False, boundary="fill", fill=None):
    if not (dy.size and x.size and all(shape)):
        return np.zeros(shape, np.result_type(dy, x))
    if boundary != "fill" or fill:
        x = extend(x.astype(np.result_type(x, dy)), window, shape, boundary, fill)
        window = tuple((0, size) for _, size in window)
    back = tuple((before, k) for (before, _), k in zip(window, shape, strict=True))
    grad = filtered(x, dy, back, flip=False, conjugate=True)
    grad = grad if conjugate else grad.conj()
    return np.flip(grad) if flip else grad


def _gradient(of, dy, other, shape, mode, *, rank, correlation, late=0, boundary="fill", fillvalue=0):
    """The gradient of a SciPy function to `in1` or `in2`; `other` is the other one of them."""
    dy, other = unmasked("dy", dy), unmasked("the other argument", other)
    shape = _sizes(shape)
    if (rank and other.ndim != rank) or not 1 <= other.ndim <= 2 or len(shape) != other.ndim:
        raise ValueError(f"The arrays must have {'two axes' if rank else 'one or two axes'}, and alike. "
                         f"Received: an array of {other.ndim} axes, shape={shape}.")
    if not (other.size and all(shape)):
        raise ValueError(f"The arrays must not be empty. Received: shapes {other.shape} and {shape}.")
    check_flag("mode", mode, SCIPY_MODES)
    check_flag("boundary", boundary, BOUNDARY_NAMES)
    x, h = (np.broadcast_to(other.dtype.type(0), shape), other) if of == "in1" else (
        other, np.broadcast_to(other.dtype.type(0), shape))
    if mode == "valid" and is_exchanged(mode, x, h):
        of, x, h = "in2" if of == "in1" else "in1", h, x
        if correlation:                          # as the forward passes do: correlate takes the conjugate back
            dy = np.flip(dy) if rank else np.flip(dy).conj()
    window = output_window(mode, x.shape, h.shape, late)
    _check_dy(dy, window)
    boundary = BOUNDARY_NAMES[boundary]
    if of == "in1":
        return _grad_signal(dy, h, x.shape, window, not correlation, correlation, boundary)
    fill = fill_number(fillvalue, np.result_type(x, dy)) if boundary == "fill" else None
    return _grad_kernel(dy, x, h.shape, window, not correlation, correlation, boundary, fill)


def _sizes(shape: Any) -> tuple[int, ...]:
    """`shape` as a tuple of sizes."""
    try:
        sizes = tuple(operator.index(size) for size in (shape if np.ndim(shape) else (shape,)))
    except TypeError:
        raise TypeError(f"A shape must be a sequence of integers. Received: {shape!r}.") from None
    if min(sizes, default=0) < 0:
        raise ValueError(f"Sizes must not be negative. Received: {shape!r}.")
    return sizes


def _check_dy(dy, window):
    expected = tuple(size for _, size in window)
    if dy.shape != expected:
        raise ValueError(f"`dy` must have the output's shape {expected}. Received: {dy.shape}.")


def convolve_grad_in1(dy: ArrayLike, in2: ArrayLike, shape: Shape, mode: str = "full") -> NDArray[Any]:
    """The gradient of `convolve` to `in1`, of the given shape.

    Parameters
    ----------
    dy : array_like
        The gradient to the output.
    in2 : array_like
        The other argument of the forward pass.
    shape : tuple of int
        The shape of `in1`.
    mode : {"full", "same", "valid"}
        Of the forward pass.

    Returns
    -------
    ndarray of that shape

    Raises
    ------
    ValueError
        If ranks differ, `dy` has not the output's shape, or a name is unknown.

    Examples
    --------
    >>> from mgconv.signal import convolve_grad_in1
    >>> convolve_grad_in1([0, 1, 0, 0], [5, 6], (3,)).tolist()
    [6, 5, 0]
    """
    return _gradient("in1", dy, in2, shape, mode, rank=None, correlation=False)


def convolve_grad_in2(dy: ArrayLike, in1: ArrayLike, shape: Shape, mode: str = "full") -> NDArray[Any]:
    """The gradient of `convolve` to `in2`, of the given shape; see `convolve_grad_in1`."""
    return _gradient("in2", dy, in1, shape, mode, rank=None, correlation=False)


def correlate_grad_in1(dy: ArrayLike, in2: ArrayLike, shape: Shape, mode: str = "full") -> NDArray[Any]:
    """The gradient of `correlate` to `in1`, of the given shape; see `convolve_grad_in1`."""
    return _gradient("in1", dy, in2, shape, mode, rank=None, correlation=True)


def correlate_grad_in2(dy: ArrayLike, in1: ArrayLike, shape: Shape, mode: str = "full") -> NDArray[Any]:
    """The gradient of `correlate` to `in2`, of the given shape; see `convolve_grad_in1`."""
    return _gradient("in2", dy, in1, shape, mode, rank=None, correlation=True)


def convolve2d_grad_in1(dy: ArrayLike, in2: ArrayLike, shape: Shape, mode: str = "full",
                        boundary: str = "fill") -> NDArray[Any]:
    """The gradient of `convolve2d` to the image `in1`, of the given shape.

    Parameters
    ----------
    dy : array_like
        The gradient to the output.
    in2 : array_like
        The kernel.
    shape : tuple of int
        The shape of `in1`.
    mode, boundary : str
        Of the forward pass. With "wrap" and "symm" each pixel gathers from all places where it was continued.

    Returns
    -------
    ndarray of that shape

    Raises
    ------
    ValueError
        If an array has not two axes, `dy` has not the output's shape, or a name is unknown.
    """
    return _gradient("in1", dy, in2, shape, mode, rank=2, correlation=False, boundary=boundary)


def convolve2d_grad_in2(dy: ArrayLike, in1: ArrayLike, shape: Shape, mode: str = "full", boundary: str = "fill",
                        fillvalue: complex = 0) -> NDArray[Any]:
    """The gradient of `convolve2d` to the kernel `in2`, of the given shape; see `convolve2d_grad_in1`."""
    return _gradient("in2", dy, in1, shape, mode, rank=2, correlation=False, boundary=boundary, fillvalue=fillvalue)


def correlate2d_grad_in1(dy: ArrayLike, in2: ArrayLike, shape: Shape, mode: str = "full",
                         boundary: str = "fill") -> NDArray[Any]:
    """The gradient of `correlate2d` to the image `in1`, of the given shape; see `convolve2d_grad_in1`."""
    return _gradient("in1", dy, in2, shape, mode, rank=2, correlation=True, late=1, boundary=boundary)


def correlate2d_grad_in2(dy: ArrayLike, in1: ArrayLike, shape: Shape, mode: str = "full", boundary: str = "fill",
                         fillvalue: complex = 0) -> NDArray[Any]:
    """The gradient of `correlate2d` to the kernel `in2`, of the given shape; see `convolve2d_grad_in1`."""
    return _gradient("in2", dy, in1, shape, mode, rank=2, correlation=True, late=1, boundary=boundary,
                     fillvalue=fillvalue)


def _matlab(of, dy, other, sizes, shape, *, flip):
    """The gradient of conv2 (`flip`) or filter2 to its "signal" or "kernel" of these sizes; `other` is the other."""
    dy, other, sizes = as_matrix("dy", dy), as_matrix("the other argument", other), _sizes(sizes)
    if len(sizes) != 2:
        raise ValueError(f"A matrix has two sizes. Received: {sizes}.")
    x, h = (sizes, other.shape) if of == "signal" else (other.shape, sizes)
    window = matlab_window(check_shape(shape), x, h)
    _check_dy(dy, window)
    dtype = matlab_dtype(dy, other)
    return (_grad_signal if of == "signal" else _grad_kernel)(dy.astype(dtype, copy=False),
                                                              other.astype(dtype, copy=False), sizes, window, flip)


def conv2_grad_A(dy: ArrayLike, B: ArrayLike, shape_A: Sequence[int], shape: str = "full") -> NDArray[Any]:
    """The gradient of ``conv2(A, B, shape)`` to `A`, of shape `shape_A`: for "full", the correlation of `dy` with `B`.

    Parameters
    ----------
    dy : array_like
        The gradient to the output.
    B : array_like
        The kernel of the forward pass.
    shape_A : tuple of int
        The shape of `A`.
    shape : {"full", "same", "valid"}
        Of the forward pass.

    Returns
    -------
    ndarray of shape `shape_A`

    Raises
    ------
    ValueError
        If `dy` has not the output's shape, or `shape` is unknown.
    """
    return _matlab("signal", dy, B, shape_A, shape, flip=True)


def conv2_grad_B(dy: ArrayLike, A: ArrayLike, shape_B: Sequence[int], shape: str = "full") -> NDArray[Any]:
    """The gradient of ``conv2(A, B, shape)`` to `B`, of shape `shape_B`; see `conv2_grad_A`."""
    return _matlab("kernel", dy, A, shape_B, shape, flip=True)


def filter2_grad_x(dy: ArrayLike, h: ArrayLike, shape_x: Sequence[int], shape: str = "same") -> NDArray[Any]:
    """The gradient of ``filter2(h, x, shape)`` to `x`, of shape `shape_x`; see `conv2_grad_A`."""
    return _matlab("signal", dy, h, shape_x, shape, flip=False)


def filter2_grad_h(dy: ArrayLike, x: ArrayLike, shape_h: Sequence[int], shape: str = "same") -> NDArray[Any]:
    """The gradient of ``filter2(h, x, shape)`` to `h`, of shape `shape_h`; see `conv2_grad_A`."""
    return _matlab("kernel", dy, x, shape_h, shape, flip=False)


def causal_conv_grad_x(dy: ArrayLike, a: ArrayLike) -> NDArray[Any]:
    """The lecture's u[i] = sum over k of a[tau - k + 1] v[i + k - 1]: the gradient of `causal_conv` to the signal.

    Parameters
    ----------
    dy : array_like, shape (n,)
        v, the gradient to z.
    a : array_like, shape (tau,)
        The kernel.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    ValueError
        If an argument has not one axis, or is empty.

    Examples
    --------
    >>> from mgconv.signal import causal_conv_grad_x
    >>> causal_conv_grad_x([0, 0, 1, 0], [1, 10, 100]).tolist()
    [1, 10, 100, 0]
    """
    dy, a = _vectors(dy, a)
    return _grad_signal(dy, a, dy.shape, output_window("causal", dy.shape, a.shape), False)


def causal_conv_grad_a(dy: ArrayLike, x: ArrayLike, tau: int) -> NDArray[Any]:
    """The gradient of `causal_conv` to its `tau` kernel entries: sum over i of v[i] x[i - tau + k]."""
    dy, x = _vectors(dy, x)
    taps = _sizes(tau)
    window = output_window("causal", x.shape, taps)
    _check_dy(dy, window)
    return _grad_kernel(dy, x, taps, window, False)


def _vectors(dy: ArrayLike, other: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    dy, other = unmasked("dy", dy), unmasked("the other argument", other)
    if dy.ndim != 1 or other.ndim != 1 or not dy.size or not other.size:
        raise ValueError(f"Both arrays must have one axis and an entry. Received: shapes {dy.shape} and {other.shape}.")
    return dy, other


def valid_conv2_grad_x(dy: ArrayLike, K: ArrayLike) -> NDArray[Any]:
    """The lecture's 2-D back-propagation: the full convolution of v = `dy` with `K`, or correlation with K turned.

    Parameters
    ----------
    dy : array_like, shape (rows, cols)
        The gradient to the output.
    K : array_like, shape (kernel rows, kernel cols)
        The kernel.

    Returns
    -------
    ndarray, shape (rows + kernel rows - 1, cols + kernel cols - 1)

    Examples
    --------
    >>> from mgconv.signal import valid_conv2_grad_x
    >>> valid_conv2_grad_x([[1]], [[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    dy, K = as_matrix("dy", dy), as_matrix("K", K)
    shape = tuple(n + k - 1 for n, k in zip(dy.shape, K.shape, strict=True))
    return _grad_signal(dy, K, shape, output_window("valid", shape, K.shape), False)


def valid_conv2_grad_K(dy: ArrayLike, x: ArrayLike) -> NDArray[Any]:
    """The gradient of `valid_conv2` to its kernel: the map `x` correlated with `dy`, whole overlaps only."""
    dy, x = as_matrix("dy", dy), as_matrix("x", x)
    shape = tuple(n - k + 1 for n, k in zip(x.shape, dy.shape, strict=True))
    if min(shape) < 1:
        raise ValueError(f"`dy` must not be larger than the map. "
                         f"Received: dy of shape {dy.shape}, x of shape {x.shape}.")
    return _grad_kernel(dy, x, shape, output_window("valid", x.shape, shape), False)
