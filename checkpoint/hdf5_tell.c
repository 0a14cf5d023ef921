/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes records, gives them to the library on the standard output.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/hdf5_program.h"

static void put(const void *bytes, size_t n)
{
    if (n && fwrite(bytes, 1, n, stdout) != n)
        _exit(1);
}

void tell(const struct hdf5_record *record, const char *name, const char *type)
{
    struct hdf5_record told = *record;
    told.name_bytes = (uint32_t)strlen(name);
    told.type_bytes = (uint32_t)strlen(type);
    put(&told, sizeof told);
    put(name, told.name_bytes);
    put(type, told.type_bytes);
}

void tell_problem(const char *format, ...)
{
    const struct hdf5_record record = {.kind = HDF5_PROBLEM};
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tell(&record, text, "");
    fflush(stdout);
    _exit(1);
}
