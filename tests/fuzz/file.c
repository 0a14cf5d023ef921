/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of a model directory, beside files that are as they should be. It is refused with a sentence, or the tokenizer
 * works, and works alike when it was saved and read again.
 */
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/target.h"

static const char vocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n##b\nab\n##ab\nthe\n";

static uint64_t mix(uint64_t hash, const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * 0x100000001b3u;
    return hash;
}

/* Gives a hash of the answers. */
static uint64_t use_tokenizer(const pln_tokenizer *tokenizer)
{
    static const char text[] = "ab[MASK]the  aab <x> [CLS]\xff \xed\x95\x9c\xea\xb8\x80 é 中";
    const pln_example examples[] = {{.text = {text, sizeof text - 1}},
                                    {.text = {text, 9}, .pair = {text + 9, sizeof text - 10}}};
    pln_encoder *encoder;
    pln_error error;
    uint64_t hash = 0;
    fuzz_check(pln_encoder_create(tokenizer, 1, &encoder, &error) == PLN_OK, "there is an encoder");
    for (uint32_t i = 0; i < 2; i++) {
        const pln_encodings *e;
        pln_encode_options defaults = {.size = sizeof defaults};
        fuzz_check(pln_tokenizer_defaults(tokenizer, &defaults, &error) == PLN_OK, "there are defaults");
        fuzz_check(pln_encoder_encode(encoder, &examples[i], 1, NULL, &e, &error) == PLN_OK, "a text is encoded");
        fuzz_check_encodings(tokenizer, e, &examples[i]);
        hash = mix(hash, e->ids, e->tokens * sizeof *e->ids);
        hash = mix(hash, e->ends, e->tokens * sizeof *e->ends);
        if (defaults.max_length > 1000 || defaults.pad_length > 1000 || defaults.pad_multiple > 1000)
            continue;
        if (pln_encoder_encode(encoder, &examples[i], 1, &defaults, &e, &error) == PLN_OK)
            hash = mix(hash, e->ids, e->tokens * sizeof *e->ids);
        else
            fuzz_check(error.message[0] != '\0', "a refusal has a sentence");
    }
    pln_encoder_destroy(&encoder);
    const uint32_t count = pln_tokenizer_count(tokenizer);
    for (uint32_t i = 0; i < count && i < 1000; i++) {
        const char *token = pln_tokenizer_token(tokenizer, (int32_t)i);
        fuzz_check(!token || !*token || pln_tokenizer_id(tokenizer, token) >= 0, "a token has an id");
    }
    static const int32_t beyond[] = {INT32_MIN, -1, 0, 7, INT32_MAX};
    char *decoded;
    fuzz_check(pln_tokenizer_decode(tokenizer, beyond, 5, NULL, &decoded, &error) == PLN_OK,
               "ids out of range are passed over");
    pln_free(decoded);
    return hash;
}

/* The saved files stand for the tokenizer. */
static void save_and_compare(const pln_tokenizer *tokenizer, uint64_t hash)
{
    char path[128];
    pln_tokenizer *again;
    pln_error error = {.message = ""};
    snprintf(path, sizeof path, "%s/saved", fuzz_folder());
    const pln_status status = pln_tokenizer_save(tokenizer, path, PLN_TOKENIZER_LAYOUT_5, &error);
    if (status == PLN_INVALID && strstr(error.message, "have the same id"))
        return;
    fuzz_check(status == PLN_OK, "a tokenizer can be saved");
    fuzz_check(pln_tokenizer_open(path, NULL, &again, &error) == PLN_OK, "a saved tokenizer can be opened");
    fuzz_check(use_tokenizer(again) == hash, "a saved tokenizer answers alike");
    pln_tokenizer_close(&again);
}

void fuzz_file(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    pln_tokenizer *tokenizer;
    pln_error error = {.message = ""};
    if (strcmp(target->name, "tokenizer.json") != 0)
        fuzz_write("vocab.txt", vocabulary, sizeof vocabulary - 1);
    fuzz_write(target->name, data, bytes);
    const pln_status status = pln_tokenizer_open(fuzz_folder(), NULL, &tokenizer, &error);
    if (status != PLN_OK) {
        fuzz_check(status == PLN_BAD_MODEL, "a refusal says what kind it is");
        fuzz_check(strstr(error.message, fuzz_folder()) != NULL, "a refusal names the file");
        fuzz_check(tokenizer == NULL, "a refusal opens nothing");
        return;
    }
    save_and_compare(tokenizer, use_tokenizer(tokenizer));
    pln_tokenizer_close(&tokenizer);
}
