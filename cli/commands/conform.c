/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione conform: is a backend right? The answer is that of pleione-conform, a program that lies beside the plugins: it
 * has the reference and the cases in it, and the plugin in a process below it. This command finds it and becomes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/beside.h"
#include "cli/cli.h"
#include "cli/commands/commands.h"

#ifndef CONFORM_FOLDER /* of plugins, from that of the command */
#define CONFORM_FOLDER "../lib/pleione"
#endif

enum { LEVELS = 6, MOST_ARGUMENTS = 128, NUMBER_BYTES = 16 };

struct conform {
    uint32_t level, device, threads;
    double limit;
    const char *op, *text;
    struct cli_list settings;
    bool json, perf, list, complete, verbose;
};

/* What the program is started with. */
struct started {
    uint32_t n, n_numbers;
    char *arguments[MOST_ARGUMENTS + 1];
    char numbers[8][NUMBER_BYTES];
};

static void give(struct started *s, const char *word)
{
    if (s->n < MOST_ARGUMENTS)
        s->arguments[s->n++] = (char *)(uintptr_t)word; /* execv changes none */
}

static void give_value(struct started *s, const char *name, const char *value)
{
    if (!value)
        return;
    give(s, name);
    give(s, value);
}

static void give_number(struct started *s, const char *name, double number)
{
    char *text = s->numbers[s->n_numbers++];
    snprintf(text, NUMBER_BYTES, "%.9g", number);
    give_value(s, name, text);
}

static void give_all(struct started *s, const struct conform *c, const char *program, const char *plugin)
{
    const struct {
        bool given;
        const char *name;
    } flags[] = {{c->json, "--json"},
                 {c->perf, "--perf"},
                 {c->list, "--list"},
                 {c->complete, "--complete"},
                 {c->verbose, "--verbose"}};
    give(s, program);
    give(s, plugin);
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].given)
            give(s, flags[i].name);
    give_value(s, "--op", c->op);
    give_value(s, "--case", c->text);
    for (uint32_t i = 0; i < c->settings.n; i++)
        give_value(s, "--option", c->settings.items[i]);
    if (c->level < LEVELS)
        give_number(s, "--level", c->level);
    if (c->limit > 0)
        give_number(s, "--limit", c->limit);
    if (c->threads)
        give_number(s, "--threads", c->threads);
    give_number(s, "--device", c->device);
}

static int start(const struct conform *c, const char *plugin)
{
    static struct started s;
    static const char *const places[] = {"../conformance",
                                         CONFORM_FOLDER}; /* of the build folder; where it is installed */
    static char program[CLI_BESIDE_BYTES], here[CLI_BESIDE_BYTES];
    if (strcmp(plugin, "reference") != 0 && access(plugin, R_OK) != 0)
        return cli_fail_file(plugin, PLN_INVALID, strerror(errno));
    if (!cli_find_beside(places, sizeof places / sizeof *places, "pleione-conform", X_OK, program)) {
        fputs("pleione: pleione-conform is not there: it is installed beside the plugins\n", stderr);
        return PLN_FAILED;
    }
    /* Without a slash the loader would look in its own folders. */
    snprintf(here, sizeof here, "%s%s", strchr(plugin, '/') || strcmp(plugin, "reference") == 0 ? "" : "./", plugin);
    give_all(&s, c, program, here);
    fflush(NULL);
    execv(program, s.arguments);
    return cli_fail_file(program, PLN_FAILED, strerror(errno));
}

int cli_conform(int argc, char **argv)
{
    static struct conform c = {.level = LEVELS};
    static struct cli_list arguments;
    const struct cli_option rows[] = {
        {"--level", CLI_COUNT, &c.level, "N",
         "the levels up to this one; exit code 1 when it is not reached. 0 contract and memory, 1 f32 inference, 2 "
         "training, 3 half types, 4 plans, replay, several at once, 5 faults"},
        {"--op", CLI_TEXT, &c.op, "NAME", "the cases of this op, or of this group of cases, only"},
        {"--json", CLI_FLAG, &c.json, NULL, "one JSON object: levels, matrix, failures"},
        {"--perf", CLI_FLAG, &c.perf, NULL, "GFLOP/s or GB/s of the ops of an encoder, 512 tokens of ELECTRA-base"},
        {"--case", CLI_TEXT, &c.text, "TEXT", "the cases whose name holds this text only"},
        {"--complete", CLI_FLAG, &c.complete, NULL, "a case that is refused is a failed one"},
        {"--device", CLI_COUNT, &c.device, "N", "which device of the plugin; 0 is the first"},
        {"--device-option", CLI_REPEATED, &c.settings, "KEY=VALUE", "option of the device"},
        {"--threads", CLI_UNSIGNED, &c.threads, "N", "members of the team (3)"},
        {"--limit", CLI_SECONDS, &c.limit, "SECONDS", "what takes longer hangs (60)"},
        {"--list", CLI_FLAG, &c.list, NULL, "the names of all cases; nothing is loaded"},
        {"--verbose", CLI_FLAG, &c.verbose, NULL, "each case, not only those that fail"},
    };
    struct cli_options options = {0};
    cli_add_options(&options, rows, sizeof rows / sizeof *rows);
    static const struct cli_usage usage = {
        .synopsis = "conform PLUGIN.so",
        .description =
            "Is a backend right? Every op on generated shapes beside the reference in double precision, and what the\n"
            "interface asks of a backend besides: memory, errors, several plans, threads, what a process must keep.\n"
            "The plugin lives in a process of its own; when it crashes, ends or hangs there, that is one failed case.\n"
            "Prints what failed, a matrix of ops and types (native, refused and why, failed; the largest error in "
            "units\n"
            "of the last place), and the levels. Without --level exit code 0 says that all that is claimed is right, "
            "5\n"
            "that a case failed, 1 that no node is taken at all. PLUGIN.so may be \"reference\".",
        .examples = "  pleione conform ./pleione-mini.so --level 1\n"
                    "  pleione conform ./pleione-mini.so --op linear --json\n"
                    "  pleione conform /usr/lib/pleione/pleione-cpu.so --device-option level=c --perf\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1)
        return cli_usage_error("conform needs one PLUGIN.so");
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--level") == 0 && c.level >= LEVELS)
            return cli_usage_error("--level is 0 to 5");
    return start(&c, arguments.items[0]);
}
