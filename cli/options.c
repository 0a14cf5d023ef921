/* SPDX-License-Identifier: Apache-2.0
 *
 * Command lines by table: what is parsed is what --help and the man page print.
 */
#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/terminal.h"

static cli_visit *visitor; /* whom cli_parse hands over to, instead of parsing */
static void *visitor_context;

void cli_visit_command(const struct cli_command *command, cli_visit *visit, void *context)
{
    char name[32], *argv[] = {name, NULL};
    snprintf(name, sizeof name, "%s", command->name);
    visitor = visit;
    visitor_context = context;
    command->run(1, argv);
    visitor = NULL;
}

void cli_add_options(struct cli_options *options, const struct cli_option *rows, size_t n)
{
    for (size_t i = 0; i < n; i++, options->n++)
        if (options->n < CLI_OPTIONS)
            options->rows[options->n] = rows[i];
}

void cli_model_rows(struct cli_common *common, struct cli_options *options)
{
    const struct cli_option rows[] = {
        {"--weights", CLI_TEXT, &common->weights, "FILE", "of the model's files, where several hold weights"},
        {"--part", CLI_PART, &common->part, "discriminator|generator", "the half that is meant, where there are both"},
        {"--heads", CLI_UNSIGNED, &common->heads, "N", "of attention, where there is no config.json to say it"},
    };
    cli_add_options(options, rows, sizeof rows / sizeof *rows);
}

void cli_device_rows(struct cli_common *common, const char *device_name, struct cli_options *options)
{
    const bool several = strcmp(device_name, "--devices") == 0;
    const struct cli_option rows[] = {
        {device_name, CLI_TEXT, &common->device, "LIST",
         several ? "devices side by side, separated by ',' (default: all usable ones); several as one: \"onednn+cpu\""
                 : "reference, cpu, vulkan, vulkan:1, opencl, auto (default), or a list \"vulkan,cpu\": the first that "
                   "takes a "
                   "node runs it"},
        {"--device-option", CLI_REPEATED, &common->device_options, "[BACKEND.]KEY=VALUE",
         "option of a device; `pleione devices` lists them"},
        {"--math", CLI_MATH, &common->device_options, "f32|bf16|int8",
         "what products multiply (default f32); int8: weights and tokens in bytes, for answers only"},
        {"--place", CLI_REPEATED, &common->place, "PATTERN=DEVICE",
         "nodes by name on a device of the list: 'layer.3.*=cpu'"},
        {"--on-device-lost", CLI_ON_LOSS, &common->on_loss, "fail|reopen|failover",
         "when a device is lost: an error (default), open it again, or go on with the next that takes its nodes"},
        {"--no-fallback", CLI_FLAG, &common->no_fallback, NULL, "a node that no chosen device takes is an error"},
        {"--threads", CLI_UNSIGNED, &common->threads, "N", "threads on the processor (default: all)"},
        {"--seed", CLI_SEED, &common->seed, "S",
         "of what is drawn: weights that the checkpoint lacks; order, masks, samples, dropout; rows of --bootstrap "
         "(default 0)"},
    };
    cli_add_options(options, rows, sizeof rows / sizeof *rows);
}

void cli_common_options(struct cli_common *common, const char *device_name, struct cli_options *options)
{
    const struct cli_option rows[] = {
        {"--semantics", CLI_SEMANTICS, &common->semantics, "pytorch|tf|flax|google",
         "whose rules hold where frameworks differ (default pytorch, whatever wrote the file)"},
    };
    cli_device_rows(common, device_name, options);
    cli_add_options(options, rows, sizeof rows / sizeof *rows);
    cli_model_rows(common, options);
}

void cli_head_names(char *text, size_t bytes)
{
    size_t used = 0;
    pln_head head;
    *text = '\0';
    for (uint32_t i = PLN_HEAD_DEFAULT + 1; pln_head_find(pln_head_string((pln_head)i), &head) && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? " " : "", pln_head_string(head));
}

/* ---- help */

/* The meaning stands beside the option if that leaves room for it, else below. */
static void print_option(FILE *out, const struct cli_option *option, size_t width)
{
    enum { MORE = 6 };
    const size_t indent = width >= 110 ? 41 : 24;
    const char *argument = option->argument ? option->argument : "";
    size_t used = (size_t)fprintf(out, "  %s%s", option->name, *argument ? " " : "");
    while (*argument) { /* cut behind a bar where the terminal is narrow */
        const size_t most = strcspn(argument, "|") + 1, part = most <= strlen(argument) ? most : most - 1;
        if (used + part > width) {
            fprintf(out, "\n%*s", MORE, "");
            used = MORE;
        }
        fprintf(out, "%.*s", (int)part, argument);
        used += part;
        argument += part;
    }
    if (used + 1 >= indent) {
        fprintf(out, "\n");
        used = 0;
    }
    fprintf(out, "%*s", (int)(indent - used), "");
    terminal_fill(out, option->help, indent, indent, width);
}

