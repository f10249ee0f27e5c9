/* The gradient of maxima whose windows overlap, for one MG_DTYPE (MG_REAL in C) and one MG_ISA; pooling_body.h comes first.

   First every window's winner: how many of its taps, row by row, come before the first that is not less than y.

       0 1 2
       3 4 5      padding counts as less
       6 7 8

   Then every input gathers the dy of the windows that it has won. To send each dy to its winner would add to memory again
   and again, each time waiting for the sum before. Where channels are few, the lanes go over neighbouring windows, and
   over inputs `stride` columns apart: tap k of those meets one window after the other, too. */

/* One vector of channels; `x` points to where tap 0 would be, taps begin <= k < end lie inside. */
MG_INLINE vec MG_NAME(pool_winner)(const MG_REAL *x, vec y, ptrdiff_t row, ptrdiff_t column, ptrdiff_t skipped,
                                   ptrdiff_t rows, ptrdiff_t pool, ptrdiff_t begin, ptrdiff_t end, const int n) {
    vec left = v_set1(1), before = v_set1((MG_REAL)(skipped * pool));
    for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t k = 0; k < pool; k++) {
            if (k >= begin && k < end) left = v_where_lt(MG_NAME(pool_load)(x + r * row + k * column, n), y, left);
            before = v_add(before, left);
        }
    return before;
}

MG_INLINE vec MG_NAME(pool_winner_3x3)(const MG_REAL *x, vec y, ptrdiff_t row, ptrdiff_t column) {
    vec left = v_set1(1), before = v_zero();
    MG_UNROLL
    for (int k = 0; k < 9; k++) {
        left = v_where_lt(v_load(x + k / 3 * row + k % 3 * column), y, left);
        before = v_add(before, left);
    }
    return before;
}

/* Windows from <= w < to of one row; `x` points to the first of the `rows` input rows inside, `y` and `winners` to window
   `from`; `skipped` rows of the windows lie above the input. */
MG_INLINE void MG_NAME(pool_winners)(const struct mg_pool *p, const MG_REAL *x, ptrdiff_t skipped, ptrdiff_t rows,
                                     const MG_REAL *y, MG_REAL *winners, ptrdiff_t from, ptrdiff_t to) {
    const ptrdiff_t channels = p->channels, row = p->width * channels;
    for (ptrdiff_t w = from; w < to; w++, y += channels, winners += channels) {
        const ptrdiff_t start = w * p->stride - p->pad, begin = larger(-start, 0);
        const ptrdiff_t end = smaller(p->pool, p->width - start);
        const int plain = rows == 3 && p->pool == 3 && begin == 0 && end == 3;
        for (ptrdiff_t c = 0; c < channels; c += VL) {
            const int n = LANES(channels - c);
            const MG_REAL *from_ = x + start * channels + c;
            const vec top = MG_NAME(pool_load)(y + c, n);
            if (plain && n == VL) v_store(winners + c, MG_NAME(pool_winner_3x3)(from_, top, row, channels));
            else
                MG_NAME(pool_store)(winners + c, MG_NAME(pool_winner)(from_, top, row, channels, skipped, rows, p->pool,
                                                                      begin, end, n), n);
        }
    }
}

/* The same for `windows` inner windows and few channels; x points to the first column of the first one. */
MG_INLINE void MG_NAME(pool_winners_inner)(const struct mg_pool *p, const MG_REAL *x, ptrdiff_t skipped, ptrdiff_t rows,
                                           const MG_REAL *y, MG_REAL *winners, ptrdiff_t windows, MG_REAL *scratch) {
    const ptrdiff_t channels = p->channels, stride = p->stride, numbers = windows * channels;
    const ptrdiff_t columns = (windows - 1) * stride + p->pool;
    ptrdiff_t row = p->width * channels, size = 0;
    if (stride > 1) {
        size = ceil_div(columns, stride) * channels;
        for (ptrdiff_t r = 0; r < rows; r++)
            MG_NAME(pool_phases)((MG_REAL *)x + r * row, scratch + r * stride * size, columns, channels, stride, size, 0);
        x = scratch;
        row = stride * size;
    }
    for (ptrdiff_t i = 0; i < numbers; i += VL) {
        const int n = LANES(numbers - i);
        const vec top = MG_NAME(pool_load)(y + i, n);
        vec left = v_set1(1), before = v_set1((MG_REAL)(skipped * p->pool));
        for (ptrdiff_t r = 0; r < rows; r++) {
            const MG_REAL *tap = x + r * row + i;
            ptrdiff_t phase = 0;
            for (ptrdiff_t k = 0; k < p->pool; k++) {
                left = v_where_lt(MG_NAME(pool_load)(tap, n), top, left);
                before = v_add(before, left);
                tap += MG_NAME(pool_next_tap)(&phase, stride, size, channels);
            }
        }
        MG_NAME(pool_store)(winners + i, before, n);
    }
}

