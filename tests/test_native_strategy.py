"""The strategies of a correlation: the table in mgconv/native/strategy.py says which there are. Each of its rows is
reached, none beside them is, and each computes what plain sums do."""
import re

import numpy as np
import pytest
import twin
from hypothesis import given, settings
from hypothesis import strategies as st

from mgconv.geometry import conv_geometry
from mgconv.native import runtime
from mgconv.native import strategy as module
from mgconv.native.conv import ConvPlan
from mgconv.native.correlation import Correlation
from mgconv.native.passes import forward_pass, input_passes
from mgconv.native.strategy import Lanes, Reading, Vectors, strategy

AXES = {"images": module.IMAGES, "rows": module.ROWS, "columns": module.COLUMNS}
VECTORS = [Vectors(lanes, item, filters, {taps: filters[0] if taps <= lanes else 0 for taps in (2, 4, 8, 16)},
                   channels, pair)
           for filters, channels, pair in (((14, 6, 4, 3), 12, 6), ((28, 14, 9, 6), 16, 12))     # 16 registers, and 32
           for lanes, item in ((2, 8), (4, 4), (4, 8), (8, 4), (8, 8), (16, 4))]


def table():
    """(lanes, reading, along, pair) from the docstring."""
    rows = re.search(r"lanes +reading +tiles lie along\n(.*?)\n\n", module.__doc__, re.DOTALL)[1]
    legal, lanes = set(), None
    for row in rows.splitlines():
        name, reading, axes = re.fullmatch(r" {4}([A-Z]*) +([A-Z_]+) +(.*)", row).groups()
        lanes = Lanes[name] if name else lanes
        for words in axes.split(", "):
            axis, *pair = words.split()
            assert pair in ([], ["in", "pairs", "of", "rows"])
            legal.add((lanes, Reading[reading], AXES[axis], bool(pair)))
    return legal


LEGAL = table()


def row_of(found):
    return found.lanes, found.reading, found.along, found.pair


SAME = {"padding": "same"}
# One for each row; the first numbers are batch, sizes and channels, then those of the kernel.
REACHED = {
    "FILTERS IN_PLACE images": conv_geometry((64, 2, 2, 8), (2, 2, 8, 8), **SAME),
    "FILTERS IN_PLACE rows": conv_geometry((3, 40, 1, 16), (5, 1, 16, 8)),
    "FILTERS IN_PLACE columns": conv_geometry((3, 40, 16), (5, 16, 40)),
    "FILTERS EDGES_COPIED rows": conv_geometry((3, 40, 1, 16), (5, 1, 16, 8), **SAME),
    "FILTERS EDGES_COPIED columns": conv_geometry((3, 40, 16), (5, 16, 3), **SAME),
    "POSITIONS IN_PLACE columns": conv_geometry((2, 41, 1), (5, 1, 1)),
    "POSITIONS EDGES_COPIED columns": conv_geometry((2, 9, 20, 1), (3, 3, 1, 1), **SAME),
    "POSITIONS EXPANDED columns": conv_geometry((2, 9, 41, 2), (3, 3, 1, 4), **SAME),
    "CHANNELS IN_PLACE images": conv_geometry((64, 2, 2, 40), (2, 2, 1, 40), **SAME),
    "CHANNELS EDGES_CUT rows": conv_geometry((2, 40, 1, 35), (5, 1, 1, 35), **SAME),
    "CHANNELS EDGES_CUT columns": conv_geometry((2, 40, 35), (5, 1, 35), **SAME),
    "CHANNELS EDGES_CUT columns in pairs of rows": conv_geometry((2, 12, 12, 35), (3, 3, 1, 35), **SAME),
    "CHANNELS EXPANDED rows": conv_geometry((2, 40, 1, 16), (5, 1, 1, 48), **SAME),
    "CHANNELS EXPANDED columns": conv_geometry((2, 40, 16), (5, 1, 48), **SAME),
    "CHANNELS SORTED rows": conv_geometry((2, 40, 1, 68), (5, 1, 2, 34), **SAME),
    "CHANNELS SORTED columns": conv_geometry((2, 40, 68), (5, 2, 34), **SAME),
    "CHANNELS APART rows": conv_geometry((1, 40, 1, 1024), (9, 1, 1, 1024), **SAME),
    "CHANNELS APART columns": conv_geometry((1, 40, 1024), (9, 1, 1024), **SAME),
    "CHANNELS APART columns in pairs of rows": conv_geometry((1, 9, 9, 1024), (3, 3, 1, 1024), **SAME),
    "SUMMED EDGES_CUT columns": conv_geometry((2, 40, 64), (9, 64, 1), **SAME),
    "SUMMED EDGES_CUT columns in pairs of rows": conv_geometry((2, 12, 12, 64), (3, 3, 64, 1), **SAME),
}


