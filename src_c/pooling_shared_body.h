/* The gradient of maxima whose windows overlap or whose channels are few, for one MG_DTYPE (MG_REAL in C) and one
   MG_ISA; pooling_body.h comes first.

   First every window's winner: how many of its taps, row by row, come before the first that is not less than y.

       0 1 2
       3 4 5      padding counts as less
       6 7 8

   Then every input gathers the dy of the windows that it has won. To send each dy to its winner would add to memory
   again and again, each time waiting for the sum before; that repays only where channels are few and windows more than
   a column apart, so that neighbouring inputs meet different taps and lanes stay empty. */

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

/* The same for `pool` x `pool` taps inside, a constant, of a window that has none above them. */
MG_INLINE vec MG_NAME(pool_winner_square)(const MG_REAL *x, vec y, ptrdiff_t row, ptrdiff_t column, const int pool,
                                          const int n) {
    vec left = v_set1(1), before = v_zero();
    MG_UNROLL
    for (int k = 0; k < pool * pool; k++) {
        left = v_where_lt(MG_NAME(pool_load)(x + k / pool * row + k % pool * column, n), y, left);
        before = v_add(before, left);
    }
    return before;
}

MG_INLINE void MG_NAME(pool_winner_channels)(const MG_REAL *x, const MG_REAL *y, MG_REAL *winners, ptrdiff_t row,
                                             ptrdiff_t channels, const int pool) {
    ptrdiff_t c = 0;
    for (; c + VL <= channels; c += VL)
        v_store(winners + c, MG_NAME(pool_winner_square)(x + c, v_load(y + c), row, channels, pool, VL));
    if (c < channels) {
        const int n = LANES(channels - c);
        v_store(winners + c, MG_NAME(pool_winner_square)(x + c, v_loadn(y + c, n), row, channels, pool, n));
    }
}

/* Windows from <= w < to of one row; `x` points to the first of the `rows` input rows inside, `y` and `winners` to
   window `from`; `skipped` rows of the windows lie above the input. Whole vectors are stored: what reaches beyond is
   overwritten by the next window or is no winner's place (a store of a part is slow). */
static MG_NOINLINE void MG_NAME(pool_winners)(const struct mg_pool *p, const MG_REAL *x, ptrdiff_t skipped,
                                              ptrdiff_t rows, const MG_REAL *y, MG_REAL *winners, ptrdiff_t from,
                                              ptrdiff_t to) {
    const ptrdiff_t channels = p->channels, row = p->width * channels;
    for (ptrdiff_t w = from; w < to; w++, y += channels, winners += channels) {
        const ptrdiff_t start = w * p->stride - p->pad, begin = larger(-start, 0);
        const ptrdiff_t end = smaller(p->pool, p->width - start);
        const MG_REAL *corner = x + start * channels;
        const ptrdiff_t square = skipped == 0 && rows == p->pool && end - begin == rows ? rows : 0;
        if (square == 2) MG_NAME(pool_winner_channels)(corner, y, winners, row, channels, 2);
        else if (square == 3) MG_NAME(pool_winner_channels)(corner, y, winners, row, channels, 3);
        else
            for (ptrdiff_t c = 0; c < channels; c += VL) {
                const int n = LANES(channels - c);
                const vec top = MG_NAME(pool_load)(y + c, n);
                v_store(winners + c, MG_NAME(pool_winner)(corner + c, top, row, channels, skipped, rows, p->pool, begin,
                                                          end, n));
            }
    }
}

/* One vector of neighbouring windows; `x` points to their first taps, in rows or in phases. */
MG_INLINE vec MG_NAME(pool_winner_inner)(const struct mg_pool *p, const MG_REAL *x, vec y, ptrdiff_t row,
                                         ptrdiff_t size, ptrdiff_t skipped, ptrdiff_t rows, const int n) {
    vec left = v_set1(1), before = v_set1((MG_REAL)(skipped * p->pool));
    for (ptrdiff_t r = 0; r < rows; r++) {
        const MG_REAL *tap = x + r * row;
        ptrdiff_t phase = 0;
        for (ptrdiff_t k = 0; k < p->pool; k++) {
            left = v_where_lt(MG_NAME(pool_load)(tap, n), y, left);
            before = v_add(before, left);
            tap += MG_NAME(pool_next_tap)(&phase, p->stride, size, p->channels);
        }
    }
    return before;
}

