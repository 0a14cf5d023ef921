/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes JSON, gives its text: whole, or none.
 */
#include "common/jsontext.h"

#include <stdlib.h>
#include <string.h>

struct text {
    char *bytes;
    size_t used, room;
    int failed;
};

static int append(const char *bytes, size_t n, void *context)
{
    struct text *t = context;
    if (t->failed)
        return -1;
    if (n >= t->room - t->used) {
        const size_t room = 2 * (t->used + n) + 256;
        char *larger = realloc(t->bytes, room);
        t->failed = !larger;
        if (!larger)
            return -1;
        t->bytes = larger;
        t->room = room;
    }
    memcpy(t->bytes + t->used, bytes, n);
    t->used += n;
    t->bytes[t->used] = '\0';
    return 0;
}

char *jsontext_dump(const json_t *json, size_t flags)
{
    struct text t = {0};
    if (json_dump_callback(json, append, &t, flags) == 0 && !t.failed && t.bytes)
        return t.bytes;
    free(t.bytes);
    return NULL;
}