def named(text):
    lanes, reading, axis, *pair = text.split()
    return Lanes[lanes], Reading[reading], AXES[axis], bool(pair)


def strategies(geometry, vectors):
    """Of the convolution and of its gradient to the input; with them groups, channels and filters of a group."""
    for one in (forward_pass(geometry), *input_passes(geometry)):
        yield strategy(vectors, *one[:7], one[8]), one[3:6]


def test_the_table_has_its_rows():
    assert len(LEGAL) == 21


def test_each_row_has_a_shape_here():
    assert {named(text) for text in REACHED} == LEGAL


@pytest.mark.parametrize("vectors", VECTORS, ids=lambda v: f"{v.lanes}x{v.item}-{v.channels}")
@pytest.mark.parametrize("text", REACHED)
def test_each_row_is_reached(text, vectors):
    if text.startswith("POSITIONS EXPANDED") and vectors.lanes < 8:
        pytest.skip("two channels with two filters each fill a vector")
    found, _ = next(strategies(REACHED[text], vectors))
    assert row_of(found) == named(text)


@pytest.mark.parametrize("isa", runtime.available_isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("text", REACHED)
def test_each_row_computes_plain_sums(text, dtype, isa):
    geometry, before = REACHED[text], runtime.get_isa()
    rng = np.random.default_rng(0)
    x, kernel, bias, dy = (rng.standard_normal(shape).astype(dtype) for shape in (
        geometry.input_shape, geometry.kernel_shape, geometry.kernel_shape[-1:], geometry.output_shape))
    y, dx = np.full(dy.shape, np.nan, dtype), np.full(x.shape, np.nan, dtype)
    runtime.set_isa(isa)
    try:
        found = Correlation(dtype == "float64", *forward_pass(geometry)).strategy
        plan = ConvPlan(geometry, dtype, "direct")
        plan.forward(x, kernel, bias, y)
        plan.grad_input(dy, kernel, dx)
    finally:
        runtime.set_isa(before)
    assert row_of(found) == named(text) or text.startswith("POSITIONS EXPANDED")
    close = {"rtol": 0, "atol": 3e-4 if dtype == "float32" else 1e-12}
    np.testing.assert_allclose(y, twin.conv(x, kernel, geometry, bias), **close)
    np.testing.assert_allclose(dx, twin.conv_grad_input(dy, kernel, geometry), **close)


@st.composite
def geometries(draw):
    rank = draw(st.integers(1, 2))

    def each(values):
        return tuple(draw(values) for _ in range(rank))
    taps, rates, strides = each(st.integers(1, 9)), each(st.integers(1, 3)), each(st.integers(1, 3))
    sizes = tuple((count - 1) * rate + more for count, rate, more in zip(taps, rates, each(st.integers(1, 40))))
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 4, 8, 16, 33, 64, 512, 1024]))
    depth, each_filters = (draw(st.sampled_from([1, 1, 2, 3, 8, 17, 64])) for _ in range(2))
    padding = draw(st.sampled_from(["valid", "same", "full"]))
    return conv_geometry((draw(st.sampled_from([0, 1, 2, 5, 64])), *sizes, groups * depth),
                         (*taps, depth, groups * each_filters), strides, padding, rates)


@settings(max_examples=400)
@given(geometries(), st.sampled_from(VECTORS))
def test_no_other_row_is_reached(geometry, vectors):
    for found, _ in strategies(geometry, vectors):
        assert row_of(found) in LEGAL
        assert (found.repeat > 1) == (found.lanes is Lanes.POSITIONS)
        assert (found.expand > 1) == (found.reading is Reading.EXPANDED)
        assert (found.strip_bytes > 0) == (found.reading >= Reading.EDGES_COPIED) or 0 in geometry.input_shape
        assert not (found.one_run and found.lanes is not Lanes.FILTERS)


@settings(max_examples=200)
@given(geometries(), st.sampled_from(VECTORS))
def test_panels_hold_every_filter_once_and_tasks_every_position(geometry, vectors):
    for found, (groups, channels, filters) in strategies(geometry, vectors):
        held = [number for panel in found.panels for number in range(panel.first, panel.first + panel.filters)]
        assert held == list(range(len(held)))
        assert len(held) * found.groups == (channels if found.lanes is Lanes.SUMMED else groups * filters)
        assert all(panel.height >= 1 and panel.filters <= panel.vectors * vectors.lanes for panel in found.panels)
        assert all(1 <= blocks <= max(axis.out, 1) for blocks, axis in zip(found.blocks, found.axes))
        assert 1 <= found.panel_blocks <= found.groups * len(found.panels)
        assert found.tasks == found.panel_blocks * found.blocks[0] * found.blocks[1] * found.blocks[2]
