/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON lines out, and whether all of the output was written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static bool json_lost; /* an object, or a part of one, could not be made */

void cli_append_json(json_t *list, json_t *item)
{
    json_lost |= json_array_append_new(list, item) != 0;
}

void cli_set_json(json_t *object, const char *key, json_t *value)
{
    json_lost |= json_object_set_new(object, key, value) != 0;
}

char *cli_dump_json(const json_t *json, size_t flags)
{
    const size_t bytes = json_dumpb(json, NULL, 0, flags); /* into room that is there nothing can be left out */
    char *text = bytes ? malloc(bytes + 1) : NULL;
    if (text && json_dumpb(json, text, bytes, flags) == bytes) {
        text[bytes] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

void cli_print_json(json_t *object)
{
    char *line = json_lost ? NULL : cli_dump_json(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_lost |= !line;
    if (line)
        puts(line);
    free(line);
    json_decref(object);
}

pln_status cli_flush_output(pln_error *error)
{
    const bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (written && !json_lost)
        return PLN_OK;
    *error = (pln_error){.status = written ? PLN_NO_MEMORY : PLN_FAILED, .node = -1};
    if (written)
        snprintf(error->message, sizeof error->message, "no memory for an object of JSON");
    else
        snprintf(error->message, sizeof error->message, "stdout cannot be written: %s", strerror(errno ? errno : EIO));
    return error->status;
}

int cli_finish_output(void)
{
    pln_error error;
    return cli_flush_output(&error) == PLN_OK ? 0 : cli_fail(&error);
}
