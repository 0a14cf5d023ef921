/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione forward: raw tensors in and out.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands/commands.h"

struct forward {
    pln_head head;
    const char *inputs, *outputs;
    bool hidden_states, attentions;
};

static pln_status run_forward(const struct forward *f, const struct cli_common *common, const char *directory,
                              pln_error *error)
{
    struct cli_model m = {0};
    pln_tensor_file *file = NULL;
    const pln_session_options options = {.size = sizeof options,
                                         .head = f->head,
                                         .every_position = true,
                                         .hidden_states = f->hidden_states,
                                         .attentions = f->attentions};
    pln_status status = pln_tensor_file_open(f->inputs, &file, error);
    if (status == PLN_OK)
        status = cli_open(common, directory, &options, &m, error);
    if (status == PLN_OK) {
        uint32_t n_inputs, n_outputs;
        const pln_tensor *inputs = pln_tensor_file_tensors(file, &n_inputs), *outputs;
        cli_wait_begin(true, "running");
        status = pln_session_forward(m.session, inputs, n_inputs, &outputs, &n_outputs, error);
        cli_wait_end();
        if (status == PLN_OK)
            status = pln_tensor_file_write(f->outputs, outputs, n_outputs, error);
    }
    cli_close(&m);
    pln_tensor_file_close(&file);
    return status;
}

int cli_forward(int argc, char **argv)
{
    static struct cli_common common;
    struct forward f = {0};
    static struct cli_list arguments;
    struct cli_options options = {0};
    char heads[400], head_help[450];
    cli_head_names(heads, sizeof heads);
    snprintf(head_help, sizeof head_help, "%s (default: the config's)", heads);
    cli_common_options(&common, "--device", &options);
    const struct cli_option own[] = {
        {"--head", CLI_HEAD, &f.head, "H", head_help},
        {"--inputs", CLI_TEXT, &f.inputs, "FILE",
         "safetensors: input_ids or inputs_embeds, attention_mask, labels, ..."},
        {"--outputs", CLI_TEXT, &f.outputs, "FILE", "safetensors: loss, logits, last_hidden_state, ..."},
        {"--hidden-states", CLI_FLAG, &f.hidden_states, NULL, "also hidden_states.N"},
        {"--attentions", CLI_FLAG, &f.attentions, NULL, "also attentions.N and cross_attentions.N"},
    };
    cli_add_options(&options, own, sizeof own / sizeof *own);
    static const struct cli_usage usage = {
        .synopsis = "forward MODEL --inputs FILE --outputs FILE",
        .description =
            "The forward pass on raw tensors, every position, with the names and shapes of the Hugging Face forward().",
        .examples = "  pleione forward MODEL --head masked-lm --inputs in.safetensors --outputs out.safetensors\n"
                    "  pleione forward MODEL --device vulkan,cpu --no-fallback --hidden-states --attentions \\\n"
                    "      --inputs in.safetensors --outputs out.safetensors\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (arguments.n != 1 || !f.inputs || !f.outputs)
        return cli_usage_error("forward needs one MODEL, --inputs FILE and --outputs FILE");
    pln_error error;
    if (run_forward(&f, &common, arguments.items[0], &error) != PLN_OK)
        return cli_fail(&error);
    return 0;
}
