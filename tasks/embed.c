/* SPDX-License-Identifier: Apache-2.0
 *
 * Embeddings: hidden states of a text, of all tokens or as one vector.
 */
#include <math.h>
#include <stdio.h>

#include "common/fail.h"
#include "tasks/task.h"

enum pooling { MEAN, CLS, MAX, EACH };

struct settings {
    uint32_t pooling;
    bool normalize;
};

/* Layer 0 are the embeddings. The last one needs no other output where the head is the model itself. */
static pln_status open(struct task_setup *setup, pln_error *error)
{
    struct settings *settings = setup->settings;
    const uint32_t last = setup->config->num_hidden_layers, layer = task_number(setup, "layer", last);
    settings->pooling = task_word(setup, "pooling", MEAN);
    settings->normalize = task_flag(setup, "normalize");
    setup->head = setup->session_head == PLN_HEAD_DEFAULT ? PLN_HEAD_MODEL : setup->session_head;
    if (layer > last)
        return pln_fail(error, PLN_INVALID, "option layer of the task embed is %u; it may be a number from 0 to %u",
                        layer, last);
    setup->hidden_states = layer != last || setup->head != PLN_HEAD_MODEL;
    setup->outputs[0] = (struct task_read){ELECTRA_STATE, 0};
    if (setup->hidden_states)
        setup->outputs[0] = (struct task_read){ELECTRA_LAYER_STATE, layer};
    return PLN_OK;
}

static pln_status ask(struct task_row *row, pln_error *error)
{
    pln_example example = {0};
    const pln_status status = task_take_text(row, "text", &example.text, error);
    return status == PLN_OK ? task_add(row, &example, error) : status;
}

/* [CLS] and [SEP] count too. */
static void pool(enum pooling pooling, const struct task_output *state, float *out)
{
    for (uint32_t c = 0; c < state->width; c++) {
        double sum = 0;
        float most = -INFINITY;
        for (uint32_t r = 0; r < state->rows; r++) {
            const float x = state->data[(size_t)r * state->width + c];
            sum += (double)x;
            most = x > most ? x : most;
        }
        out[c] = pooling == MAX ? most : (float)(sum / state->rows);
        if (pooling == CLS)
            out[c] = state->data[c];
    }
}

static void normalize(float *x, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    const double length = sqrt(sum) > 1e-12 ? sqrt(sum) : 1e-12;
    for (uint32_t i = 0; i < n; i++)
        x[i] = (float)((double)x[i] / length);
}

static json_t *vector_json(const float *x, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        task_json_append(&list, json_real((double)x[i]));
    return list;
}

static json_t *to_json(const pln_answer *answer, bool each)
{
    if (!each)
        return vector_json(answer->numbers, answer->n_numbers);
    json_t *list = json_array();
    for (uint32_t i = 0; i < answer->n_numbers; i += answer->width)
        task_json_append(&list, vector_json(answer->numbers + i, answer->width));
    return list;
}

static pln_status answer(struct task_row *row, pln_error *error)
{
    const struct settings *settings = row->settings;
    const struct task_output *state = &row->sequences[0].outputs[0];
    const bool each = settings->pooling == EACH;
    const uint32_t n = each ? state->rows * state->width : state->width;
    float *numbers = arena_allocate(row->memory, n * sizeof *numbers);
    if (!numbers)
        return pln_fail(error, PLN_NO_MEMORY, "no memory for %u numbers", n);
    if (each)
        memcpy(numbers, state->data, n * sizeof *numbers);
    else
        pool((enum pooling)settings->pooling, state, numbers);
    for (uint32_t i = 0; settings->normalize && i < n; i += state->width)
        normalize(numbers + i, state->width);
    row->answer.numbers = numbers;
    row->answer.n_numbers = n;
    row->answer.width = state->width;
    return row->bare ? PLN_OK : task_set_json(row, to_json(&row->answer, each), error);
}

const struct task_kind task_embed = {
    .info =
        {
            .name = "embed",
            .head = PLN_HEAD_DEFAULT,
            .summary = "a text as a vector",
            .columns = (const pln_column_info[]){{"text", false, true, "the text"}, {0}},
            .labels = (const pln_column_info[]){{0}},
            .options =
                (const pln_option_info[]){
                    {"pooling", "mean|cls|max|none", "of all tokens, or none: a vector each (default mean)"},
                    {"layer", "0..", "which hidden state, 0 being the embeddings (default: the last)"},
                    {"normalize", "yes|no", "vectors of length 1"},
                    TASK_TOO_LONG,
                    {0}},
            .scores = (const char *const[]){NULL},
        },
    .settings_bytes = sizeof(struct settings),
    .open = open,
    .ask = ask,
    .no_places = true,
    .answer = answer,
};
