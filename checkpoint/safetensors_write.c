/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tensors, gives a safetensors file: the whole file or nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/format.h"
#include "checkpoint/output.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensors.h"
#include "common/fail.h"
#include "common/jsontext.h"
#include "common/round.h"

enum { HEADER_ALIGNMENT = 8 };

static pln_status say_no_memory(pln_error *error)
{
    return pln_fail(error, PLN_NO_MEMORY, "no memory for the header of a safetensors file");
}

static pln_status add_metadata(json_t *header, const pln_option *metadata, uint32_t n, pln_error *error)
{
    if (!n)
        return PLN_OK;
    json_t *strings = json_object();
    int failed = json_object_set_new(header, SAFETENSORS_METADATA, strings);
    for (uint32_t i = 0; i < n && !failed; i++) {
        if (!jsontext_is_utf8(metadata[i].key) || !jsontext_is_utf8(metadata[i].value))
            return pln_fail(error, PLN_INVALID, "metadata is not UTF-8");
        failed = json_object_set_new(strings, metadata[i].key, json_string(metadata[i].value));
    }
    return failed ? say_no_memory(error) : PLN_OK;
}

static pln_tensor tensor_of(const struct ckpt_output *output)
{
    pln_tensor tensor = {.name = output->name, .dtype = output->dtype, .rank = output->weight.rank};
    memcpy(tensor.shape, output->weight.shape, sizeof tensor.shape);
    return tensor;
}

static pln_status add_tensor(json_t *header, const struct ckpt_output *output, uint64_t *offset, pln_error *error)
{
    const pln_tensor tensor = tensor_of(output);
    const char *dtype = safetensors_dtype_name(tensor.dtype);
    const char *name = tensor.name ? tensor.name : "";
    uint64_t bytes;
    if (!dtype)
        return pln_fail(error, PLN_INVALID, "tensor '%s': element type %d cannot be stored", name, (int)tensor.dtype);
    if (tensor.rank > PLN_MAX_RANK)
        return pln_fail(error, PLN_INVALID, "tensor '%s': %u dimensions, at most %d", name, tensor.rank, PLN_MAX_RANK);
    if (!ckpt_tensor_bytes(&tensor, &bytes) || bytes > (uint64_t)INT64_MAX - *offset)
        return pln_fail(error, PLN_INVALID, "tensor '%s': larger than 64 bits can count", name);
    if (!tensor.name || strcmp(name, SAFETENSORS_METADATA) == 0 || json_object_get(header, name))
        return pln_fail(error, PLN_INVALID, "tensor '%s': the name is missing, reserved or used twice", name);
    if (!jsontext_is_utf8(name))
        return pln_fail(error, PLN_INVALID, "tensor '%s': the name is not UTF-8", name);
    json_t *shape = json_array();
    for (uint32_t i = 0; i < tensor.rank; i++)
        if (json_array_append_new(shape, json_integer((json_int_t)tensor.shape[i])) != 0) {
            json_decref(shape);
            return say_no_memory(error);
        }
    json_t *entry = json_pack("{s:s, s:o, s:[I,I]}", "dtype", dtype, "shape", shape, "data_offsets",
                              (json_int_t)*offset, (json_int_t)(*offset + bytes));
    if (json_object_set_new(header, name, entry) != 0)
        return say_no_memory(error);
    *offset += bytes;
    return PLN_OK;
}

static int by_element_size(const void *a, const void *b)
{
    const struct ckpt_output *x = *(const struct ckpt_output *const *)a, *y = *(const struct ckpt_output *const *)b;
    const size_t xs = pln_dtype_bytes(x->dtype), ys = pln_dtype_bytes(y->dtype);
    if (xs != ys)
        return xs > ys ? -1 : 1;
    return (x > y) - (x < y); /* qsort is not stable */
}

/* The text of the header for tensors in this order, padded so that data begins aligned. Returns new *text (free). */
static pln_status make_header(const struct ckpt_output *const *order, uint32_t count, const pln_option *metadata,
                              uint32_t n_metadata, char **text, pln_error *error)
{
    uint64_t offset = 0;
    json_t *header = json_object();
    if (!header)
        return say_no_memory(error);
    pln_status status = add_metadata(header, metadata, n_metadata, error);
    for (uint32_t i = 0; i < count && status == PLN_OK; i++)
        status = add_tensor(header, order[i], &offset, error);
    char *dumped = status == PLN_OK ? jsontext_dump(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (status != PLN_OK)
        return status;
    const size_t bytes = dumped ? strlen(dumped) : 0;
    const size_t padded = round_up(bytes, HEADER_ALIGNMENT);
    char *larger = dumped ? realloc(dumped, padded + 1) : NULL;
    if (!larger) {
        free(dumped);
        return pln_fail(error, PLN_NO_MEMORY, "no memory for the header of %u tensors", count);
    }
    memset(larger + bytes, ' ', padded - bytes);
    larger[padded] = '\0';
    *text = larger;
    if (padded <= SAFETENSORS_MAX_HEADER)
        return PLN_OK;
    free(larger);
    return pln_fail(error, PLN_INVALID, "header of %zu bytes is larger than %d", padded, SAFETENSORS_MAX_HEADER);
}

pln_status safetensors_write(const char *path, const struct ckpt_output *outputs, uint32_t count,
                             const pln_option *metadata, uint32_t n_metadata, pln_error *error)
{
    struct ckpt_file file;
    char *header = NULL;
    const struct ckpt_output **order = calloc((size_t)count + 1, sizeof *order);
    if (!order)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %u tensors", path, count);
    for (uint32_t i = 0; i < count; i++)
        order[i] = &outputs[i];
    qsort(order, count, sizeof *order, by_element_size);
    pln_status status = make_header(order, count, metadata, n_metadata, &header, error);
    if (status == PLN_OK)
        status = ckpt_file_begin(&file, path, error);
    if (status == PLN_OK) {
        const uint64_t bytes = strlen(header);
        ckpt_file_put(&file, &bytes, sizeof bytes);
        ckpt_file_put(&file, header, bytes);
        for (uint32_t i = 0; i < count; i++)
            ckpt_file_put_tensor(&file, order[i]);
        status = ckpt_file_end(&file, path, true, error);
    }
    free(header);
    free(order);
    return status;
}

pln_status ckpt_weights_write(const char *path, const struct weight *weights, uint32_t count,
                              const pln_option *metadata, uint32_t n_metadata, pln_error *error)
{
    struct ckpt_output *outputs = calloc((size_t)count + 1, sizeof *outputs);
    if (!outputs)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %u tensors", path, count);
    for (uint32_t i = 0; i < count; i++)
        outputs[i] = (struct ckpt_output){.name = weights[i].name, .weight = weights[i], .dtype = weights[i].dtype};
    const pln_status status = safetensors_write(path, outputs, count, metadata, n_metadata, error);
    free(outputs);
    return status;
}

pln_status ckpt_tensors_write(const char *path, const pln_tensor *tensors, uint32_t count, const pln_option *metadata,
                              uint32_t n_metadata, pln_error *error)
{
    struct ckpt_output *outputs = calloc((size_t)count + 1, sizeof *outputs);
    if (!outputs)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %u tensors", path, count);
    for (uint32_t i = 0; i < count; i++)
        outputs[i] = ckpt_output_of(&tensors[i]);
    const pln_status status = safetensors_write(path, outputs, count, metadata, n_metadata, error);
    free(outputs);
    return status;
}
