/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a config as it was read, gives the config.json that other packages read as the same model.
 */
#include <string.h>

#include "electra/saved_config.h"

static int set(json_t *json, const char *key, json_t *value)
{
    return json_object_set_new(json, key, value);
}

/* What was inferred, or came in another form, as numbers under their names. */
static int set_sizes(json_t *json, const struct electra_config *config)
{
    static const char *const names[] = {"vocab_size",          "embedding_size",    "hidden_size",
                                        "num_hidden_layers",   "intermediate_size", "max_position_embeddings",
                                        "num_attention_heads", "type_vocab_size"};
    int failed = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names && !failed; i++)
        failed = set(json, names[i], json_integer(electra_config_number(config, names[i])));
    return failed;
}

static void drop_labels(json_t *json)
{
    static const char *const names[] = {"id2label", "label2id", "num_labels", "_num_labels"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        json_object_del(json, names[i]);
}

/* The two maps say how many there are; num_labels is beside them if it was, and agrees. */
static int set_labels(json_t *json, const struct electra_config *config)
{
    json_t *names = json_object(), *numbers = json_object();
    const bool said = json_object_get(json, "num_labels") != NULL;
    int failed = !names || !numbers;
    for (uint32_t i = 0; i < config->num_labels && !failed; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i);
        failed = set(names, number, json_string(config->labels[i])) ||
                 set(numbers, config->labels[i], json_integer((json_int_t)i));
    }
    drop_labels(json);
    failed = failed || json_object_set(json, "id2label", names) || json_object_set(json, "label2id", numbers);
    if (!failed && said)
        failed = set(json, "num_labels", json_integer((json_int_t)config->num_labels));
    json_decref(names);
    json_decref(numbers);
    return failed;
}

static bool has_labels(const json_t *json)
{
    return json_object_get(json, "id2label") || json_object_get(json, "num_labels") ||
           json_object_get(json, "_num_labels");
}

json_t *electra_config_saved(const struct electra_config *config, const struct electra_head *head, pln_dtype dtype,
                             bool empty_activation)
{
    static const char *const types[] = {
        [PLN_F32] = "float32", [PLN_F16] = "float16", [PLN_BF16] = "bfloat16", [PLN_F64] = "float64"};
    json_t *json = electra_config_json(config);
    if (!json)
        return NULL;
    int failed = set(json, "model_type", json_string("electra")) ||
                 set(json, "architectures", json_pack("[s]", head->architecture)) || set_sizes(json, config);
    if (head->labels == PLN_LABELS_SPANS && config->num_labels != 2)
        drop_labels(json); /* a begin and an end */
    else if (!failed && (has_labels(json) || config->num_labels != 2))
        failed = set_labels(json, config);
    failed = failed || set(json, "torch_dtype", json_string(types[dtype]));
    if (!failed && json_object_get(json, "dtype"))
        failed = set(json, "dtype", json_string(types[dtype]));
    if (!failed && json_is_null(json_object_get(json, "summary_activation")) && empty_activation)
        failed = set(json, "summary_activation", json_string(""));
    if (!failed)
        return json;
    json_decref(json);
    return NULL;
}
