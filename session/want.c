/* SPDX-License-Identifier: Apache-2.0
 *
 * What the door asks of a tensor: shapes, types, ranges; and the sentence when it is another.
 */
#include <stdio.h>

#include "common/fail.h"
#include "session/session.h"

void session_print_shape(char *text, size_t bytes, const uint64_t *shape, uint32_t rank)
{
    size_t used = (size_t)snprintf(text, bytes, "[");
    for (uint32_t i = 0; i < rank && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, i ? ", %llu" : "%llu", (unsigned long long)shape[i]);
    if (used < bytes)
        snprintf(text + used, bytes - used, "]");
}

bool session_has_shape(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank)
{
    if (tensor->rank != rank)
        return false;
    for (uint32_t i = 0; i < rank; i++)
        if (tensor->shape[i] != shape[i])
            return false;
    return true;
}

bool session_stretches(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank)
{
    if (tensor->rank != rank)
        return false;
    for (uint32_t i = 0; i < rank; i++)
        if (tensor->shape[i] != shape[i] && tensor->shape[i] != 1)
            return false;
    return true;
}

static pln_status wrong_shape(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank, pln_error *error)
{
    char want[96], have[192];
    session_print_shape(want, sizeof want, shape, rank);
    session_print_shape(have, sizeof have, tensor->shape, tensor->rank);
    return pln_fail(error, PLN_INVALID, "%s: expected %s, found %s", tensor->name, want, have);
}

pln_status session_want_shape(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank, pln_error *error)
{
    return !tensor || session_has_shape(tensor, shape, rank) ? PLN_OK : wrong_shape(tensor, shape, rank, error);
}

pln_status session_want_stretched(const pln_tensor *tensor, const uint64_t *shape, uint32_t rank, pln_error *error)
{
    return session_stretches(tensor, shape, rank) ? PLN_OK : wrong_shape(tensor, shape, rank, error);
}

pln_status session_want_integers(const pln_tensor *tensor, int64_t least, int64_t most, int64_t also, pln_error *error)
{
    if (!tensor)
        return PLN_OK;
    if (!session_is_integer(tensor))
        return pln_fail(error, PLN_INVALID, "%s: expected whole numbers, found %s", tensor->name,
                        pln_dtype_string(tensor->dtype));
    const uint64_t n = pln_tensor_elements(tensor);
    for (uint64_t i = 0; i < n; i++) {
        const int64_t x = session_integer(tensor, i);
        if ((x < least || x > most) && x != also)
            return pln_fail(error, PLN_INVALID, "%s: %lld at element %llu is out of the range %lld to %lld",
                            tensor->name, (long long)x, (unsigned long long)i, (long long)least, (long long)most);
    }
    return PLN_OK;
}

pln_status session_want_floats(const pln_tensor *tensor, pln_error *error)
{
    return tensor && session_is_integer(tensor) ? pln_fail(error, PLN_INVALID, "%s: expected floats, found %s",
                                                           tensor->name, pln_dtype_string(tensor->dtype))
                                                : PLN_OK;
}
