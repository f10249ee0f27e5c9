/* The kernels of activation.h for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

/* `vectors` neighbouring vectors of columns, whose sums stay in registers over all rows; n lanes count in the last. */
MG_INLINE void MG_NAME(relu_grad_columns)(const MG_REAL *y, MG_REAL *dy, MG_REAL *sums, ptrdiff_t rows,
                                          ptrdiff_t columns, const int vectors, const int n) {
    vec total[4];
    MG_UNROLL
    for (int j = 0; j < vectors; j++) total[j] = v_zero();
    for (ptrdiff_t i = 0; i < rows; i++, y += columns, dy += columns) {
        MG_UNROLL
        for (int j = 0; j < vectors; j++) {
            const vec slope = n == VL ? v_gate(v_load(y + j * VL), v_load(dy + j * VL))
                                      : v_gate(v_loadn(y + j * VL, n), v_loadn(dy + j * VL, n));
            total[j] = v_add(total[j], slope);
            if (n == VL) v_store(dy + j * VL, slope);
            else v_storen(dy + j * VL, slope, n);
        }
    }
    MG_UNROLL
    for (int j = 0; j < vectors; j++) v_storen(sums + j * VL, total[j], n);
}

static void MG_NAME(relu_grad)(const void *y_, void *dy_, void *sums_, ptrdiff_t rows, ptrdiff_t columns) {
    const MG_REAL *y = y_;
    MG_REAL *dy = dy_, *sums = sums_;
    for (ptrdiff_t c = 0; c < columns;) {
        const ptrdiff_t left = columns - c;
        if (left >= 4 * VL) {
            MG_NAME(relu_grad_columns)(y + c, dy + c, sums + c, rows, columns, 4, VL);
            c += 4 * VL;
        } else if (left >= 2 * VL) {
            MG_NAME(relu_grad_columns)(y + c, dy + c, sums + c, rows, columns, 2, VL);
            c += 2 * VL;
        } else {
            MG_NAME(relu_grad_columns)(y + c, dy + c, sums + c, rows, columns, 1, (int)(left < VL ? left : VL));
            c += VL;
        }
    }
}

static void MG_NAME(drop)(const void *x_, const void *random_, void *y_, ptrdiff_t count, double rate, double factor) {
    const MG_REAL *x = x_, *random = random_;
    MG_REAL *y = y_;
    const vec least = v_set1((MG_REAL)rate), times = v_set1((MG_REAL)factor);
    ptrdiff_t i = 0;
    for (; i + VL <= count; i += VL) v_store(y + i, v_where_nlt(v_load(random + i), least, v_mul(v_load(x + i), times)));
    if (i == count) return;
    const int n = (int)(count - i);
    v_storen(y + i, v_where_nlt(v_loadn(random + i, n), least, v_mul(v_loadn(x + i, n), times)), n);
}
