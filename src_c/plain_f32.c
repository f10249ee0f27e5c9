#include "../mgconv/plain/float.h"

#define MG_TABLE mg_plain_f32
#include "plain_table.h"
