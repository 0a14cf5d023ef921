/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione pretrain: a corpus of text in, both halves of an ELECTRA out. The options, and the numbers of the sizes.
 */
#include <math.h>
#include <string.h>

#include "cli/apart.h"
#include "cli/commands/commands.h"
#include "cli/commands/pretraining.h"

/* Section 6.6 of the ELECTRA specification. */
static const struct preset {
    const char *size;
    double learning_rate;
    uint32_t batch, max_length, steps, warmup;
    double mask_prob, generator_size;
} presets[] = {
    {"small", 5e-4, 128, 128, 1000000, 10000, 0.15, 1.0 / 4},
    {"base", 2e-4, 256, 512, 766000, 10000, 0.15, 1.0 / 3},
    {"large", 2e-4, 2048, 512, 400000, 10000, 0.25, 1.0 / 4},
};

static void take_count(uint32_t *number, uint32_t usual)
{
    if (!*number)
        *number = usual;
}

static void take_real(double *number, double usual)
{
    if (isnan(*number))
        *number = usual;
}

int pretraining_settle(struct pretraining_options *o)
{
    if (!cli_is_word("rtd|mlm|electric", o->objective))
        return cli_usage_error("option --objective: \"%.60s\" is none of rtd|mlm|electric", o->objective);
    if (strcmp(o->objective, "electric") == 0)
        return cli_usage_error("--objective electric is not there: its two-tower generator has not been built");
    const struct preset *p = presets;
    while (strcmp(p->size, o->size) != 0)
        p++;
    const bool whole = strcmp(o->sharing, "all") == 0 || strcmp(o->objective, "mlm") == 0;
    if (whole && (o->generator_layers != 1 || !(isnan(o->generator_size) || o->generator_size == 1)))
        return cli_usage_error("--generator-size and --generator-layers: with --sharing all and --objective mlm the "
                               "generator is as large as the discriminator");
    const struct cli_learning usual = {.batch = p->batch,
                                       .steps = p->steps,
                                       .warmup = p->warmup,
                                       .learning_rate = p->learning_rate,
                                       .dropout = (double)NAN};
    cli_learning_settle(&o->learning, &usual);
    take_count(&o->max_length, p->max_length);
    if (o->learning.batch % o->learning.accumulate)
        return cli_usage_error("--accumulate %u: a batch of %u cannot be run in so many equal parts",
                               o->learning.accumulate, o->learning.batch);
    take_real(&o->mask_prob, p->mask_prob);
    take_real(&o->generator_size, p->generator_size);
    take_count(&o->run.validate_every, o->run.save_every);
    return 0;
}

/* A corpus is read again when a run goes on, and so must not have grown by what the run itself wrote. */
static int check_outputs(const struct pretraining_options *o, const struct cli_list *files)
{
    const char *const read[] = {o->vocab, o->config, o->validation};
    const struct {
        const char *option, *path;
    } outputs[] = {{"--out", o->out},
                   {"--log", o->run.log},
                   {"--dump-steps", o->dump},
                   {"--plot", o->run.plot},
                   {"--tensorboard", o->run.tensorboard}};
    int code = 0;
    for (size_t i = 0; code == 0 && i < sizeof outputs / sizeof *outputs; i++) {
        code = cli_check_outside(outputs[i].option, outputs[i].path, files->items, files->n);
        if (code == 0)
            code = cli_check_outside(outputs[i].option, outputs[i].path, &o->validation, 1);
        if (code == 0)
            code = cli_check_apart(outputs[i].option, outputs[i].path, read, sizeof read / sizeof *read);
    }
    return code;
}