/* `windows` inner windows of few channels; x points to the first column of the first one. */
MG_INLINE void MG_NAME(pool_winners_inner)(const struct mg_pool *p, const MG_REAL *x, ptrdiff_t skipped, ptrdiff_t rows,
                                           const MG_REAL *y, MG_REAL *winners, ptrdiff_t windows, MG_REAL *scratch) {
    const ptrdiff_t channels = p->channels, stride = p->stride, numbers = windows * channels;
    const ptrdiff_t columns = (windows - 1) * stride + p->pool;
    ptrdiff_t row = p->width * channels, size = 0, i = 0;
    if (stride > 1) {
        size = ceil_div(columns, stride) * channels;
        for (ptrdiff_t r = 0; r < rows; r++)
            MG_NAME(pool_phases)((MG_REAL *)x + r * row, scratch + r * stride * size, columns, channels, stride, size,
                                 0);
        x = scratch;
        row = stride * size;
    }
    for (; i + VL <= numbers; i += VL)
        v_store(winners + i, MG_NAME(pool_winner_inner)(p, x + i, v_load(y + i), row, size, skipped, rows, VL));
    if (i < numbers) {
        const int n = LANES(numbers - i);
        v_store(winners + i, MG_NAME(pool_winner_inner)(p, x + i, v_loadn(y + i, n), row, size, skipped, rows, n));
    }
}

/* What one vector of inputs has won from `rows` rows of `taps` windows each. `winners` and `dy` point to the window
   that meets it at its tap *codes; the next row's does `code_row` taps, the next window `code_step` taps before. */
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

/* The same where both numbers are constants, for `numbers` numbers in whole vectors; returns how many those hold. */
MG_INLINE ptrdiff_t MG_NAME(pool_won_few)(MG_REAL *to, ptrdiff_t numbers, const MG_REAL *winners, ptrdiff_t winner_row,
                                          const MG_REAL *dy, ptrdiff_t dy_row, ptrdiff_t step, const MG_REAL *codes,
                                          ptrdiff_t code_row, ptrdiff_t code_step, const int rows, const int taps) {
    vec code[9];
    ptrdiff_t i = 0;
    MG_UNROLL
    for (int k = 0; k < rows * taps; k++) code[k] = v_set1(codes[-(k / taps) * code_row - k % taps * code_step]);
    for (; i + VL <= numbers; i += VL) {
        vec total = v_zero();
        MG_UNROLL
        for (int k = 0; k < rows * taps; k++)
            total = v_add(total, v_where_eq(v_load(winners + k / taps * winner_row + k % taps * step + i), code[k],
                                            v_load(dy + k / taps * dy_row + k % taps * step + i)));
        v_store(to + i, total);
    }
    return i;
}

/* What a row of inputs needs of the windows above, on and below it. */
struct MG_NAME(pool_gather) {
    const MG_REAL *winners, *dy, *codes;       /* of its first row of windows and the first window; of its tap there */
    ptrdiff_t winner_row, dy_row, rows, code_row;
    ptrdiff_t from, to;                        /* windows */
};

#define WON_FEW(rows, taps)                                                                                     \
    MG_NAME(pool_won_few)(to, channels, winners, g->winner_row, dy, g->dy_row, channels, codes, g->code_row,    \
                          p->stride, rows, taps)

