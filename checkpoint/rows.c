/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a tensor of any float type, gives rows of it as f32.
 */
#include "checkpoint/tensors.h"
#include "common/weight.h"

uint64_t ckpt_rows(const pln_tensor *tensor)
{
    const struct weight weight = weight_of(tensor, false);
    return weight_rows(&weight);
}

uint64_t ckpt_width(const pln_tensor *tensor)
{
    const struct weight weight = weight_of(tensor, false);
    return weight_width(&weight);
}

pln_status ckpt_read_rows(const pln_tensor *tensor, uint64_t first, uint64_t rows, float *out)
{
    const struct weight weight = weight_of(tensor, false);
    const uint64_t width = weight_width(&weight);
    if (tensor->dtype != PLN_F32 && tensor->dtype != PLN_F16 && tensor->dtype != PLN_BF16 && tensor->dtype != PLN_F64)
        return PLN_UNSUPPORTED;
    weight_read(&weight, first * width, rows * width, out);
    return PLN_OK;
}
