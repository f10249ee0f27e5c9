#pragma once
typedef struct FILE FILE;
extern FILE *stderr;
int fprintf(FILE *file, const char *format, ...);
