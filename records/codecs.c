/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of compressed streams.
 */
#include <string.h>

#include "common/fail.h"
#include "records/codec.h"

#define CODEC(name, ending, magic, bytes) extern const struct codec_library records_codec_##name;
#include "records/codecs.def"
#undef CODEC

#define CODEC(name, ending, magic, bytes) {#name, ending, magic, bytes, &records_codec_##name},
static const struct codec codecs[] = {
#include "records/codecs.def"
};
#undef CODEC
enum { N_CODECS = sizeof codecs / sizeof *codecs };

const struct codec *records_codec_of_bytes(const char *bytes, size_t n)
{
    for (size_t i = 0; i < N_CODECS; i++)
        if (n >= codecs[i].magic_bytes && memcmp(bytes, codecs[i].magic, codecs[i].magic_bytes) == 0)
            return &codecs[i];
    return NULL;
}

const struct codec *records_codec_of_path(const char *path, size_t bytes)
{
    for (size_t i = 0; i < N_CODECS; i++) {
        const size_t n = strlen(codecs[i].ending);
        if (bytes > n && memcmp(path + bytes - n, codecs[i].ending, n) == 0)
            return &codecs[i];
    }
    return NULL;
}

pln_status records_codec_check(const struct codec *codec, const char *name, pln_error *error)
{
    return !codec || codec->library->decode
               ? PLN_OK
               : pln_fail(error, PLN_UNSUPPORTED, "%s: this build of pleione has no %s", name, codec->name);
}
