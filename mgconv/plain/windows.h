/* Layers that slide windows or move numbers, in plain C: floats (with kernels.h) and whole numbers of 8 bits (with
   kernels_int8.h) do the same. `real` is what arrays hold, `total` what sums are in; ENTRY, RESULT, MEAN, FILL and MOST
   say what the types do differently, each in float.h, double.h and int8.h.

   Blocks are separated by empty lines; each defines one name. All kernels take: sizes s; the input x; constants a and
   b, if any (or a second input a); and the output y. Arrays are channels last: (rows, columns, channels); series have
   one row. */

/* y[row, column, f] = b[f] + sum over taps and then channels of x a[tap, channel, f] */
static inline void conv(const int *s, const real *x, const real *a, const total *b, real *y) {
    enum { BLOCK = 8 };
    const int rows = s[0], columns = s[1], channels = s[2], out_rows = s[3], out_columns = s[4], filters = s[5],
              tap_rows = s[6], tap_columns = s[7], stride_rows = s[8], stride_columns = s[9], dilation_rows = s[10],
              dilation_columns = s[11], top = s[12], left = s[13], groups = s[14];
    const int inner = channels / groups, outer = filters / groups;
    for (int i = 0; i < out_rows * out_columns; i++)
        for (int f = 0, n; f < filters; f += n) {
            total sum[BLOCK];
            n = outer - f % outer < BLOCK ? outer - f % outer : BLOCK;
            for (int j = 0; j < n; j++) sum[j] = b ? b[f + j] : 0;
            for (int t = 0; t < tap_rows * tap_columns; t++) {
                const int row = i / out_columns * stride_rows - top + t / tap_columns * dilation_rows;
                const int column = i % out_columns * stride_columns - left + t % tap_columns * dilation_columns;
                if (row < 0 || row >= rows || column < 0 || column >= columns) continue;
                const real *in = x + (row * columns + column) * channels + f / outer * inner;
                const real *k = a + t * inner * filters + f;
                if (n == BLOCK)
                    for (int c = 0; c < inner; c++)
                        for (int j = 0; j < BLOCK; j++) sum[j] += ENTRY(in[c], s) * k[c * filters + j];
                else
                    for (int c = 0; c < inner; c++)
                        for (int j = 0; j < n; j++) sum[j] += ENTRY(in[c], s) * k[c * filters + j];
            }
            for (int j = 0; j < n; j++) y[i * filters + f + j] = RESULT(sum[j], s, b, f + j, filters);
        }
}

/* y[row, column, (channel, m)] = b[channel, m] + sum over taps of x a[tap, channel, m] */
static inline void depthwise(const int *s, const real *x, const real *a, const total *b, real *y) {
    enum { BLOCK = 16 };
    const int rows = s[0], columns = s[1], channels = s[2], out_rows = s[3], out_columns = s[4], filters = s[5],
              tap_rows = s[6], tap_columns = s[7], stride_rows = s[8], stride_columns = s[9], dilation_rows = s[10],
              dilation_columns = s[11], top = s[12], left = s[13], several = filters / channels;
    for (int i = 0; i < out_rows * out_columns; i++, y += filters)
        for (int c = 0, n; c < channels; c += n) {
            n = channels - c < BLOCK ? channels - c : BLOCK;
            for (int m = 0; m < several; m++) {
                const int first = c * several + m;
                total sum[BLOCK];
                for (int j = 0; j < n; j++) sum[j] = b ? b[first + j * several] : 0;
                for (int t = 0; t < tap_rows * tap_columns; t++) {
                    const int row = i / out_columns * stride_rows - top + t / tap_columns * dilation_rows;
                    const int column = i % out_columns * stride_columns - left + t % tap_columns * dilation_columns;
                    if (row < 0 || row >= rows || column < 0 || column >= columns) continue;
                    const real *in = x + (row * columns + column) * channels + c, *k = a + t * filters + first;
                    for (int j = 0; j < n; j++) sum[j] += ENTRY(in[j], s) * k[j * several];
                }
                for (int j = 0; j < n; j++)
                    y[first + j * several] = RESULT(sum[j], s, b, first + j * several, filters);
            }
        }
}

/* y[row, column, f] = b[f] + sum over taps and then channels of x a[tap, f, channel], where row = i stride + tap
   dilation - top */
static inline void conv_transposed(const int *s, const real *x, const real *a, const total *b, real *y) {
    enum { BLOCK = 32 };
    const int rows = s[0], columns = s[1], channels = s[2], out_rows = s[3], out_columns = s[4], filters = s[5],
              tap_rows = s[6], tap_columns = s[7], stride_rows = s[8], stride_columns = s[9], dilation_rows = s[10],
              dilation_columns = s[11], top = s[12], left = s[13];
    for (int i = 0; i < out_rows * out_columns; i++)
        for (int f = 0, n; f < filters; f += n) {
            total sum[BLOCK];
            n = filters - f < BLOCK ? filters - f : BLOCK;
            for (int j = 0; j < n; j++) sum[j] = b ? b[f + j] : 0;
            for (int t = 0; t < tap_rows * tap_columns; t++) {
                const int down = i / out_columns + top - t / tap_columns * dilation_rows;
                const int right = i % out_columns + left - t % tap_columns * dilation_columns;
                if (down < 0 || down % stride_rows || down / stride_rows >= rows || right < 0 ||
                    right % stride_columns || right / stride_columns >= columns)
                    continue;
                const real *in = x + (down / stride_rows * columns + right / stride_columns) * channels;
                const real *k = a + (t * filters + f) * channels;
                for (int j = 0; j < n; j++, k += channels)
                    for (int c = 0; c < channels; c++) sum[j] += ENTRY(in[c], s) * k[c];
            }
            for (int j = 0; j < n; j++) y[i * filters + f + j] = RESULT(sum[j], s, b, f + j, filters);
        }
}

