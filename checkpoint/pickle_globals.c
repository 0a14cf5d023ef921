/* SPDX-License-Identifier: Apache-2.0
 *
 * What a pickle of tensors may name, and what it comes to: nothing is ever called.
 */
#include <inttypes.h>
#include <string.h>

#include "checkpoint/pickle.h"
#include "common/fail.h"

#define STORAGE(name, dtype, width)                                                                                    \
    {                                                                                                                  \
        "torch", name "Storage", PICKLE_IS_STORAGE, dtype, width                                                       \
    }
#define DTYPE(name, dtype, width)                                                                                      \
    {                                                                                                                  \
        "torch", name, PICKLE_IS_DTYPE, dtype, width                                                                   \
    }
#define OPAQUE(module, name)                                                                                           \
    {                                                                                                                  \
        module, name, PICKLE_MAKES_OPAQUE, (pln_dtype)0, 0                                                             \
    }

static const struct pickle_global globals[] = {
    {"collections", "OrderedDict", PICKLE_MAKES_DICTIONARY, (pln_dtype)0, 0},
    {"torch._utils", "_rebuild_tensor", PICKLE_MAKES_TENSOR, (pln_dtype)0, 0},
    {"torch._utils", "_rebuild_tensor_v2", PICKLE_MAKES_TENSOR, (pln_dtype)0, 0},
    {"torch._utils", "_rebuild_tensor_v3", PICKLE_MAKES_TYPED_TENSOR, (pln_dtype)0, 0},
    {"torch._utils", "_rebuild_parameter", PICKLE_MAKES_FIRST, (pln_dtype)0, 0},
    {"torch._utils", "_rebuild_parameter_with_state", PICKLE_MAKES_FIRST, (pln_dtype)0, 0},
    {"torch._tensor", "_rebuild_from_type_v2", PICKLE_MAKES_CALL, (pln_dtype)0, 0},
    {"torch", "Tensor", PICKLE_IS_KIND, (pln_dtype)0, 0},
    {"torch.nn.parameter", "Parameter", PICKLE_IS_KIND, (pln_dtype)0, 0},
    STORAGE("Double", PLN_F64, 8),
    STORAGE("Float", PLN_F32, 4),
    STORAGE("Half", PLN_F16, 2),
    STORAGE("BFloat16", PLN_BF16, 2),
    STORAGE("Long", PLN_I64, 8),
    STORAGE("Int", PLN_I32, 4),
    STORAGE("Short", PLN_I16, 2),
    STORAGE("Char", PLN_I8, 1),
    STORAGE("Byte", PLN_U8, 1),
    STORAGE("Bool", PLN_BOOL, 1),
    {"torch.storage", "UntypedStorage", PICKLE_IS_BYTES, (pln_dtype)0, 1},
    {"torch.storage", "TypedStorage", PICKLE_IS_BYTES, (pln_dtype)0, 1},
    DTYPE("float64", PLN_F64, 8),
    DTYPE("float32", PLN_F32, 4),
    DTYPE("float16", PLN_F16, 2),
    DTYPE("bfloat16", PLN_BF16, 2),
    DTYPE("int64", PLN_I64, 8),
    DTYPE("int32", PLN_I32, 4),
    DTYPE("int16", PLN_I16, 2),
    DTYPE("int8", PLN_I8, 1),
    DTYPE("uint8", PLN_U8, 1),
    DTYPE("bool", PLN_BOOL, 1),
    DTYPE("uint16", (pln_dtype)0, 2),
    DTYPE("uint32", (pln_dtype)0, 4),
    DTYPE("uint64", (pln_dtype)0, 8),
    DTYPE("complex64", (pln_dtype)0, 8),
    DTYPE("complex128", (pln_dtype)0, 16),
    DTYPE("float8_e4m3fn", (pln_dtype)0, 1),
    DTYPE("float8_e5m2", (pln_dtype)0, 1),
    DTYPE("float8_e4m3fnuz", (pln_dtype)0, 1),
    DTYPE("float8_e5m2fnuz", (pln_dtype)0, 1),
    OPAQUE("torch", "Size"),
    OPAQUE("torch", "device"),
    OPAQUE("_codecs", "encode"),
    OPAQUE("__builtin__", "set"),
    OPAQUE("builtins", "set"),
};

