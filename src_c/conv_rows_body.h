/* Tiles of the forward machine for one MG_DTYPE (MG_REAL in C) and one MG_ISA.

   A tile is MR neighbouring positions of an output row by NV vectors of filters, all in registers:

       for each run of taps (outer, inner):                       x       x + step    x + 2 step
           for each element k of the run:                         |           |           |
               load NV vectors of the kernel's panel              k0 k1 ..    k0 k1 ..    k0 k1 ..
               for m < MR: broadcast x[m, k], NV multiply-adds    `-run-'

   MR * NV accumulators and NV vectors of the kernel fit the registers; MR * NV >= 8 hides the latency of the
   multiply-adds on today's cores, and MR + NV loads feed MR * NV of them.

   Few filters leave lanes empty. So the panels MG_TAPS_q put q neighbouring taps side by side,

       lanes      f0 k0 | f0 k1 | ... | f1 k0 | f1 k1 | ...       x: k0 k1 ... k0 k1 ...  (v_repeat)

   and add the q partial sums of a filter in the store; the taps left over at the end of a run come one by one.
   Channels that have a filter each are conv_channels_body.h's. */

/* Where position m of the tile is: every fourth has a pointer of its own, so that all addresses fit the registers. */
#define AT(base, m) ((const MG_REAL *)((base)[(m) / 4] + ((m) % 4) * step))

/* One step of the reduction: `taps` elements of each position with one row of the panel. */
MG_INLINE void MG_NAME(multiply)(vec *acc, const char *const *base, ptrdiff_t step, const MG_REAL *panel, const int MR,
                                 const int NV, const int taps) {
    vec k[4];
    MG_UNROLL
    for (int v = 0; v < NV; v++) k[v] = v_load(panel + v * VL);
    MG_UNROLL
    for (int m = 0; m < MR; m++) {
        vec x = v_repeat(AT(base, m), taps);
        MG_UNROLL
        for (int v = 0; v < NV; v++) acc[m * NV + v] = v_fma(x, k[v], acc[m * NV + v]);
    }
}

#define ADVANCE(elements)                                             \
    MG_UNROLL                                                         \
    for (int j = 0; j < (MR + 3) / 4; j++) base[j] += (elements) * sizeof(MG_REAL)

/* One or two accumulators would wait for each multiply-add: every fourth element, or every other, has a sum of its own. */
MG_INLINE void MG_NAME(reduce_chains)(vec *acc, const char **base, ptrdiff_t step, ptrdiff_t *run, const MG_REAL **panel,
                                      const int MR, const int NV) {
    const int chains = 4 / (MR * NV);
    vec sums[4];
    MG_UNROLL
    for (int i = 0; i < 4; i++) sums[i] = v_zero();
    for (; *run >= chains; *run -= chains, *panel += chains * NV * VL) {
        MG_UNROLL
        for (int c = 0; c < chains; c++)
            MG_UNROLL
            for (int m = 0; m < MR; m++)
                MG_UNROLL
                for (int v = 0; v < NV; v++)
                    sums[(c * MR + m) * NV + v] = v_fma(v_set1(AT(base, m)[c]), v_load(*panel + (c * NV + v) * VL),
                                                        sums[(c * MR + m) * NV + v]);
        ADVANCE(chains);
    }
    MG_UNROLL
    for (int i = 0; i < 4; i++) acc[i % (MR * NV)] = v_add(acc[i % (MR * NV)], sums[i]);
}