static void print_examples(FILE *out, const char *examples, size_t width)
{
    for (const char *line = examples; *line;) {
        const size_t bytes = strcspn(line, "\n");
        terminal_fill_shell(out, line, bytes, width);
        line += bytes + (line[bytes] == '\n');
    }
}

static void print_heading(FILE *out, const char *heading)
{
    fprintf(out, "%s%s%s", terminal_style(out, TERMINAL_BOLD), heading, terminal_style(out, TERMINAL_PLAIN));
}

void cli_print_usage(FILE *out, const struct cli_usage *usage, const struct cli_options *options)
{
    const size_t width = terminal_fill_width(out);
    print_heading(out, "usage:");
    fprintf(out, " pleione %s\n\n", usage->synopsis);
    terminal_fill(out, usage->description, 0, 0, width);
    fputc('\n', out);
    for (uint32_t i = 0; i < options->n; i++)
        print_option(out, &options->rows[i], width);
    fputc('\n', out);
    print_heading(out, "examples:");
    fputc('\n', out);
    print_examples(out, usage->examples, width);
}

/* ---- values */

static bool parse_number(const char *text, uint64_t most, uint64_t *value)
{
    char *end;
    errno = 0;
    const unsigned long long n = strtoull(text, &end, 10);
    *value = n;
    return *text >= '0' && *text <= '9' && !*end && !errno && n <= most;
}

const char *cli_take_first(struct cli_list *list)
{
    const char *first = list->items[0];
    memmove(list->items, list->items + 1, --list->n * sizeof *list->items);
    return first;
}

static bool append(struct cli_list *list, const char *text)
{
    if (list->n == CLI_LIST)
        return false;
    list->items[list->n++] = text;
    return true;
}

/* What a value of the kind must be; no words: the option's argument says it. Of real numbers both ends are included; what
 * is above 0 or below 1 is so in f32 too. */
static const struct range {
    const char *words;
    double least, most;
} ranges[] = {
    [CLI_TEXT] = {.words = "a text that is not empty"},
    [CLI_REPEATED] = {.words = "a text that is not empty"},
    [CLI_UNSIGNED] = {.words = "a whole number from 1 to 4294967294"},
    [CLI_COUNT] = {.words = "a whole number from 0 to 4294967294"},
    [CLI_SEED] = {.words = "a whole number from 0 to 18446744073709551615"},
    [CLI_SECONDS] = {"a number above 0, at most 1000000", 1e-9, 1e6},
    [CLI_AMOUNT] = {"a number from 0 to 3.4e38", 0, FLT_MAX},
    [CLI_POSITIVE] = {"a number above 0, from 1.2e-38 to 3.4e38", FLT_MIN, FLT_MAX},
    [CLI_SHARE] = {"a number from 0 to 1", 0, 1},
    [CLI_PORTION] = {"a number above 0, at most 1", FLT_MIN, 1},
    [CLI_RATE] = {"a number from 0 to below 1", 0, 1 - FLT_EPSILON / 2},
    [CLI_TIMES] = {"a number above 0, at most 1000000", FLT_MIN, 1e6},
    [CLI_MATH] = {.words = NULL}, /* the last: the table has all kinds */
};

bool cli_is_real(enum cli_kind kind)
{
    return ranges[kind].most > 0;
}

static bool store_real(const char *text, const struct range *range, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return *text && !*end && text[strspn(text, "+-.0123456789eE")] == '\0' && *value >= range->least &&
           *value <= range->most;
}

