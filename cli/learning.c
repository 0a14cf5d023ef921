/* SPDX-License-Identifier: Apache-2.0
 *
 * One table for what all commands ask about steps.
 */
#include "cli/learning.h"

#include <math.h>
#include <string.h>

#include "cli/step_log.h"

/* ---- the table */

static const struct row {
    const char *name;
    enum cli_kind kind;
    size_t at; /* in struct cli_learning */
    const char *argument, *help;
} rows[] = {
#define AT(member) offsetof(struct cli_learning, member)
    {"--batch", CLI_UNSIGNED, AT(batch), "B", NULL},
    {"--steps", CLI_UNSIGNED, AT(steps), "N", NULL},
    {"--lr", CLI_AMOUNT, AT(learning_rate), "X", "learning rate"},
    {"--schedule", CLI_WORD, AT(schedule), "constant|linear", "linear: falls to 0 at the last step"},
    {"--warmup", CLI_COUNT, AT(warmup), "N", "steps in which the rate rises from 0"},
    {"--weight-decay", CLI_AMOUNT, AT(weight_decay), "W", "biases and LayerNorm excluded"},
    {"--clip", CLI_AMOUNT, AT(clip), "C", "global norm of the gradients; 0 is off"},
    {"--beta1", CLI_RATE, AT(beta1), "X", "of AdamW"},
    {"--beta2", CLI_RATE, AT(beta2), "X", "of AdamW"},
    {"--eps", CLI_AMOUNT, AT(eps), "X", "of AdamW"},
    {"--bias-correction", CLI_WORD, AT(bias_correction), "yes|no", "of AdamW"},
    {"--layer-decay", CLI_POSITIVE, AT(layer_decay), "D", "of the rate, layer by layer downwards"},
    {"--accumulate", CLI_UNSIGNED, AT(accumulate), "N", "equal parts in which a batch is run"},
    {"--dropout", CLI_RATE, AT(dropout), "P", "everywhere (default: the config's rates)"},
    {"--recompute", CLI_FLAG, AT(recompute), NULL, "layers are computed again for the backward pass: less memory"},
#undef AT
};
enum { ROWS = sizeof rows / sizeof *rows };

static void *member(struct cli_learning *learning, const struct row *row)
{
    return (char *)learning + row->at;
}

static const void *value_of(const struct cli_learning *learning, const struct row *row)
{
    return (const char *)learning + row->at;
}

static bool is_given(const struct cli_learning *learning, const struct row *row)
{
    const void *value = value_of(learning, row);
    if (cli_is_real(row->kind))
        return !isnan(*(const double *)value);
    switch (row->kind) {
    case CLI_UNSIGNED:
        return *(const uint32_t *)value != 0;
    case CLI_COUNT:
        return *(const uint32_t *)value != UINT32_MAX;
    case CLI_WORD:
        return *(const char *const *)value != NULL;
    default:
        return true;
    }
}

/* ---- options */

/* "of AdamW (default 0.9)", "of AdamW (default: by the recipe)" */
static void print_help(const struct cli_learning *learning, const struct row *row, const char *by, const char *help,
                       char text[120])
{
    const void *value = value_of(learning, row);
    if (!is_given(learning, row))
        snprintf(text, 120, "%s (default: %s)", help, by);
    else if (cli_is_real(row->kind))
        snprintf(text, 120, "%s (default %g)", help, *(const double *)value);
    else if (row->kind == CLI_WORD)
        snprintf(text, 120, "%s (default %s)", help, *(const char *const *)value);
    else
        snprintf(text, 120, "%s (default %u)", help, *(const uint32_t *)value);
}

void cli_learning_rows(struct cli_learning *learning, const struct cli_learning_words *words,
                       struct cli_options *options)
{
    static char texts[ROWS][120]; /* a command runs once */
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        const char *said = strcmp(row->name, "--steps") == 0 ? words->steps : words->batch;
        const char *help = row->help ? row->help : said;
        const bool whole = help == words->steps || row->kind == CLI_FLAG || strstr(help, "(default");
        if (whole)
            snprintf(texts[i], sizeof texts[i], "%s", help);
        else
            print_help(learning, row, words->by, help, texts[i]);
        cli_add_options(options,
                        &(struct cli_option){row->name, row->kind, member(learning, row), row->argument, texts[i]}, 1);
    }
}

