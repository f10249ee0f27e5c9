"""Pooling on channels-last arrays in NumPy: one pass for each position inside a window."""
import itertools

import numpy as np


class _Pool:
    """Bound to an input, an output and (or None) their gradients."""

    def __init__(self, geometry, x, y, dy, dx):
        self.x, self.y, self.dy, self.dx = x, y, dy, dx
        size = geometry.kernel_shape[:geometry.rank]
        self.parts = [self._part(geometry, taps) for taps in itertools.product(*map(range, size))]

    @staticmethod
    def _part(geometry, taps):
        """Which inputs meet the tap `taps` of their window, and the windows' index, as a pair of slices."""
        inputs, outputs = [slice(None)], [slice(None)]
        for axis, tap in enumerate(taps):
            n, windows = geometry.input_shape[1 + axis], geometry.output_shape[1 + axis]
            stride, shift = geometry.strides[axis], tap - geometry.pads[axis][0]
            first = max(0, -(shift // stride))
            last = min(windows, (n - 1 - shift) // stride + 1)
            last = max(first, last)
            start = first * stride + shift
            inputs.append(slice(start, start + (last - first - 1) * stride + 1 if last > first else start, stride))
            outputs.append(slice(first, last))
        return tuple(inputs), tuple(outputs)


class MaxPool(_Pool):
    """The largest entry; the gradient goes to the first of several that are equal."""

    def forward(self):
        self.y.fill(-np.inf)
        for inputs, outputs in self.parts:
            np.maximum(self.y[outputs], self.x[inputs], out=self.y[outputs])

    def backward(self):
        self.dx.fill(0)
        found = np.zeros(self.y.shape, bool)
        for inputs, outputs in self.parts:
            hit = (self.x[inputs] == self.y[outputs]) & ~found[outputs]
            self.dx[inputs] += self.dy[outputs] * hit
            found[outputs] |= hit


class AveragePool(_Pool):
    """The mean of those entries of a window that lie inside the input."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.share = np.zeros((1, *self.y.shape[1:-1], 1), self.x.dtype)
        for _, outputs in self.parts:
            self.share[outputs] += 1
        np.reciprocal(self.share, out=self.share)

    def forward(self):
        self.y.fill(0)
        for inputs, outputs in self.parts:
            self.y[outputs] += self.x[inputs]
        np.multiply(self.y, self.share, out=self.y)

    def backward(self):
        self.dx.fill(0)
        np.multiply(self.dy, self.share, out=self.dy)
        for inputs, outputs in self.parts:
            self.dx[inputs] += self.dy[outputs]