bool cli_is_word(const char *words, const char *value)
{
    const size_t bytes = strlen(value);
    for (const char *at = words; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (bytes && strncmp(at, value, bytes) == 0 && (at[bytes] == '|' || !at[bytes]))
            return true;
    return false;
}

static bool find_way(const char *text, pln_on_loss *way)
{
    static const char *const ways[] = {
        [PLN_ON_LOSS_FAIL] = "fail", [PLN_ON_LOSS_REOPEN] = "reopen", [PLN_ON_LOSS_FAILOVER] = "failover"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(text, ways[i]) == 0) {
            *way = (pln_on_loss)i;
            return true;
        }
    return false;
}

static bool store(const struct cli_option *option, const char *text)
{
    uint64_t number;
    struct cli_list *list = option->target;
    const char *setting;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->target = true;
        return true;
    case CLI_TEXT:
        *(const char **)option->target = text;
        return *text != '\0';
    case CLI_WORD:
        *(const char **)option->target = text;
        return cli_is_word(option->argument, text);
    case CLI_OPTIONAL:
        *(const char **)option->target = text;
        return true;
    case CLI_UNSIGNED:
        if (!parse_number(text, UINT32_MAX - 1, &number) || !number)
            return false;
        *(uint32_t *)option->target = (uint32_t)number;
        return true;
    case CLI_COUNT:
        if (!parse_number(text, UINT32_MAX - 1, &number))
            return false;
        *(uint32_t *)option->target = (uint32_t)number;
        return true;
    case CLI_SEED:
        return parse_number(text, UINT64_MAX, option->target);
    case CLI_SECONDS:
    case CLI_AMOUNT:
    case CLI_POSITIVE:
    case CLI_SHARE:
    case CLI_PORTION:
    case CLI_RATE:
    case CLI_TIMES:
        return store_real(text, &ranges[option->kind], option->target);
    case CLI_REPEATED:
        return *text && append(list, text);
    case CLI_HEAD:
        return pln_head_find(text, option->target);
    case CLI_SEMANTICS:
        return pln_semantics_find(text, option->target);
    case CLI_PART:
        *(pln_part *)option->target = strcmp(text, "generator") == 0 ? PLN_PART_GENERATOR : PLN_PART_DISCRIMINATOR;
        return strcmp(text, "generator") == 0 || strcmp(text, "discriminator") == 0;
    case CLI_ON_LOSS:
        return find_way(text, option->target);
    case CLI_MATH:
        setting = cli_math_setting(text);
        return setting && (!*setting || append(list, setting));
    }
    return false;
}

static void refuse_value(const struct cli_option *option, const char *value)
{
    const char *range = ranges[option->kind].words;
    const struct cli_list *list = option->kind == CLI_REPEATED ? option->target : NULL;
    if (list && list->n == CLI_LIST)
        cli_usage_error("option %s is given more than %d times", option->name, CLI_LIST);
    else if (option->kind == CLI_HEAD)
        cli_usage_error("no head \"%s\"; `pleione forward --help` lists them", value);
    else if (option->kind == CLI_WORD)
        cli_usage_error("option %s: \"%.60s\" is none of %s", option->name, value, option->argument);
    else if (range)
        cli_usage_error("option %s: \"%s\" is not %s, %s", option->name, value, option->argument, range);
    else
        cli_usage_error("option %s: \"%s\" is not %s", option->name, value, option->argument);
}

static const struct cli_option *find_option(const struct cli_options *options, const char *name, size_t length)
{
    for (uint32_t i = 0; i < options->n; i++)
        if (strlen(options->rows[i].name) == length && strncmp(options->rows[i].name, name, length) == 0)
            return &options->rows[i];
    return NULL;
}

static void refuse_option(const char *name, size_t length, const struct cli_options *options)
{
    struct cli_suggestion nearest = {0};
    char typed[64];
    snprintf(typed, sizeof typed, "%.*s", (int)length, name);
    cli_suggest(&nearest, typed, "--help");
    for (uint32_t i = 0; i < options->n; i++)
        cli_suggest(&nearest, typed, options->rows[i].name);
    if (nearest.name)
        cli_usage_error("no option %.*s; did you mean %s?", (int)length, name, nearest.name);
    else
        cli_usage_error("no option %.*s; --help lists them", (int)length, name);
}

/* Whether the next argument ends as the option's value does: "[FILE.svg]". */
static bool is_value_of(const struct cli_option *option, const char *next)
{
    const char *ending = strrchr(option->argument, '.');
    const size_t bytes = ending ? strlen(ending) - 1 : 0, length = next ? strlen(next) : 0;
    return bytes && length > bytes && strncmp(next + length - bytes, ending, bytes) == 0;
}

/* One argument, and the next one if it is the option's value. Returns how many were taken, 0 after a usage error.
 * given: the options that had their values, since a second one would undo the first in silence. */
