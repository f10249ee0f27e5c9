/* The little that the C tests share: numbers that are alike everywhere, comparison, and a hash of bits. */
#ifndef MG_CHECK_H
#define MG_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "dispatch.h"

/* Counts a failure and tells where it was, unless `condition` holds. */
#define CHECK(condition) check((condition) != 0, #condition, __FILE__, __LINE__)
void check(int holds, const char *what, const char *file, int line);

/* Whether |a - b| <= tolerance (1 + |b|); false for what is not a number. */
int close_to(double a, double b, double tolerance);

/* Numbers in [-1, 1), always the same sequence. */
double random_number(void);

/* Arrays of float (wide 0) or double (wide 1). */
double get(const void *array, int wide, ptrdiff_t i);
void put(void *array, int wide, ptrdiff_t i, double value);
void fill(void *array, int wide, ptrdiff_t count);

/* Prints "bits SUBJECT HASH": every platform and instruction set must print the same. */
void print_bits(const char *subject, const void *memory, size_t bytes);

/* One function a family of kernels, called for each instruction set that the processor runs. */
void test_activation(const struct mg_isa *isa);
void test_column(const struct mg_isa *isa);
void test_conv(const struct mg_isa *isa);
void test_delay(const struct mg_isa *isa);
void test_fft(const struct mg_isa *isa);
void test_filter(const struct mg_isa *isa);
void test_optimizer(const struct mg_isa *isa);
void test_pooling(const struct mg_isa *isa);
void test_winograd(const struct mg_isa *isa);
void test_threads(void);

#endif
