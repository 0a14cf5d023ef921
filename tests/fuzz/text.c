/* SPDX-License-Identifier: Apache-2.0
 *
 * A text, or a pair, under several tokenizers. Three bytes choose: which tokenizer, how long a row may be, and where
 * the text is cut in two.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"
#include "tokenizer/words.h"

enum { TOKENIZERS = 4, LONGEST_WORD = 100 };

struct opened {
    pln_tokenizer *tokenizer;
    pln_encoder *encoder, *bare; /* bare: of texts without places */
    struct tok_normalizer normalizer;
};

static void copy_vocabulary(void)
{
    static char text[1 << 16];
    FILE *file = fopen(FUZZ_SOURCE "/tests/tokenizer/vocab.txt", "rb");
    fuzz_check(file != NULL, "the vocabulary of the tests is there");
    const size_t bytes = fread(text, 1, sizeof text, file);
    fuzz_check(bytes < sizeof text, "the vocabulary of the tests is small");
    fclose(file);
    fuzz_write("vocab.txt", text, bytes);
}

static const struct {
    bool cased;
    pln_tokenizer_mode mode;
} ways[TOKENIZERS] = {{false, PLN_TOKENIZER_MODE_FAST},
                      {true, PLN_TOKENIZER_MODE_FAST},
                      {false, PLN_TOKENIZER_MODE_SLOW},
                      {false, PLN_TOKENIZER_MODE_GOOGLE}};

/* Each is kept for the process. */
static const struct opened *open_tokenizer(unsigned which)
{
    static struct opened all[TOKENIZERS];
    struct opened *o = &all[which];
    if (o->tokenizer)
        return o;
    const char *config = ways[which].cased ? "{\"do_lower_case\": false}" : "{\"do_lower_case\": true}";
    const pln_tokenizer_options options = {.size = sizeof options, .mode = ways[which].mode};
    copy_vocabulary();
    fuzz_write("tokenizer_config.json", config, strlen(config));
    fuzz_check(pln_tokenizer_open(fuzz_folder(), &options, &o->tokenizer, NULL) == PLN_OK, "the vocabulary opens");
    fuzz_check(pln_encoder_create(o->tokenizer, 1, &o->encoder, NULL) == PLN_OK, "there is an encoder");
    fuzz_check(pln_encoder_create(o->tokenizer, 1, &o->bare, NULL) == PLN_OK, "there is another encoder");
    tok_normalizer_init(&o->normalizer, true, true, !ways[which].cased, !ways[which].cased);
    return o;
}

/* The longest piece at `at`, tried byte by byte. 0: there is none. */
static uint32_t longest_piece(const pln_tokenizer *tokenizer, const struct tok_word *word, uint32_t at, int32_t *id)
{
    char token[4 * LONGEST_WORD + 3] = "##";
    for (uint32_t bytes = word->bytes - at; bytes; bytes--) {
        memcpy(token + 2, word->text + at, bytes);
        token[2 + bytes] = '\0';
        *id = pln_tokenizer_id(tokenizer, at ? token : token + 2);
        if (*id >= 0)
            return bytes;
    }
    return 0;
}

/* Ids of a word by the definition of WordPiece. Returns how many; room for LONGEST_WORD. */
static uint32_t cut_word(const pln_tokenizer *tokenizer, const struct tok_word *word, int32_t *ids)
{
    uint32_t n = 0;
    for (uint32_t at = 0, taken; word->chars <= LONGEST_WORD && at < word->bytes; at += taken) {
        taken = longest_piece(tokenizer, word, at, &ids[n]);
        n = taken ? n + 1 : 0;
        if (!taken)
            break;
    }
    if (!n)
        ids[n++] = pln_tokenizer_special_id(tokenizer, PLN_SPECIAL_UNK);
    return n;
}

/* Without added tokens in it, the text is its words, cut by the definition. */
static void check_words(const struct opened *o, pln_text text, const pln_encodings *e)
{
    struct tok_words words = {0};
    struct tok_word word;
    uint32_t at = 1; /* behind [CLS] */
    tok_words_begin(&words, &o->normalizer, text, 0);
    while (tok_words_next(&words, &word)) {
        int32_t ids[LONGEST_WORD];
        const uint32_t n = cut_word(o->tokenizer, &word, ids);
        fuzz_check(at + n < e->tokens && memcmp(ids, e->ids + at, n * sizeof *ids) == 0,
                   "words are cut by the definition");
        at += n;
    }
    fuzz_check(at + 1 == e->tokens, "there are no tokens but those of words");
    tok_words_finish(&words);
}

