/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointers and tensors at the door of a public function.
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

pln_status door_tensors(const char *function, const pln_tensor *tensors, uint32_t count, pln_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!tensors)
            return pln_fail(error, PLN_INVALID, "%s: the tensors are NULL, but there are %u", function, count);
        if (!tensors[i].name)
            return pln_fail(error, PLN_INVALID, "%s: tensor %u has no name", function, i);
        const char *fault = door_tensor_fault(&tensors[i]);
        if (fault)
            return pln_fail(error, PLN_INVALID, "%s: tensor %s: %s", function, tensors[i].name, fault);
    }
    return PLN_OK;
}
