/* Tiles of the gradient to the kernel for one MG_DTYPE (MG_REAL in C) and one MG_ISA: a sum of outer products.

   A tile is MR entries of a (x: taps and channels) by NV vectors of b (dy: filters), or the other way round where that
   wastes fewer lanes; its sums stay in registers over all positions of a block:

       for each image, row, position of the block:
           load NV vectors of b
           for m < MR: broadcast a[offset of m], NV multiply-adds

   With channels in the lanes nothing is broadcast, and each a is loaded once for a run of neighbouring taps. */

#include "transpose_body.h"

MG_INLINE vec MG_NAME(outer_last)(const MG_REAL *p, int lanes) { return lanes < VL ? v_loadn(p, lanes) : v_load(p); }

/* Where the compiler can see them, constant offsets cost nothing; a table's are read where registers run out. */
MG_INLINE void MG_NAME(outer_row)(vec *acc, const char *a, const char *b, ptrdiff_t positions, ptrdiff_t a_step,
                                  ptrdiff_t b_step, const ptrdiff_t *offsets, int lanes, const int MR, const int NV,
                                  const int kind) {
    for (; positions > 0; positions--, a += a_step, b += b_step) {
        vec k[4];
        MG_UNROLL
        for (int v = 0; v < NV - 1; v++) k[v] = v_load((const MG_REAL *)b + v * VL);
        k[NV - 1] = MG_NAME(outer_last)((const MG_REAL *)b + (NV - 1) * VL, lanes);
        MG_UNROLL
        for (int m = 0; m < MR; m++) {
            const MG_REAL *p = kind == BROADCAST_ ? (const MG_REAL *)a + m : (const MG_REAL *)(a + offsets[m]);
            const vec x = kind == CHANNELS_ ? MG_NAME(outer_last)(p, lanes) : v_set1(*p);
            MG_UNROLL
            for (int v = 0; v < NV; v++) acc[m * NV + v] = v_fma(x, k[v], acc[m * NV + v]);
        }
    }
}

/* One step of outer_runs: x at all taps' column meets the dy of the positions from which taps from ... to - 1 see it. */
MG_INLINE void MG_NAME(outer_column)(vec *acc, const vec *k, const char *x, const ptrdiff_t *offsets, const int MR,
                                     const int run, const int from, const int to) {
    MG_UNROLL
    for (int first = 0; first < MR; first += run) {
        vec at = v_load((const MG_REAL *)(x + offsets[first]));
        MG_LOADED(at);
        MG_UNROLL
        for (int tap = from; tap < to; tap++) acc[first + tap] = v_fma(at, k[tap], acc[first + tap]);
    }
}

MG_INLINE void MG_NAME(outer_next)(vec *k, const char *dy, const int run) {
    MG_UNROLL
    for (int tap = run - 1; tap > 0; tap--) k[tap] = k[tap - 1];
    if (dy) k[0] = v_load((const MG_REAL *)dy);
}

/* With channels in the lanes and runs of `run` taps that are neighbours as the positions are: each x is loaded once, for
   the dy of the last `run` positions, which stay in registers. There must be as many positions. */
MG_INLINE void MG_NAME(outer_runs)(vec *acc, const char *x, const char *dy, ptrdiff_t positions, ptrdiff_t x_step,
                                   ptrdiff_t dy_step, const ptrdiff_t *offsets, const int MR, const int run) {
    vec k[9];                                  /* for runs as long as any tile is tall */
    MG_UNROLL
    for (int tap = 0; tap < run; tap++) k[tap] = v_zero();
    MG_UNROLL
    for (int column = 0; column < run - 1; column++, x += x_step, dy += dy_step) {
        MG_NAME(outer_next)(k, dy, run);
        MG_NAME(outer_column)(acc, k, x, offsets, MR, run, 0, column + 1);
    }
    for (ptrdiff_t p = run - 1; p < positions; p++, x += x_step, dy += dy_step) {
        MG_NAME(outer_next)(k, dy, run);
        MG_NAME(outer_column)(acc, k, x, offsets, MR, run, 0, run);
    }
    MG_UNROLL
    for (int tap = 1; tap < run; tap++, x += x_step) {
        MG_NAME(outer_next)(k, NULL, run);
        MG_NAME(outer_column)(acc, k, x, offsets, MR, run, tap, run);
    }
}