/* What one vector of inputs has won from `rows` rows of `taps` windows each. `winners` and `dy` point to the window that
   meets it at its tap *codes; the next row's does `code_row` taps, the next window `code_step` taps before. */
MG_INLINE vec MG_NAME(pool_won)(const MG_REAL *winners, ptrdiff_t winner_row, const MG_REAL *dy, ptrdiff_t dy_row,
                                ptrdiff_t step, const MG_REAL *codes, ptrdiff_t code_row, ptrdiff_t code_step,
                                const ptrdiff_t rows, const ptrdiff_t taps, const int n) {
    vec total = v_zero();
    for (ptrdiff_t o = 0; o < rows; o++)
        for (ptrdiff_t t = 0; t < taps; t++)
            total = v_add(total, v_where_eq(MG_NAME(pool_load)(winners + o * winner_row + t * step, n),
                                            v_set1(codes[-o * code_row - t * code_step]),
                                            MG_NAME(pool_load)(dy + o * dy_row + t * step, n)));
    return total;
}

/* The same for 3 x 3 windows of stride 1. */
MG_INLINE vec MG_NAME(pool_won_3x3)(const MG_REAL *winners, ptrdiff_t winner_row, const MG_REAL *dy, ptrdiff_t dy_row,
                                    ptrdiff_t step, const MG_REAL *codes) {
    vec total = v_zero();
    MG_UNROLL
    for (int k = 0; k < 9; k++)
        total = v_add(total, v_where_eq(v_load(winners + k / 3 * winner_row + k % 3 * step), v_set1(codes[-k]),
                                        v_load(dy + k / 3 * dy_row + k % 3 * step)));
    return total;
}

/* What a row of inputs needs of the windows above, on and below it. */
struct MG_NAME(pool_gather) {
    const MG_REAL *winners, *dy, *codes;       /* of its first row of windows and the first window; of its tap there */
    ptrdiff_t winner_row, dy_row, rows, code_row;
    ptrdiff_t from, to;                        /* windows */
};

MG_INLINE void MG_NAME(pool_gather_columns)(const struct mg_pool *p, const struct MG_NAME(pool_gather) *g, MG_REAL *dx,
                                            ptrdiff_t first, ptrdiff_t last) {
    const ptrdiff_t channels = p->channels;
    ptrdiff_t begin = g->from, end = g->from;
    for (ptrdiff_t j = first; j < last; j++) {
        while (end < g->to && end * p->stride - p->pad <= j) end++;
        while (begin < end && begin * p->stride - p->pad + p->pool <= j) begin++;
        const MG_REAL *codes = g->codes + j - (begin * p->stride - p->pad);
        const int plain = g->rows == 3 && end - begin == 3 && p->stride == 1 && g->code_row == 3;
        for (ptrdiff_t c = 0; c < channels; c += VL) {
            const int n = LANES(channels - c);
            const MG_REAL *winners = g->winners + (begin - g->from) * channels + c;
            const MG_REAL *dy = g->dy + (begin - g->from) * channels + c;
            if (plain && n == VL)
                v_store(dx + j * channels + c, MG_NAME(pool_won_3x3)(winners, g->winner_row, dy, g->dy_row, channels, codes));
            else
                MG_NAME(pool_store)(dx + j * channels + c,
                                    MG_NAME(pool_won)(winners, g->winner_row, dy, g->dy_row, channels, codes, g->code_row,
                                                      p->stride, g->rows, end - begin, n), n);
        }
    }
}

/* The same for few channels, a phase at a time; winners and dy have a margin on either side, the winners' without any. */
MG_INLINE void MG_NAME(pool_gather_phases)(const struct mg_pool *p, const struct MG_NAME(pool_gather) *g, MG_REAL *dx,
                                           ptrdiff_t first, ptrdiff_t last, MG_REAL *scratch) {
    const ptrdiff_t channels = p->channels, stride = p->stride;
    const ptrdiff_t begin = (first + p->pad) / stride, end = (last - 1 + p->pad) / stride + 1;
    const ptrdiff_t numbers = (end - begin) * channels;
    for (ptrdiff_t k = 0; k < stride; k++) {
        const ptrdiff_t taps = ceil_div(p->pool - k, stride);
        const ptrdiff_t at = (begin - g->from - larger(taps - 1, 0)) * channels;      /* the window at the last tap */
        const MG_REAL *codes = g->codes + k + larger(taps - 1, 0) * stride;
        MG_REAL *to = stride == 1 ? dx + first * channels : scratch + k * numbers;
        for (ptrdiff_t i = 0; i < numbers; i += VL) {
            const int n = LANES(numbers - i);
            MG_NAME(pool_store)(to + i, MG_NAME(pool_won)(g->winners + at + i, g->winner_row, g->dy + at + i, g->dy_row,
                                                          channels, codes, g->code_row, stride, g->rows, taps, n), n);
        }
    }
    if (stride == 1) return;
    ptrdiff_t j = first;
    for (; j < last && (j + p->pad) % stride != 0; j++)
        for (ptrdiff_t c = 0; c < channels; c++)
            dx[j * channels + c] = scratch[(j + p->pad) % stride * numbers + c];
    for (ptrdiff_t i = j * channels; i < last * channels; i++) dx[i] = 0;
    MG_NAME(pool_phases)(dx + j * channels, scratch + (j > first ? channels : 0), last - j, channels, stride, numbers, 1);
}

