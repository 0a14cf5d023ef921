/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione train: steps on raw tensors, a Hugging Face directory out. The options.
 */
#include <math.h>

#include "cli/apart.h"
#include "cli/commands/commands.h"
#include "cli/commands/training.h"

int cli_train(int argc, char **argv)
{
    static struct cli_common common; /* lists of thousands of texts do not belong on a small stack */
    static struct cli_list arguments;
    struct cli_training t = {.learning = {.schedule = "constant",
                                          .bias_correction = "yes",
                                          .batch = 32,
                                          .accumulate = 1,
                                          .learning_rate = 1e-4,
                                          .weight_decay = 0.01,
                                          .clip = 1,
                                          .beta1 = 0.9,
                                          .beta2 = 0.999,
                                          .eps = 1e-6,
                                          .layer_decay = 1,
                                          .dropout = (double)NAN}};
    const struct cli_option own[] = {
        {"--head", CLI_HEAD, &t.head, "H", "as in `pleione forward` (default: the config's)"},
        {"--data", CLI_TEXT, &t.data, "FILE", "safetensors: input_ids, attention_mask, labels, ...; rows in order"},
        {"--shuffle", CLI_FLAG, &t.shuffle, NULL,
         "each epoch in another order, drawn from --seed (default: as in the file)"},
        {"--out", CLI_TEXT, &t.out, "DIR", "Hugging Face directory to write, with the trainer's state"},
        {"--log", CLI_TEXT, &t.log, "FILE.jsonl",
         "one object a step: step loss gradient_norm learning_rate tokens_per_s page_faults"},
        {"--resume", CLI_TEXT, &t.resume, "DIR", "goes on from what an earlier run saved"},
        {"--save-every", CLI_UNSIGNED, &t.save_every, "N", "saves after every N steps too (default: at the end)"},
        {"--keep", CLI_UNSIGNED, &t.keep, "K",
         "--save-every saves in DIR.step-N, of which the last K stay (default: in DIR itself)"},
    };
    struct cli_options options = {0};
    cli_common_options(&common, "--device", &options);
    cli_add_options(&options, own, sizeof own / sizeof *own);
    cli_learning_rows(&t.learning,
                      &(struct cli_learning_words){"rows a step", "in all (default: once through the rows)", NULL},
                      &options);
    static const struct cli_usage usage = {
        .synopsis = "train MODEL --data FILE --out DIR",
        .description =
            "Trains on raw tensors, as `pleione forward` takes them, labels included. An interrupt finishes "
            "the step, saves, and exits\n"
            "with 130, SIGTERM with 143; a loss or an update that is not finite saves what was good before it "
            "and exits with 1.\n"
            "DIR is replaced whole when all is written: what lies in it and is not the model's stays.",
        .examples =
            "  pleione train MODEL --head sequence-classification --data train.safetensors --out tuned --steps 100\n"
            "  pleione train MODEL --data train.safetensors --out tuned --steps 200 --resume tuned --device vulkan\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1 || !t.data || !t.out)
        return cli_usage_error("train needs one MODEL directory, --data FILE and --out DIR");
    if (t.keep && !t.save_every)
        return cli_usage_error("--keep says how many saves of --save-every stay; it needs that one");
    if (cli_check_apart("--log", t.log, (const char *const[]){t.data}, 1))
        return PLN_INVALID;
    cli_catch_interrupt();
    return cli_training_run(&t, &common, arguments.items[0]);
}
