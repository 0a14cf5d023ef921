/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a safetensors file, gives its tensors after checking each against the data that is there.
 */
#include "checkpoint/safetensors.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/format.h"
#include "common/fail.h"
#include "common/jsonfile.h"

static const char *const dtype_names[] = {
    [PLN_F32] = "F32", [PLN_I32] = "I32",   [PLN_F16] = "F16", [PLN_BF16] = "BF16", [PLN_F64] = "F64",
    [PLN_I64] = "I64", [PLN_BOOL] = "BOOL", [PLN_U8] = "U8",   [PLN_I8] = "I8",     [PLN_I16] = "I16",
};
enum { DTYPES = sizeof dtype_names / sizeof *dtype_names };

const char *safetensors_dtype_name(pln_dtype dtype)
{
    const size_t i = (size_t)dtype;
    return i < DTYPES ? dtype_names[i] : NULL;
}

bool safetensors_dtype_find(const char *name, pln_dtype *dtype)
{
    for (int i = 0; i < DTYPES; i++) {
        if (dtype_names[i] && strcmp(dtype_names[i], name) == 0) {
            *dtype = (pln_dtype)i;
            return true;
        }
    }
    return false;
}

struct span { /* where a tensor's data lies, bytes from the start of the data */
    uint64_t begin, end;
    const char *name;
};

/* What is being read, for the sentences of errors. */
struct place {
    const char *path, *name;
    pln_error *error;
};

static pln_status lie(const struct place *at, const char *what)
{
    return pln_fail(at->error, PLN_BAD_MODEL, "%s: tensor '%s': %s", at->path, at->name, what);
}

static bool natural(const json_t *json, uint64_t *value)
{
    if (!json_is_integer(json) || json_integer_value(json) < 0)
        return false;
    *value = (uint64_t)json_integer_value(json);
    return true;
}

/* Elements of the shape; false if they are more than 64 bits can count. */
static bool count_elements(const json_t *shape, uint64_t *elements)
{
    *elements = 1;
    for (size_t i = 0; i < json_array_size(shape); i++)
        if (__builtin_mul_overflow(*elements, (uint64_t)json_integer_value(json_array_get(shape, i)), elements))
            return false;
    return true;
}

static pln_status read_shape(const struct place *at, const json_t *shape, pln_tensor *tensor)
{
    uint64_t side;
    if (!json_is_array(shape))
        return lie(at, "has no shape");
    for (size_t i = 0; i < json_array_size(shape); i++) {
        if (!natural(json_array_get(shape, i), &side))
            return lie(at, "has a dimension that is no whole number");
        if (i < PLN_MAX_RANK)
            tensor->shape[i] = side;
    }
    if (json_array_size(shape) > PLN_MAX_RANK)
        tensor->dtype = (pln_dtype)0;
    else
        tensor->rank = (uint32_t)json_array_size(shape);
    return PLN_OK;
}

static pln_status read_span(const struct place *at, const json_t *offsets, uint64_t data_bytes, struct span *span)
{
    if (json_array_size(offsets) != 2 || !natural(json_array_get(offsets, 0), &span->begin) ||
        !natural(json_array_get(offsets, 1), &span->end))
        return lie(at, "data_offsets are not two whole numbers");
    if (span->begin > span->end)
        return lie(at, "data_offsets are reversed");
    if (span->end > data_bytes)
        return pln_fail(at->error, PLN_BAD_MODEL,
                        "%s: tensor '%s': data ends at byte %" PRIu64 ", but the file holds %" PRIu64 " bytes of data",
                        at->path, at->name, span->end, data_bytes);
    span->name = at->name;
    return PLN_OK;
}

/* Bytes of the data by type and shape, beside those of its place. */
static pln_status check_size(const struct place *at, const json_t *shape, uint64_t element, const struct span *span)
{
    uint64_t bytes;
    if (!count_elements(shape, &bytes) || __builtin_mul_overflow(bytes, element, &bytes))
        return lie(at, "its shape is larger than 64 bits can count");
    return bytes == span->end - span->begin
               ? PLN_OK
               : pln_fail(at->error, PLN_BAD_MODEL,
                          "%s: tensor '%s': its shape needs %" PRIu64 " bytes, its data_offsets give %" PRIu64,
                          at->path, at->name, bytes, span->end - span->begin);
}

/* A type or rank that is not known does not stop the others: the tensor is left without data, and whoever wants it says
 * so. */
static pln_status read_tensor(const struct place *at, const json_t *entry, const char *data, uint64_t data_bytes,
                              pln_tensor *tensor, struct span *span)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape");
    if (!dtype)
        return lie(at, "has no dtype");
    const bool known = safetensors_dtype_find(dtype, &tensor->dtype);
    const size_t element = pln_dtype_bytes(tensor->dtype);
    pln_status status = read_shape(at, shape, tensor);
    if (status == PLN_OK)
        status = read_span(at, json_object_get(entry, "data_offsets"), data_bytes, span);
    if (status == PLN_OK && known)
        status = check_size(at, shape, element, span);
    tensor->name = at->name;
    if (known && tensor->dtype)
        tensor->data = data + span->begin;
    else
        *tensor = (pln_tensor){.name = at->name};
    return status;
}

