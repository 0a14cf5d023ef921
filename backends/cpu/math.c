/* SPDX-License-Identifier: Apache-2.0
 *
 * From options to kernels and products: which instruction multiplies.
 */
#include <string.h>

#include "backends/cpu/cpu.h"

static const char *const twin_level = "amx-twin";
static const char *const no_tiles = "level=amx of cpu needs AMX with bf16, %s";

static bool is(const char *value, const char *word)
{
    return value && strcmp(value, word) == 0;
}

struct found {
    const struct cpu_level *level; /* in f32 */
    const struct cpu_tiles *tiles; /* NULL: none */
    const char *tiles_level;
};

static pln_status find_level(const struct cpu_asked *asked, struct found *found, pln_failure *error)
{
    const bool amx = is(asked->level, "amx"), twin = is(asked->level, twin_level);
    const char *refusal = NULL;
    *found = (struct found){.tiles_level = twin ? twin_level : "amx"};
    if ((amx || twin) && asked->way != CPU_GEMM_OWN)
        return pln_failed(error, PLN_INVALID, -1, "level=%s of cpu needs gemm=own: BLIS has no tiles", asked->level);
    if (twin)
        found->tiles = cpu_level_twin();
    else if (amx || (!asked->level && asked->way == CPU_GEMM_OWN))
        found->tiles = cpu_level_tiles(&refusal);
    if (amx && !found->tiles)
        return pln_failed(error, PLN_INVALID, -1, no_tiles, refusal);
    found->level = cpu_level_find(amx || twin ? NULL : asked->level, error);
    return found->level ? PLN_OK : PLN_INVALID;
}

static struct cpu_math make(const struct cpu_level *level, const char *shown, enum cpu_gemm_way way,
                            const struct cpu_micro_kernel *kernel, const struct cpu_micro_kernel *attention,
                            const char *products)
{
    struct cpu_math math = {
        .kernels = level->kernels, .kernel_level = level->name, .product_level = level->name, .level = shown};
    cpu_gemm_init(&math.gemm, way, level->name, kernel, attention);
    math.products = products;
    if (attention->x_depth > 1)
        math.attention_products = products;
    if (products)
        snprintf(math.gemm.name + strlen(math.gemm.name), sizeof math.gemm.name - strlen(math.gemm.name), ", %s%s",
                 products, is(shown, twin_level) ? " in plain C" : ""); /* no roof of an instruction holds for it */
    return math;
}

static struct cpu_math make_plain(const struct found *found, enum cpu_gemm_way way)
{
    const struct cpu_level *level = found->level;
    return make(level, level->name, way, level->micro_kernel, level->micro_kernel, NULL);
}

static pln_status choose_f32(const struct cpu_asked *asked, const struct found *found, struct cpu_math *math,
                             pln_failure *error)
{
    const bool three = is(asked->products, "split3"), named = three || is(asked->products, "split6");
    const struct cpu_level *level = found->level;
    const char *refusal = "which a level that was named does without";
    *math = make_plain(found, asked->way);
    if (is(asked->products, "fma"))
        return PLN_OK;
    if (found->tiles) {
        const struct cpu_micro_kernel kernel = cpu_tiles_parts(found->tiles, level->micro_kernel, three ? 2 : 3, named);
        *math = make(level, found->tiles_level, asked->way, &kernel, level->micro_kernel,
                     three ? "tdpbf16ps x3" : "tdpbf16ps x6");
        return PLN_OK;
    }
    if (named && !asked->level && asked->way == CPU_GEMM_OWN)
        cpu_level_tiles(&refusal);
    return named ? pln_failed(error, PLN_INVALID, -1, "products=%s of cpu needs AMX with bf16, %s", asked->products,
                              refusal)
                 : PLN_OK;
}