/* Lanes go over channels. */
MG_INLINE void MG_NAME(pool_gather_channels)(const struct mg_pool *p, const struct MG_NAME(pool_gather) *g, MG_REAL *dx,
                                             ptrdiff_t first, ptrdiff_t last) {
    const ptrdiff_t channels = p->channels;
    ptrdiff_t begin = g->from, end = g->from;
    for (ptrdiff_t j = first; j < last; j++) {
        while (end < g->to && end * p->stride - p->pad <= j) end++;
        while (begin < end && begin * p->stride - p->pad + p->pool <= j) begin++;
        const MG_REAL *codes = g->codes + j - (begin * p->stride - p->pad);
        const MG_REAL *winners = g->winners + (begin - g->from) * channels, *dy = g->dy + (begin - g->from) * channels;
        MG_REAL *to = dx + j * channels;
        ptrdiff_t c = 0;
        switch (g->rows < 4 && end - begin < 4 ? g->rows * 4 + end - begin : 0) {
        case 1 * 4 + 1: c = WON_FEW(1, 1); break;
        case 1 * 4 + 2: c = WON_FEW(1, 2); break;
        case 1 * 4 + 3: c = WON_FEW(1, 3); break;
        case 2 * 4 + 1: c = WON_FEW(2, 1); break;
        case 2 * 4 + 2: c = WON_FEW(2, 2); break;
        case 3 * 4 + 3: c = WON_FEW(3, 3); break;
        }
        for (; c < channels; c += VL) {
            const int n = LANES(channels - c);
            const vec won = MG_NAME(pool_won)(winners + c, g->winner_row, dy + c, g->dy_row, channels, codes,
                                              g->code_row, p->stride, g->rows, end - begin, n);
            MG_NAME(pool_store)(to + c, won, n);
        }
    }
}

#undef WON_FEW

/* Lanes go over columns, for windows one column apart; winners and dy have a margin on either side, the winners'
   without any. */
MG_INLINE void MG_NAME(pool_gather_columns)(const struct mg_pool *p, const struct MG_NAME(pool_gather) *g, MG_REAL *dx,
                                            ptrdiff_t first, ptrdiff_t last) {
    const ptrdiff_t channels = p->channels, numbers = (last - first) * channels;
    const ptrdiff_t at = (first + p->pad - (p->pool - 1) - g->from) * channels;      /* of the window at the last tap */
    const MG_REAL *winners = g->winners + at, *dy = g->dy + at, *codes = g->codes + p->pool - 1;
    MG_REAL *to = dx + first * channels;
    ptrdiff_t i = 0;
    if (g->rows == 3 && p->pool == 3)
        i = MG_NAME(pool_won_few)(to, numbers, winners, g->winner_row, dy, g->dy_row, channels, codes, g->code_row, 1,
                                  3, 3);
    for (; i < numbers; i += VL) {
        const int n = LANES(numbers - i);
        const vec won = MG_NAME(pool_won)(winners + i, g->winner_row, dy + i, g->dy_row, channels, codes, g->code_row,
                                          1, g->rows, p->pool, n);
        MG_NAME(pool_store)(to + i, won, n);
    }
}

/* dy of windows from <= w < to of row o, each to its winner. */
MG_INLINE void MG_NAME(pool_send)(const struct mg_pool *rows, const struct mg_pool *p, const MG_REAL *winners,
                                  const MG_REAL *dy, MG_REAL *dx, ptrdiff_t o, ptrdiff_t from, ptrdiff_t to,
                                  const struct MG_NAME(pool_part) *part) {
    enum { MOST = 32 };
    const ptrdiff_t channels = p->channels, taps = rows->pool * p->pool, i = o * rows->stride - rows->pad;
    ptrdiff_t places[MOST];
    for (ptrdiff_t k = 0; k < smaller(taps, MOST); k++) places[k] = (k / p->pool * p->width + k % p->pool) * channels;
    for (ptrdiff_t w = from; w < to; w++) {
        const ptrdiff_t j = w * p->stride - p->pad;
        const int whole = i >= part->from && i + rows->pool <= part->to && j >= part->first
                          && j + p->pool <= part->last;
        MG_REAL *at = dx + (i * p->width + j) * channels;
        for (ptrdiff_t c = 0; c < channels; c++, winners++, dy++) {
            const int k = (int)*winners;
            if (k >= taps) continue;                    /* y was larger than all of them */
            if (whole && taps <= MOST) {
                at[places[k] + c] += *dy;
                continue;
            }
            const ptrdiff_t r = i + k / p->pool, column = j + k % p->pool;
            if (r >= part->from && r < part->to && column >= part->first && column < part->last)
                dx[(r * p->width + column) * channels + c] += *dy;
        }
    }
}

