/* SPDX-License-Identifier: Apache-2.0
 *
 * eos_token_id of generation_config.json, or of config.json.
 */
#include "generation/stops.h"

#include <stdlib.h>

#include "checkpoint/checkpoint.h"
#include "common/fail.h"
#include "common/jsontext.h"
#include "session/session.h"

static pln_status read_token(const char *file, const json_t *value, uint32_t vocabulary, int32_t *stop, uint32_t *n,
                             pln_error *error)
{
    const double token = json_number_value(value);
    if (!json_is_number(value) || !jsontext_is_whole(value))
        return pln_fail(error, PLN_BAD_MODEL, "%s: eos_token_id is no token, list of tokens, or null", file);
    if (token >= 0 && token < vocabulary)
        stop[(*n)++] = (int32_t)token;
    return PLN_OK;
}

static pln_status read_tokens(const char *file, const json_t *config, uint32_t vocabulary, int32_t **stop, uint32_t *n,
                              pln_error *error)
{
    const json_t *value = json_object_get(config, "eos_token_id");
    const size_t many = json_is_array(value) ? json_array_size(value) : 1;
    pln_status status = PLN_OK;
    *n = 0;
    if (many >= vocabulary)
        return pln_fail(error, PLN_BAD_MODEL, "%s: eos_token_id lists %zu tokens: the vocabulary has %u", file, many,
                        vocabulary);
    if (!(*stop = malloc((many + 1) * sizeof **stop)))
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %zu tokens of stop", many);
    if (json_is_array(value))
        for (size_t i = 0; status == PLN_OK && i < many; i++)
            status = read_token(file, json_array_get(value, i), vocabulary, *stop, n, error);
    else if (value && !json_is_null(value))
        status = read_token(file, value, vocabulary, *stop, n, error);
    if (status != PLN_OK) {
        free(*stop);
        *stop = NULL;
    }
    return status;
}

pln_status generate_stops_of(const pln_model *model, int32_t **stop, uint32_t *n, pln_error *error)
{
    json_t *config = NULL;
    *stop = NULL;
    pln_status status = ckpt_generation_config(model->checkpoint, &config, error);
    if (status == PLN_OK)
        status = read_tokens(config ? CKPT_GENERATION_CONFIG : "config.json", config ? config : model->config.json,
                             model->config.vocab_size, stop, n, error);
    json_decref(config);
    return status;
}
