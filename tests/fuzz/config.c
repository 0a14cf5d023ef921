/* SPDX-License-Identifier: Apache-2.0
 *
 * A config.json. It is refused with a sentence, or every head either refuses it or is described by it.
 */
#include <stdio.h>
#include <string.h>

#include "electra/electra.h"
#include "tests/fuzz/target.h"

static const struct electra_names no_names; /* there are no weights */

/* What is described for each input must be made in no time. */
static bool is_small(const struct electra_config *c)
{
    return c->vocab_size <= 64 && c->embedding_size <= 64 && c->hidden_size <= 64 && c->num_hidden_layers <= 2 &&
           c->intermediate_size <= 64 && c->max_position_embeddings <= 64 && c->type_vocab_size <= 64 &&
           c->num_labels <= 64;
}

static void describe(const struct ckpt *checkpoint, const struct electra_config *config, pln_head head, bool train)
{
    struct electra_weights weights;
    pln_error error = {.message = ""};
    struct electra_graph graph = {0};
    fuzz_check(electra_weights_init(&weights, checkpoint, &no_names, config, 1, &error) == PLN_OK,
               "there is memory for weights");
    const struct electra_features features = {.head = head,
                                              .choices = electra_head(head)->choices ? 2 : 0,
                                              .labels = train,
                                              .train = train,
                                              .dropout = train ? -1 : 0,
                                              .problem = ELECTRA_REGRESSION};
    const pln_status judged = electra_config_judge(config, head, train, NULL);
    const pln_status status = electra_describe(config, &weights, &features, &graph, &error);
    fuzz_check(judged == PLN_OK || status == judged, "a head that is judged is not described");
    fuzz_check((status == PLN_OK) == (graph.graph != NULL), "a description is there or refused");
    fuzz_check(status == PLN_OK || error.message[0], "a refusal has a sentence");
    electra_graph_finish(&graph);
    electra_weights_finish(&weights);
}

void fuzz_config(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    struct ckpt *checkpoint = NULL;
    struct electra_config config;
    pln_error error = {.message = ""};
    fuzz_write(target->name, data, bytes);
    pln_status status = ckpt_open(fuzz_folder(), NULL, CKPT_MAY_LACK_WEIGHTS, &checkpoint, &error);
    if (status == PLN_OK)
        status = electra_config_read(ckpt_config(checkpoint), fuzz_folder(), &config, &error);
    if (status != PLN_OK) {
        fuzz_check(status == PLN_BAD_MODEL, "a refusal says what kind it is");
        fuzz_check(strstr(error.message, fuzz_folder()) != NULL, "a refusal names the file");
        ckpt_close(&checkpoint);
        return;
    }
    fuzz_check(config.num_labels && electra_config_match_labels(&config, (uint32_t)(bytes % 7), &error) == PLN_OK,
               "there are labels");
    for (uint32_t i = 0; i < config.num_labels; i++)
        fuzz_check(config.labels[i] != NULL, "a label has a name");
    for (int head = PLN_HEAD_MODEL; is_small(&config) && electra_head((pln_head)head); head++) {
        describe(checkpoint, &config, (pln_head)head, false);
        if (electra_head((pln_head)head)->labels != PLN_LABELS_NONE)
            describe(checkpoint, &config, (pln_head)head, true);
    }
    json_t *json = electra_config_json(&config);
    fuzz_check(json_is_object(json), "a config can be written");
    json_decref(json);
    electra_config_finish(&config);
    ckpt_close(&checkpoint);
}