static bool is_name(const char *name, const char *text, size_t bytes)
{
    return strlen(name) == bytes && memcmp(name, text, bytes) == 0;
}

const struct pickle_global *pickle_global_find(const char *module, size_t module_bytes, const char *name,
                                               size_t name_bytes)
{
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (is_name(globals[i].module, module, module_bytes) && is_name(globals[i].name, name, name_bytes))
            return &globals[i];
    return NULL;
}

static pln_status broken(const struct pickle *pickle, const char *what, pln_error *error)
{
    return pln_fail(error, PLN_BAD_MODEL, "%s: the pickle %s", pickle->path, what);
}

/* ---- storages */

static const struct pickle_object *item(const struct pickle_object *list, size_t i)
{
    return list->kind == PICKLE_LIST && i < list->is.list.n ? list->is.list.items[i] : NULL;
}

/* A whole number that is not negative. */
static bool natural(const struct pickle_object *object, uint64_t *value)
{
    if (!object || object->kind != PICKLE_INTEGER || object->is.integer < 0)
        return false;
    *value = (uint64_t)object->is.integer;
    return true;
}

/* The window of a storage that a file of torch before 0.4 names: (key, offset, size). */
static bool read_view(const struct pickle_object *view, struct pickle_storage *storage)
{
    storage->window = storage->elements;
    if (!view || view->kind == PICKLE_NONE)
        return true;
    return natural(item(view, 1), &storage->first) && natural(item(view, 2), &storage->window) &&
           storage->first <= storage->elements && storage->window <= storage->elements - storage->first;
}

pln_status pickle_persistent(struct pickle *pickle, const struct pickle_object *id, struct pickle_object *result,
                             pln_error *error)
{
    const struct pickle_object *what = item(id, 0), *type = item(id, 1), *key = item(id, 2);
    if (what && pickle_is_text(what, "module"))
        return broken(pickle, "holds a whole module and not a dictionary of tensors: save its state_dict", error);
    if (!what || !pickle_is_text(what, "storage") || !type || type->kind != PICKLE_GLOBAL || !key ||
        key->kind != PICKLE_TEXT ||
        (type->is.global->role != PICKLE_IS_STORAGE && type->is.global->role != PICKLE_IS_BYTES))
        return broken(pickle, "has a persistent id that is no storage", error);
    struct pickle_storage *s = arena_allocate(pickle->memory, sizeof *s);
    if (!s)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for its pickle", pickle->path);
    *s = (struct pickle_storage){.type = type->is.global, .key = key->is.text.bytes, .key_bytes = key->is.text.n};
    uint64_t bytes;
    if (!natural(item(id, 4), &s->elements) || __builtin_mul_overflow(s->elements, s->type->width, &bytes) ||
        !read_view(item(id, 5), s))
        return broken(pickle, "has a storage whose size is no number of elements", error);
    s->next = pickle->storages;
    pickle->storages = s;
    pickle->n_storages++;
    *result = (struct pickle_object){.kind = PICKLE_STORAGE, .is.storage = s};
    return PLN_OK;
}

/* ---- tensors */

static pln_status read_sides(const struct pickle *pickle, const struct pickle_object *size,
                             const struct pickle_object *stride, struct pickle_tensor *t, pln_error *error)
{
    if (!size || !stride || size->kind != PICKLE_LIST || stride->kind != PICKLE_LIST ||
        size->is.list.n != stride->is.list.n)
        return broken(pickle, "has a tensor whose size and stride do not fit", error);
    if (size->is.list.n > PLN_MAX_RANK)
        return broken(pickle, "has a tensor of more than 8 dimensions", error);
    t->rank = (uint32_t)size->is.list.n;
    for (uint32_t i = 0; i < t->rank; i++)
        if (!natural(item(size, i), &t->shape[i]) || !natural(item(stride, i), &t->stride[i]))
            return broken(pickle, "has a tensor with a size or stride that is no whole number from 0", error);
    return PLN_OK;
}

/* Whether the last element lies in the storage's window. */
static bool fits(const struct pickle_tensor *t, uint64_t elements)
{
    uint64_t last = t->first, step;
    for (uint32_t i = 0; i < t->rank; i++)
        if (!t->shape[i])
            return true;
    for (uint32_t i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow(t->shape[i] - 1, t->stride[i], &step) || __builtin_add_overflow(last, step, &last))
            return false;
    return last < elements;
}

