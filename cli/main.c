/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione COMMAND: finds the command and runs it.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/terminal.h"

static int print_completions(int argc, char **argv);

static const struct cli_command commands[] = {
    {"run", "rows in, answers out: words, labels, ranks, names, spans, vectors", cli_run},
    {"evaluate", "answers beside labels: how good a task is", cli_evaluate},
    {"forward", "raw tensors in and out, as the reference implementation's forward", cli_forward},
    {"compare", "the same input on every device: time, agreement, verdict", cli_compare},
    {"bench", "speed of devices side by side", cli_bench},
    {"explain", "who runs which node, and why", cli_explain},
    {"estimate", "bytes that a batch needs, before anything is allocated", cli_estimate},
    {"inspect", "what a model directory holds, and which heads it fits", cli_inspect},
    {"tokenize", "text to ids", cli_tokenize},
    {"vocab", "texts to a vocabulary", cli_vocab},
    {"train", "steps on raw tensors, a Hugging Face directory out", cli_train},
    {"convert", "a model as another package reads it", cli_convert},
    {"finetune", "a model for a task, from rows with labels", cli_finetune},
    {"pretrain", "both halves of an ELECTRA from a corpus of text", cli_pretrain},
    {"verify", "a device beside the reference: card, driver or data?", cli_verify},
    {"devices", "the devices of each backend", cli_devices},
    {"conform", "is a backend right? every op and rule, level by level", cli_conform},
    {"completions", "a script that completes words in bash, zsh or fish", print_completions},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const struct cli_exit exits[] = {
    {"0", "done"},
    {"1", "the run failed: input or output, a driver, a lost device; or a row has no answer"},
    {"2", "a wrong argument, option or request tensor"},
    {"3", "no such device, it cannot be used, or no chosen device takes a node"},
    {"4", "a model file is missing, broken, of another kind, or does not fit its config"},
    {"5", "outputs of devices disagree"},
    {"6", "no memory"},
    {"7", "slower than before, beyond the tolerance (bench --against)"},
    {"130", "interrupted (SIGINT)"},
    {"143", "terminated (SIGTERM)"},
};
enum { N_EXITS = sizeof exits / sizeof *exits };

#define SUMMARY "ELECTRA models as static graphs on processors, Vulkan, OpenCL and plugins"
static const char description[] = "pleione describes an ELECTRA model once and runs it on whichever device is there.";

static void print_row(FILE *out, const char *name, const char *meaning, size_t width)
{
    enum { INDENT = 15 };
    fprintf(out, "  %-*s", INDENT - 2, name);
    terminal_fill(out, meaning, INDENT, INDENT, width);
}

static void print_help(FILE *out)
{
    const size_t width = terminal_fill_width(out);
    terminal_fill(out, description, 0, 0, width);
    fputs("\nusage: pleione COMMAND ...\n\n", out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        print_row(out, commands[i].name, commands[i].summary, width);
    fputc('\n', out);
    terminal_fill(
        out, "`pleione help COMMAND` or `pleione COMMAND --help` tells more, with examples; `pleione -V` the version.",
        0, 0, width);
    fputs("\nexit codes:\n", out);
    for (size_t i = 0; i < N_EXITS; i++)
        print_row(out, exits[i].code, exits[i].meaning, width);
}

/* A command says that it was interrupted, not by what. */
static int run_command(const struct cli_command *command, int argc, char **argv)
{
    const int code = command->run(argc, argv);
    return code == CLI_INTERRUPTED && cli_interrupted() ? cli_interrupt_code() : code;
}

static const struct cli_command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int refuse_command(const char *name)
{
    struct cli_suggestion nearest = {0};
    cli_suggest(&nearest, name, "help");
    for (size_t i = 0; i < N_COMMANDS; i++)
        cli_suggest(&nearest, name, commands[i].name);
    if (nearest.name)
        return cli_usage_error("no command \"%s\"; did you mean %s?", name, nearest.name);
    return cli_usage_error("no command \"%s\"; `pleione --help` lists them", name);
}

/* ---- what is made of the tables */

static void visit_man(void *context, const struct cli_usage *usage, const struct cli_options *options)
{
    (void)context;
    cli_man_options(usage, options);
}

/* command: NULL is the page of `pleione`. */
static int print_man(const struct cli_command *command)
{
    cli_man_begin(command ? command->name : NULL, command ? command->summary : SUMMARY);
    if (!command)
        cli_man_body(description, commands, N_COMMANDS, exits, N_EXITS);
    else
        cli_visit_command(command, visit_man, NULL);
    cli_man_end(command ? command->name : NULL, commands, N_COMMANDS);
    return cli_finish_output();
}

static void visit_help(void *context, const struct cli_usage *usage, const struct cli_options *options)
{
    (void)context;
    cli_print_usage(stdout, usage, options);
}

/* `pleione help [COMMAND]`. */
static int help(int argc, char **argv)
{
    if (argc > 3)
        return cli_usage_error("help takes one COMMAND");
    if (argc < 3) {
        print_help(stdout);
        return cli_finish_output();
    }
    const struct cli_command *command = find_command(argv[2]);
    if (!command)
        return refuse_command(argv[2]);
    cli_visit_command(command, visit_help, NULL);
    return cli_finish_output();
}

static int print_completions(int argc, char **argv)
{
    static struct cli_list arguments;
    static const struct cli_options none;
    static const struct cli_usage usage = {
        .synopsis = "completions bash|zsh|fish",
        .description = "Prints a script for the shell that completes commands, options and their values. Where pleione "
                       "is installed, so are the scripts.",
        .examples = "  eval \"$(pleione completions bash)\"\n"
                    "  pleione completions zsh >~/.zfunc/_pleione\n"
                    "  pleione completions fish >~/.config/fish/completions/pleione.fish\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &none, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1 || !cli_print_completions(arguments.items[0], commands, N_COMMANDS))
        return cli_usage_error("completions needs the name of a shell: bash, zsh or fish");
    return cli_finish_output();
}

int main(int argc, char **argv)
{
    cli_guard_streams();
    cli_exit_on_interrupt();
    const char *word = argc < 2 ? NULL : argv[1];
    if (!word) {
        print_help(stderr);
        return PLN_INVALID;
    }
    if (strcmp(word, "help") == 0)
        return help(argc, argv);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return help(2, argv);
    if (strcmp(word, "--man") == 0)
        return print_man(NULL);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("pleione %s\n", pln_version());
        return cli_finish_output();
    }
    const struct cli_command *command = find_command(word);
    if (!command)
        return refuse_command(word);
    return argc == 3 && strcmp(argv[2], "--man") == 0 ? print_man(command) : run_command(command, argc - 1, argv + 1);
}
