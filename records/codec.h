/* SPDX-License-Identifier: Apache-2.0
 *
 * Compressed streams, one file each behind one table. A stream is made of members (frames, for zstd) that stand for
 * themselves. The library behind one may be missing in this build.
 */
#ifndef RECORDS_CODEC_H
#define RECORDS_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "api/pleione_types.h"

enum { CODEC_MAGIC = 4 }; /* the most first bytes that are looked at */

enum codec_step {
    CODEC_GOES_ON,   /* it wants more bytes, or more room */
    CODEC_ENDED,     /* a member ended; the next byte begins another one */
    CODEC_BROKEN,    /* these are not its bytes */
    CODEC_NO_MEMORY, /* for its tables */
};

struct codec_input {
    const char *bytes;
    size_t n;
};

struct codec_output {
    char *bytes;
    size_t room, used;
};

/* What a library does; one that is missing has NULL in every place. */
struct codec_library {
    void *(*begin)(void); /* returns new; NULL: no memory */
    /* Takes from the front of `in`, adds to `out`. After CODEC_ENDED it is ready for another member. */
    enum codec_step (*decode)(void *state, struct codec_input *in, struct codec_output *out);
    void (*end)(void *state);
    /* A whole member: returns new (free), *n bytes of it; NULL: no memory. The same bytes for the same text. */
    char *(*encode)(const char *text, size_t bytes, size_t *n);
};

struct codec {
    const char *name, *ending, *magic;
    size_t magic_bytes;
    const struct codec_library *library;
};

/* By the first bytes of a stream; NULL: it is not compressed. */
const struct codec *records_codec_of_bytes(const char *bytes, size_t n);
/* By the end of a path of so many bytes; NULL: none. */
const struct codec *records_codec_of_path(const char *path, size_t bytes);
/* PLN_UNSUPPORTED, with the name of the file and of what this build lacks; codec may be NULL. */
pln_status records_codec_check(const struct codec *codec, const char *name, pln_error *error);
#endif