static pln_status make_tensor(struct pickle *pickle, const struct pickle_object *arguments, bool typed,
                              struct pickle_object *result, pln_error *error)
{
    const struct pickle_object *storage = item(arguments, 0), *dtype = typed ? item(arguments, 6) : NULL;
    struct pickle_tensor *t = arena_allocate(pickle->memory, sizeof *t);
    if (!t)
        return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for its pickle", pickle->path);
    if (!storage || storage->kind != PICKLE_STORAGE || !natural(item(arguments, 1), &t->first))
        return broken(pickle, "has a tensor without a storage", error);
    t->storage = storage->is.storage;
    const struct pickle_global *type = t->storage->type;
    if (typed) {
        if (!dtype || dtype->kind != PICKLE_GLOBAL || dtype->is.global->role != PICKLE_IS_DTYPE)
            return broken(pickle, "has a tensor without a type", error);
        type = dtype->is.global;
    } else if (type->role != PICKLE_IS_STORAGE) {
        return broken(pickle, "has a tensor without a type", error);
    }
    t->dtype = type->dtype;
    t->width = type->width;
    t->type = type->name;
    const pln_status status = read_sides(pickle, item(arguments, 2), item(arguments, 3), t, error);
    if (status != PLN_OK)
        return status;
    const uint64_t elements = t->storage->window * t->storage->type->width / t->width;
    if (!fits(t, elements))
        return pln_fail(error, PLN_BAD_MODEL,
                        "%s: the pickle has a tensor that reaches beyond its storage of %" PRIu64 " elements",
                        pickle->path, elements);
    *result = (struct pickle_object){.kind = PICKLE_TENSOR, .is.tensor = t};
    return PLN_OK;
}

/* ---- calls */

/* OrderedDict(), OrderedDict([]), OrderedDict([[key, value], ...]) */
static pln_status make_dictionary(struct pickle *pickle, const struct pickle_object *arguments,
                                  struct pickle_object *result, pln_error *error)
{
    const struct pickle_object *pairs = item(arguments, 0);
    *result = (struct pickle_object){.kind = PICKLE_DICTIONARY};
    if (pairs && pairs->kind != PICKLE_LIST)
        return broken(pickle, "makes a dictionary of what is no list of pairs", error);
    for (size_t i = 0; pairs && i < pairs->is.list.n; i++) {
        const struct pickle_object *pair = pairs->is.list.items[i];
        if (pair->kind != PICKLE_LIST || pair->is.list.n != 2)
            return broken(pickle, "makes a dictionary of what is no list of pairs", error);
        if (!pickle_append(pickle, result, pair->is.list.items[0]) ||
            !pickle_append(pickle, result, pair->is.list.items[1]))
            return pln_fail(error, PLN_NO_MEMORY, "%s: no memory for its pickle", pickle->path);
    }
    return PLN_OK;
}

pln_status pickle_call(struct pickle *pickle, const struct pickle_global *global, const struct pickle_object *arguments,
                       struct pickle_object *result, pln_error *error)
{
    const struct pickle_object *first = item(arguments, 0), *third = item(arguments, 2);
    switch (global->role) {
    case PICKLE_MAKES_DICTIONARY:
        return make_dictionary(pickle, arguments, result, error);
    case PICKLE_MAKES_TENSOR:
    case PICKLE_MAKES_TYPED_TENSOR:
        return make_tensor(pickle, arguments, global->role == PICKLE_MAKES_TYPED_TENSOR, result, error);
    case PICKLE_MAKES_FIRST:
        if (!first || first->kind != PICKLE_TENSOR)
            return broken(pickle, "makes a parameter of what is no tensor", error);
        *result = *first;
        return PLN_OK;
    case PICKLE_MAKES_CALL: /* the function is none of this role, so that nothing is called twice */
        if (!first || first->kind != PICKLE_GLOBAL || first->is.global->role == PICKLE_MAKES_CALL || !third ||
            third->kind != PICKLE_LIST)
            return broken(pickle, "makes a tensor by what is no function", error);
        return pickle_call(pickle, first->is.global, third, result, error);
    case PICKLE_MAKES_OPAQUE:
        *result = (struct pickle_object){.kind = PICKLE_OPAQUE};
        return PLN_OK;
    default:
        return broken(pickle, "calls what is no function", error);
    }
}
