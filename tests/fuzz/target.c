/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of targets, and what they check alike.
 */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fuzz_target targets[] = {
    {"text", fuzz_text},
    {"training", fuzz_training},
    {"vocab.txt", fuzz_file},
    {"tokenizer.json", fuzz_file},
    {"tokenizer_config.json", fuzz_file},
    {"special_tokens_map.json", fuzz_file},
    {"added_tokens.json", fuzz_file},
    {"trainer.json", fuzz_trainer},
    {"first_moment.safetensors", fuzz_trainer},
    {"second_moment.safetensors", fuzz_trainer},
    {"config.json", fuzz_config},
    {"weights.safetensors", fuzz_safetensors},
    {"model.safetensors.index.json", fuzz_index},
    {"zip.bin", fuzz_checkpoint},
    {"pickle.bin", fuzz_checkpoint},
    {"tree.msgpack", fuzz_checkpoint},
    {"bundle.index", fuzz_bundle},
    {"table.h5", fuzz_table},
    {"request.safetensors", fuzz_request},
    {"rows.txt", fuzz_rows},
    {"rows.jsonl", fuzz_rows},
    {"rows.csv", fuzz_rows},
    {"rows.tsv", fuzz_rows},
    {"rows.conll", fuzz_rows},
    {"rows.json", fuzz_rows},
    {"rows.jsonl.gz", fuzz_rows},
    {"rows.csv.zst", fuzz_rows},
    {"resume.csv", fuzz_resume},
    {"resume.csv.gz", fuzz_resume},
    {"resume.csv.zst", fuzz_resume},
};

const struct fuzz_target *fuzz_find(const char *name)
{
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    return NULL;
}

void fuzz_check(bool holds, const char *sentence)
{
    if (holds)
        return;
    fprintf(stderr, "does not hold: %s\n", sentence);
    abort();
}

/* Code points of a text of which each invalid maximal subpart counts as one is at most its bytes, so bytes bound both.
 */
static void check_token(const pln_tokenizer *tokenizer, const pln_encodings *e, uint32_t i, const pln_example *example)
{
    fuzz_check(e->ids[i] >= 0 && (uint32_t)e->ids[i] < pln_tokenizer_count(tokenizer), "an id is below the count");
    fuzz_check(pln_tokenizer_token(tokenizer, e->ids[i]) != NULL, "an id has a token");
    fuzz_check(e->sequences[i] >= -1 && e->sequences[i] <= (example->pair.text ? 1 : 0), "a sequence is -1, 0 or 1");
    if (e->sequences[i] < 0) {
        fuzz_check(e->words[i] == -1 && !e->begins[i] && !e->ends[i], "a special token has no word and no place");
        return;
    }
    const size_t bytes = e->sequences[i] ? example->pair.bytes : example->text.bytes; /* a word is no longer */
    fuzz_check(e->types[i] == e->sequences[i], "a type is the number of the text");
    fuzz_check(e->begins[i] <= e->ends[i] && e->begin_bytes[i] <= e->end_bytes[i], "an end is not before a begin");
    fuzz_check(e->end_bytes[i] <= bytes && e->ends[i] <= e->end_bytes[i], "a place lies in its text");
}

static void check_order(const pln_encodings *e, uint32_t i, bool in_words)
{
    if (e->sequences[i] < 0 || e->sequences[i] != e->sequences[i - 1])
        return;
    fuzz_check(e->words[i] >= e->words[i - 1], "words are numbered in order");
    fuzz_check(in_words || (e->begins[i] >= e->begins[i - 1] && e->begin_bytes[i] >= e->begin_bytes[i - 1]),
               "tokens are in order");
}

void fuzz_check_encodings(const pln_tokenizer *tokenizer, const pln_encodings *encodings, const pln_example *example)
{
    fuzz_check(encodings->rows >= 1 && encodings->starts[0] == 0, "there is a row");
    fuzz_check(encodings->starts[encodings->rows] == encodings->tokens, "rows hold all tokens");
    for (uint32_t r = 0; r < encodings->rows; r++)
        for (uint32_t i = encodings->starts[r]; i < encodings->starts[r + 1]; i++) {
            check_token(tokenizer, encodings, i, example);
            if (i > encodings->starts[r])
                check_order(encodings, i, example->words != NULL);
        }
    for (int skip = 0; skip < 2; skip++) {
        const pln_decode_options how = {
            .size = sizeof how, .skip_special = skip, .clean_up = skip ? PLN_CHOICE_YES : PLN_CHOICE_NO};
        char *text;
        fuzz_check(pln_tokenizer_decode(tokenizer, encodings->ids, encodings->tokens, &how, &text, NULL) == PLN_OK,
                   "ids can be decoded");
        pln_free(text);
    }
}
