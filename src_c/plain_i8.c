#include "../mgconv/plain/int8.h"
#include "../mgconv/plain/kernels_int8.h"
#include "../mgconv/plain/windows.h"

#define MG_TABLE mg_plain_i8
#define MG_OWN MG_PLAIN_INT8
#include "plain_table.h"