MG_INLINE void MG_NAME(reduce_run)(vec *acc, const char *x, ptrdiff_t step, ptrdiff_t run, const MG_REAL *panel,
                                   const int MR, const int NV, const int taps) {
    const char *base[(MG_TILE_MAX + 3) / 4];
    MG_UNROLL
    for (int j = 0; j < (MR + 3) / 4; j++) base[j] = x + 4 * j * step;
    if (taps == 1 && MR * NV <= 2 && run >= 8) MG_NAME(reduce_chains)(acc, base, step, &run, &panel, MR, NV);
    for (; run >= taps; run -= taps) {
        MG_NAME(multiply)(acc, base, step, panel, MR, NV, taps);
        panel += NV * VL;
        ADVANCE(taps);
    }
    if (taps > 1) {
        static const MG_REAL first[16] = {1};                /* the lanes of the others get 0: inf * 0 would be NaN */
        const vec lanes = v_repeat(first, taps);
        for (; run > 0; run--) {
            const vec k = v_load(panel);
            MG_UNROLL
            for (int m = 0; m < MR; m++) acc[m] = v_fma(v_gate(lanes, v_repeat(AT(base, m), 1)), k, acc[m]);
            panel += VL;
            ADVANCE(1);
        }
    }
}

#include "conv_channels_body.h"

/* The panel's last vector may have fewer than VL lanes: `part` says so, to keep the common case free of branches. */
MG_INLINE void MG_NAME(load_tile)(vec *acc, const char *y, ptrdiff_t step, int lanes, const int MR, const int NV,
                                  const int part) {
    MG_UNROLL
    for (int m = 0; m < MR; m++) {
        const MG_REAL *p = (const MG_REAL *)(y + m * step);
        MG_UNROLL
        for (int v = 0; v < NV; v++)
            acc[m * NV + v] = part && v == NV - 1 ? v_loadn(p + v * VL, lanes) : v_load(p + v * VL);
    }
}

MG_INLINE void MG_NAME(store_tile)(vec *acc, char *y, ptrdiff_t step, int lanes, const int MR, const int NV,
                                   const int part) {
    MG_UNROLL
    for (int m = 0; m < MR; m++) {
        MG_REAL *p = (MG_REAL *)(y + m * step);
        MG_UNROLL
        for (int v = 0; v < NV; v++)
            if (part && v == NV - 1) v_storen(p + v * VL, acc[m * NV + v], lanes);
            else v_store(p + v * VL, acc[m * NV + v]);
    }
}

MG_INLINE void MG_NAME(begin)(vec *acc, const char *bias, int lanes, const int MR, const int NV) {
    vec start[4];
    MG_UNROLL
    for (int v = 0; v < NV; v++) start[v] = v_zero();
    if (bias && lanes < VL) MG_NAME(load_tile)(start, bias, 0, lanes, 1, NV, 1);
    else if (bias) MG_NAME(load_tile)(start, bias, 0, VL, 1, NV, 0);
    MG_UNROLL
    for (int m = 0; m < MR; m++)
        MG_UNROLL
        for (int v = 0; v < NV; v++) acc[m * NV + v] = start[v];
}

MG_INLINE void MG_NAME(finish)(vec *acc, const struct mg_conv_row *r, char *y, int lanes, const int MR, const int NV) {
    if (r->relu) {
        MG_UNROLL
        for (int i = 0; i < MR * NV; i++) acc[i] = v_max(v_zero(), acc[i]);        /* in this order a NaN stays */
    }
    if (lanes < VL) MG_NAME(store_tile)(acc, y, r->y_step, lanes, MR, NV, 1);
    else MG_NAME(store_tile)(acc, y, r->y_step, VL, MR, NV, 0);
}

/* The bias of a few filters, once for each position in a vector. */
static MG_NOINLINE vec MG_NAME(spread_bias)(const struct mg_conv_row *r, int taps) {
    const int slots = VL / taps;
    MG_REAL spread[VL];
    if (!r->bias) return v_zero();
    for (int i = 0; i < VL; i++) spread[i] = i % slots < r->lanes ? ((const MG_REAL *)r->bias)[i % slots] : 0;
    return v_load(spread);
}