static pln_status choose_bf16(const struct cpu_asked *asked, const struct found *found, struct cpu_math *math,
                              pln_failure *error)
{
    const struct cpu_level *level = found->level, *rounded = cpu_level_halves();
    const bool named = is(asked->level, "avx512");
    if (asked->way != CPU_GEMM_OWN)
        return pln_failed(error, PLN_INVALID, -1, "math=bf16 of cpu needs gemm=own: BLIS has no such product");
    if (is(asked->products, "split6") || is(asked->products, "split3"))
        return pln_failed(error, PLN_INVALID, -1, "products=%s of cpu is for math=f32, not for math=bf16",
                          asked->products);
    if (found->tiles && !is(asked->products, "fma")) {
        const struct cpu_micro_kernel kernel = cpu_tiles_halves(found->tiles, rounded->micro_kernel);
        *math = make(rounded, found->tiles_level, asked->way, &kernel, &kernel, "tdpbf16ps");
    } else if ((!asked->level || named) && !is(asked->products, "fma") && cpu_level_bf16_is_fast()) {
        *math = make(rounded, rounded->name, asked->way, rounded->micro_kernel, rounded->micro_kernel, "vdpbf16ps");
    } else {
        *math = make(level, level->name, asked->way, level->widened_kernel, level->micro_kernel, "bf16 widened");
    }
    return PLN_OK;
}

/* What is not multiplied in bytes, attention for one, is as under bf16, which rounds less than bytes do. */
static pln_status choose_int8(const struct cpu_asked *asked, const struct found *found, struct cpu_math *math,
                              pln_failure *error)
{
    const struct cpu_level *level = found->level;
    const struct cpu_micro_kernel *vnni = strcmp(level->name, "avx512") == 0 ? cpu_level_vnni() : NULL;
    const struct cpu_micro_kernel *own = vnni ? vnni : level->byte_kernel;
    if (asked->way != CPU_GEMM_OWN)
        return pln_failed(error, PLN_INVALID, -1, "math=int8 of cpu needs gemm=own: BLIS has no such product");
    if (asked->products && !is(asked->products, "auto"))
        return pln_failed(error, PLN_INVALID, -1, "products=%s of cpu is not for math=int8", asked->products);
    struct cpu_math beside;
    pln_status status = choose_bf16(asked, found, &beside, error);
    const struct cpu_micro_kernel tiles = found->tiles ? cpu_tiles_bytes(found->tiles, own) : *own;
    *math = make(level, beside.level, asked->way, &tiles, &beside.gemm.attention,
                 found->tiles ? "tdpbusd"
                 : vnni       ? "vpdpbusd"
                              : "int8 widened");
    math->kernels = beside.kernels;
    math->kernel_level = beside.kernel_level;
    math->attention_products = beside.attention_products;
    return status;
}

pln_status cpu_math_choose(const struct cpu_asked *asked, struct cpu_math *deep, struct cpu_math *shallow,
                           pln_failure *error)
{
    static const char *const products[] = {"auto", "fma", "split6", "split3"};
    struct found found;
    uint32_t i = 0;
    while (asked->products && i < sizeof products / sizeof *products && strcmp(asked->products, products[i]) != 0)
        i++;
    if (i == sizeof products / sizeof *products)
        return pln_failed(error, PLN_INVALID, -1, "products of cpu is auto, fma, split6 or split3, not %s",
                          asked->products);
    pln_status status = find_level(asked, &found, error);
    if (status)
        return status;
    if (!asked->math || is(asked->math, "f32")) {
        status = choose_f32(asked, &found, deep, error);
        *shallow = *deep;
        return status;
    }
    *shallow = make_plain(&found, asked->way);
    if (is(asked->math, "int8"))
        return choose_int8(asked, &found, deep, error);
    if (!is(asked->math, "bf16"))
        return pln_failed(error, PLN_INVALID, -1, "math of cpu is f32, bf16 or int8, not %s", asked->math);
    return choose_bf16(asked, &found, deep, error);
}

void cpu_math_name(const struct cpu_math *math, uint32_t row, char *name, size_t bytes)
{
    const bool is_product =
        row == CPU_ROW_LINEAR || row == CPU_ROW_LINEAR_BACKWARD_X || row == CPU_ROW_LINEAR_BACKWARD_WEIGHT;
    const bool attends =
        row == CPU_ROW_ATTENTION || row == CPU_ROW_ATTENTION_BACKWARD || row == CPU_ROW_ATTENTION_BACKWARD_DISTANCE;
    const char *products = is_product ? math->products : attends ? math->attention_products : NULL;
    snprintf(name, bytes, "%s %s%s%s", row < CPU_OPS ? cpu_rows[row].name : "unknown",
             is_product ? math->product_level : math->kernel_level, products ? " " : "", products ? products : "");
}
