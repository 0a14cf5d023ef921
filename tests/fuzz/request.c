/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of tensors as the inputs of a session. The first byte chooses the head and the model. They are refused with a
 * sentence, or packed for a graph: what a kernel will index with is in its range.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/session.h"
#include "tests/fuzz/target.h"

enum { VOCABULARY = 20, POSITIONS = 16, TYPES = 2 };

static const char *const configs[] = {
    "{\"vocab_size\":20,\"embedding_size\":4,\"hidden_size\":6,\"num_attention_heads\":3,\"intermediate_size\":4,"
    "\"num_hidden_layers\":1,\"max_position_embeddings\":16,\"num_labels\":3,\"summary_type\":\"mean\"}",
    "{\"vocab_size\":20,\"embedding_size\":4,\"hidden_size\":6,\"num_attention_heads\":1,\"intermediate_size\":4,"
    "\"num_hidden_layers\":1,\"max_position_embeddings\":16,\"num_labels\":1,\"is_decoder\":true,"
    "\"add_cross_attention\":true}",
};

/* Opened once, without weights. */
static pln_model *open_model(unsigned which)
{
    static pln_model models[2];
    pln_model *m = &models[which];
    pln_error error;
    if (m->checkpoint)
        return m;
    fuzz_write("config.json", configs[which], strlen(configs[which]));
    fuzz_check(ckpt_open(fuzz_folder(), NULL, CKPT_MAY_LACK_WEIGHTS, &m->checkpoint, &error) == PLN_OK &&
                   electra_config_read(ckpt_config(m->checkpoint), "config", &m->config, &error) == PLN_OK &&
                   electra_weights_init(&m->weights, m->checkpoint, &m->names, &m->config, 1, &error) == PLN_OK,
               "a model opens");
    return m;
}

static void check_inputs(const struct session_batch *batch, const struct electra_graph *graph)
{
    static const struct {
        enum electra_input input;
        int32_t most;
    } ranges[] = {{ELECTRA_INPUT_ids, VOCABULARY - 1},
                  {ELECTRA_INPUT_positions, POSITIONS - 1},
                  {ELECTRA_INPUT_token_types, TYPES - 1},
                  {ELECTRA_INPUT_key_mask, 1}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const pln_value *value = graph->inputs[ranges[i].input];
        const int32_t *numbers = value ? batch->inputs[value->id] : NULL;
        for (uint32_t j = 0; numbers && j < batch->tokens; j++)
            fuzz_check(numbers[j] >= 0 && numbers[j] <= ranges[i].most, "an index is in its range");
    }
}

static void pack(pln_session *session, const struct session_request *request)
{
    struct session_batch batch = {0};
    pln_error error = {.message = ""};
    struct electra_graph graph = {0};
    fuzz_check(session_batch_plan(session, request, NULL, &batch, &error) == PLN_OK, "a request is planned");
    fuzz_check(batch.starts[request->rows] == (int32_t)batch.tokens && batch.tokens <= request->rows * request->length,
               "sequences hold the tokens");
    fuzz_check(electra_describe(&session->config, &session->model->weights, &batch.features, &graph, &error) == PLN_OK,
               "the features are described");
    const pln_status status = session_batch_pack(session, request, &graph, &batch, &error);
    fuzz_check(status == PLN_OK || error.message[0], "a refusal has a sentence");
    if (status == PLN_OK)
        check_inputs(&batch, &graph);
    electra_graph_finish(&graph);
}

void fuzz_request(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    if (!bytes)
        return;
    pln_model *model = open_model(data[0] & 1);
    pln_head last = PLN_HEAD_MODEL;
    while (electra_head((pln_head)(last + 1)))
        last = (pln_head)(last + 1);
    const pln_head head = (pln_head)(PLN_HEAD_MODEL + (data[0] >> 1) % (unsigned)last);
    pln_session session = {.model = model,
                           .config = electra_config_as(&model->config, (pln_semantics)(data[0] >> 6)),
                           .head_number = head,
                           .head = electra_head(head)};
    struct session_request request = {0};
    pln_tensor_file *file = NULL;
    pln_error error = {.message = ""};
    uint32_t count;
    char path[160];
    fuzz_write(target->name, data + 1, bytes - 1);
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), target->name);
    if (pln_tensor_file_open(path, &file, &error) != PLN_OK) {
        fuzz_check(error.status == PLN_INVALID && strstr(error.message, path), "a refusal names the file");
        return;
    }
    const pln_tensor *tensors = pln_tensor_file_tensors(file, &count);
    const pln_status status = session_request_read(&session, tensors, count, &request, &error);
    fuzz_check(status == PLN_OK || (status == PLN_INVALID && error.message[0]), "a refusal has a sentence");
    if (status == PLN_OK)
        pack(&session, &request);
    pool_finish(&session.pool);
    pln_tensor_file_close(&file);
}
