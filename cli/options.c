/* SPDX-License-Identifier: Apache-2.0
 *
 * Command lines by table: what is parsed is what --help prints.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

int cli_usage_error(const char *format, ...)
{
    fputs("pleione: ", stderr);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return PLN_INVALID;
}

void cli_common_options(struct cli_common *common, const char *device_name, struct cli_option *options)
{
    const bool several = strcmp(device_name, "--devices") == 0;
    const struct cli_option rows[CLI_COMMON_OPTIONS] = {
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
    memcpy(options, rows, sizeof rows);
}

static void print_usage(FILE *out, const struct cli_usage *usage, const struct cli_option *options, uint32_t n)
{
    fprintf(out, "usage: pleione %s\n\n%s\n\n", usage->synopsis, usage->description);
    for (uint32_t i = 0; i < n; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", options[i].name, options[i].argument ? " " : "",
                 options[i].argument ? options[i].argument : "");
        fprintf(out, "  %-38s %s\n", left, options[i].help);
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

static bool store(const struct cli_option *option, const char *text)
{
    uint64_t number;
    char *end;
    struct cli_list *list = option->target;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->target = true;
        return true;
    case CLI_TEXT:
        *(const char **)option->target = text;
        return true;
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
        *(double *)option->target = strtod(text, &end);
        return end != text && !*end && *(double *)option->target > 0 && *(double *)option->target < 1e6;
    case CLI_REAL:
        *(double *)option->target = strtod(text, &end);
        return end != text && !*end && isfinite(*(double *)option->target);
    case CLI_REPEATED:
        return append(list, text);
    case CLI_MATH: /* f32 is what devices do that are not asked */
        return strcmp(text, "f32") == 0 || (strcmp(text, "bf16") == 0 && append(list, "math=bf16"));
    }
    return false;
}

static const struct cli_option *find_option(const struct cli_option *options, uint32_t n, const char *name,
                                            size_t length)
{
    for (uint32_t i = 0; i < n; i++)
        if (strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0)
            return &options[i];
    return NULL;
}

/* One argument, and the next one if it is the option's value. Returns how many were taken, 0 after a usage error. */
static int take_option(int left, char **argv, const struct cli_option *options, uint32_t n)
{
    const char *equals = strncmp(argv[0], "--", 2) == 0 ? strchr(argv[0], '=') : NULL;
    const size_t length = equals ? (size_t)(equals - argv[0]) : strlen(argv[0]);
    const struct cli_option *option = find_option(options, n, argv[0], length);
    if (!option) {
        cli_usage_error("no option %.*s; --help lists them", (int)length, argv[0]);
        return 0;
    }
    const bool flag = option->kind == CLI_FLAG;
    if ((flag && equals) || (!flag && !equals && left < 2)) {
        cli_usage_error("option %s %s", option->name, flag ? "takes no value" : "needs a value");
        return 0;
    }
    const char *value = flag ? NULL : equals ? equals + 1 : argv[1];
    if (!store(option, value)) {
        cli_usage_error("option %s: \"%s\" is not %s", option->name, value, option->argument);
        return 0;
    }
    return flag || equals ? 1 : 2;
}

int cli_parse(int argc, char **argv, const struct cli_usage *usage, const struct cli_option *options,
              uint32_t n_options, struct cli_list *positional)
{
    bool only_positional = false;
    for (int i = 1; i < argc;) {
        if (!only_positional && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            print_usage(stdout, usage, options, n_options);
            return cli_finish_output() + 1;
        }
        if (!only_positional && strcmp(argv[i], "--") == 0) {
            only_positional = true;
            i++;
        } else if (!only_positional && argv[i][0] == '-' && argv[i][1]) {
            const int taken = take_option(argc - i, argv + i, options, n_options);
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

/* One "8x128" or "32x16-128"; returns how many characters it has, 0 if it is neither. */
static int parse_shape(const char *s, struct cli_shape *shape)
{
    int used = 0;
    *shape = (struct cli_shape){0};
    if (sscanf(s, "%9ux%9u-%9u%n", &shape->batch, &shape->shortest, &shape->length, &used) != 3 || !used) {
        *shape = (struct cli_shape){0};
        if (sscanf(s, "%9ux%9u%n", &shape->batch, &shape->length, &used) != 2)
            return 0;
    } else if (!shape->shortest || shape->shortest > shape->length) {
        return 0;
    }
    return shape->batch && shape->length && (!s[used] || s[used] == ',') ? used : 0;
}

bool cli_parse_shapes(const char *text, struct cli_shape *shapes, uint32_t room, uint32_t *n)
{
    for (const char *s = text; *n < room; s++) {
        const int used = parse_shape(s, &shapes[*n]);
        if (!used)
            break;
        (*n)++;
        s += used;
        if (!*s)
            return true;
    }
    cli_usage_error("shapes \"%s\" are not a list of at most %u like 1x16,8x128,32x16-128", text, room);
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
        int used = 0;
        struct cli_shape shape = {.batch = 1};
        if (sscanf(s, "%9u%n", &shape.length, &used) != 1 || !shape.length || (s[used] && s[used] != ','))
            break;
        shapes[(*n)++] = shape;
        s += used;
        if (!*s) {
            qsort(shapes, *n, sizeof *shapes, by_length);
            return true;
        }
    }
    cli_usage_error("lengths \"%s\" are not a list of at most %u like 16,32,64", text, room);
    return false;
}