/* Vectors, the last of which may reach beyond what is asked for. */
MG_INLINE void MG_NAME(pool_fill)(MG_REAL *to, MG_REAL value, ptrdiff_t numbers) {
    for (ptrdiff_t i = 0; i < numbers; i += VL) v_store(to + i, v_set1(value));
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
    const int together = few && (p->stride == 1 || (p->stride == 2 && channels == 1));
    const int send = few && p->stride > 1, gather = few && p->stride == 1;
    const struct MG_NAME(pool_part) part = {from, to, first, last};
    const ptrdiff_t margin = mg_pool_margin(p), pitch = (end - begin) * channels + 2 * margin;
    MG_REAL *codes = scratch, *winners = codes + rows->pool * p->pool, *copies = winners + (below - above) * pitch;
    scratch = copies + (below - above) * pitch;
    for (ptrdiff_t i = 0; i < rows->pool * p->pool; i++) codes[i] = (MG_REAL)i;
    for (ptrdiff_t o = above; o < below; o++) {
        const ptrdiff_t start = o * rows->stride - rows->pad, top = larger(start, 0);
        const ptrdiff_t high = smaller(start + rows->pool, rows->width) - top;
        const MG_REAL *input = x + top * row, *tops = y + o * out_row;
        MG_REAL *line = winners + (o - above) * pitch, *at = line + margin - begin * channels;
        if (gather) {
            MG_NAME(pool_fill)(line, -1, margin);
            MG_REAL *copy = copies + (o - above) * pitch + margin;
            for (ptrdiff_t i = 0; i < (end - begin) * channels; i += VL)
                v_store(copy + i, MG_NAME(pool_load)(dy + o * out_row + begin * channels + i,
                                                     LANES((end - begin) * channels - i)));
        }
        const ptrdiff_t low = together ? a : end, middle = together ? b : end;
        MG_NAME(pool_winners)(p, input, top - start, high, tops + begin * channels, at + begin * channels, begin, low);
        if (together)
            MG_NAME(pool_winners_inner)(p, input + (a * p->stride - p->pad) * channels, top - start, high,
                                        tops + a * channels, at + a * channels, b - a, scratch);
        MG_NAME(pool_winners)(p, input, top - start, high, tops + middle * channels, at + middle * channels, middle,
                              end);
        if (gather) MG_NAME(pool_fill)(line + pitch - margin, -1, margin);
    }
    if (send) {
        for (ptrdiff_t i = from; i < to; i++)
            for (ptrdiff_t j = first * channels; j < last * channels; j++) dx[i * row + j] = 0;
        for (ptrdiff_t o = above; o < below; o++)
            MG_NAME(pool_send)(rows, p, winners + (o - above) * pitch + margin, dy + o * out_row + begin * channels, dx,
                               o, begin, end, &part);
        return;
    }
    for (ptrdiff_t i = from; i < to; i++) {
        const ptrdiff_t o = ceil_div(i + rows->pad - rows->pool + 1, rows->stride);
        const ptrdiff_t stop = smaller(rows->outputs, (i + rows->pad) / rows->stride + 1);
        const struct MG_NAME(pool_gather) g = {
            .winners = winners + (o - above) * pitch + margin,
            .dy = gather ? copies + (o - above) * pitch + margin : dy + o * out_row + begin * channels,
            .codes = codes + (i - (o * rows->stride - rows->pad)) * p->pool,
            .winner_row = pitch, .dy_row = gather ? pitch : out_row, .rows = larger(stop - o, 0),
            .code_row = rows->stride * p->pool, .from = begin, .to = end};
        if (gather) MG_NAME(pool_gather_columns)(p, &g, dx + i * row, first, last);
        else MG_NAME(pool_gather_channels)(p, &g, dx + i * row, first, last);
    }
}
