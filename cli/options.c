/* SPDX-License-Identifier: Apache-2.0
 *
 * Command lines by table: what is parsed is what --help and the man page print.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

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

void cli_common_options(struct cli_common *common, const char *device_name, struct cli_options *options)
{
    const bool several = strcmp(device_name, "--devices") == 0;
    const struct cli_option rows[] = {
        {device_name, CLI_TEXT, &common->device, "LIST",
         several ? "devices side by side, separated by ',' (default: all usable ones)"
                 : "reference, cpu, vulkan, vulkan:1, opencl, auto (default), or a list \"vulkan,cpu\": the first that "
                   "takes a "
                   "node runs it"},
        {"--device-option", CLI_REPEATED, &common->device_options, "[BACKEND.]KEY=VALUE",
         "option of a device; `pleione devices` lists them"},
        {"--math", CLI_MATH, &common->device_options, "f32|bf16",
         "what products multiply (default f32); sums are f32 in both"},
        {"--place", CLI_REPEATED, &common->place, "PATTERN=DEVICE",
         "nodes by name on a device of the list: 'layer.3.*=cpu'"},
        {"--no-fallback", CLI_FLAG, &common->no_fallback, NULL, "a node that no chosen device takes is an error"},
        {"--threads", CLI_UNSIGNED, &common->threads, "N", "threads on the processor (default: all)"},
        {"--seed", CLI_SEED, &common->seed, "S", "for weights that the checkpoint lacks (default 0)"},
    };
    cli_add_options(options, rows, sizeof rows / sizeof *rows);
    cli_model_rows(common, options);
}

static void print_usage(FILE *out, const struct cli_usage *usage, const struct cli_options *options)
{
    fprintf(out, "usage: pleione %s\n\n%s\n\n", usage->synopsis, usage->description);
    for (uint32_t i = 0; i < options->n; i++) {
        const struct cli_option *option = &options->rows[i];
        char left[64];
        snprintf(left, sizeof left, option->argument ? "%s %s" : "%s", option->name, option->argument);
        fprintf(out, "  %-38s %s\n", left, option->help);
    }
    fprintf(out, "\nexamples:\n%s", usage->examples);
}

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

static bool store_real(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return *text && !*end && text[strspn(text, "+-.0123456789eE")] == '\0' && isfinite(*value);
}

static bool store(const struct cli_option *option, const char *text)
{
    uint64_t number;
    struct cli_list *list = option->target;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->target = true;
        return true;
    case CLI_TEXT:
        *(const char **)option->target = text;
        return *text != '\0';
    case CLI_UNSIGNED:
        if (!parse_number(text, UINT32_MAX, &number) || !number)
            return false;
        *(uint32_t *)option->target = (uint32_t)number;
        return true;
    case CLI_COUNT:
        if (!parse_number(text, UINT32_MAX, &number))
            return false;
        *(uint32_t *)option->target = (uint32_t)number;
        return true;
    case CLI_SEED:
        return parse_number(text, UINT64_MAX, option->target);
    case CLI_SECONDS:
        return store_real(text, option->target) && *(double *)option->target > 0 && *(double *)option->target < 1e6;
    case CLI_REAL:
        return store_real(text, option->target);
    case CLI_REPEATED:
        return *text && append(list, text);
    case CLI_HEAD:
        return pln_head_find(text, option->target);
    case CLI_PART:
        *(pln_part *)option->target = strcmp(text, "generator") == 0 ? PLN_PART_GENERATOR : PLN_PART_DISCRIMINATOR;
        return strcmp(text, "generator") == 0 || strcmp(text, "discriminator") == 0;
    case CLI_MATH: /* f32 is what devices do that are not asked */
        return strcmp(text, "f32") == 0 || (strcmp(text, "bf16") == 0 && append(list, "math=bf16"));
    }
    return false;
}

/* What a value of the kind must be; NULL: the option's argument says it. */
static const char *range_of(enum cli_kind kind)
{
    static const char *const ranges[] = {
        [CLI_TEXT] = "a text that is not empty",
        [CLI_REPEATED] = "a text that is not empty",
        [CLI_UNSIGNED] = "a whole number from 1 to 4294967295",
        [CLI_COUNT] = "a whole number from 0 to 4294967295",
        [CLI_SEED] = "a whole number from 0 to 18446744073709551615",
        [CLI_SECONDS] = "a number above 0 and below 1000000",
        [CLI_REAL] = "a finite number",
        [CLI_HEAD] = NULL,
        [CLI_PART] = NULL,
        [CLI_MATH] = NULL,
    };
    return ranges[kind];
}

static void refuse_value(const struct cli_option *option, const char *value)
{
    const char *range = range_of(option->kind);
    const struct cli_list *list = option->kind == CLI_REPEATED ? option->target : NULL;
    if (list && list->n == CLI_LIST)
        cli_usage_error("option %s is given more than %d times", option->name, CLI_LIST);
    else if (option->kind == CLI_HEAD)
        cli_usage_error("no head \"%s\"; `pleione forward --help` lists them", value);
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

/* One argument, and the next one if it is the option's value. Returns how many were taken, 0 after a usage error.
 * given: a bit for each option that had its value, since a second one would undo the first in silence. */
static int take_option(int left, char **argv, const struct cli_options *options, uint64_t *given)
{
    const char *equals = strncmp(argv[0], "--", 2) == 0 ? strchr(argv[0], '=') : NULL;
    const size_t length = equals ? (size_t)(equals - argv[0]) : strlen(argv[0]);
    const struct cli_option *option = find_option(options, argv[0], length);
    if (!option) {
        cli_usage_error("no option %.*s; --help lists them", (int)length, argv[0]);
        return 0;
    }
    const bool flag = option->kind == CLI_FLAG;
    if ((flag && equals) || (!flag && !equals && left < 2)) {
        cli_usage_error("option %s %s", option->name, flag ? "takes no value" : "needs a value");
        return 0;
    }
    const char *value = equals ? equals + 1 : argv[1]; /* a flag looks at none */
    const uint64_t bit = (uint64_t)1 << (option - options->rows);
    if (!flag && option->kind != CLI_REPEATED && *given & bit) {
        cli_usage_error("option %s is given twice", option->name);
        return 0;
    }
    *given |= bit;
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
    uint64_t given = 0;
    if (options->n > CLI_OPTIONS)
        return cli_usage_error("%s has %u options, more than %d", argv[0], options->n, CLI_OPTIONS) + 1;
    if (argc == 2 && strcmp(argv[1], "--man") == 0) { /* asked by main, which prints the rest of the page */
        cli_man_options(usage, options->rows, options->n);
        return 1;
    }
    for (int i = 1; i < argc;) {
        if (!only_positional && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            print_usage(stdout, usage, options);
            return cli_finish_output() + 1;
        }
        if (!only_positional && strcmp(argv[i], "--") == 0) {
            only_positional = true;
            i++;
        } else if (!only_positional && argv[i][0] == '-' && argv[i][1]) {
            const int taken = take_option(argc - i, argv + i, options, &given);
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
