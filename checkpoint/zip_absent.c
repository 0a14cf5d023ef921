/* SPDX-License-Identifier: Apache-2.0
 *
 * In place of zip.c where minizip is missing: says so.
 */
#include "checkpoint/zip.h"
#include "common/fail.h"

pln_status zip_open(const char *path, const unsigned char *bytes, size_t size, struct zip **zip, pln_error *error)
{
    (void)bytes;
    (void)size;
    *zip = NULL;
    return pln_fail(error, PLN_BAD_MODEL,
                    "%s: a zip archive of PyTorch, and this pleione was built without minizip (libminizip-dev)", path);
}

void zip_close(struct zip **zip)
{
    *zip = NULL;
}

const struct zip_entry *zip_entries(const struct zip *zip, uint32_t *count)
{
    (void)zip;
    *count = 0;
    return NULL;
}

const struct zip_entry *zip_find(const struct zip *zip, const char *name)
{
    (void)zip;
    (void)name;
    return NULL;
}

pln_status zip_read(struct zip *zip, const struct zip_entry *entry, void *out, pln_error *error)
{
    (void)zip;
    (void)entry;
    (void)out;
    return pln_fail(error, PLN_BAD_MODEL, "built without minizip");
}
