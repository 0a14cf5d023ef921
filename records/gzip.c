/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip, by zlib.
 */
#include "records/codec.h"

#ifdef PLEIONE_ZLIB
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum { GZIP = 15 + 16 /* the largest window, and the header of gzip */ };

static void *begin(void)
{
    z_stream *z = calloc(1, sizeof *z);
    if (z && inflateInit2(z, GZIP) == Z_OK)
        return z;
    free(z);
    return NULL;
}

static uInt at_most(size_t n)
{
    return n < UINT_MAX ? (uInt)n : UINT_MAX;
}

static enum codec_step decode(void *state, struct codec_input *in, struct codec_output *out)
{
    z_stream *z = state;
    const uInt given = at_most(in->n), room = at_most(out->room - out->used);
    z->next_in = (Bytef *)(uintptr_t)in->bytes; /* zlib only reads there */
    z->avail_in = given;
    z->next_out = (Bytef *)out->bytes + out->used;
    z->avail_out = room;
    const int code = inflate(z, Z_NO_FLUSH);
    in->bytes += given - z->avail_in;
    in->n -= given - z->avail_in;
    out->used += room - z->avail_out;
    if (code == Z_STREAM_END)
        return inflateReset2(z, GZIP) == Z_OK ? CODEC_ENDED : CODEC_NO_MEMORY;
    if (code == Z_MEM_ERROR)
        return CODEC_NO_MEMORY;
    return code == Z_OK || code == Z_BUF_ERROR ? CODEC_GOES_ON : CODEC_BROKEN;
}

static void end(void *state)
{
    if (state)
        inflateEnd(state);
    free(state);
}

static char *encode(const char *text, size_t bytes, size_t *n)
{
    z_stream z = {0};
    if (bytes >= UINT_MAX / 2 ||
        deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    const uLong room = deflateBound(&z, (uLong)bytes);
    char *member = malloc(room);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)bytes;
    z.next_out = (Bytef *)member;
    z.avail_out = (uInt)room;
    if (member && deflate(&z, Z_FINISH) != Z_STREAM_END) {
        free(member);
        member = NULL;
    }
    *n = z.total_out;
    deflateEnd(&z);
    return member;
}

const struct codec_library records_codec_gzip = {.begin = begin, .decode = decode, .end = end, .encode = encode};
#else
const struct codec_library records_codec_gzip = {0};
#endif
