/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione COMMAND: finds the command and runs it.
 */
#include <string.h>

#include "cli/cli.h"

const struct cli_command cli_commands[] = {
    {"run", "answers for text: replaced words, filled masks, labels", cli_run},
    {"forward", "raw tensors in and out, as the reference implementation's forward", cli_forward},
    {"compare", "the same input on every device: time, agreement, verdict", cli_compare},
    {"bench", "speed of devices side by side", cli_bench},
    {"explain", "who runs which node, and why", cli_explain},
    {"estimate", "bytes that a batch needs, before anything is allocated", cli_estimate},
    {"tokenize", "text to ids", cli_tokenize},
    {"vocab", "texts to a vocabulary", cli_vocab},
    {"train", "steps on raw tensors, a Hugging Face directory out", cli_train},
    {"verify", "a device beside the reference: card, driver or data?", cli_verify},
    {"devices", "the devices of each backend", cli_devices},
};
const uint32_t cli_n_commands = sizeof cli_commands / sizeof *cli_commands;

const struct cli_exit cli_exits[] = {
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
const uint32_t cli_n_exits = sizeof cli_exits / sizeof *cli_exits;

static const char description[] =
    "pleione describes an ELECTRA model once and runs it on whichever device is there.";

static void print_help(FILE *out)
{
    fprintf(out, "%s\n\nusage: pleione COMMAND ...\n\n", description);
    for (uint32_t i = 0; i < cli_n_commands; i++)
        fprintf(out, "  %-10s %s\n", cli_commands[i].name, cli_commands[i].summary);
    fputs("\n`pleione COMMAND --help` tells more, with examples.\n\nexit codes:\n", out);
    for (uint32_t i = 0; i < cli_n_exits; i++)
        fprintf(out, "  %-10s %s\n", cli_exits[i].code, cli_exits[i].meaning);
}

/* A command says that it was interrupted, not by what. */
static int run_command(const struct cli_command *command, int argc, char **argv)
{
    const int code = command->run(argc, argv);
    return code == CLI_INTERRUPTED && cli_interrupted() ? cli_interrupt_code() : code;
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
    if (strcmp(argv[1], "--man") == 0) {
        cli_print_man_of_all(description);
        return cli_finish_output();
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("pleione %s\n", pln_version());
        return cli_finish_output();
    }
    for (uint32_t i = 0; i < cli_n_commands; i++)
        if (strcmp(argv[1], cli_commands[i].name) == 0)
            return run_command(&cli_commands[i], argc - 1, argv + 1);
    return cli_usage_error("no command \"%s\"; `pleione --help` lists them", argv[1]);
}
