/* SPDX-License-Identifier: Apache-2.0
 *
 * zstd, by libzstd. A frame that wants a window of more than 128 MiB is refused, as by `zstd -d` without options.
 */
#include "records/codec.h"

#ifdef PLEIONE_ZSTD
#include <stdlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum { LEVEL = 3 };

static void *begin(void)
{
    return ZSTD_createDStream();
}

static enum codec_step decode(void *state, struct codec_input *in, struct codec_output *out)
{
    ZSTD_inBuffer from = {in->bytes, in->n, 0};
    ZSTD_outBuffer to = {out->bytes, out->room, out->used};
    const size_t code = ZSTD_decompressStream(state, &to, &from);
    in->bytes += from.pos;
    in->n -= from.pos;
    out->used = to.pos;
    if (ZSTD_isError(code))
        return ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation ? CODEC_NO_MEMORY : CODEC_BROKEN;
    return code == 0 ? CODEC_ENDED : CODEC_GOES_ON;
}

static void end(void *state)
{
    ZSTD_freeDStream(state);
}

static char *encode(const char *text, size_t bytes, size_t *n)
{
    const size_t room = ZSTD_compressBound(bytes);
    char *member = ZSTD_isError(room) ? NULL : malloc(room);
    *n = member ? ZSTD_compress(member, room, text, bytes, LEVEL) : 0;
    if (!member || !ZSTD_isError(*n))
        return member;
    free(member);
    return NULL;
}

const struct codec_library records_codec_zstd = {.begin = begin, .decode = decode, .end = end, .encode = encode};
#else
const struct codec_library records_codec_zstd = {0};
#endif
