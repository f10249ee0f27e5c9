"""How a correlation is computed, from shapes alone: what the lanes of vectors hold, how x is read, along which axis the
register tiles lie, and how the work is cut into tasks.

Lanes hold

    FILTERS       filters; in the last panel, if it is mostly empty, those of several taps
    POSITIONS     the channels of neighbouring positions, where channels have a filter each and are few
    CHANNELS      channels that have a filter each
    SUMMED        channels of the only filter there is: the tiles of all channels are one sum, whose lanes are added up

and x is read

    IN_PLACE      no tile along the axis meets the padding
    EDGES_CUT     tiles leave out the taps that meet the padding
    EDGES_COPIED  tiles that meet the padding read strips: copies with zeros around them
    EXPANDED      strips hold all that is read, each channel as often as it has filters
    SORTED        strips hold all that is read, at each position the first channels of all groups, then the second ...
    APART         strips hold a task's channels, at a pitch that does not crowd the first-level cache

These go together (`pair`: a tile may be of two neighbouring rows, which share most of what they read):

    lanes       reading        tiles lie along
    FILTERS     IN_PLACE       images, rows, columns
                EDGES_COPIED           rows, columns
    POSITIONS   IN_PLACE                     columns
                EDGES_COPIED                 columns
                EXPANDED                     columns
    CHANNELS    IN_PLACE       images
                EDGES_CUT              rows, columns, columns in pairs of rows
                EXPANDED               rows, columns
                SORTED                 rows, columns
                APART                  rows, columns, columns in pairs of rows
    SUMMED      EDGES_CUT                    columns, columns in pairs of rows

Which of them a shape gets follows from the counts of channels and filters in a group, then from the axis, then from
what a tile would do to the first-level cache. All counts are in elements, unless a name says bytes.
"""
import math
from enum import IntEnum
from typing import NamedTuple

from mgconv.native.passes import merge_positions
from mgconv.native.tiles import choose_panels

LINE = 64                             # bytes of a cache line
L1_BYTES, L1_WAYS = 32 << 10, 8       # a first-level cache
L2_SHARE = 400 << 10                  # bytes of packed kernel, or of input, that stay in the second-level cache
TASKS = 48                            # enough to balance many threads
LOW = 8                               # tiles of fewer columns lie along the images, if there are many;
LOW_CHANNELS = 3                      # those of channels need not be high
MANY_TAPS = 8                         # of a row, that repay adding up the lanes; two rows at a time always do

IMAGES, ROWS, COLUMNS = range(3)


class Lanes(IntEnum):
    FILTERS = 0
    POSITIONS = 1
    CHANNELS = 2
    SUMMED = 3


class Reading(IntEnum):
    IN_PLACE = 0
    EDGES_CUT = 1
    EDGES_COPIED = 2
    EXPANDED = 3
    SORTED = 4
    APART = 5


FILTERS, POSITIONS, CHANNELS, SUMMED = Lanes
IN_PLACE, EDGES_CUT, EDGES_COPIED, EXPANDED, SORTED, APART = Reading


class Vectors(NamedTuple):
    """What one instruction set's vectors hold of one dtype, and its tallest register tiles."""
    lanes: int
    item: int                         # bytes of an element
    filters: tuple[int, ...]          # with 1, 2, 3 and 4 vectors of filters
    taps: dict[int, int]              # with so many taps in the lanes
    channels: int                     # with channels in the lanes,
    pair: int                         # for two rows


class Axis(NamedTuple):
    """As in passes.py."""
    size: int
    taps: int
    dilation: int
    stride: int
    start: int
    out: int
    y_step: int


class Panel(NamedTuple):
    """Filters (or channels) of one register tile, within their group."""
    vectors: int
    taps: int                         # in the lanes
    first: int
    filters: int
    height: int                       # of its tallest tile


class Strategy(NamedTuple):
    lanes: Lanes
    reading: Reading
    along: int                        # IMAGES, ROWS or COLUMNS
    pair: bool
    repeat: int                       # neighbouring positions in the lanes
    expand: int                       # how often each channel stands in strips
    axes: tuple[Axis, Axis, Axis]     # images, rows, columns, some of them merged
    groups: int                       # that have panels of their own
    depth: int                        # channels that one tile sums
    one_run: bool                     # the taps of a row are one run in x
    panels: list[Panel]               # of each group
    packed_bytes: int                 # the kernel, as the tiles read it
    strip_height: int                 # strips end where tiles of this height end
    strip_position: int               # bytes from position to position in a strip
    strip_bytes: int                  # all strips of a task
    panel_blocks: int                 # into how many parts tasks cut the panels,
    blocks: tuple[int, int, int]      # and each axis
    seconds: float

    @property
    def tasks(self):
        return self.panel_blocks * math.prod(self.blocks)