enum { CONTROL = 6, MOST_WORDS = 64 };

static pln_encode_options options_of(const uint8_t *control)
{
    return (pln_encode_options){.size = sizeof(pln_encode_options),
                                .max_length = control[1],
                                .truncation = (pln_truncation)(control[0] >> 1 & 1 ? control[3] % 3 : 0),
                                .truncate_left = control[0] & 4,
                                .overflow = control[0] & 8,
                                .pad_left = control[0] & 16,
                                .no_special = control[0] & 32,
                                .split_special = control[0] & 64,
                                .stride = control[3] / 4,
                                .padding = (pln_padding)(control[4] % 3),
                                .pad_length = control[4] / 4,
                                .pad_multiple = control[4] & 128 ? 8 : 0};
}

/* The text as words of `length` bytes each. */
static uint32_t split(pln_text text, size_t length, pln_text words[MOST_WORDS])
{
    uint32_t n = 0;
    for (size_t at = 0; at < text.bytes && n < MOST_WORDS; at += length, n++)
        words[n] = (pln_text){text.text + at, text.bytes - at < length ? text.bytes - at : length};
    return n;
}

/* Without places the ids are the same; the encoder of this remembers what earlier texts had. */
static void check_without_places(const struct opened *o, const pln_example *example, pln_encode_options options,
                                 const pln_encodings *e)
{
    const pln_encodings *bare;
    options.no_places = true;
    fuzz_check(pln_encoder_encode(o->bare, example, 1, &options, &bare, NULL) == PLN_OK,
               "it is encoded without places");
    fuzz_check(bare->tokens == e->tokens && bare->rows == e->rows, "without places a text has as many tokens");
    if (e->tokens)
        fuzz_check(memcmp(bare->starts, e->starts, (e->rows + 1) * sizeof *e->starts) == 0 &&
                       memcmp(bare->ids, e->ids, e->tokens * sizeof *e->ids) == 0 &&
                       memcmp(bare->types, e->types, e->tokens * sizeof *e->types) == 0 &&
                       memcmp(bare->attention_mask, e->attention_mask, e->tokens) == 0,
                   "without places a text has the same tokens");
}

void fuzz_text(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    (void)target;
    if (bytes < CONTROL)
        return;
    const unsigned which = (data[0] & 1) | (data[0] >> 6 & 2);
    const struct opened *o = open_tokenizer(which);
    const pln_encode_options options = options_of(data);
    const char *text = (const char *)data + CONTROL;
    const size_t length = bytes - CONTROL, first = data[2] < length && data[2] ? data[2] : length;
    pln_text words[MOST_WORDS];
    pln_example example = {.text = {text, first}, .pair = {first < length ? text + first : NULL, length - first}};
    if (data[5]) {
        example.n_words = split(example.text, data[5], words);
        example.words = words;
    }
    const pln_encodings *e;
    pln_error error;
    const pln_status status = pln_encoder_encode(o->encoder, &example, 1, &options, &e, &error);
    fuzz_check(status == PLN_OK || (status == PLN_INVALID && data[1]), "a text is encoded, unless it cannot be cut");
    if (status != PLN_OK)
        return;
    fuzz_check_encodings(o->tokenizer, e, &example);
    check_without_places(o, &example, options, e);
    /* With room for one token a second text is cut to nothing, of which the reference makes a row of all of it. */
    if (options.max_length > (example.pair.text ? 4 : 3) && !options.padding)
        for (uint32_t r = 0; r < e->rows; r++)
            fuzz_check(e->starts[r + 1] - e->starts[r] <= options.max_length, "a row is no longer than it may be");
    if (!options.max_length && !options.padding && !options.no_special && !example.pair.text && !example.words &&
        !memchr(text, '[', length) && ways[which].mode == PLN_TOKENIZER_MODE_FAST)
        check_words(o, example.text, e);
}