static int take_option(int left, char **argv, const struct cli_options *options, bool *given)
{
    const char *equals = strncmp(argv[0], "--", 2) == 0 ? strchr(argv[0], '=') : NULL;
    const size_t length = equals ? (size_t)(equals - argv[0]) : strlen(argv[0]);
    const struct cli_option *option = find_option(options, argv[0], length);
    if (!option) {
        refuse_option(argv[0], length, options);
        return 0;
    }
    const bool optional = option->kind == CLI_OPTIONAL && !equals && !is_value_of(option, left < 2 ? NULL : argv[1]);
    const bool flag = option->kind == CLI_FLAG || optional;
    if ((option->kind == CLI_FLAG && equals) || (!flag && !equals && left < 2)) {
        cli_usage_error("option %s %s", option->name, option->kind == CLI_FLAG ? "takes no value" : "needs a value");
        return 0;
    }
    const char *behind = optional ? "" : argv[1]; /* a flag looks at none */
    const char *value = equals ? equals + 1 : behind;
    const size_t row = (size_t)(option - options->rows);
    if (!flag && option->kind != CLI_REPEATED && given[row]) {
        cli_usage_error("option %s is given twice", option->name);
        return 0;
    }
    given[row] = true;
    if (!store(option, value)) {
        refuse_value(option, value);
        return 0;
    }
    return flag || equals ? 1 : 2;
}

int cli_parse(int argc, char **argv, const struct cli_usage *usage, const struct cli_options *options,
              struct cli_list *positional)
{
    bool only_positional = false;
    bool given[CLI_OPTIONS] = {false};
    if (options->n > CLI_OPTIONS)
        return cli_usage_error("%s has %u options, more than %d", argv[0], options->n, CLI_OPTIONS) + 1;
    if (visitor) {
        visitor(visitor_context, usage, options);
        return 1;
    }
    for (int i = 1; i < argc;) {
        if (!only_positional && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            cli_print_usage(stdout, usage, options);
            return cli_finish_output() + 1;
        }
        if (!only_positional && strcmp(argv[i], "--") == 0) {
            only_positional = true;
            i++;
        } else if (!only_positional && argv[i][0] == '-' && argv[i][1]) {
            const int taken = take_option(argc - i, argv + i, options, given);
            if (!taken)
                return PLN_INVALID + 1;
            i += taken;
        } else if (positional->n == CLI_LIST) {
            return cli_usage_error("more than %d arguments", CLI_LIST) + 1;
        } else {
            positional->items[positional->n++] = argv[i++];
        }
    }
    return 0;
}

/* One to nine digits, and nothing else, that are not 0. Returns what is behind them, NULL if they are not there. */
static const char *parse_size(const char *s, uint32_t *size)
{
    const size_t digits = strspn(s, "0123456789");
    *size = 0;
    for (size_t i = 0; i < digits && digits <= 9; i++)
        *size = *size * 10 + (uint32_t)(s[i] - '0');
    return *size ? s + digits : NULL;
}

/* One "8x128" or "32x16-128"; returns what is behind it, NULL if it is neither. */
static const char *parse_shape(const char *s, struct cli_shape *shape)
{
    *shape = (struct cli_shape){0};
    s = parse_size(s, &shape->batch);
    s = s && *s == 'x' ? parse_size(s + 1, &shape->length) : NULL;
    if (s && *s == '-') {
        shape->shortest = shape->length;
        s = parse_size(s + 1, &shape->length);
    }
    return s && shape->shortest <= shape->length && (!*s || *s == ',') ? s : NULL;
}

bool cli_parse_shapes(const char *text, struct cli_shape *shapes, uint32_t room, uint32_t *n)
{
    for (const char *s = text; *n < room; s++) {
        s = parse_shape(s, &shapes[*n]);
        if (!s)
            break;
        (*n)++;
        if (!*s)
            return true;
    }
    cli_usage_error(
        "shapes \"%s\" are not a list of at most %u like 1x16,8x128,32x16-128, of numbers from 1 to 999999999", text,
        room);
    return false;
}

static int by_length(const void *a, const void *b)
{
    const struct cli_shape *x = a, *y = b;
    return x->length < y->length ? -1 : x->length > y->length;
}

bool cli_parse_lengths(const char *text, struct cli_shape *shapes, uint32_t room, uint32_t *n)
{
    for (const char *s = text; *n < room; s++) {
        struct cli_shape shape = {.batch = 1};
        s = parse_size(s, &shape.length);
        if (!s || (*s && *s != ','))
            break;
        shapes[(*n)++] = shape;
        if (!*s) {
            qsort(shapes, *n, sizeof *shapes, by_length);
            return true;
        }
    }
    cli_usage_error("lengths \"%s\" are not a list of at most %u like 16,32,64, of numbers from 1 to 999999999", text,
                    room);
    return false;
}