static inline void max_pool(const int *s, const real *x, const real *a, const total *b, real *y) {
    const int rows = s[0], columns = s[1], channels = s[2], out_rows = s[3], out_columns = s[4], tap_rows = s[6],
              tap_columns = s[7], stride_rows = s[8], stride_columns = s[9], top = s[12], left = s[13];
    (void)a, (void)b;
    for (int i = 0; i < out_rows * out_columns; i++)
        for (int c = 0; c < channels; c++) {
            total most = -MOST;
            for (int t = 0; t < tap_rows * tap_columns; t++) {
                const int row = i / out_columns * stride_rows - top + t / tap_columns;
                const int column = i % out_columns * stride_columns - left + t % tap_columns;
                if (row < 0 || row >= rows || column < 0 || column >= columns) continue;
                const total entry = x[(row * columns + column) * channels + c];
                most = entry > most || !(entry <= MOST) ? entry : most;           /* NaN is kept */
            }
            y[i * channels + c] = (real)most;
        }
}

/* The mean of those entries of a window that are not padding. */
static inline void average_pool(const int *s, const real *x, const real *a, const total *b, real *y) {
    const int rows = s[0], columns = s[1], channels = s[2], out_rows = s[3], out_columns = s[4], tap_rows = s[6],
              tap_columns = s[7], stride_rows = s[8], stride_columns = s[9], top = s[12], left = s[13];
    (void)a, (void)b;
    for (int i = 0; i < out_rows * out_columns; i++)
        for (int c = 0; c < channels; c++) {
            total sum = 0;
            int count = 0;
            for (int t = 0; t < tap_rows * tap_columns; t++) {
                const int row = i / out_columns * stride_rows - top + t / tap_columns;
                const int column = i % out_columns * stride_columns - left + t % tap_columns;
                if (row < 0 || row >= rows || column < 0 || column >= columns) continue;
                sum += ENTRY(x[(row * columns + column) * channels + c], s);
                count++;
            }
            y[i * channels + c] = MEAN(sum, count, s);
        }
}

/* Puts x, (rows, columns, channels), into margins of (out_rows, out_columns) with its corner at (top, left): padding;
   or cropping, where the corner is negative. */
static inline void place(const int *s, const real *x, const real *a, const total *b, real *y) {
    const int rows = s[0], columns = s[1], channels = s[2], out_rows = s[3], out_columns = s[4], top = s[12],
              left = s[13];
    (void)a, (void)b;
    for (int i = 0; i < out_rows * out_columns; i++) {
        const int row = i / out_columns - top, column = i % out_columns - left;
        const int inside = row >= 0 && row < rows && column >= 0 && column < columns;
        for (int c = 0; c < channels; c++)
            y[i * channels + c] = inside ? x[(row * columns + column) * channels + c] : FILL(s);
    }
}

/* Each entry stride_rows times downwards and stride_columns times to the right. */
static inline void repeat(const int *s, const real *x, const real *a, const total *b, real *y) {
    const int columns = s[1], channels = s[2], out_rows = s[3], out_columns = s[4], down = s[8], right = s[9];
    (void)a, (void)b;
    for (int i = 0; i < out_rows * out_columns; i++)
        for (int c = 0; c < channels; c++)
            y[i * channels + c] = x[(i / out_columns / down * columns + i % out_columns / right) * channels + c];
}

/* y[i, j, k] = x[i s3 + j s4 + k s5] for i < s0, j < s1, k < s2 */
static inline void permute(const int *s, const real *x, const real *a, const total *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++)
        for (int j = 0; j < s[1]; j++)
            for (int k = 0; k < s[2]; k++) *y++ = x[i * s[3] + j * s[4] + k * s[5]];
}

/* Rows of s1 numbers into rows of s2, from the s3-th on: one part of a concatenation. */
static inline void join(const int *s, const real *x, const real *a, const total *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0]; i++)
        for (int j = 0; j < s[1]; j++) y[i * s[2] + s[3] + j] = x[i * s[1] + j];
}

/* Of the s0 numbers of y the oldest s1 go, the others move down, and x comes last: the past of a stream. */
static inline void advance(const int *s, const real *x, const real *a, const total *b, real *y) {
    (void)a, (void)b;
    for (int i = 0; i < s[0] - s[1]; i++) y[i] = y[i + s[1]];
    for (int i = 0; i < s[1]; i++) y[s[0] - s[1] + i] = x[i];
}
