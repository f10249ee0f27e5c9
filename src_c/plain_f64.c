#include "../mgconv/plain/double.h"
#include "../mgconv/plain/windows.h"
#include "../mgconv/plain/kernels.h"

#define MG_TABLE mg_plain_f64
#define MG_OWN MG_PLAIN_KERNELS
#include "plain_table.h"