void cli_learning_settle(struct cli_learning *learning, const struct cli_learning *usual)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        if (is_given(learning, row))
            continue;
        const size_t bytes = cli_is_real(row->kind)  ? sizeof(double)
                             : row->kind == CLI_WORD ? sizeof(const char *)
                                                     : sizeof(uint32_t);
        memcpy(member(learning, row), value_of(usual, row), bytes);
    }
}

/* ---- what they are given to */

pln_trainer_options cli_learning_trainer(const struct cli_learning *learning, const struct cli_common *common,
                                         pln_schedule_options *placement)
{
    const struct cli_learning *l = learning;
    *placement = cli_placement(common);
    return (pln_trainer_options){.size = sizeof(pln_trainer_options),
                                 .learning_rate = l->learning_rate,
                                 .beta1 = l->beta1,
                                 .beta2 = l->beta2,
                                 .eps = l->eps,
                                 .weight_decay = l->weight_decay,
                                 .clip = l->clip,
                                 .no_bias_correction = strcmp(l->bias_correction, "no") == 0,
                                 .schedule = strcmp(l->schedule, "linear") == 0 ? PLN_RATE_SCHEDULE_LINEAR
                                                                                : PLN_RATE_SCHEDULE_CONSTANT,
                                 .warmup = l->warmup,
                                 .steps = l->steps,
                                 .layer_decay = l->layer_decay,
                                 .accumulate = l->accumulate,
                                 .dropout = isnan(l->dropout) ? -1 : l->dropout,
                                 .seed = common->seed,
                                 .recompute = l->recompute,
                                 .placement = placement,
                                 .semantics = common->semantics};
}

static json_t *json_of(const struct cli_learning *learning, const struct row *row)
{
    const void *value = value_of(learning, row);
    if (cli_is_real(row->kind))
        return cli_json_number(*(const double *)value);
    if (row->kind == CLI_WORD)
        return is_given(learning, row) ? json_string(*(const char *const *)value) : json_null();
    return is_given(learning, row) ? json_integer(*(const uint32_t *)value) : json_null();
}

/* --recompute changes memory and time alone. */
void cli_learning_describe(const struct cli_learning *learning, const struct cli_common *common, json_t *record)
{
    cli_set_json(record, "--math", json_string(cli_math_of(common->device_options.items, common->device_options.n)));
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].kind != CLI_FLAG)
            cli_set_json(record, rows[i].name, json_of(learning, &rows[i]));
    if (isnan(learning->dropout)) /* as the records of earlier versions say it, whose runs are gone on with */
        cli_set_json(record, "--dropout", json_real(-1));
}

/* ---- long runs */

void cli_long_run_rows(struct cli_long_run *run, const char *validate_every, struct cli_options *options)
{
    const struct cli_option own[] = {
        {"--validate-every", CLI_UNSIGNED, &run->validate_every, "N", validate_every},
        {"--save-every", CLI_UNSIGNED, &run->save_every, "N", "steps between checkpoints (default 1000)"},
        {"--keep", CLI_UNSIGNED, &run->keep, "K", "checkpoints that stay: the newest (default 2)"},
        {"--stop-after", CLI_UNSIGNED, &run->stop_after, "N", "makes a checkpoint at step N and ends"},
        {"--resume", CLI_FLAG, &run->resume, NULL, "goes on at the newest checkpoint of --out"},
        {"--log", CLI_TEXT, &run->log, "FILE.jsonl", "one object a step (default: log.jsonl in --out)"},
        {"--plot", CLI_TEXT, &run->plot, "FILE.svg", "its curves as a picture, drawn at checkpoints and at the end"},
        {"--tensorboard", CLI_TEXT, &run->tensorboard, "DIR", "its numbers as TensorBoard reads them"},
    };
    run->save_every = 1000;
    run->keep = 2;
    cli_add_options(options, own, sizeof own / sizeof *own);
}
