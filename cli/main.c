/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione COMMAND: finds the command and runs it.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands/commands.h"

static const struct cli_command commands[] = {
    {"run", "answers for text: replaced words, filled masks, labels", cli_run},
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
    {"verify", "a device beside the reference: card, driver or data?", cli_verify},
    {"devices", "the devices of each backend", cli_devices},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const struct cli_exit exits[] = {
    {"0", "done"},
    {"1", "the run failed: input or output, a driver, a lost device, numbers that are not finite in an answer"},
    {"2", "a wrong argument, option or request tensor"},
    {"3", "no such device, it cannot be used, or no chosen device takes a node"},
    {"4", "a model file is missing, broken, of another kind, or does not fit its config"},
    {"5", "outputs of devices disagree"},
    {"6", "no memory"},
    {"130", "interrupted (SIGINT)"},
    {"143", "terminated (SIGTERM)"},
};
enum { N_EXITS = sizeof exits / sizeof *exits };

#define SUMMARY "ELECTRA models as static graphs on processors, Vulkan, OpenCL and plugins"
static const char description[] = "pleione describes an ELECTRA model once and runs it on whichever device is there.";

static void print_help(FILE *out)
{
    fprintf(out, "%s\n\nusage: pleione COMMAND ...\n\n", description);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`pleione COMMAND --help` tells more, with examples.\n\nexit codes:\n", out);
    for (size_t i = 0; i < N_EXITS; i++)
        fprintf(out, "  %-10s %s\n", exits[i].code, exits[i].meaning);
}

/* A command says that it was interrupted, not by what. */
static int run_command(const struct cli_command *command, int argc, char **argv)
{
    const int code = command->run(argc, argv);
    return code == CLI_INTERRUPTED && cli_interrupted() ? cli_interrupt_code() : code;
}

/* command: NULL is the page of `pleione`; else argv[0] is its name and argv[1] --man. */
static int print_man(const struct cli_command *command, char **argv)
{
    cli_man_begin(command ? command->name : NULL, command ? command->summary : SUMMARY);
    if (!command)
        cli_man_body(description, commands, N_COMMANDS, exits, N_EXITS);
    else if (command->run(2, argv) != PLN_OK)
        return PLN_FAILED;
    cli_man_end(command ? command->name : NULL, commands, N_COMMANDS);
    return cli_finish_output();
}

int main(int argc, char **argv)
{
    cli_guard_streams();
    cli_exit_on_interrupt();
    if (argc < 2) {
        print_help(stderr);
        return PLN_INVALID;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return cli_finish_output();
    }
    if (strcmp(argv[1], "--man") == 0)
        return print_man(NULL, NULL);
    if (strcmp(argv[1], "--version") == 0) {
        printf("pleione %s\n", pln_version());
        return cli_finish_output();
    }
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return argc == 3 && strcmp(argv[2], "--man") == 0 ? print_man(&commands[i], argv + 1)
                                                              : run_command(&commands[i], argc - 1, argv + 1);
    return cli_usage_error("no command \"%s\"; `pleione --help` lists them", argv[1]);
}
