/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione vocab: texts in, a WordPiece vocabulary out.
 */
#include <stdlib.h>

#include "cli/apart.h"
#include "cli/blocks.h"
#include "cli/commands/commands.h"
#include "cli/part.h"

enum { BLOCK = 16 << 20 }; /* bytes, enough for all threads */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r';
}

static int add_files(pln_vocabulary_trainer *trainer, struct cli_blocks *blocks)
{
    struct cli_block block = {0};
    struct cli_progress progress = cli_progress_begin("counting words");
    int code;
    while ((code = cli_blocks_next(blocks, &block)) == 0 && block.bytes) {
        pln_error error;
        if (pln_vocabulary_trainer_add(trainer, block.text, block.bytes, &error) != PLN_OK) {
            code = cli_fail(&error);
            break;
        }
        cli_progress_update(&progress, blocks->read, blocks->total);
    }
    cli_progress_end(&progress);
    free(block.text);
    return code;
}

static bool show_merges(void *context, uint32_t entries, uint32_t size)
{
    cli_progress_update(context, entries, size);
    return !cli_interrupted();
}

/* part: NULL for stdout. */
static int write_vocabulary(struct cli_part *part, const char *text, size_t bytes)
{
    fwrite(text, 1, bytes, part ? part->file : stdout);
    return part ? cli_part_end(part) : 0;
}

/* progress: what the trainer was made with. */
static int train(pln_vocabulary_trainer *trainer, struct cli_progress *progress, uint32_t size, struct cli_part *part)
{
    char *text;
    size_t bytes;
    uint32_t entries;
    pln_error error;
    *progress = cli_progress_begin("joining pairs");
    const pln_status status = pln_vocabulary_trainer_train(trainer, &text, &bytes, &entries, &error);
    cli_progress_end(progress);
    if (status != PLN_OK)
        return cli_interrupted() ? CLI_INTERRUPTED : cli_fail(&error);
    if (entries < size)
        fprintf(stderr, "pleione: warning: the texts give %u entries, not %u\n", entries, size);
    if (entries > size)
        fprintf(stderr, "pleione: warning: special tokens and alphabet alone are %u entries, more than %u\n", entries,
                size);
    const int code = write_vocabulary(part, text, bytes);
    pln_free(text);
    return code;
}

int cli_vocab(int argc, char **argv)
{
    struct cli_progress progress = {0};
    pln_vocabulary_options train_options = {
        .size = sizeof train_options, .n_entries = 30000, .progress = show_merges, .progress_context = &progress};
    static struct cli_list files, special;
    const char *output = NULL;
    const struct cli_option rows[] = {
        {"--size", CLI_UNSIGNED, &train_options.n_entries, "N",
         "entries, special tokens and alphabet included (default 30000)"},
        {"--min-frequency", CLI_UNSIGNED, &train_options.min_frequency, "M",
         "pairs that occur less often are not joined (default 2)"},
        {"--limit-alphabet", CLI_UNSIGNED, &train_options.limit_alphabet, "N",
         "characters kept, the most frequent (default 1000)"},
        {"--special", CLI_REPEATED, &special, "TOKEN",
         "a first entry, in order (default [PAD] [UNK] [CLS] [SEP] [MASK])"},
        {"--cased", CLI_FLAG, &train_options.cased, NULL, "capitals and accents stay as they are"},
        {"--keep-accents", CLI_FLAG, &train_options.keep_accents, NULL,
         "lower case, but accents stay (and Hangul whole)"},
        {"--join-chinese", CLI_FLAG, &train_options.join_chinese, NULL, "Chinese characters are not set apart"},
        {"--threads", CLI_UNSIGNED, &train_options.threads, "N", "threads (default: all)"},
        {"-o", CLI_TEXT, &output, "FILE", "where the vocabulary goes (default: stdout)"},
    };
    struct cli_options options = {0};
    cli_add_options(&options, rows, sizeof rows / sizeof *rows);
    static const struct cli_usage usage = {
        .synopsis = "vocab [FILE...] --size N -o vocab.txt",
        .description = "Trains a WordPiece vocabulary: the same entries as the WordPieceTrainer of Hugging Face's "
                       "tokenizers, up to\n"
                       "pairs of equal count (docs/vocabulary.md). Texts are UTF-8; invalid bytes are left out. Reads "
                       "stdin when no\n"
                       "file is given, or where a file is \"-\". The vocabulary is written whole or not at all.",
        .examples = "  pleione vocab corpus.txt --size 30000 -o vocab.txt\n"
                    "  pleione vocab korean/*.txt --size 32000 --cased --limit-alphabet 6000 -o vocab.txt\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &files);
    if (parsed)
        return parsed - 1;
    if (special.n) {
        train_options.special = special.items;
        train_options.n_special = special.n;
    }
    if (files.n ? cli_check_apart("-o", output, files.items, files.n)
                : cli_check_apart("-o", output, (const char *const[]){"-"}, 1))
        return PLN_INVALID;
    pln_error error;
    struct cli_part part = {0};
    struct cli_blocks blocks;
    pln_vocabulary_trainer *trainer;
    if (pln_vocabulary_trainer_create(&train_options, &trainer, &error) != PLN_OK)
        return cli_fail(&error);
    cli_catch_interrupt();
    int code = cli_blocks_open(&blocks, &files, 0, (struct cli_cut){.ends = is_blank, .bytes = BLOCK, .full = true});
    if (code == 0 && output) /* before the training, so that a wrong path costs nothing */
        code = cli_part_begin(&part, output);
    if (code == 0)
        code = add_files(trainer, &blocks);
    if (code == 0)
        code = train(trainer, &progress, train_options.n_entries, output ? &part : NULL);
    cli_part_drop(&part);
    cli_blocks_close(&blocks);
    pln_vocabulary_trainer_destroy(&trainer);
    const int written = cli_finish_output();
    return code ? code : written;
}
