/* SPDX-License-Identifier: Apache-2.0
 *
 * Elements of a tensor of any float type as f32.
 */
#include "common/elements.h"

#include <string.h>

#include "common/half.h"

void elements_read(const pln_tensor *tensor, uint64_t first, uint64_t n, float *out)
{
    const char *data = (const char *)tensor->data + first * pln_dtype_bytes(tensor->dtype);
    uint16_t half;
    double wide;
    switch (tensor->dtype) {
    case PLN_F16:
        for (uint64_t i = 0; i < n; i++)
            out[i] = half_to_float((memcpy(&half, data + 2 * i, 2), half));
        break;
    case PLN_BF16:
        for (uint64_t i = 0; i < n; i++)
            out[i] = bfloat_to_float((memcpy(&half, data + 2 * i, 2), half));
        break;
    case PLN_F64:
        for (uint64_t i = 0; i < n; i++)
            out[i] = (float)(memcpy(&wide, data + 8 * i, 8), wide);
        break;
    default:
        memcpy(out, data, n * sizeof *out);
    }
}