/* Adds every `lanes` neighbouring lanes up, two vectors at a time: the sums fill the fewer vectors that are left. */
MG_INLINE void MG_NAME(add_lanes)(vec *acc, int n, const int lanes) {
    MG_UNROLL
    for (int q = 1; q < lanes; q *= 2) {
        MG_UNROLL
        for (int i = 0; i < (n + 1) / 2; i++) {
            const vec a = acc[2 * i], b = acc[2 * i + 1 < n ? 2 * i + 1 : 2 * i];
            acc[i] = v_add(v_even(a, b), v_odd(a, b));
        }
        n = (n + 1) / 2;
    }
}

/* The same for taps in the lanes. Adding neighbouring lanes of two vectors at a time leaves

       p0 f0 | p0 f1 | ... | p1 f0 | p1 f1 | ...       `taps` positions of VL / taps filters in a vector,

   which is how they lie in y where its positions touch. Elsewhere they go through `apart`, by one loop for the whole tile:
   loops of each vector's own are 40 KB more, and slower. */
MG_INLINE void MG_NAME(finish_taps)(vec *acc, const struct mg_conv_row *r, char *y, vec bias, const int MR,
                                    const int taps) {
    const int slots = VL / taps, lanes = r->lanes < slots ? r->lanes : slots, vectors = (MR + taps - 1) / taps;
    const ptrdiff_t step = r->y_step;
    const int touching = lanes == slots && step == (ptrdiff_t)(slots * sizeof(MG_REAL));
    MG_REAL apart[MG_HEIGHT_TAPS * VL];
    MG_NAME(add_lanes)(acc, MR, taps);
    MG_UNROLL
    for (int i = 0; i < vectors; i++) acc[i] = v_add(acc[i], bias);
    if (r->relu) {
        MG_UNROLL
        for (int i = 0; i < vectors; i++) acc[i] = v_max(v_zero(), acc[i]);
    }
    if (touching) {
        MG_UNROLL
        for (int i = 0; i < vectors; i++) {
            MG_REAL *to = (MG_REAL *)(y + i * taps * step);
            const int count = MR - i * taps;
            if (count >= taps) v_store(to, acc[i]);
            else v_storen(to, acc[i], count * slots);
        }
        return;
    }
    MG_UNROLL
    for (int i = 0; i < vectors; i++) v_store(apart + i * VL, acc[i]);
    for (int m = 0; m < MR; m++)
        for (int f = 0; f < lanes; f++) ((MG_REAL *)(y + m * step))[f] = apart[m * slots + f];
}

/* The same for sums over all lanes: one filter. A function of its own, lest every tile hold it. */
static MG_NOINLINE void MG_NAME(finish_sums)(const vec *sums, const struct mg_conv_row *r, char *y, int positions) {
    const vec bias = r->bias ? v_set1(*(const MG_REAL *)r->bias) : v_zero();
    vec acc[MG_HEIGHT_TAPS];
    MG_REAL apart[MG_HEIGHT_TAPS * VL];
    MG_UNROLL
    for (int m = 0; m < MG_HEIGHT_TAPS; m++) acc[m] = m < positions ? sums[m] : v_zero();
    MG_NAME(add_lanes)(acc, MG_HEIGHT_TAPS, VL);
    MG_UNROLL
    for (int i = 0; i < (MG_HEIGHT_TAPS + VL - 1) / VL; i++) {
        acc[i] = v_add(acc[i], bias);
        if (r->relu) acc[i] = v_max(v_zero(), acc[i]);
        v_store(apart + i * VL, acc[i]);
    }
    for (int m = 0; m < positions; m++) *(MG_REAL *)(y + m * r->y_step) = apart[m];
}

