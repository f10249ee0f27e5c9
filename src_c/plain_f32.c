#include "../mgconv/plain/float.h"
#include "../mgconv/plain/windows.h"
#include "../mgconv/plain/kernels.h"

#define MG_TABLE mg_plain_f32
#define MG_OWN MG_PLAIN_KERNELS
#include "plain_table.h"
