/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a tensor of any float type, gives rows of it as f32.
 */
#include <string.h>

#include "checkpoint/tensors.h"
#include "common/half.h"

uint64_t ckpt_rows(const pln_tensor *tensor)
{
    return tensor->rank < 2 ? 1 : tensor->shape[0];
}

uint64_t ckpt_width(const pln_tensor *tensor)
{
    uint64_t width = 1;
    for (uint32_t i = tensor->rank < 2 ? 0 : 1; i < tensor->rank; i++)
        width *= tensor->shape[i];
    return width;
}

pln_status ckpt_read_rows(const pln_tensor *tensor, uint64_t first, uint64_t rows, float *out)
{
    const uint64_t width = ckpt_width(tensor), begin = first * width, n = rows * width;
    switch (tensor->dtype) {
    case PLN_F32:
        if (n)
            memcpy(out, (const float *)tensor->data + begin, n * sizeof *out);
        return PLN_OK;
    case PLN_F16:
        for (uint64_t i = 0; i < n; i++)
            out[i] = half_to_float(((const uint16_t *)tensor->data)[begin + i]);
        return PLN_OK;
    case PLN_BF16:
        for (uint64_t i = 0; i < n; i++)
            out[i] = bfloat_to_float(((const uint16_t *)tensor->data)[begin + i]);
        return PLN_OK;
    case PLN_F64:
        for (uint64_t i = 0; i < n; i++)
            out[i] = (float)((const double *)tensor->data)[begin + i];
        return PLN_OK;
    default:
        return PLN_UNSUPPORTED;
    }
}
