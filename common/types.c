/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and sizes of the public enums, and what else of pleione.h belongs to no folder.
 */
#include <stdlib.h>

#include "api/pleione.h"

static const char *const status_names[] = {
    [PLN_OK] = "ok",
    [PLN_FAILED] = "run failed",
    [PLN_INVALID] = "invalid argument",
    [PLN_NO_DEVICE] = "no such device",
    [PLN_BAD_MODEL] = "bad model files",
    [PLN_DISAGREE] = "outputs disagree",
    [PLN_NO_MEMORY] = "out of memory",
    [PLN_UNSUPPORTED] = "not supported",
    [PLN_DEVICE_LOST] = "device lost",
    [PLN_CANCELLED] = "cancelled",
    [PLN_TIMED_OUT] = "timed out",
};

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [PLN_F32] = {"f32", 4}, [PLN_I32] = {"i32", 4}, [PLN_F16] = {"f16", 2},   [PLN_BF16] = {"bf16", 2},
    [PLN_F64] = {"f64", 8}, [PLN_I64] = {"i64", 8}, [PLN_BOOL] = {"bool", 1}, [PLN_U8] = {"u8", 1},
    [PLN_I8] = {"i8", 1},   [PLN_I16] = {"i16", 2},
};

const char *pln_version(void)
{
    return PLEIONE_VERSION;
}

const char *pln_status_string(pln_status status)
{
    const size_t i = (size_t)status;
    return i < sizeof status_names / sizeof *status_names ? status_names[i] : "unknown status";
}

const char *pln_dtype_string(pln_dtype dtype)
{
    const size_t i = (size_t)dtype;
    return i && i < sizeof dtypes / sizeof *dtypes ? dtypes[i].name : "unknown type";
}

size_t pln_dtype_bytes(pln_dtype dtype)
{
    const size_t i = (size_t)dtype;
    return i < sizeof dtypes / sizeof *dtypes ? dtypes[i].bytes : 0;
}

uint64_t pln_tensor_elements(const pln_tensor *tensor)
{
    uint64_t n = 1;
    if (!tensor || tensor->rank > PLN_MAX_RANK)
        return 0;
    for (uint32_t i = 0; i < tensor->rank; i++)
        n *= tensor->shape[i];
    return n;
}

void pln_free(void *memory)
{
    free(memory);
}