/* The length of such runs if all are as long, else 1. */
static MG_NOINLINE int MG_NAME(neighbours)(const ptrdiff_t *offsets, ptrdiff_t step, int count) {
    int run = 1;
    while (run < count && offsets[run] == offsets[run - 1] + step) run++;
    for (int m = 1; m < count; m++)
        if (m % run && offsets[m] != offsets[m - 1] + step) return 1;
    return count % run ? 1 : run;
}

/* All positions of a row with channels in the lanes but from <= p < to: some entries lie outside. */
MG_INLINE void MG_NAME(outer_edges)(vec *acc, const struct mg_conv_outer *t, const char *a, const char *b,
                                    ptrdiff_t from, ptrdiff_t to, const ptrdiff_t *offsets, const ptrdiff_t *columns,
                                    int lanes, const int MR) {
    for (ptrdiff_t p = from > 0 ? 0 : to; p < t->positions; p = p + 1 == from ? to : p + 1) {
        const ptrdiff_t column = t->column + p * t->column_step;
        const vec k = MG_NAME(outer_last)((const MG_REAL *)(b + p * t->b_step), lanes);
        MG_UNROLL
        for (int m = 0; m < MR; m++) {
            if ((size_t)(column + columns[m]) > (size_t)t->last_column) continue;     /* negative ones are large, too */
            acc[m] = v_fma(MG_NAME(outer_last)((const MG_REAL *)(a + p * t->a_step + offsets[m]), lanes), k, acc[m]);
        }
    }
}

/* Row r with channels in the lanes, and entries in runs of `run`. */
MG_INLINE void MG_NAME(outer_channels)(vec *acc, const struct mg_conv_outer *t, const char *a, const char *b,
                                       ptrdiff_t r, const ptrdiff_t *offsets, int run, const int MR) {
    ptrdiff_t columns[MG_TILE_MAX], from = t->inner_from, to = t->inner_to;
    for (int m = 0; m < MR; m++) {
        columns[m] = t->tap_columns[m];
        if ((size_t)(t->row + r * t->row_step + t->tap_rows[m]) <= (size_t)t->last_row) continue;
        columns[m] = -(PTRDIFF_MAX / 2);
        from = to = t->positions;
    }
    if (t->lanes < VL) {                       /* one loop for all: few vectors of channels are not full */
        MG_NAME(outer_edges)(acc, t, a, b, t->positions, t->positions, offsets, columns, t->lanes, MR);
        return;
    }
    MG_NAME(outer_edges)(acc, t, a, b, from, to, offsets, columns, VL, MR);
    a += from * t->a_step;
    b += from * t->b_step;
    if (MR >= 3 && run == MR && to - from >= MR)
        MG_NAME(outer_runs)(acc, a, b, to - from, t->a_step, t->b_step, offsets, MR, MR);
    else if (MR > 3 && MR % 3 == 0 && run == 3 && to - from >= 3)
        MG_NAME(outer_runs)(acc, a, b, to - from, t->a_step, t->b_step, offsets, MR, 3);
    else
        MG_NAME(outer_row)(acc, a, b, to - from, t->a_step, t->b_step, offsets, VL, MR, 1, CHANNELS_);
}

MG_INLINE void MG_NAME(outer_store)(vec *acc, char *out, ptrdiff_t step, int accumulate, int lanes, const int MR,
                                    const int NV, const int part) {
    MG_UNROLL
    for (int m = 0; m < MR; m++) {
        MG_REAL *to = (MG_REAL *)(out + m * step);
        MG_UNROLL
        for (int v = 0; v < NV; v++) {
            const int cut = part && v == NV - 1;
            vec sum = acc[m * NV + v];
            if (accumulate) sum = v_add(cut ? v_loadn(to + v * VL, lanes) : v_load(to + v * VL), sum);
            if (cut) v_storen(to + v * VL, sum, lanes);
            else v_store(to + v * VL, sum);
        }
    }
}

