/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointers, tensors and structs that grow at the door of a public function.
 */
#include "common/door.h"

#include <string.h>

pln_status door_pointers(const char *function, const char *names, const void *const *pointers, size_t n,
                         pln_error *error)
{
    for (size_t i = 0; i < n; i++) {
        const size_t length = strcspn(names, ",");
        if (!pointers[i])
            return pln_fail(error, PLN_INVALID, "%s: %.*s is NULL", function, (int)length, names);
        names += length;
        names += strspn(names, ", ");
    }
    return PLN_OK;
}

pln_status door_room(const char *function, const char *type, size_t given, size_t least, pln_error *error)
{
    return given >= least ? PLN_OK
                          : pln_fail(error, PLN_INVALID, "%s: the size of %s is %zu, expected sizeof(%s)", function,
                                     type, given, type);
}

pln_status door_take(const char *function, const char *type, void *taken, size_t size, size_t least,
                     const void *options, pln_error *error)
{
    uint32_t given;
    if (!options)
        return PLN_OK;
    memcpy(&given, options, sizeof given);
    const pln_status status = door_room(function, type, given, least, error);
    for (size_t i = size; status == PLN_OK && i < given; i++)
        if (((const unsigned char *)options)[i])
            return pln_fail(error, PLN_UNSUPPORTED, "%s: %s sets a member that this library, version %s, does not know",
                            function, type, pln_version());
    if (status != PLN_OK)
        return status;
    const uint32_t mine = (uint32_t)size;
    memcpy(taken, options, given < size ? given : size);
    memcpy(taken, &mine, sizeof mine);
    return PLN_OK;
}

void door_give(void *out, const void *full, size_t size)
{
    uint32_t given;
    memcpy(&given, out, sizeof given);
    memcpy(out, full, given < size ? given : size);
    memcpy(out, &given, sizeof given);
}

const char *door_tensor_fault(const pln_tensor *tensor)
{
    uint64_t bytes = pln_dtype_bytes(tensor->dtype);
    bool fits = true, empty = false;
    if (!bytes)
        return "its type is unknown";
    if (tensor->rank > PLN_MAX_RANK)
        return "it has more than 8 dimensions";
    for (uint32_t i = 0; i < tensor->rank; i++) {
        fits = fits && !__builtin_mul_overflow(bytes, tensor->shape[i], &bytes);
        empty = empty || !tensor->shape[i];
    }
    if (!fits && !empty)
        return "its shape is larger than 64 bits can count";
    return tensor->data || empty ? NULL : "its data is NULL";
}

pln_status door_tensors(const char *function, const pln_tensor *tensors, uint32_t n_tensors, pln_error *error)
{
    for (uint32_t i = 0; i < n_tensors; i++) {
        if (!tensors)
            return pln_fail(error, PLN_INVALID, "%s: the tensors are NULL, but there are %u", function, n_tensors);
        if (!tensors[i].name)
            return pln_fail(error, PLN_INVALID, "%s: tensor %u has no name", function, i);
        const char *fault = door_tensor_fault(&tensors[i]);
        if (fault)
            return pln_fail(error, PLN_INVALID, "%s: tensor %s: %s", function, tensors[i].name, fault);
    }
    return PLN_OK;
}