static void MG_NAME(pool_max_grad_shared)(const struct mg_pool *rows, const struct mg_pool *p, const void *x_,
                                          const void *y_, const void *dy_, void *dx_, ptrdiff_t from, ptrdiff_t to,
                                          ptrdiff_t first, ptrdiff_t last, void *scratch_) {
    const MG_REAL *x = x_, *y = y_, *dy = dy_;
    MG_REAL *dx = dx_, *scratch = scratch_;
    const ptrdiff_t channels = p->channels, row = p->width * channels, out_row = p->outputs * channels;
    /* the windows that meet the part, of which a ... b - 1 lie inside the input as a whole */
    const ptrdiff_t above = ceil_div(from + rows->pad - rows->pool + 1, rows->stride);
    const ptrdiff_t below = larger(smaller(rows->outputs, ceil_div(to + rows->pad, rows->stride)), above);
    const ptrdiff_t begin = ceil_div(first + p->pad - p->pool + 1, p->stride);
    const ptrdiff_t end = larger(smaller(p->outputs, ceil_div(last + p->pad, p->stride)), begin);
    const ptrdiff_t a = smaller(larger(begin, ceil_div(p->pad, p->stride)), end);
    const ptrdiff_t b = larger(smaller(end, ceil_div(p->width + p->pad - p->pool + 1, p->stride)), a);
    const int few = MG_NAME(pool_lanes_over_windows)(channels, b - a);
    const ptrdiff_t margin = mg_pool_margin(p), pitch = (end - begin) * channels + 2 * margin;
    MG_REAL *codes = scratch, *winners = codes + rows->pool * p->pool, *copies = winners + (below - above) * pitch;
    scratch = copies + (below - above) * pitch;
    for (ptrdiff_t i = 0; i < rows->pool * p->pool; i++) codes[i] = (MG_REAL)i;
    for (ptrdiff_t o = above; o < below; o++) {
        const ptrdiff_t start = o * rows->stride - rows->pad, top = larger(start, 0);
        const ptrdiff_t high = smaller(start + rows->pool, rows->width) - top;
        const MG_REAL *input = x + top * row, *tops = y + o * out_row;
        MG_REAL *line = winners + (o - above) * pitch, *at = line + margin - begin * channels;
        if (!few) {
            MG_NAME(pool_winners)(p, input, top - start, high, tops + begin * channels, at + begin * channels, begin, end);
            continue;
        }
        for (ptrdiff_t i = 0; i < margin; i++) line[i] = line[pitch - 1 - i] = -1;
        MG_REAL *copy = copies + (o - above) * pitch + margin;
        for (ptrdiff_t i = 0; i < (end - begin) * channels; i++) copy[i] = dy[o * out_row + begin * channels + i];
        MG_NAME(pool_winners)(p, input, top - start, high, tops + begin * channels, at + begin * channels, begin, a);
        MG_NAME(pool_winners_inner)(p, input + (a * p->stride - p->pad) * channels, top - start, high, tops + a * channels,
                                    at + a * channels, b - a, scratch);
        MG_NAME(pool_winners)(p, input, top - start, high, tops + b * channels, at + b * channels, b, end);
    }
    for (ptrdiff_t i = from; i < to; i++) {
        const ptrdiff_t o = ceil_div(i + rows->pad - rows->pool + 1, rows->stride);
        const ptrdiff_t stop = smaller(rows->outputs, (i + rows->pad) / rows->stride + 1);
        const struct MG_NAME(pool_gather) g = {
            .winners = winners + (o - above) * pitch + margin,
            .dy = few ? copies + (o - above) * pitch + margin : dy + o * out_row + begin * channels,
            .codes = codes + (i - (o * rows->stride - rows->pad)) * p->pool,
            .winner_row = pitch, .dy_row = few ? pitch : out_row, .rows = larger(stop - o, 0),
            .code_row = rows->stride * p->pool, .from = begin, .to = end};
        if (few) MG_NAME(pool_gather_phases)(p, &g, dx + i * row, first, last, scratch);
        else MG_NAME(pool_gather_columns)(p, &g, dx + i * row, first, last);
    }
}
