/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a weight as it lies in its file, gives its elements in the order of its shape.
 */
#include "common/weight.h"

#include <math.h>
#include <string.h>

#include "common/half.h"

struct weight weight_of(const pln_tensor *tensor, bool transposed)
{
    struct weight w = {.name = tensor->name,
                       .dtype = tensor->dtype,
                       .rank = tensor->rank,
                       .lies = tensor->data,
                       .transposed = transposed && tensor->rank == 2};
    for (uint32_t i = 0; i < w.rank && i < PLN_MAX_RANK; i++)
        w.shape[i] = tensor->shape[w.transposed ? 1 - i : i];
    return w;
}

uint64_t weight_rows(const struct weight *weight)
{
    return weight->rank < 2 ? 1 : weight->shape[0];
}

uint64_t weight_width(const struct weight *weight)
{
    uint64_t width = 1;
    for (uint32_t i = weight->rank < 2 ? 0 : 1; i < weight->rank; i++)
        width *= weight->shape[i];
    return width;
}

uint64_t weight_elements(const struct weight *weight)
{
    return weight_rows(weight) * weight_width(weight);
}

/* n elements that lie side by side; every step-th element of out is written. */
static void convert(pln_dtype dtype, const char *from, uint64_t n, float *out, uint64_t step)
{
    uint16_t half;
    double wide;
    switch (dtype) {
    case PLN_F16:
        for (uint64_t i = 0; i < n; i++)
            out[i * step] = half_to_float((memcpy(&half, from + 2 * i, 2), half));
        break;
    case PLN_BF16:
        for (uint64_t i = 0; i < n; i++)
            out[i * step] = bfloat_to_float((memcpy(&half, from + 2 * i, 2), half));
        break;
    case PLN_F64:
        for (uint64_t i = 0; i < n; i++)
            out[i * step] = (float)(memcpy(&wide, from + 8 * i, 8), wide);
        break;
    default:
        for (uint64_t i = 0; step > 1 && i < n; i++)
            memcpy(&out[i * step], from + 4 * i, 4);
        if (step == 1 && n)
            memcpy(out, from, n * sizeof *out);
    }
}

/* Of the elements [first, first + n) in rows of `width`: how many rows lie before the one whose element in column c is
 * the first not below `element`. */
static uint64_t row_from(uint64_t element, uint64_t c, uint64_t width)
{
    return element > c ? (element - c - 1) / width + 1 : 0;
}

/* What lies side by side in the file is a column here: a run of its rows is read at once. */
void weight_read(const struct weight *weight, uint64_t first, uint64_t n, float *out)
{
    const char *data = (const char *)weight->lies;
    const size_t bytes = pln_dtype_bytes(weight->dtype);
    if (!weight->transposed) {
        convert(weight->dtype, data + first * bytes, n, out, 1);
        return;
    }
    const uint64_t width = weight->shape[1], rows = weight->shape[0];
    for (uint64_t c = 0; c < width; c++) {
        const uint64_t begin = row_from(first, c, width), end = row_from(first + n, c, width);
        if (begin < end)
            convert(weight->dtype, data + (c * rows + begin) * bytes, end - begin, out + (begin * width + c - first),
                    width);
    }
}

void weight_copy(const struct weight *weight, uint64_t first, uint64_t n, void *out)
{
    const char *data = (const char *)weight->lies;
    char *to = out;
    const size_t bytes = pln_dtype_bytes(weight->dtype);
    if (!weight->transposed) {
        if (n)
            memcpy(to, data + first * bytes, n * bytes);
        return;
    }
    const uint64_t width = weight->shape[1], rows = weight->shape[0];
    for (uint64_t c = 0; c < width; c++)
        for (uint64_t r = row_from(first, c, width), end = row_from(first + n, c, width); r < end; r++)
            memcpy(to + (r * width + c - first) * bytes, data + (c * rows + r) * bytes, bytes);
}

static bool is_dense(const struct weight *weight)
{
    const size_t bytes = pln_dtype_bytes(weight->dtype);
    return !weight->transposed && bytes && (uintptr_t)weight->lies % bytes == 0;
}

const float *weight_plain(const struct weight *weight)
{
    return weight->dtype == PLN_F32 && is_dense(weight) ? (const float *)(const void *)weight->lies : NULL;
}

bool weight_fits_f32(const struct weight *weight, double *outlier)
{
    const uint64_t n = weight->dtype == PLN_F64 ? weight_elements(weight) : 0;
    for (uint64_t i = 0; i < n; i++) {
        double number;
        memcpy(&number, (const char *)weight->lies + i * sizeof number, sizeof number);
        if (isfinite(number) && isinf((float)number)) {
            *outlier = number;
            return false;
        }
    }
    return true;
}

bool weight_same(const struct weight *a, const struct weight *b)
{
    return a->lies == b->lies && a->transposed == b->transposed && a->dtype == b->dtype;
}

pln_tensor weight_tensor(const struct weight *weight)
{
    pln_tensor tensor = {.name = weight->name, .dtype = weight->dtype, .rank = weight->rank};
    memcpy(tensor.shape, weight->shape, sizeof tensor.shape);
    tensor.data = is_dense(weight) ? (const void *)weight->lies : NULL;
    return tensor;
}
