/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants: panels for linear, dense rows for everything else. Rows that lie in lasting memory are used there.
 */
#include <math.h>

#include "backends/cpu/cpu.h"

struct cpu_constant_bytes cpu_constant_bytes(const pln_device *device, const pln_constant_info *info)
{
    const struct cpu_gemm *gemm = &cpu_math_of(device, info->rows, info->width)->gemm;
    struct cpu_constant_bytes bytes = {0};
    const uint64_t dense = round_up((uint64_t)info->rows * info->width * sizeof(float), 64);
    if (!info->n_uses)
        bytes.rows = dense;
    for (uint32_t i = 0; i < info->n_uses; i++) {
        const pln_constant_use *use = pln_constant_use_at(info, i);
        if (gemm->panels && use->op == PLN_OP_LINEAR && use->input == PLN_LINEAR_INPUT_WEIGHT)
            bytes.panels = cpu_gemm_weight_bytes(gemm, info->rows, info->width) + CPU_PACKED_AHEAD * sizeof(float);
        else
            bytes.rows = dense;
    }
    return bytes;
}

/* What a team packs: a weight whose dense rows lie in memory. */
struct packing {
    const struct cpu_gemm *gemm;
    const pln_constant_info *info;
    void *panels;
};

static void pack_share(void *argument, uint32_t member, uint32_t members)
{
    const struct packing *p = argument;
    const struct cpu_matrix weight = {p->info->plain, p->info->width, 1};
    const struct cpu_share share = cpu_share(cpu_gemm_weight_panels(p->gemm, p->info->rows), member, members);
    cpu_gemm_pack_weight(p->gemm, &weight, p->info->rows, p->info->width, share.first, share.last, p->panels);
}

/* Under math=bf16 a number near the end of f32 would round to infinity, and under math=int8 one that is not finite leaves
 * its row without a scale: it is named instead. */
static pln_status check_range(const struct cpu_gemm *gemm, const pln_constant_info *info, const float *rows, uint64_t n,
                              pln_failure *error)
{
    static const float most = 0x1.ffp127f; /* what rounds to infinity begins halfway to 2^128 */
    const bool bytes = gemm->kernel.x_row_bytes;
    const char *type = bytes ? "int8" : "bf16";
    if (!bytes && gemm->kernel.weight_depth == 1)
        return PLN_OK;
    for (uint64_t i = 0; i < n; i++)
        if (bytes ? !isfinite(rows[i]) : fabsf(rows[i]) >= most && !isinf(rows[i]))
            return pln_failed(error, PLN_INVALID, -1, "math=%s of cpu: %s has %g, which %s cannot hold: keep math=f32",
                              type, info->name, (double)rows[i], type);
    return PLN_OK;
}

/* Rows that must be converted come panel by panel, so that a weight is never there twice. */
static pln_status pack(const pln_device *device, const pln_constant_info *info, const pln_constant *constant,
                       pln_failure *error)
{
    const pln_host *host = device->host;
    const struct cpu_gemm *gemm = &cpu_math_of(device, info->rows, info->width)->gemm;
    pln_status status = PLN_OK;
    if (info->plain) {
        status = check_range(gemm, info, info->plain, (uint64_t)info->rows * info->width, error);
        if (status)
            return status;
        host->team_run(host->context, pack_share, &(struct packing){gemm, info, constant->panels});
        return PLN_OK;
    }
    const uint32_t step = gemm->kernel.columns;
    const uint64_t panel_bytes = cpu_gemm_weight_bytes(gemm, step, info->width);
    float *rows = host->allocate(host->context, (size_t)step * info->width * sizeof(float));
    if (!rows)
        return pln_failed(error, PLN_NO_MEMORY, -1, "cpu: no memory to pack constant %s", info->name);
    for (uint32_t i = 0; !status && i * step < info->rows; i++) {
        const uint32_t left = info->rows - i * step, n = left < step ? left : step;
        host->constant_read(host->context, info, i * step, n, rows);
        status = check_range(gemm, info, rows, (uint64_t)n * info->width, error);
        cpu_gemm_pack_weight(gemm, &(struct cpu_matrix){rows, info->width, 1}, n, info->width, 0, 1,
                             (char *)constant->panels + i * panel_bytes);
    }
    host->release(host->context, rows);
    return status;
}

pln_status cpu_constant_create(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                               pln_failure *error)
{
    const pln_host *host = device->host;
    if (info->layout != PLN_LAYOUT_ROWS)
        return pln_failed(error, PLN_UNSUPPORTED, -1, "cpu: constant %s has a layout that this build does not know",
                          info->name);
    const struct cpu_constant_bytes bytes = cpu_constant_bytes(device, info);
    pln_constant *c = host->allocate(host->context, sizeof *c);
    if (!c)
        return pln_failed(error, PLN_NO_MEMORY, -1, "cpu: no memory for constant %s", info->name);
    *c = (pln_constant){.rows = bytes.rows ? info->plain : NULL};
    if (bytes.rows && !info->plain)
        c->rows = c->own = host->allocate(host->context, bytes.rows);
    if (bytes.panels)
        c->panels = host->allocate(host->context, bytes.panels);
    c->bytes = bytes.rows + bytes.panels;
    pln_status status = PLN_OK;
    if ((bytes.rows && !c->rows) || (bytes.panels && !c->panels))
        status = pln_failed(error, PLN_NO_MEMORY, -1, "cpu: no memory for constant %s of %llu bytes", info->name,
                            (unsigned long long)(bytes.rows + bytes.panels));
    if (!status && c->own)
        host->constant_read(host->context, info, 0, info->rows, c->own);
    if (!status && c->panels)
        status = pack(device, info, c, error);
    if (status)
        cpu_constant_destroy(device, &c);
    *constant = c;
    return status;
}

void cpu_constant_destroy(pln_device *device, pln_constant **constant)
{
    const pln_host *host = device->host;
    if (*constant) {
        host->release(host->context, (*constant)->own);
        host->release(host->context, (*constant)->panels);
        host->release(host->context, *constant);
    }
    *constant = NULL;
}
