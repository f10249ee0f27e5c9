/* Packing a panel of the kernel for one MG_DTYPE and one MG_ISA; conv.h says what lies where. */

#define FROM(i, j, k) (how->source + (i) * how->outer_step + (j) * how->inner_step + (k) * how->run_step)

/* Rows of the panel where neighbouring filters lie side by side: whole vectors, of which the last may be a part. */
MG_INLINE void MG_NAME(copy_rows)(MG_REAL *to, const char *from, ptrdiff_t step, ptrdiff_t rows, const int NV, int rest) {
    for (; rows > 0; rows--, from += step, to += NV * VL) {
        const MG_REAL *p = (const MG_REAL *)from;
        MG_UNROLL
        for (int v = 0; v < NV - 1; v++) v_store(to + v * VL, v_load(p + v * VL));
        v_store(to + (NV - 1) * VL, v_loadn(p + (NV - 1) * VL, rest));
    }
}

static void MG_NAME(pack_rows)(MG_REAL *to, const char *from, ptrdiff_t step, ptrdiff_t rows, int width, int filters) {
    const int vectors = width / VL, rest = filters - (vectors - 1) * VL;
    if (vectors == 1) MG_NAME(copy_rows)(to, from, step, rows, 1, rest);
    else if (vectors == 2) MG_NAME(copy_rows)(to, from, step, rows, 2, rest);
    else if (vectors == 3) MG_NAME(copy_rows)(to, from, step, rows, 3, rest);
    else MG_NAME(copy_rows)(to, from, step, rows, 4, rest);
}

/* One row of the panel where nothing is contiguous. */
static void MG_NAME(pack_row)(MG_REAL *to, const char *from, const struct mg_conv_pack *how) {
    for (int lane = 0; lane < how->width; lane++) to[lane] = 0;
    for (int f = 0; f < how->filters; f++) to[f] = *(const MG_REAL *)(from + f * how->filter_step);
}

/* Up to VL rows of one vector of the panel where the run, not the filters, is contiguous in the source (gradients to the
   input): log2(VL) rounds of interleaving the first half of the vectors with the second turn a square by its diagonal. */
static MG_NOINLINE void MG_NAME(turn)(MG_REAL *to, int width, const char *from, ptrdiff_t step, int filters, int rows) {
    vec a[VL], b[VL];
    MG_UNROLL
    for (int i = 0; i < VL; i++) {
        const MG_REAL *p = (const MG_REAL *)(from + i * step);
        a[i] = i >= filters ? v_zero() : rows < VL ? v_loadn(p, rows) : v_load(p);
    }
    MG_UNROLL
    for (int round = 1; round < VL; round *= 2) {
        MG_UNROLL
        for (int i = 0; i < VL / 2; i++) {
            b[2 * i] = v_ziplo(a[i], a[i + VL / 2]);
            b[2 * i + 1] = v_ziphi(a[i], a[i + VL / 2]);
        }
        MG_UNROLL
        for (int i = 0; i < VL; i++) a[i] = b[i];
    }
    MG_UNROLL
    for (int i = 0; i < VL; i++)
        if (i < rows) v_store(to + i * width, a[i]);
}

static void MG_NAME(pack_turned)(MG_REAL *to, const char *from, const struct mg_conv_pack *how) {
    const int width = how->width;
    const ptrdiff_t step = how->filter_step, run = how->run;
    for (int f = 0; f < width; f += VL) {
        const int filters = how->filters - f;
        const MG_REAL *source = (const MG_REAL *)(from + f * step);
        for (ptrdiff_t k = 0; k < run; k += VL) {
            const int rows = run - k < VL ? (int)(run - k) : VL;
            MG_NAME(turn)(to + k * width + f, width, (const char *)(source + k), step, filters, rows);
        }
    }
}

static MG_REAL *MG_NAME(pack_run)(MG_REAL *to, const struct mg_conv_pack *how, ptrdiff_t i, ptrdiff_t j) {
    const char *from = FROM(i, j, 0);
    if (how->filter_step == sizeof(MG_REAL))
        MG_NAME(pack_rows)(to, from, how->run_step, how->run, how->width, how->filters);
    else if (how->run_step == sizeof(MG_REAL) && how->run > 1)
        MG_NAME(pack_turned)(to, from, how);
    else
        for (ptrdiff_t k = 0; k < how->run; k++) MG_NAME(pack_row)(to + k * how->width, FROM(i, j, k), how);
    return to + how->run * how->width;
}

/* `taps` elements of the run side by side while there are as many, then one by one. */
static MG_REAL *MG_NAME(pack_taps)(MG_REAL *to, const struct mg_conv_pack *how, ptrdiff_t i, ptrdiff_t j) {
    const int taps = how->taps, width = how->width, filters = how->filters;
    const ptrdiff_t step = how->filter_step;
    ptrdiff_t left = how->merged ? how->inner * how->run : how->run, tap = j, elements = how->run;
    const char *from = FROM(i, j, 0);
    for (; left > 0; to += width) {
        const int together = left >= taps ? taps : 1;
        for (int lane = 0; lane < width; lane++) to[lane] = 0;
        for (int k = 0; k < together;) {
            if (elements == 0) {
                elements = how->run;
                from = FROM(i, ++tap, 0);
            }
            const int count = elements < together - k ? (int)elements : together - k;
            for (int f = 0; f < filters; f++) {
                MG_REAL *target = to + f * taps + k;
                const char *source = from + f * step;
                if (how->run_step == sizeof(MG_REAL)) v_storen(target, v_loadn((const MG_REAL *)source, count), count);
                else
                    for (int e = 0; e < count; e++) target[e] = *(const MG_REAL *)(source + e * how->run_step);
            }
            k += count;
            elements -= count;
            from += count * how->run_step;
        }
        left -= together;
    }
    return to;
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
