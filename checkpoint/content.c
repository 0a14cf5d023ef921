/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes what a format finds in a file, keeps it until the file is closed.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/content.h"
#include "common/array.h"
#include "common/fail.h"
#include "common/jsontext.h"
#include "common/mapped.h"
#include "common/notes.h"

bool ckpt_tensor_bytes(const pln_tensor *tensor, uint64_t *bytes)
{
    uint64_t n = pln_dtype_bytes(tensor->dtype);
    if (!n || tensor->rank > PLN_MAX_RANK)
        return false;
    for (uint32_t i = 0; i < tensor->rank; i++)
        if (__builtin_mul_overflow(n, tensor->shape[i], &n))
            return false;
    *bytes = n;
    return true;
}

/* Room for one more in both lists. */
static bool make_room(struct ckpt_content *content)
{
    if (content->count < content->room)
        return true;
    const size_t room = array_room(content->room, content->count + 1u);
    pln_tensor *tensors = array_resize(content->tensors, room, sizeof *tensors);
    if (tensors)
        content->tensors = tensors;
    const char **types = array_resize(content->types, room, sizeof *types);
    if (types)
        content->types = types;
    if (tensors && types)
        content->room = room;
    return tensors && types;
}

pln_status ckpt_content_add(struct ckpt_content *content, const pln_tensor *tensor, const char *type, pln_error *error)
{
    if (content->count >= CKPT_MAX_TENSORS)
        return pln_fail(error, PLN_BAD_MODEL, "%s: holds more than %d tensors", content->path, CKPT_MAX_TENSORS);
    if (strlen(tensor->name) > CKPT_MAX_NAME)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the name of tensor '%.40s...' has more than %d bytes", content->path,
                        tensor->name, CKPT_MAX_NAME);
    if (!jsontext_is_utf8(tensor->name) || !*tensor->name)
        return pln_fail(error, PLN_BAD_MODEL, "%s: a tensor's name is empty or not UTF-8", content->path);
    content->name_bytes += strlen(tensor->name);
    if (content->name_bytes > CKPT_MAX_NAMES)
        return pln_fail(error, PLN_BAD_MODEL, "%s: the names of its tensors have more than %d bytes", content->path,
                        CKPT_MAX_NAMES);
    char *name = arena_copy(&content->memory, tensor->name);
    char *kept = type ? arena_copy(&content->memory, type) : NULL;
    if (!name || (type && !kept) || !make_room(content))
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %u tensors", content->path, content->count + 1);
    content->tensors[content->count] = *tensor;
    content->tensors[content->count].name = name;
    content->types[content->count++] = kept;
    return PLN_OK;
}

void *ckpt_content_own(struct ckpt_content *content, uint64_t bytes, pln_error *error)
{
    void *memory = bytes < SIZE_MAX / 2 ? arena_allocate(&content->memory, (size_t)bytes + 1) : NULL;
    if (!memory)
        pln_fail(error, PLN_NO_MEMORY, "%s: no memory for %llu bytes of a tensor", content->path,
                 (unsigned long long)bytes);
    return memory;
}

pln_status ckpt_content_map(struct ckpt_content *content, const char *path, const unsigned char **bytes, size_t *size,
                            pln_error *error)
{
    struct mapped **parts =
        array_reserve(content->parts, &content->room_parts, content->n_parts + 1ul, sizeof *content->parts);
    if (!parts)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory", path);
    content->parts = parts;
    const pln_status status = mapped_open(path, &parts[content->n_parts], error);
    if (status == PLN_OK)
        *bytes = mapped_bytes(parts[content->n_parts++], size);
    return status;
}

bool ckpt_content_note(struct ckpt_content *content, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return notes_add(&content->note, "; ", text);
}

pln_status ckpt_content_init(struct ckpt_content *content, const char *path, pln_error *error)
{
    *content = (struct ckpt_content){.path = path};
    return ckpt_content_map(content, path, &content->bytes, &content->size, error);
}

pln_status ckpt_content_check(const struct ckpt_content *content, pln_error *error)
{
    pln_status status = PLN_OK;
    for (uint32_t i = 0; status == PLN_OK && i < content->n_parts; i++)
        status = mapped_check(content->parts[i], error);
    return status;
}

void ckpt_content_release_pages(const struct ckpt_content *content)
{
    for (uint32_t i = 0; i < content->n_parts; i++)
        mapped_release_pages(content->parts[i]);
}

void ckpt_content_finish(struct ckpt_content *content)
{
    for (uint32_t i = 0; i < content->n_parts; i++)
        mapped_close(&content->parts[i]);
    free(content->parts);
    free(content->tensors);
    free(content->types);
    free(content->note);
    json_decref(content->metadata);
    arena_finish(&content->memory);
    *content = (struct ckpt_content){0};
}