def strategy(vectors, batch, rows, columns, groups, channels, filters, y_image, kernel_steps, x_pitch=0):
    """The Strategy for one pass of passes.py.

    `x_pitch`, if not 0, is the distance between positions of x, where somebody else packs the panels: in whole vectors
    of filters.
    """
    rows, columns, batch = merge_positions(batch, rows, columns, y_image)
    axes = Axis(batch, 1, 1, 1, 0, batch, y_image), Axis(*rows), Axis(*columns)
    along = choose_axis(axes, LOW_CHANNELS if channels == filters == 1 < groups else LOW)
    position, expand = x_pitch or groups * channels, 1
    if (channels == 1 < filters and groups > 1 and along != IMAGES and rows[1] * columns[1] > 1
            and kernel_steps[4] == filters * kernel_steps[3]):
        # Several filters a channel, side by side in the kernel: a channel each in strips that hold it as often.
        expand, groups, filters = filters, groups * filters, 1
    lanes, reading, pair, repeat = choose(vectors, axes, along, position, groups, channels, filters, expand)
    one_run = False
    if lanes is FILTERS:
        one_run = (groups == 1 and position == channels and axes[COLUMNS].dilation == 1 and axes[COLUMNS].taps > 1
                   and (along == COLUMNS or not meets_padding(axes[COLUMNS])))
        run = channels * axes[COLUMNS].taps if one_run else channels
        panels = filter_panels(vectors, axes, along, position, filters, 1 if x_pitch else run)
        strip_height = panels[0].height
    else:
        groups, run = (channels, 1) if lanes is SUMMED else (groups, channels)
        panels = [Panel(1, 1, first, min(vectors.lanes, groups - first), vectors.channels)
                  for first in range(0, groups, vectors.lanes)]
        groups, channels = 1, run
        strip_height = 1              # low tiles cost little and copies much
    rows_of_panel = axes[ROWS].taps * (1 if one_run else axes[COLUMNS].taps)
    packed_bytes = groups * rows_of_panel * vectors.lanes * vectors.item * sum(
        [(run // panel.taps + run % panel.taps) * panel.vectors for panel in panels])
    if repeat > 1:
        packed_bytes += vectors.lanes * vectors.item                          # the bias
    found = Strategy(lanes, reading, along, pair, repeat, expand, axes, groups, channels, one_run, panels, packed_bytes,
                     strip_height, position * expand * vectors.item, 0, 1, (1, 1, 1), 0.0)
    return cut_tasks(found, vectors, position * vectors.item)


def choose_axis(axes, low):
    """Along the columns; or the rows, where there is one column; or the images, where maps are smaller than a tile."""
    batch, rows, columns = [axis.out for axis in axes]
    if columns == 1:
        return IMAGES if rows == 1 or batch > rows else ROWS
    return IMAGES if columns < low and batch >= 2 * columns else COLUMNS


def choose(vectors, axes, along, position, groups, channels, filters, expand):
    """Lanes, reading, pairs, repeat: a row of the table above."""
    _, rows, columns = axes
    pair = along == COLUMNS and rows.taps > 1 and rows.stride == rows.dilation == 1
    crowded = tile_inputs(vectors, axes, pair) > lines_together(position * vectors.item)
    if (along == COLUMNS and groups == filters == 1 and channels % vectors.lanes == 0
            and columns.taps >= (2 if pair else MANY_TAPS) and not crowded):
        return SUMMED, EDGES_CUT, pair, 1
    if channels > 1 == filters and groups > 1 and along != IMAGES and columns.dilation == 1 and \
            2 * groups >= vectors.lanes:
        return CHANNELS, SORTED, False, 1
    repeat = 1
    if along == COLUMNS and columns.stride == 1 and columns.y_step == position * expand and columns.out > 1:
        repeat = max(vectors.lanes // groups, 1)
    edges = EDGES_COPIED if along != IMAGES and meets_padding(axes[along]) else IN_PLACE
    if channels > 1 or filters > 1 or groups == repeat == 1:
        return FILTERS, edges, False, 1
    if repeat > 1:
        return POSITIONS, EXPANDED if expand > 1 else edges, False, repeat
    if expand > 1:
        return CHANNELS, EXPANDED, False, 1
    if along == IMAGES:
        return CHANNELS, IN_PLACE, False, 1
    return CHANNELS, APART if crowded else EDGES_CUT, pair, 1


def meets_padding(axis):
    """Whether a tap of some output does."""
    return axis.start < 0 or axis.start + (axis.out - 1) * axis.stride + (axis.taps - 1) * axis.dilation >= axis.size


def lines_together(step):
    """How many cache lines, each `step` bytes after the one before, the first-level cache holds: a power of two crowds
    them into few of its sets."""
    return L1_BYTES // math.gcd(step, L1_BYTES // L1_WAYS)


def tile_inputs(vectors, axes, pair):
    """Positions of x that one tile of channels reads."""
    _, rows, columns = axes
    return (rows.taps + pair) * (columns.taps + (vectors.pair if pair else vectors.channels) - 1)


def loose(size):
    """So many bytes, and an odd number of cache lines."""
    return (-(-size // LINE) | 1) * LINE


def filter_panels(vectors, axes, along, position, filters, run):
    """Panels of one group's filters, for tiles no higher than the first-level cache lets them be."""
    _, rows, columns = axes
    step = (rows.size * columns.size, columns.size * rows.stride, columns.stride)[along] * position * vectors.item
    room = lines_together(step) - 2                           # beside them, lines of the kernel
    heights = [min(height, room) for height in vectors.filters]
    return [Panel(count, taps, first, some, heights[count - 1] if taps == 1 else min(vectors.taps[taps], room))
            for count, taps, first, some in choose_panels(filters, axes[along].out, run, vectors.lanes, heights)]


def cut_tasks(s, vectors, position):
    """Boxes of positions by shape alone: panels cut to fit the cache, then positions into enough tasks. `position` is
    in bytes."""
    along, summed, count = s.along, s.lanes is SUMMED, s.groups * len(s.panels)
    images, rows, columns = s.axes
    seconds = expected_seconds(s, vectors)
    wanted = min(max(int(seconds / 5e-6), 1), TASKS)
    panel_blocks = 1 if summed else min(max(s.packed_bytes // L2_SHARE, 1), count)
    left, blocks = -(-wanted // panel_blocks), [1, 1, 1]
    for i, axis in enumerate(s.axes if left > 1 else ()):
        limit = axis.out // (2 * s.panels[0].height) if i == along else axis.out
        blocks[i] = min(max(limit, 1), left)
        left = -(-left // blocks[i])
    if blocks[IMAGES] == images.out and along != IMAGES and count > panel_blocks:
        share = rows.size * columns.size * position // (blocks[ROWS] * blocks[COLUMNS])
        if share > L2_SHARE:
            blocks[ROWS] = min(rows.out, blocks[ROWS] * -(-share // L2_SHARE))
    if left > 1 and not summed:
        panel_blocks = min(count, panel_blocks * left)
    strip_position = s.strip_position
    if s.reading is APART:
        width = s.panels[0].vectors * vectors.lanes * vectors.item
        share = strip_bytes(s, blocks, loose(count * width))
        panel_blocks = min(count, max(panel_blocks, -(-share // L2_SHARE)))
        strip_position = loose(-(-count // panel_blocks) * width)
    if s.reading >= EXPANDED:
        share = strip_bytes(s, (1, blocks[ROWS], 1), strip_position)
        blocks[ROWS] = min(rows.out, blocks[ROWS] * -(-share // L2_SHARE))
    return s._replace(
        panel_blocks=panel_blocks, blocks=tuple(blocks), seconds=seconds, strip_position=strip_position,
        strip_bytes=strip_bytes(s, blocks, strip_position) if s.reading >= EDGES_COPIED else 0)


def expected_seconds(s, vectors):
    """A vector at each tap of each position, and the results."""
    images, rows, columns = s.axes
    taps, outputs = rows.taps * columns.taps, images.out * rows.out * columns.out
    width = s.groups * vectors.lanes * sum([panel.vectors for panel in s.panels])
    return outputs * taps * s.depth * width / (vectors.lanes * 8e9) + outputs * width * vectors.item / 2e10


def strip_bytes(s, blocks, strip_position):
    """The largest strips of one task, of so many blocks of rows and columns: all inputs that its box reads."""
    _, rows, columns = s.axes
    row_span, column_span = (rows.taps - 1) * rows.dilation + 1, (columns.taps - 1) * columns.dilation + 1
    high = (-(-rows.out // blocks[ROWS]) - 1) * rows.stride + row_span
    wide = (-(-columns.out // blocks[COLUMNS]) - 1) * columns.stride + column_span
    if s.along == COLUMNS:
        return min(high, rows.size) * (wide + column_span) * strip_position
    return (high + row_span) * min(wide, columns.size) * strip_position
