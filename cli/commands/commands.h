/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands, a file each: argv[0] is the command's name; they return the exit code.
 */
#ifndef CLI_COMMANDS_COMMANDS_H
#define CLI_COMMANDS_COMMANDS_H

int cli_devices(int argc, char **argv);
int cli_forward(int argc, char **argv);
int cli_run(int argc, char **argv);
int cli_compare(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_estimate(int argc, char **argv);
int cli_evaluate(int argc, char **argv);
int cli_tokenize(int argc, char **argv);
int cli_train(int argc, char **argv);
int cli_convert(int argc, char **argv);
int cli_finetune(int argc, char **argv);
int cli_pretrain(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_inspect(int argc, char **argv);
int cli_conform(int argc, char **argv);
int cli_vocab(int argc, char **argv);
#endif
