"""Programs of whole numbers of 8 bits by NumPy alone, in whole numbers of 64 bits: what mgconv/plain/*.h must give."""
import math

import numpy as np


def run(program, x):
    """The outputs of a `mgconv.plain.Program` of int8 for the samples x, as `Program.run`."""
    arrays = {array: np.full(program.sizes[array], number) for array, number in program.kept.items()}
    outputs = []
    for count, sample in enumerate(x):
        arrays[program.input.array] = sample.astype(np.int64).reshape(-1)
        for step in program.steps:
            if step.kernel == "wait":
                if count < step.sizes[0]:
                    break
                continue
            a = arrays[step.a.array] if hasattr(step.a, "array") else None if step.a is None else step.a.astype(int)
            b = None if step.b is None else step.b.astype(int)
            before = arrays.get(step.y.array, np.zeros(step.y.size, int))
            entries = arrays[step.x.array]
            arrays[step.y.array] = KERNELS[step.kernel](step.sizes, entries, a, b, before.copy()).reshape(-1)
        else:
            outputs.append(arrays[program.output.array].reshape(program.output.shape))
    return np.array(outputs)


def cut(numbers):
    return np.clip(numbers, -128, 127)


def nearest(numbers, divisor):
    """Quotients to the nearest whole number, halves away from 0."""
    numbers, divisor = np.broadcast_arrays(numbers, divisor)
    return np.sign(numbers) * ((2 * abs(numbers) + divisor) // (2 * divisor))


def shifted(numbers, shift):
    """numbers / 2^shift to the nearest whole number, halves upwards."""
    assert np.min(shift) >= 33
    assert abs(numbers).max() < 2 ** 61
    return (numbers + (1 << np.asarray(shift) - 1)) >> shift


def windows(sizes, x):
    """For each tap what the outputs see, (positions, channels), and which of them see no padding."""
    rows, columns, channels, out_rows, out_columns, _, tap_rows, tap_columns, *steps = sizes[:15]
    down, right, dilation_down, dilation_right, top, left, _ = steps
    x = x.reshape(rows, columns, channels)
    for tap in range(tap_rows * tap_columns):
        row = np.arange(out_rows)[:, None] * down - top + tap // tap_columns * dilation_down
        column = np.arange(out_columns) * right - left + tap % tap_columns * dilation_right
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        yield x[row.clip(0, rows - 1), column.clip(0, columns - 1)].reshape(-1, channels), inside.reshape(-1, 1)


def finished(sums, sizes, b):
    filters = sizes[5]
    bias, factor, shift = b.reshape(3, filters)
    assert max(abs(sums).max(), abs(sums + bias).max()) < 2 ** 31
    return cut(shifted((sums + bias) * factor, shift) + sizes[16])


def conv(sizes, x, a, b, y):
    groups, sums = sizes[14], 0
    kernels = np.split(a.reshape(sizes[6] * sizes[7], -1, sizes[5]), groups, axis=2)
    for tap, (seen, inside) in enumerate(windows(sizes, x)):
        parts = np.split((seen - sizes[15]) * inside, groups, axis=1)
        sums = sums + np.concatenate([part @ kernel[tap] for part, kernel in zip(parts, kernels, strict=True)], axis=1)
    return finished(sums, sizes, b)


def depthwise(sizes, x, a, b, y):
    kernel, sums = a.reshape(-1, sizes[2], sizes[5] // sizes[2]), 0
    for tap, (seen, inside) in enumerate(windows(sizes, x)):
        sums = sums + ((seen - sizes[15]) * inside)[..., None] * kernel[tap]
    return finished(sums.reshape(-1, sizes[5]), sizes, b)


def conv_transposed(sizes, x, a, b, y):
    rows, columns, channels, out_rows, out_columns, filters, tap_rows, tap_columns, *steps = sizes[:15]
    down, right, dilation_down, dilation_right, top, left, _ = steps
    x, kernel = x.reshape(rows, columns, channels) - sizes[15], a.reshape(tap_rows, tap_columns, filters, channels)
    sums = np.zeros((out_rows, out_columns, filters), int)
    for i, j, p, q in np.ndindex(rows, columns, tap_rows, tap_columns):
        row, column = i * down + p * dilation_down - top, j * right + q * dilation_right - left
        if 0 <= row < out_rows and 0 <= column < out_columns:
            sums[row, column] += kernel[p, q] @ x[i, j]
    return finished(sums.reshape(-1, filters), sizes, b)


def max_pool(sizes, x, a, b, y):
    return np.max([np.where(inside, seen, -128) for seen, inside in windows(sizes, x)], axis=0)


def average_pool(sizes, x, a, b, y):
    views = list(windows(sizes, x))
    sums = np.sum([(seen - sizes[15]) * inside for seen, inside in views], axis=0)
    return cut(nearest(sums * sizes[17], np.sum([inside for _, inside in views], axis=0) * 2 ** sizes[18]) + sizes[16])


def place(sizes, x, a, b, y):
    rows, columns, channels, out_rows, out_columns = sizes[:5]
    x, y = x.reshape(rows, columns, channels), np.full((out_rows, out_columns, channels), sizes[15])
    for i, j in np.ndindex(rows, columns):
        if 0 <= i + sizes[12] < out_rows and 0 <= j + sizes[13] < out_columns:
            y[i + sizes[12], j + sizes[13]] = x[i, j]
    return y


def repeat(sizes, x, a, b, y):
    return x.reshape(sizes[0], sizes[1], sizes[2]).repeat(sizes[8], axis=0).repeat(sizes[9], axis=1)


def permute(sizes, x, a, b, y):
    return np.lib.stride_tricks.as_strided(x, sizes[:3], [8 * stride for stride in sizes[3:6]])


def join(sizes, x, a, b, y):
    rows, width, all_, begin = sizes[:4]
    y = y.reshape(rows, all_)
    y[:, begin:begin + width] = x.reshape(rows, width)
    return y


def advance(sizes, x, a, b, y):
    return np.concatenate([y[sizes[1]:], x])


def lookup(sizes, x, a, b, y):
    return a[x + 128]


def add(sizes, x, a, b, y):
    _, zero_x, zero_a, zero, factor_x, factor_a, shift = sizes
    return cut(shifted(((x - zero_x) * factor_x + (a - zero_a) * factor_a) * 2 ** 16, shift) + zero)


def prelu(sizes, x, a, b, y):
    _, _, zero_x, zero, factor, shift = sizes
    x = x.reshape(-1, sizes[1]) - zero_x
    return cut(shifted(x * np.where(x > 0, factor, b) * 2 ** 16, shift) + zero)


def softmax(sizes, x, a, b, y):
    x = x.reshape(-1, sizes[1])
    exponentials = b[x.max(axis=1, keepdims=True) - x]
    return cut(nearest(256 * exponentials, exponentials.sum(axis=1, keepdims=True)) - 128)


def standardize(sizes, x, a, b, y):
    rows, size, zero, factor = sizes
    y = []
    for row in x.reshape(rows, size).tolist():
        spread, bits = size * sum(v * v for v in row) - sum(row) ** 2 + int(b[0]) * 2 ** 30 + int(b[1]), 0
        while spread < 2 ** 32:
            spread, bits = 4 * spread, bits + 1
        y += [nearest((size * v - sum(row)) * factor * 2 ** bits, 1024 * math.isqrt(spread)) for v in row]
    return cut(np.array(y) + zero)


KERNELS = {function.__name__: function for function in (
    conv, depthwise, conv_transposed, max_pool, average_pool, place, repeat, permute, join, advance, lookup, add, prelu,
    softmax, standardize)}