MG_INLINE void MG_NAME(outer)(const struct mg_conv_outer *t, const int kind, const int MR, const int NV) {
    ptrdiff_t offsets[MG_TILE_MAX];
    vec acc[MG_TILE_MAX];
    if (kind != BROADCAST_) {
        MG_UNROLL
        for (int m = 0; m < MR; m++) offsets[m] = t->offsets[m];
    }
    const int run = kind == CHANNELS_ ? MG_NAME(neighbours)(offsets, t->a_step, MR) : 1;
    MG_UNROLL
    for (int i = 0; i < MR * NV; i++) acc[i] = v_zero();
    for (ptrdiff_t n = 0; n < t->images; n++)
        for (ptrdiff_t r = 0; r < t->rows; r++) {
            const char *a = t->a + n * t->a_image + r * t->a_row, *b = t->b + n * t->b_image + r * t->b_row;
            if (kind == CHANNELS_)
                MG_NAME(outer_channels)(acc, t, a, b, r, offsets, run, MR);
            else if (t->lanes < VL)
                MG_NAME(outer_row)(acc, a, b, t->positions, t->a_step, t->b_step, offsets, t->lanes, MR, NV, kind);
            else
                MG_NAME(outer_row)(acc, a, b, t->positions, t->a_step, t->b_step, offsets, VL, MR, NV, kind);
        }
    if (t->lanes < VL) MG_NAME(outer_store)(acc, t->out, t->out_step, t->accumulate, t->lanes, MR, NV, 1);
    else MG_NAME(outer_store)(acc, t->out, t->out_step, t->accumulate, VL, MR, NV, 0);
}

