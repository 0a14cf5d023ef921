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
    {"tokenize", "text to ids", cli_tokenize},
    {"vocab", "texts to a vocabulary", cli_vocab},
    {"train", "steps on raw tensors, a Hugging Face directory out", cli_train},
    {"verify", "a device beside the reference: card, driver or data?", cli_verify},
    {"devices", "the devices of each backend", cli_devices},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs("pleione describes an ELECTRA model once and runs it on whichever device is there.\n\nusage: pleione COMMAND "
          "...\n\n",
          out);
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`pleione COMMAND --help` tells more, with examples.\n"
          "exit codes: 0 ok, 1 run failed, 2 usage or request tensors, 3 no such device, 4 model files, 5 outputs "
          "disagree,\n"
          "6 out of memory, 130 interrupted, 143 terminated\n",
          out);
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
    if (strcmp(argv[1], "--version") == 0) {
        printf("pleione %s\n", pln_version());
        return cli_finish_output();
    }
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return run_command(&commands[i], argc - 1, argv + 1);
    return cli_usage_error("no command \"%s\"; `pleione --help` lists them", argv[1]);
}
