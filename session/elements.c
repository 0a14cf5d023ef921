/* SPDX-License-Identifier: Apache-2.0
 *
 * Single elements of a tensor of any type, as whole numbers or as reals.
 */
#include <string.h>

#include "common/half.h"
#include "session/session.h"

bool session_is_integer(const pln_tensor *tensor)
{
    return tensor->dtype != PLN_F32 && tensor->dtype != PLN_F16 && tensor->dtype != PLN_BF16 &&
           tensor->dtype != PLN_F64;
}

int64_t session_integer(const pln_tensor *tensor, uint64_t i)
{
    const char *data = tensor->data;
    int64_t wide;
    int32_t whole;
    int16_t half;
    switch (tensor->dtype) {
    case PLN_I64:
        memcpy(&wide, data + 8 * i, 8);
        return wide;
    case PLN_I32:
        memcpy(&whole, data + 4 * i, 4);
        return whole;
    case PLN_I16:
        memcpy(&half, data + 2 * i, 2);
        return half;
    case PLN_I8:
        return ((const int8_t *)tensor->data)[i];
    case PLN_U8:
    case PLN_BOOL:
        return ((const uint8_t *)tensor->data)[i];
    default:
        return (int64_t)session_real(tensor, i);
    }
}

double session_real(const pln_tensor *tensor, uint64_t i)
{
    const char *data = tensor->data;
    float single;
    double wide;
    uint16_t half;
    switch (tensor->dtype) {
    case PLN_F32:
        memcpy(&single, data + 4 * i, 4);
        return (double)single;
    case PLN_F64:
        memcpy(&wide, data + 8 * i, 8);
        return wide;
    case PLN_F16:
        memcpy(&half, data + 2 * i, 2);
        return (double)half_to_float(half);
    case PLN_BF16:
        memcpy(&half, data + 2 * i, 2);
        return (double)bfloat_to_float(half);
    default:
        return (double)session_integer(tensor, i);
    }
}
