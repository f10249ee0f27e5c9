#include "../mgconv/plain/double.h"

#define MG_TABLE mg_plain_f64
#include "plain_table.h"