MG_INLINE void MG_NAME(tiles)(const struct mg_conv_row *r, ptrdiff_t tiles, const int kind, const int MR, const int NV,
                              const int taps) {
    const int channels = kind == CHANNELS_ || kind == CHANNELS_PART_ || kind == CHANNELS_PAIR_;
    const int rows = kind == CHANNELS_PAIR_ ? 2 : 1, lanes = kind == CHANNELS_ || rows == 2 ? VL : r->lanes;
    const int whole = kind != CHANNELS_PART_ && r->column >= 0
        && r->column + (MR - 1) * r->column_step + (r->inner - 1) * r->column_tap <= r->last_column;
    const char *x = r->x, *kernel = r->kernel, *bias = r->bias;
    char *y = r->y;
    const vec spread = kind == INTERLEAVED_ ? MG_NAME(spread_bias)(r, taps) : v_zero();
    const int summed = channels && kind != CHANNELS_PART_ && r->summed;
    vec acc[MG_TILE_MAX];
    if (summed) MG_NAME(begin)(acc, NULL, VL, rows * MR, NV);
    for (; tiles > 0; tiles--, x += r->x_tile, y += r->y_tile, kernel += r->kernel_tile) {
        if (channels && kind != CHANNELS_PART_ && MG_NAME(prefetches)(r, tiles))
            MG_NAME(prefetch_beside)(r, x, y, MR, rows);
        if (kind == BROADCAST_ && r->far)                       /* while the sums are formed, y comes near */
            for (int m = 0; m < MR; m++)
                for (int v = 0; v < NV; v++) MG_PREFETCH(y + m * r->y_step + v * VL * sizeof(MG_REAL));
        if (!summed) MG_NAME(begin)(acc, kind == INTERLEAVED_ ? NULL : bias, lanes, rows * MR, NV);
        if (channels && whole)
            MG_NAME(reduce_kernel)(acc, r, x, kernel, MR, kind, rows, 1);
        else if (channels)
            MG_NAME(reduce_kernel)(acc, r, x, kernel, MR, kind, rows, 0);
        else
            for (ptrdiff_t i = 0; i < r->outer; i++) {
                const char *from = x + i * r->x_outer, *panel = kernel + i * r->kernel_outer;
                for (ptrdiff_t j = r->inner; j > 0; j--, from += r->x_inner, panel += r->kernel_inner)
                    MG_NAME(reduce_run)(acc, from, r->x_step, r->run, (const MG_REAL *)panel, MR, NV, taps);
            }
        if (summed) continue;
        if (kind == INTERLEAVED_) MG_NAME(finish_taps)(acc, r, y, spread, MR, taps);
        else {
            MG_UNROLL
            for (int i = 0; i < rows; i++) MG_NAME(finish)(acc + i * MR, r, y + i * r->y_outer, lanes, MR, NV);
        }
        if (bias) bias += r->bias_tile;
    }
    if (summed) {
        vec sums[MG_TILE_MAX];
        MG_UNROLL
        for (int i = 0; i < rows * MR; i++) sums[i] = acc[i];
        for (int i = 0; i < rows; i++) MG_NAME(finish_sums)(sums + i * MR, r, y + i * r->y_outer, MR);
    }
}

/* One table of functions a kind. */
#define DEFINE(MR, name, kind, NV, taps)                                                                \
    static void MG_NAME(name##_##MR)(const struct mg_conv_row *r, ptrdiff_t tiles) {                    \
        MG_NAME(tiles)(r, tiles, kind, MR, NV, taps);                                                   \
    }
#define ENTRY(MR, name, kind, NV, taps) MG_NAME(name##_##MR),
#define TABLE(name, heights, kind, NV, taps)                                                            \
    MG_EACH_##heights(DEFINE, name, kind, NV, taps)                                                     \
    static const mg_conv_rows MG_NAME(name)[] = {MG_EACH_##heights(ENTRY, name, kind, NV, taps)};
#define HEIGHT(name, heights, kind, NV, taps) [MG_##name] = MG_HEIGHT_##heights,
#define ROWS(name, heights, kind, NV, taps) [MG_##name] = MG_NAME(name),

MG_EACH_KIND(TABLE)
const struct mg_conv_row_kernels MG_NAME(conv_row_kernels) = {
    VL, {MG_EACH_KIND(HEIGHT)}, {MG_EACH_KIND(ROWS)}, MG_NAME(pack)};

#undef DEFINE
#undef ENTRY
#undef TABLE
#undef HEIGHT
#undef ROWS
