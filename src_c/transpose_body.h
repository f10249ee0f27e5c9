/* The transpose of a square of VL x VL numbers, for one MG_DTYPE (MG_REAL in C) and one MG_ISA. */

/* VL rows of VL numbers from `from`, `from_step` apart, to the transposed rows at `to`: log2 VL perfect shuffles. */
MG_INLINE void MG_NAME(transpose)(const MG_REAL *from, ptrdiff_t from_step, MG_REAL *to, ptrdiff_t to_step) {
    vec a[VL], b[VL];
    MG_UNROLL for (int i = 0; i < VL; i++) a[i] = v_load(from + i * from_step);
    MG_UNROLL for (int done = 1; done < VL; done *= 2) {
        MG_UNROLL for (int i = 0; i < VL / 2; i++) {
            b[2 * i] = v_ziplo(a[i], a[i + VL / 2]);
            b[2 * i + 1] = v_ziphi(a[i], a[i + VL / 2]);
        }
        MG_UNROLL for (int i = 0; i < VL; i++) a[i] = b[i];
    }
    MG_UNROLL for (int i = 0; i < VL; i++) v_store(to + i * to_step, a[i]);
}
