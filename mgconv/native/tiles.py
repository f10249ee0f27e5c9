"""How the elements of a vector and beside it are cut into register tiles: by what the tiles cost."""


def choose_panels(filters, positions, run, lanes, heights):
    """Panels (vectors, taps in the lanes, first filter, filters) for one group's filters; `heights` are the tallest
    tiles of 1, 2, ... vectors."""
    vectors, rest = divmod(filters, lanes)
    interleaved = []
    if rest:
        most = lanes // (1 << (rest - 1).bit_length())
        taps = min([1 << e for e in range(most.bit_length())], key=lambda q: run // q + run % q)
        if taps > 1:
            interleaved = [(1, taps, vectors * lanes, rest)]
        else:
            vectors += 1
    panels, first = [], 0
    if vectors:
        for size in min([balanced(vectors, widest) for widest in (2, 3, 4, 1)],
                        key=lambda sizes: total_cost(positions, sizes, heights)):
            panels.append((size, 1, first, min(size * lanes, filters - first)))
            first += size * lanes
    return panels + interleaved


def cheapest_widths(wide, tall, lanes, heights, most):
    """Cost and vectors of the tiles that cut `wide` elements in the lanes by `tall` beside them.

    Two vectors read a line or two of each position and stay in the first-level cache: others must be clearly better.
    """
    vectors = -(-wide // lanes)
    candidates = [balanced(vectors, widest) for widest in (2, 3, 4, 1) if widest <= most]
    return min([(total_cost(tall, sizes, heights), sizes) for sizes in candidates],
               key=lambda pair: pair[0] * (1 if max(pair[1]) == 2 else 1.03))


def depthwise_parts(rows, columns, neighbours, most):
    """Entries of each tile of a depthwise kernel's gradient: where neighbouring taps meet neighbouring positions, whole
    runs of taps, which share what they load; three at a time, or all of one tile."""
    if not neighbours or columns < 3 or most < 3:
        return balanced(rows * columns, most)
    return [3 * count for count in balanced(rows, most // 3)] if columns == 3 else balanced(columns, most) * rows


def balanced(total, most):
    """`total` cut into as few parts of at most `most` as there can be, of sizes that differ by one at most."""
    count = -(-total // most)
    return [total // count + (i < total % count) for i in range(count)]


def total_cost(positions, widths, heights):
    """Cycles for one reduction step over the tiles of all positions, for tiles of several `widths` in vectors."""
    return sum([tiles_cost(positions, vectors, heights[vectors - 1]) for vectors in widths])


def tiles_cost(positions, vectors, tallest):
    """Cycles for one reduction step over all tiles: two multiply-adds and two loads a cycle, four cycles of latency."""
    tiles = -(-positions // tallest)
    height = -(-positions // tiles) if tiles else 1
    return tiles * (max(height * vectors / 2, (height + vectors) / 2, 4) + 0.15 * vectors)
