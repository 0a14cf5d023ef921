/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of a file or of standard input, unpacked where they are compressed. Memory does not depend on how many they
 * are.
 */
#ifndef RECORDS_STREAM_H
#define RECORDS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/pleione_types.h"
#include "records/codec.h"

struct records_cancel { /* zero: nobody is asked */
    bool (*ask)(void *context);
    void *context;
};

struct records_stream { /* zero: nothing to close */
    const char *name;   /* of the file, for sentences */
    int fd;
    bool opened, own; /* own: it is closed with the stream */
    bool ended;       /* there is no more to be read from fd */
    const struct codec *codec;
    void *state;
    bool inside;             /* a member has begun and not ended */
    char *raw, *text;        /* buffers: as read, unpacked */
    struct codec_input rest; /* of raw */
    uint64_t done;           /* bytes read from fd */
    uint64_t total;          /* 0: not known */
    struct records_cancel cancel;
    pln_error held; /* of a failure behind bytes that were given */
};

/* The caller's memory. path (borrows) "-" is standard input. PLN_INVALID: it cannot be opened; PLN_FAILED: it cannot be
 * read; PLN_UNSUPPORTED; PLN_CANCELLED; PLN_NO_MEMORY. */
pln_status records_stream_open(struct records_stream *s, const char *path, struct records_cancel cancel,
                               pln_error *error);
void records_stream_close(struct records_stream *s);

/* More bytes, which stay until the next call; 0: the end. PLN_FAILED: it cannot be read, is cut off, broken, or goes on
 * with what is not compressed; PLN_NO_MEMORY. What came before that is given first. error is not NULL. */
pln_status records_stream_next(struct records_stream *s, const char **bytes, size_t *n, pln_error *error);
#endif
