/* Which instruction sets were compiled, which of them this processor runs, and which one is in use. */
#ifndef MG_DISPATCH_H
#define MG_DISPATCH_H

struct mg_activation_kernels;
struct mg_conv_outer_kernels;
struct mg_conv_row_kernels;
struct mg_delay_kernels;
struct mg_fft_conv_kernels;
struct mg_fft_kernels;
struct mg_filter_kernels;
struct mg_optimizer_kernels;
struct mg_pool_kernels;
struct mg_winograd_kernels;

/* One instruction set: its name and the tables of its kernels. */
struct mg_isa {
    const char *name;
    const struct mg_optimizer_kernels *optimizer[2];       /* float32, float64 */
    const struct mg_activation_kernels *activation[2];
    const struct mg_fft_kernels *fft[2];
    const struct mg_filter_kernels *filter[2];
    const struct mg_delay_kernels *delay;
    const struct mg_conv_row_kernels *conv_row[2];
    const struct mg_conv_outer_kernels *conv_outer[2];
    const struct mg_pool_kernels *pool[2];
    const struct mg_winograd_kernels *winograd[2];
    const struct mg_fft_conv_kernels *fft_conv[2];
};

/* The sets that this processor can run, best last; entry `count` has a NULL name. */
const struct mg_isa *mg_isa_available(int *count);

/* The set in use: the best one, until mg_isa_select chooses another. */
const struct mg_isa *mg_isa_active(void);

/* Chooses a set by name; 0, or -1 if it is unknown or this processor lacks it. */
int mg_isa_select(const char *name);

/* The compiler's name and version. */
const char *mg_compiler(void);

#endif
