/* Sums of tiles with channels in the lanes, for one MG_DTYPE (MG_REAL in C) and one MG_ISA; part of conv_rows_body.h.

   MG_LANES is for channels that have a filter each: x is loaded as a vector of channels, nothing is broadcast. Three taps
   at a time meet x at MR + 2 positions where they are neighbours as the positions are, so each x is loaded once for all:

       x          0   1   2   3   4   5   6              an x outside the input is left out: `inside` has a bit for each
       y 0        k0  k1  k2
       y 1            k0  k1  k2       ...               MG_LANES_PAIR does the row below as well

   Where one filter takes all the channels, the tiles of all vectors are one sum, whose lanes are added up (`summed`). */

/* Bit m says whether position m meets an input at a tap that position 0 meets at the input's column `at`. */
static MG_NOINLINE unsigned MG_NAME(inside)(const struct mg_conv_row *r, ptrdiff_t at, const int positions) {
    const ptrdiff_t step = r->column_step;
    ptrdiff_t from = at < 0 ? -at : 0, to = at <= r->last_column ? r->last_column - at + 1 : 0;
    if (step != 1) from = (from + step - 1) / step, to = (to + step - 1) / step;
    return from < positions ? (to < positions ? (1u << to) - 1 : ~0u) & ~0u << from : 0;
}

/* `taps` taps of channels that have a filter each; several where neighbouring taps meet neighbouring positions, so that
   each x is loaded once. */
MG_INLINE void MG_NAME(reduce_channels)(vec *acc, const char *x, ptrdiff_t step, unsigned inside, const char *panel,
                                        ptrdiff_t kernel_inner, int lanes, const int MR, const int kind, const int taps,
                                        const int whole) {
    const char *base[(MG_TILE_MAX + 3) / 4];
    vec k[3];
    MG_UNROLL
    for (int j = 0; j < (MR + taps + 2) / 4; j++) base[j] = x + 4 * j * step;
    MG_UNROLL
    for (int tap = 0; tap < taps; tap++) k[tap] = v_load((const MG_REAL *)(panel + tap * kernel_inner));
    MG_UNROLL
    for (int column = 0; column < MR + taps - 1; column++) {
        if (!whole && !(inside & 1u << column)) continue;
        vec a = kind == CHANNELS_PART_ ? v_loadn(AT(base, column), lanes) : v_load(AT(base, column));
        if (taps > 1) MG_LOADED(a);
        MG_UNROLL
        for (int tap = 0; tap < taps; tap++) {
            const int m = column - tap;
            if (m >= 0 && m < MR) acc[m] = v_fma(a, k[tap], acc[m]);
        }
    }
}

/* Three columns of the kernel for two rows of positions: the x of an input row stay in registers for both. With 2 MR sums
   and three taps that is more than 16 registers hold. */
MG_INLINE void MG_NAME(reduce_pair)(vec *acc, const struct mg_conv_row *r, const char *x, unsigned inside,
                                    const char *panel, const int MR, const int whole) {
    const ptrdiff_t step = r->x_step;
    for (ptrdiff_t i = 0; i <= r->outer; i++, x += r->x_outer, panel += r->kernel_outer) {
        const char *base[(MG_TILE_MAX + 3) / 4];
        vec a[MG_HEIGHT_PAIR + 2], k[3];
        MG_UNROLL
        for (int j = 0; j < (MR + 5) / 4; j++) base[j] = x + 4 * j * step;
        MG_UNROLL
        for (int column = 0; column < MR + 2; column++) {
            a[column] = whole || inside & 1u << column ? v_load(AT(base, column)) : v_zero();
            MG_LOADED(a[column]);
        }
        MG_UNROLL
        for (int row = 0; row < 2; row++) {
            if (i == (row ? 0 : r->outer)) continue;            /* above the kernel, or below */
            const char *taps = panel - row * r->kernel_outer;
            MG_UNROLL
            for (int tap = 0; tap < 3; tap++) k[tap] = v_load((const MG_REAL *)(taps + tap * r->kernel_inner));
            MG_UNROLL
            for (int column = 0; column < MR + 2; column++) {
                if (!whole && !(inside & 1u << column)) continue;
                MG_UNROLL
                for (int tap = 0; tap < 3; tap++) {
                    const int m = column - tap;
                    if (m >= 0 && m < MR) acc[row * MR + m] = v_fma(a[column], k[tap], acc[row * MR + m]);
                }
            }
        }
    }
}