#define DEFINE(MR, name, kind, NV, taps)                                                                \
    static void MG_NAME(name##_##MR)(const struct mg_conv_outer *t) { MG_NAME(outer)(t, kind, MR, NV); }
#define ENTRY(MR, name, kind, NV, taps) MG_NAME(name##_##MR),
#define TABLE(name, heights, kind, NV)                                                                  \
    MG_EACH_##heights(DEFINE, name, kind, NV, 1)                                                        \
    static const mg_conv_outer_tile MG_NAME(name)[] = {MG_EACH_##heights(ENTRY, name, kind, NV, 1)};
#define HEIGHT(name, heights, kind, NV) [MG_##name] = MG_HEIGHT_##heights,
#define TILES(name, heights, kind, NV) [MG_##name] = MG_NAME(name),

MG_EACH_OUTER(TABLE)

static void MG_NAME(add_parts)(char *to, const char *from, ptrdiff_t size, ptrdiff_t parts, ptrdiff_t stride) {
    MG_REAL *sums = (MG_REAL *)to;
    const MG_REAL *p = (const MG_REAL *)from;
    ptrdiff_t i = 0;
    for (; i + VL <= size; i += VL) {
        vec sum = v_load(p + i);
        for (ptrdiff_t part = 1; part < parts; part++) sum = v_add(sum, v_load(p + part * stride + i));
        v_store(sums + i, sum);
    }
    for (; i < size; i++) {
        MG_REAL sum = p[i];
        for (ptrdiff_t part = 1; part < parts; part++) sum += p[part * stride + i];
        sums[i] = sum;
    }
}

/* Squares of VL x VL: summed up, turned, and stored row by row. */
static void MG_NAME(add_parts_turned)(char *to, const char *from, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t parts) {
    const MG_REAL *p = (const MG_REAL *)from;
    MG_REAL *sums = (MG_REAL *)to, square[VL * VL];
    for (ptrdiff_t c = 0; c < columns; c += VL) {
        const int wide = columns - c < VL ? (int)(columns - c) : VL;
        for (ptrdiff_t r = 0; r < rows; r += VL) {
            const int high = rows - r < VL ? (int)(rows - r) : VL;
            for (int i = 0; i < VL; i++) {
                vec sum = v_zero();
                for (ptrdiff_t part = 0; part < (i < high ? parts : 0); part++)
                    sum = v_add(sum, MG_NAME(outer_last)(p + (part * rows + r + i) * columns + c, wide));
                v_store(square + i * VL, sum);
            }
            MG_NAME(transpose)(square, VL, square, VL);
            for (int j = 0; j < wide; j++) v_storen(sums + (c + j) * rows + r, v_load(square + j * VL), high);
        }
    }
}

/* The sum of eight rows, or of the `rows` < 8 that are left, in a vector of columns. */
MG_INLINE vec MG_NAME(sum_eight)(const MG_REAL *x, ptrdiff_t rows, ptrdiff_t columns, const int lanes) {
    vec row[8];
    MG_UNROLL
    for (int r = 0; r < 8; r++) row[r] = r < rows ? MG_NAME(outer_last)(x + r * columns, lanes) : v_zero();
    MG_UNROLL
    for (int r = 0; r < 4; r++) row[r] = v_add(row[r], row[r + 4]);
    return v_add(v_add(row[0], row[2]), v_add(row[1], row[3]));
}

/* Eight rows are added up before their sum joins the columns': memory streams by once, and no chain is long. Across rows of
   some hundred bytes that is in no order that memory foresees, so the next eight are asked for, one after the other. */
static void MG_NAME(sum_long_rows)(MG_REAL *sums, const MG_REAL *x, ptrdiff_t rows, ptrdiff_t columns) {
    const ptrdiff_t whole = columns - columns % VL, bytes = columns * (ptrdiff_t)sizeof(MG_REAL);
    const int ahead = bytes >= 256 && bytes <= 1024;
    for (ptrdiff_t c = 0; c < columns; c++) sums[c] = 0;
    for (; rows > 0; rows -= 8, x += 8 * columns) {
        for (ptrdiff_t c = 8 * columns; ahead && c < 16 * columns; c += 64 / (ptrdiff_t)sizeof(MG_REAL))
            MG_PREFETCH(x + c);
        if (rows >= 8)
            for (ptrdiff_t c = 0; c < whole; c += VL)
                v_store(sums + c, v_add(v_load(sums + c), MG_NAME(sum_eight)(x + c, 8, columns, VL)));
        for (ptrdiff_t c = rows >= 8 ? whole : 0; c < columns; c += VL) {
            const int lanes = columns - c < VL ? (int)(columns - c) : VL;
            v_storen(sums + c, v_add(v_loadn(sums + c, lanes), MG_NAME(sum_eight)(x + c, rows, columns, lanes)), lanes);
        }
    }
}

/* Rows shorter than a vector: VL of them are one row of whole vectors. */
static void MG_NAME(sum_rows)(char *to, const char *from, ptrdiff_t rows, ptrdiff_t columns) {
    MG_REAL *sums = (MG_REAL *)to, folded[VL * VL];
    const MG_REAL *x = (const MG_REAL *)from;
    if (columns >= VL) {
        MG_NAME(sum_long_rows)(sums, x, rows, columns);
        return;
    }
    MG_NAME(sum_long_rows)(folded, x, rows / VL, columns * VL);
    MG_NAME(sum_long_rows)(sums, x + rows / VL * VL * columns, rows % VL, columns);
    for (ptrdiff_t i = 0; i < VL * columns; i++) sums[i % columns] += folded[i];
}

/* Runs that overlap are added in `apart` rounds of runs that do not: a vector is not to be loaded where it was just
   stored, shifted a little. What is shorter than a vector comes one by one, the loop along it outside. */
static void MG_NAME(add_runs)(char *to, ptrdiff_t step, const char *from, ptrdiff_t pitch, ptrdiff_t count,
                              ptrdiff_t width) {
    const ptrdiff_t apart = (width + step - 1) / step, whole = width - width % VL;
    MG_REAL *sums = (MG_REAL *)to;
    const MG_REAL *p = (const MG_REAL *)from;
    for (ptrdiff_t round = 0; whole && round < apart; round++)
        for (ptrdiff_t i = round; i < count; i += apart)
            for (ptrdiff_t j = 0; j < whole; j += VL)
                v_store(sums + i * step + j, v_add(v_load(sums + i * step + j), v_load(p + i * pitch + j)));
    for (ptrdiff_t j = whole; j < width; j++)
        for (ptrdiff_t i = 0; i < count; i++) sums[i * step + j] += p[i * pitch + j];
}

const struct mg_conv_outer_kernels MG_NAME(conv_outer_kernels) = {
    {MG_EACH_OUTER(HEIGHT)},
    {MG_EACH_OUTER(TILES)},
    MG_NAME(add_parts),
    MG_NAME(add_parts_turned),
    MG_NAME(sum_rows),
    MG_NAME(add_runs),
};

#undef DEFINE
#undef ENTRY
#undef TABLE
#undef HEIGHT
#undef TILES