int cli_pretrain(int argc, char **argv)
{
    static struct cli_common common;
    static struct cli_list files;
    struct pretraining_options o = {.column = "text",
                                    .documents = "blank",
                                    .size = "small",
                                    .sharing = "embeddings",
                                    .objective = "rtd",
                                    .learning = {.schedule = "linear",
                                                 .bias_correction = "no",
                                                 .warmup = UINT32_MAX,
                                                 .accumulate = 1,
                                                 .learning_rate = (double)NAN,
                                                 .weight_decay = 0.01,
                                                 .clip = 1,
                                                 .beta1 = 0.9,
                                                 .beta2 = 0.999,
                                                 .eps = 1e-6,
                                                 .layer_decay = 1,
                                                 .dropout = (double)NAN},
                                    .shuffle_buffer = 16384,
                                    .validation_examples = 512,
                                    .generator_size = (double)NAN,
                                    .generator_layers = 1,
                                    .mask_prob = (double)NAN,
                                    .mask_token_prob = 0.85,
                                    .temperature = 1,
                                    .generator_weight = 1,
                                    .discriminator_weight = 50};
    const struct cli_option own[] = {
        {"--vocab", CLI_TEXT, &o.vocab, "FILE|DIR", "a vocab.txt, or a directory with the tokenizer's files"},
        {"--out", CLI_TEXT, &o.out, "DIR", "discriminator/, generator/, checkpoint-N/, best/, log.jsonl"},
        {"--cased", CLI_FLAG, &o.cased, NULL, "capitals and accents stay as they are"},
        {"--keep-accents", CLI_FLAG, &o.keep_accents, NULL, "lower case, but accents stay (and Hangul whole)"},
        {"--join-chinese", CLI_FLAG, &o.join_chinese, NULL, "Chinese characters are not set apart"},
        {"--column", CLI_TEXT, &o.column, "NAME", "of a .jsonl corpus (default text); a row is a document"},
        {"--documents", CLI_WORD, &o.documents, "blank|file", "what ends one: an empty line too, or the file alone"},
        {"--shuffle-buffer", CLI_UNSIGNED, &o.shuffle_buffer, "N",
         "examples that one is drawn from (default 16384; 1: the order of the corpus)"},
        {"--max-length", CLI_UNSIGNED, &o.max_length, "L", "tokens of an example (default: by --size)"},
        {"--size", CLI_WORD, &o.size, "small|base|large", "of the model, with its numbers (default small)"},
        {"--config", CLI_TEXT, &o.config, "FILE", "config.json of the discriminator, over that of the size"},
        {"--generator-size", CLI_PORTION, &o.generator_size, "F", "share of the hidden size (default: by --size)"},
        {"--generator-layers", CLI_PORTION, &o.generator_layers, "F", "share of the layers (default 1)"},
        {"--sharing", CLI_WORD, &o.sharing, "embeddings|none|all", "what the halves share (default embeddings)"},
        {"--init", CLI_TEXT, &o.init, "DIR", "starts at DIR/discriminator and DIR/generator; their configs count"},
        {"--objective", CLI_TEXT, &o.objective, "rtd|mlm", "mlm: the generator alone (default rtd)"},
        {"--mask-prob", CLI_PORTION, &o.mask_prob, "P", "of a token to be chosen (default: by --size)"},
        {"--mask-token-prob", CLI_PORTION, &o.mask_token_prob, "P", "of a chosen one to become [MASK] (default 0.85)"},
        {"--temperature", CLI_POSITIVE, &o.temperature, "T", "of drawing what takes its place (default 1)"},
        {"--disallow-correct", CLI_FLAG, &o.disallow_correct, NULL, "what is drawn is never what stood there"},
        {"--generator-weight", CLI_POSITIVE, &o.generator_weight, "W", "of its loss (default 1)"},
        {"--discriminator-weight", CLI_POSITIVE, &o.discriminator_weight, "W", "of its loss (default 50)"},
        {"--validation", CLI_TEXT, &o.validation, "PATH", "text that is not trained on; the best by it is kept"},
        {"--validation-examples", CLI_UNSIGNED, &o.validation_examples, "N", "always the same (default 512)"},
        {"--dump-steps", CLI_TEXT, &o.dump, "DIR", "tensors of each step, for tests"},
    };
    struct cli_options options = {0};
    cli_device_rows(&common, "--device", &options);
    cli_add_options(&options, own, sizeof own / sizeof *own);
    cli_learning_rows(&o.learning,
                      &(struct cli_learning_words){"examples a step", "in all (default: by --size)", "by --size"},
                      &options);
    cli_long_run_rows(&o.run, "steps (default: at each checkpoint)", &options);
    static const struct cli_usage usage = {
        .synopsis = "pretrain CORPUS... --vocab FILE|DIR --out DIR",
        .description =
            "Pre-trains both halves of an ELECTRA together: a generator fills masks, a discriminator tells what it "
            "filled\n"
            "from what stood there. CORPUS: text files, .jsonl, .gz and .zst of both, folders, - for standard input; "
            "it is\n"
            "repeated until --steps. The same command, seed, device and threads give the same files, bit for bit. An\n"
            "interrupt finishes the step, writes a checkpoint and exits with 130, SIGTERM with 143; --resume goes on "
            "as if\n"
            "nothing had been. A loss that is not finite exits with 1 and leaves what was good before it.",
        .examples = "  pleione vocab corpus.txt --size 8000 -o vocab.txt\n"
                    "  pleione pretrain corpus.txt --vocab vocab.txt --out run --steps 10000 --batch 32 --warmup 500\n"
                    "  pleione pretrain corpus.txt --vocab vocab.txt --out run --steps 10000 --batch 32 --warmup 500 "
                    "--resume\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &files);
    if (parsed)
        return parsed - 1;
    if (!files.n || !o.vocab || !o.out)
        return cli_usage_error("pretrain needs a CORPUS, --vocab FILE|DIR and --out DIR");
    int code = pretraining_settle(&o);
    if (code == 0)
        code = check_outputs(&o, &files);
    if (code)
        return code;
    return pretraining_run(&o, &common, &files);
}