/* All of the kernel for `rows` rows of positions: three of its columns at a time, in these its rows, in a row its taps.
   `whole` where the tile meets inputs everywhere. */
MG_INLINE void MG_NAME(reduce_kernel)(vec *acc, const struct mg_conv_row *r, const char *x, const char *panel,
                                      const int MR, const int kind, const int rows, const int whole) {
    const int joint = ((kind == CHANNELS_ && whole) || kind == CHANNELS_PAIR_) && r->x_inner == r->x_step;
    const ptrdiff_t step = r->x_step, x_outer = r->x_outer, x_inner = r->x_inner;
    const ptrdiff_t kernel_outer = r->kernel_outer, kernel_inner = r->kernel_inner;
    ptrdiff_t at = r->column;
    for (ptrdiff_t left = r->inner; left > 0; left -= 3) {
        if (joint && left >= 3) {
            const unsigned inside = whole ? 0 : MG_NAME(inside)(r, at, MR + 2);
            if (rows == 2 && MG_REGISTERS == 32)
                MG_NAME(reduce_pair)(acc, r, x, inside, panel, MR, whole);
            else
                for (ptrdiff_t i = 0; i < r->outer; i++) {
                    MG_UNROLL
                    for (int row = 0; row < rows; row++)
                        MG_NAME(reduce_channels)(acc + row * MR, x + (i + row) * x_outer, step, inside,
                                                 panel + i * kernel_outer, kernel_inner, r->lanes, MR, kind, 3, whole);
                }
        } else {
            const int taps = left < 3 ? (int)left : 3;
            unsigned inside[3] = {0};
            for (int tap = 0; tap < taps && !whole; tap++)
                inside[tap] = MG_NAME(inside)(r, at + tap * r->column_tap, MR);
            for (ptrdiff_t i = 0; i < r->outer; i++)
                for (int tap = 0; tap < taps; tap++) {
                    MG_UNROLL
                    for (int row = 0; row < rows; row++)
                        MG_NAME(reduce_channels)(acc + row * MR, x + (i + row) * x_outer + tap * x_inner, step,
                                                 inside[tap], panel + i * kernel_outer + tap * kernel_inner, 0,
                                                 r->lanes, MR, kind, 1, whole);
                }
        }
        x += 3 * x_inner;
        panel += 3 * kernel_inner;
        at += 3 * r->column_tap;
    }
}

/* Channelwise tiles pass over the channels before the positions, in strides that memory does not foresee; so each asks
   for the lines of x and y that the same channels of the positions beside it will be the first to touch. */
MG_INLINE void MG_NAME(prefetch_beside)(const struct mg_conv_row *r, const char *x, const char *y, const int MR,
                                        const int rows) {
    x += (r->outer - r->fresh_rows) * r->x_outer + (r->inner - r->fresh_columns) * r->x_inner + MR * r->x_step;
    y += MR * r->y_step;
    for (int i = 0; i < r->fresh_rows + rows - 1; i++)
        for (int j = 0; j < r->fresh_columns; j++) {
            const char *from = x + i * r->x_outer + j * r->x_inner;
            MG_UNROLL
            for (int m = 0; m < MR; m++) MG_PREFETCH(from + m * r->x_step);
        }
    for (int i = 0; i < rows; i++) {
        MG_UNROLL
        for (int m = 0; m < MR; m++) MG_PREFETCH(y + i * r->y_outer + m * r->y_step);
    }
}

/* Once for a line of 64 bytes. */
MG_INLINE int MG_NAME(prefetches)(const struct mg_conv_row *r, ptrdiff_t tiles) {
    return r->fresh_rows && tiles * VL * sizeof(MG_REAL) % 64 == 0;
}
