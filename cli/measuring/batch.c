/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches to measure with: random ids of a shape, or texts.
 */
#include "cli/measuring/batch.h"

#include <stdlib.h>
#include <string.h>

#include "cli/draw.h"

static bool allocate(struct cli_batch *b, uint32_t batch, uint32_t length)
{
    const size_t n = (size_t)batch * length;
    *b = (struct cli_batch){.batch = batch, .length = length};
    b->lengths = calloc(batch, sizeof *b->lengths);
    b->ids = calloc(n, sizeof *b->ids);
    b->mask = calloc(n, sizeof *b->mask);
    b->types = calloc(n, sizeof *b->types);
    const char *const names[] = {"input_ids", "attention_mask", "token_type_ids"};
    const int64_t *const data[] = {b->ids, b->mask, b->types};
    for (uint32_t i = 0; i < 3; i++)
        b->tensors[i] =
            (pln_tensor){.name = names[i], .dtype = PLN_I64, .rank = 2, .shape = {batch, length}, .data = data[i]};
    return b->lengths && b->ids && b->mask && b->types;
}

void cli_batch_finish(struct cli_batch *b)
{
    free(b->lengths);
    free(b->ids);
    free(b->mask);
    free(b->types);
    *b = (struct cli_batch){0};
}

pln_status cli_batch_random(struct cli_batch *b, struct cli_shape shape, const pln_model *model, uint64_t seed,
                            pln_error *error)
{
    if (!allocate(b, shape.batch, shape.length)) {
        *error = (pln_error){.status = PLN_NO_MEMORY, .message = "no memory for a batch"};
        return PLN_NO_MEMORY;
    }
    const uint64_t vocab = (uint64_t)pln_model_number(model, "vocab_size");
    const uint64_t low = vocab > 10 ? 5 : 0; /* leaves the special tokens out */
    b->shortest = shape.shortest;
    for (uint32_t i = 0; i < shape.batch; i++) {
        b->lengths[i] = shape.length;
        if (shape.shortest)
            b->lengths[i] = shape.shortest + (uint32_t)(cli_draw(&seed) % (shape.length - shape.shortest + 1));
        for (uint32_t j = 0; j < b->lengths[i]; j++) {
            b->ids[(size_t)i * shape.length + j] = (int64_t)(low + cli_draw(&seed) % (vocab - low));
            b->mask[(size_t)i * shape.length + j] = 1;
        }
    }
    return PLN_OK;
}

pln_status cli_batch_texts(struct cli_batch *b, pln_model *model, const struct cli_list *texts, pln_error *error)
{
    const pln_tokenizer *tokenizer;
    const pln_encodings *rows;
    pln_encoder *encoder = NULL;
    pln_example *examples = calloc(texts->n + 1, sizeof *examples);
    uint32_t longest = 0;
    for (uint32_t i = 0; examples && i < texts->n; i++)
        examples[i].text = (pln_text){texts->items[i], strlen(texts->items[i])};
    *error = (pln_error){.status = PLN_NO_MEMORY, .node = -1, .message = "no memory for texts"};
    pln_status status = examples ? pln_model_tokenizer(model, &tokenizer, error) : PLN_NO_MEMORY;
    if (status != PLN_OK)
        status = cli_misfit(error);
    if (status == PLN_OK)
        status = pln_encoder_create(tokenizer, 1, &encoder, error);
    if (status == PLN_OK)
        status = pln_encoder_encode(encoder, examples, texts->n, NULL, &rows, error);
    for (uint32_t i = 0; status == PLN_OK && i < texts->n; i++)
        if (rows->starts[i + 1] - rows->starts[i] > longest)
            longest = rows->starts[i + 1] - rows->starts[i];
    if (status == PLN_OK && !allocate(b, texts->n, longest)) {
        status = PLN_NO_MEMORY;
        *error = (pln_error){.status = status, .message = "no memory for a batch of texts"};
    }
    for (uint32_t i = 0; status == PLN_OK && i < texts->n; i++) {
        b->lengths[i] = rows->starts[i + 1] - rows->starts[i];
        for (uint32_t j = 0; j < b->lengths[i]; j++) {
            b->ids[(size_t)i * longest + j] = rows->ids[rows->starts[i] + j];
            b->mask[(size_t)i * longest + j] = 1;
        }
    }
    pln_encoder_destroy(&encoder);
    free(examples);
    return status;
}

uint64_t cli_batch_tokens(const struct cli_batch *b)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < b->batch; i++)
        n += b->lengths[i];
    return n;
}

double cli_batch_flops(const struct cli_batch *b, const pln_model *model)
{
    const double h = (double)pln_model_number(model, "hidden_size"),
                 e = (double)pln_model_number(model, "embedding_size");
    const double inner = (double)pln_model_number(model, "intermediate_size");
    const double layers = (double)pln_model_number(model, "num_hidden_layers");
    double flops = 0;
    for (uint32_t i = 0; i < b->batch; i++) {
        const double t = b->lengths[i];
        flops += layers * (2 * t * (4 * h * h + 2 * h * inner) + 4 * t * t * h) + 2 * t * h * h;
        flops += e != h ? 2 * t * e * h : 0;
    }
    return flops;
}

double cli_weight_bytes(const pln_model *model)
{
    const double h = (double)pln_model_number(model, "hidden_size"),
                 e = (double)pln_model_number(model, "embedding_size");
    const double inner = (double)pln_model_number(model, "intermediate_size");
    const double layers = (double)pln_model_number(model, "num_hidden_layers");
    return sizeof(float) * (layers * (4 * h * h + 2 * h * inner) + h * h + (e != h ? e * h : 0));
}

double cli_weight_share(const char *dtype)
{
    if (strcmp(dtype, "int8") == 0)
        return 0.25;
    return strstr(dtype, "f16") ? 0.5 : 1;
}

const char *cli_batch_shape(const struct cli_batch *b, char *text, size_t bytes)
{
    if (b->shortest)
        snprintf(text, bytes, "%ux%u-%u", b->batch, b->shortest, b->length);
    else
        snprintf(text, bytes, "%ux%u", b->batch, b->length);
    return text;
}