static int by_place(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The spans must lie end to end from the first byte to the last: no byte is read twice or hidden. */
static pln_status check_cover(struct span *spans, uint32_t n, const char *path, uint64_t data_bytes, pln_error *error)
{
    uint64_t end = 0;
    qsort(spans, n, sizeof *spans, by_place);
    for (uint32_t i = 0; i < n; i++) {
        const struct place at = {path, spans[i].name, error};
        if (spans[i].begin < end)
            return lie(&at, "its data overlaps another tensor's");
        if (spans[i].begin > end)
            return lie(&at, "there is a gap before its data");
        end = spans[i].end;
    }
    if (end != data_bytes)
        return pln_fail(error, PLN_BAD_MODEL, "%s: %" PRIu64 " bytes follow the last tensor", path, data_bytes - end);
    return PLN_OK;
}

static pln_status check_metadata(json_t *metadata, const char *path, pln_error *error)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return pln_fail(error, PLN_BAD_MODEL, "%s: " SAFETENSORS_METADATA " is not an object", path);
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return pln_fail(error, PLN_BAD_MODEL, "%s: " SAFETENSORS_METADATA " '%s' is not a string", path, key);
    }
    return PLN_OK;
}

/* The text for a tensor whose type or rank pleione does not have. */
static void print_type(const json_t *entry, char *text, size_t bytes)
{
    snprintf(text, bytes, "%.40s of %zu dimensions", json_string_value(json_object_get(entry, "dtype")),
             json_array_size(json_object_get(entry, "shape")));
}

/* `data` are the data_bytes after the header. */
static pln_status read_tensors(struct ckpt_content *content, json_t *header, const char *data, uint64_t data_bytes,
                               pln_error *error)
{
    pln_status status = PLN_OK;
    const char *name;
    json_t *entry;
    uint32_t n = 0;
    struct span *spans = calloc(json_object_size(header) + 1, sizeof *spans);
    if (!spans)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %zu tensors", content->path, json_object_size(header));
    json_object_foreach(header, name, entry)
    {
        if (status != PLN_OK)
            break;
        const struct place at = {content->path, name, error};
        if (strcmp(name, SAFETENSORS_METADATA) == 0) {
            status = json_is_null(entry) ? PLN_OK : check_metadata(entry, content->path, error);
            content->metadata = json_is_null(entry) ? NULL : json_incref(entry);
            continue;
        }
        pln_tensor tensor = {0};
        char type[80];
        status = read_tensor(&at, entry, data, data_bytes, &tensor, &spans[n++]);
        print_type(entry, type, sizeof type);
        if (status == PLN_OK)
            status = ckpt_content_add(content, &tensor, tensor.dtype ? NULL : type, error);
    }
    if (status == PLN_OK)
        status = check_cover(spans, n, content->path, data_bytes, error);
    free(spans);
    return status;
}

static bool sniff(const unsigned char *bytes, size_t size)
{
    uint64_t header;
    if (size < 9)
        return false;
    memcpy(&header, bytes, sizeof header);
    return bytes[8] == '{' || (header && header <= SAFETENSORS_MAX_HEADER && header <= size - 8);
}

static pln_status open_safetensors(struct ckpt_content *content, pln_error *error)
{
    uint64_t bytes;
    json_t *header = NULL;
    char where[PATH_MAX + 16];
    memcpy(&bytes, content->bytes, sizeof bytes);
    if (bytes > SAFETENSORS_MAX_HEADER)
        return pln_fail(error, PLN_BAD_MODEL, "%s: header of %" PRIu64 " bytes is larger than %d", content->path, bytes,
                        SAFETENSORS_MAX_HEADER);
    if (bytes > content->size - 8)
        return pln_fail(error, PLN_BAD_MODEL, "%s: header of %" PRIu64 " bytes in a file of %zu", content->path, bytes,
                        content->size);
    snprintf(where, sizeof where, "%s: header", content->path);
    const char *text = (const char *)content->bytes + 8;
    pln_status status = jsonfile_parse(text, (size_t)bytes, JSON_REJECT_DUPLICATES, where, &header, error);
    if (status != PLN_OK)
        return status;
    if (json_is_object(header))
        status = read_tensors(content, header, text + bytes, content->size - 8 - bytes, error);
    else
        status = pln_fail(error, PLN_BAD_MODEL, "%s: header is not a JSON object", content->path);
    json_decref(header);
    return status;
}

const struct ckpt_format ckpt_format_safetensors = {.name = "safetensors", .sniff = sniff, .open = open_safetensors};
