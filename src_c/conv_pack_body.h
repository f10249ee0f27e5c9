/* Packing a panel of the kernel for one MG_DTYPE and one MG_ISA; conv.h says what lies where. */

#define FROM(i, j, k) (how->source + (i) * how->outer_step + (j) * how->inner_step + (k) * how->run_step)

/* One row of the panel: element [.., f] of the kernel in lane f * taps. */
MG_INLINE MG_REAL *MG_NAME(pack_row)(MG_REAL *to, const char *from, const struct mg_conv_pack *how) {
    const int taps = how->taps, filters = how->filters;
    if (taps == 1 && how->filter_step == sizeof(MG_REAL)) {
        const MG_REAL *p = (const MG_REAL *)from;
        int f = 0;
        for (; f + VL <= filters; f += VL) v_store(to + f, v_load(p + f));
        if (f < how->width) v_store(to + f, v_loadn(p + f, filters - f));
        return to + how->width;
    }
    for (int lane = 0; lane < how->width; lane++) to[lane] = 0;
    for (int f = 0; f < filters; f++) to[f * taps] = *(const MG_REAL *)(from + f * how->filter_step);
    return to + how->width;
}

/* VL rows of the panel at once where the run, not the filters, is contiguous in the source (gradients to the input):
   log2(VL) rounds of interleaving the first half of the vectors with the second turn a square by its diagonal. */
MG_INLINE void MG_NAME(pack_square)(MG_REAL *to, const char *from, const struct mg_conv_pack *how) {
    for (int f = 0; f < how->width; f += VL) {
        vec a[VL], b[VL];
        for (int i = 0; i < VL; i++)
            a[i] = f + i < how->filters ? v_load((const MG_REAL *)(from + (f + i) * how->filter_step)) : v_zero();
        for (int round = 1; round < VL; round *= 2) {
            MG_UNROLL
            for (int i = 0; i < VL / 2; i++) {
                b[2 * i] = v_ziplo(a[i], a[i + VL / 2]);
                b[2 * i + 1] = v_ziphi(a[i], a[i + VL / 2]);
            }
            MG_UNROLL
            for (int i = 0; i < VL; i++) a[i] = b[i];
        }
        for (int i = 0; i < VL; i++) v_store(to + i * how->width + f, a[i]);
    }
}

static MG_REAL *MG_NAME(pack_run)(MG_REAL *to, const struct mg_conv_pack *how, ptrdiff_t i, ptrdiff_t j) {
    ptrdiff_t k = 0;
    if (how->run_step == sizeof(MG_REAL) && how->filter_step != sizeof(MG_REAL))
        for (; k + VL <= how->run; k += VL, to += VL * how->width) MG_NAME(pack_square)(to, FROM(i, j, k), how);
    for (; k < how->run; k++) to = MG_NAME(pack_row)(to, FROM(i, j, k), how);
    return to;
}

/* `taps` elements of the run side by side while there are as many, then one by one. */
static MG_REAL *MG_NAME(pack_taps)(MG_REAL *to, const struct mg_conv_pack *how, ptrdiff_t i, ptrdiff_t j) {
    const int taps = how->taps;
    const ptrdiff_t run = how->merged ? how->inner * how->run : how->run;
    ptrdiff_t k = 0, tap = j, element = 0;
    for (; k < run; k++) {
        const int together = k < run - run % taps;
        if (!together || k % taps == 0) {
            if (k > 0) to += how->width;
            for (int lane = 0; lane < how->width; lane++) to[lane] = 0;
        }
        const char *from = FROM(i, tap, element);
        for (int f = 0; f < how->filters; f++)
            to[f * taps + (together ? k % taps : 0)] = *(const MG_REAL *)(from + f * how->filter_step);
        if (++element == how->run) {
            element = 0;
            tap++;
        }
    }
    return to + how->width;
}

static void MG_NAME(pack)(const struct mg_conv_pack *how, char *panel) {
    MG_REAL *to = (MG_REAL *)panel;
    for (ptrdiff_t i = 0; i < how->outer; i++) {
        if (how->taps > 1) {
            for (ptrdiff_t j = 0; j < (how->merged ? 1 : how->inner); j++) to = MG_NAME(pack_taps)(to, how, i, j);
            continue;
        }
        for (ptrdiff_t j = 0; j < how->inner; j++) to = MG_NAME(pack_run)(to, how, i, j);
    }
}

#undef FROM
