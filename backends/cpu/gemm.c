/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops around the micro-kernel of BLIS. A weight lies as panels of weight_panel rows, each [depth, weight_step],
 * so that any range of columns of a panel is one piece of memory.
 */
#include <blis.h>

#include <stdio.h>
#include <string.h>

#include "backends/cpu/gemm.h"

/* The inner interface below (context, micro-kernel, packing kernel) is the one of this version. */
#define KNOWN_VERSION "0.9.0"

typedef void micro_kernel(dim_t m, dim_t n, dim_t k, float *alpha, float *a, float *b, float *beta, float *c, inc_t rs,
                          inc_t cs, auxinfo_t *aux, cntx_t *context);
typedef void pack_kernel(conj_t conj, pack_t schema, dim_t rows, dim_t n, dim_t n_max, float *kappa, float *from,
                         inc_t row_step, inc_t column_step, float *to, inc_t to_step, cntx_t *context);

enum { SGEMM_ROWS = 8, SGEMM_COLUMNS = 16, WIDEST_WEIGHT_PANEL = 64, RESIDENT_BLOCKS = 4 };

static uint32_t round_up(uint32_t n, uint32_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* ---- the context */

static bool is_avx2(arch_t arch)
{
    return arch == BLIS_ARCH_ZEN3 || arch == BLIS_ARCH_ZEN2 || arch == BLIS_ARCH_ZEN || arch == BLIS_ARCH_HASWELL;
}

static arch_t arch_of(const char *level)
{
    const arch_t native = bli_arch_query_id();
    if (strcmp(level, "avx512") == 0)
        return BLIS_ARCH_SKX;
    if (strcmp(level, "avx2") == 0)
        return is_avx2(native) ? native : BLIS_ARCH_HASWELL;
    return BLIS_ARCH_GENERIC;
}

/* The context of an architecture, NULL if this BLIS has it not. Only the archive of BLIS lets us choose: the shared
 * object tells the one of the processor. */
static cntx_t *context_of(arch_t arch)
{
#ifdef CPU_BLIS_CONTEXTS
    return bli_gks_lookup_id(arch) ? bli_gks_lookup_nat_cntx(arch) : NULL;
#else
    return arch == bli_arch_query_id() ? bli_gks_query_nat_cntx() : NULL;
#endif
}

static void read_context(struct cpu_gemm *gemm, cntx_t *context)
{
    const uint32_t mr = (uint32_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MR, context);
    const uint32_t nr = (uint32_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_NR, context);
    const uint32_t mr_step = (uint32_t)bli_cntx_get_blksz_max_dt(BLIS_FLOAT, BLIS_MR, context);
    const uint32_t nr_step = (uint32_t)bli_cntx_get_blksz_max_dt(BLIS_FLOAT, BLIS_NR, context);
    const uint32_t mc = (uint32_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MC, context);
    gemm->weight_is_b = bli_cntx_get_l3_nat_ukr_prefs_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context);
    gemm->weight_panel = gemm->weight_is_b ? nr : mr;
    gemm->weight_step = gemm->weight_is_b ? nr_step : mr_step;
    gemm->x_panel = gemm->weight_is_b ? mr : nr;
    gemm->x_step = gemm->weight_is_b ? mr_step : nr_step;
    gemm->block_rows = mc / gemm->x_panel * gemm->x_panel;
    gemm->block_depth = (uint32_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_KC, context);
    gemm->context = context;
    gemm->kernel = __extension__(void (*)(void)) bli_cntx_get_l3_nat_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context);
    gemm->pack = gemm->x_panel <= BLIS_PACKM_31XK_KER
                     ? __extension__(void (*)(void))
                           bli_cntx_get_packm_ker_dt(BLIS_FLOAT, (l1mkr_t)gemm->x_panel, context)
                     : NULL;
    gemm->panels = gemm->kernel && gemm->pack && gemm->weight_panel <= WIDEST_WEIGHT_PANEL && gemm->block_rows;
}

void cpu_gemm_init(struct cpu_gemm *gemm, const char *level, bool sgemm)
{
    bli_init();
    bli_thread_set_num_threads(1); /* the threads are the host's team */
    *gemm = (struct cpu_gemm){0};
    const char *version = bli_info_get_version_str();
    const arch_t arch = arch_of(level);
    cntx_t *context = strcmp(version, KNOWN_VERSION) == 0 ? context_of(arch) : NULL;
    if (context)
        read_context(gemm, context);
    if (sgemm || !gemm->panels)
        *gemm = (struct cpu_gemm){.context = context, .weight_panel = SGEMM_COLUMNS, .x_panel = SGEMM_ROWS};
    const char *name = bli_arch_string(context ? arch : bli_arch_query_id());
    if (gemm->panels)
        snprintf(gemm->name, sizeof gemm->name, "BLIS %s %s micro-kernel %ux%u", version, name, gemm->x_panel,
                 gemm->weight_panel);
    else
        snprintf(gemm->name, sizeof gemm->name, "BLIS %s %s sgemm", version, name);
}

/* ---- weights */

uint64_t cpu_gemm_weight_floats(const struct cpu_gemm *gemm, uint32_t n, uint32_t depth)
{
    if (!gemm->panels)
        return 0;
    const uint64_t panels = (n + gemm->weight_panel - 1) / gemm->weight_panel;
    return panels * depth * gemm->weight_step;
}

void cpu_gemm_pack_weight(const struct cpu_gemm *gemm, const float *rows, uint32_t n, uint32_t depth, float *panel)
{
    enum { TOGETHER = 16 }; /* columns: one line of the cache of each row, which then is not fetched again */
    const uint32_t step = gemm->weight_step;
    for (uint32_t first = 0; first < depth; first += TOGETHER) {
        const uint32_t last = depth - first < TOGETHER ? depth : first + TOGETHER;
        for (uint32_t i = 0; i < step; i++)
            for (uint32_t k = first; k < last; k++)
                panel[(size_t)k * step + i] = i < n ? rows[(size_t)i * depth + k] : 0;
    }
}

/* ---- the product */

/* n in parts of at most `most`, all about as large: the size of a part. */
static uint32_t even_part(uint32_t n, uint32_t most)
{
    const uint32_t parts = (n + most - 1) / most;
    return parts < 2 ? n : round_up((n + parts - 1) / parts, 8);
}

/* Columns of x that are packed at a time. More than the micro-kernel takes in one go, so that tiles of the result are
 * complete, or nearly, before they leave the cache. */
static uint32_t resident_depth(const struct cpu_gemm *gemm, uint32_t depth)
{
    return even_part(depth, RESIDENT_BLOCKS * gemm->block_depth);
}

uint64_t cpu_gemm_scratch_bytes(const struct cpu_gemm *gemm, uint32_t depth)
{
    if (!gemm->panels)
        return 0;
    const uint64_t floats = (uint64_t)gemm->block_rows / gemm->x_panel * gemm->x_step * resident_depth(gemm, depth);
    return ((floats + CPU_GEMM_AHEAD) * sizeof(float) + 63) / 64 * 64;
}

struct range {
    uint32_t first, last;
};

/* A block of x as the micro-kernel reads it. */
struct packed {
    struct range rows, depth;
    float *panels; /* each [depth, x_step] */
};

/* Part i of n in units of `unit`. */
static struct range part(uint32_t n, uint32_t unit, uint32_t i, uint32_t parts)
{
    const uint64_t units = (n + unit - 1) / unit;
    const uint64_t first = units * i / parts * unit, last = units * (i + 1) / parts * unit;
    return (struct range){(uint32_t)(first < n ? first : n), (uint32_t)(last < n ? last : n)};
}

/* Into how many groups the rows are parted; the columns are parted among the members of a group. Costs are counted in
 * tiles: packing a panel of x takes about as long as one tile, fetching a panel of the weight as two. */
static uint32_t row_groups(const struct cpu_gemm *gemm, const struct cpu_product *p, uint32_t members)
{
    const uint64_t row_panels = (p->rows + gemm->x_panel - 1) / gemm->x_panel;
    const uint64_t column_panels = (p->n + gemm->weight_panel - 1) / gemm->weight_panel;
    uint64_t least = UINT64_MAX;
    uint32_t best = 1;
    for (uint32_t groups = 1; groups <= members; groups++) {
        if (members % groups)
            continue;
        const uint64_t across = members / groups;
        const uint64_t rows = (row_panels + groups - 1) / groups, columns = (column_panels + across - 1) / across;
        const uint64_t cost = rows * (columns + 1) + 2 * columns;
        if (cost < least) {
            least = cost;
            best = groups;
        }
    }
    return best;
}

static void pack_x(const struct cpu_gemm *gemm, const struct cpu_product *p, struct range rows, struct range depth,
                   float *to)
{
    const uint32_t n = depth.last - depth.first;
    pack_kernel *pack = (pack_kernel *)gemm->pack;
    float one = 1;
    for (uint32_t r = rows.first; r < rows.last; r += gemm->x_panel) {
        const uint32_t left = rows.last - r;
        pack(BLIS_NO_CONJUGATE, BLIS_PACKED_ROW_PANELS, left < gemm->x_panel ? left : gemm->x_panel, n, n, &one,
             (float *)(uintptr_t)(p->x + (size_t)r * p->x_stride + depth.first), p->x_stride, 1, to, gemm->x_step,
             gemm->context);
        to += (size_t)n * gemm->x_step;
    }
}

/* A column of tiles: all panels of packed x against columns depth.first .. depth.last-1 of one
 * panel of the weight. */
static void multiply_panel(const struct cpu_gemm *gemm, const struct cpu_product *p, const struct packed *packed,
                           struct range depth, uint32_t column)
{
    const uint32_t k = depth.last - depth.first, left = p->n - column;
    const uint32_t columns = left < gemm->weight_panel ? left : gemm->weight_panel;
    const size_t panel = (size_t)(column / gemm->weight_panel) * p->depth;
    float *weight = (float *)(uintptr_t)(p->weight + (panel + depth.first) * gemm->weight_step);
    float *x = packed->panels + (size_t)(depth.first - packed->depth.first) * gemm->x_step;
    const size_t x_next = (size_t)(packed->depth.last - packed->depth.first) * gemm->x_step;
    micro_kernel *kernel = (micro_kernel *)gemm->kernel;
    float one = 1, beta = depth.first ? 1 : 0;
    auxinfo_t aux = {0};
    for (uint32_t r = packed->rows.first; r < packed->rows.last; r += gemm->x_panel, x += x_next) {
        const uint32_t rows = packed->rows.last - r, m = rows < gemm->x_panel ? rows : gemm->x_panel;
        float *out = p->out + (size_t)r * p->out_stride + column, *next = rows > m ? x + x_next : x;
        bli_auxinfo_set_next_ab(gemm->weight_is_b ? next : weight, gemm->weight_is_b ? weight : next, &aux);
        if (gemm->weight_is_b)
            kernel(m, columns, k, &one, x, weight, &beta, out, p->out_stride, 1, &aux, gemm->context);
        else
            kernel(columns, m, k, &one, weight, x, &beta, out, 1, p->out_stride, &aux, gemm->context);
    }
}

/* All columns against one block of packed x. */
static void multiply_block(const struct cpu_gemm *gemm, const struct cpu_product *p, const struct packed *packed,
                           struct range columns)
{
    const uint32_t step = even_part(packed->depth.last - packed->depth.first, gemm->block_depth);
    for (uint32_t c = columns.first; c < columns.last; c += gemm->weight_panel) {
        for (uint32_t k = packed->depth.first; k < packed->depth.last; k += step) {
            const uint32_t left = packed->depth.last - k;
            multiply_panel(gemm, p, packed, (struct range){k, left < step ? packed->depth.last : k + step}, c);
        }
        if (packed->depth.last == p->depth) {
            const uint32_t left = columns.last - c;
            p->finish(p->argument, (struct cpu_tile){packed->rows.first, packed->rows.last - packed->rows.first, c,
                                                     left < gemm->weight_panel ? left : gemm->weight_panel});
        }
    }
}

static void run_panels(const struct cpu_gemm *gemm, const struct cpu_product *p, struct range rows,
                       struct range columns, float *scratch)
{
    const uint32_t step = resident_depth(gemm, p->depth), n = rows.last - rows.first;
    const uint32_t blocks = (n + gemm->block_rows - 1) / gemm->block_rows;
    for (uint32_t b = 0; b < blocks; b++) {
        const struct range block = part(n, gemm->x_panel, b, blocks);
        struct packed packed = {.rows = {rows.first + block.first, rows.first + block.last}, .panels = scratch};
        for (uint32_t k = 0; k < p->depth; k += step) {
            packed.depth = (struct range){k, p->depth - k < step ? p->depth : k + step};
            pack_x(gemm, p, packed.rows, packed.depth, scratch);
            multiply_block(gemm, p, &packed, columns);
        }
    }
}

static void run_sgemm(const struct cpu_gemm *gemm, const struct cpu_product *p, struct range rows, struct range columns)
{
    const struct cpu_tile tile = {rows.first, rows.last - rows.first, columns.first, columns.last - columns.first};
    if (!tile.rows || !tile.columns)
        return;
    float one = 1, zero = 0, *x = (float *)(uintptr_t)(p->x + (size_t)tile.row * p->x_stride);
    float *weight = (float *)(uintptr_t)(p->weight + (size_t)tile.column * p->depth);
    float *out = p->out + (size_t)tile.row * p->out_stride + tile.column;
    if (gemm->context) {
        rntm_t one_thread;
        bli_rntm_init(&one_thread);
        bli_rntm_set_num_threads(1, &one_thread);
        bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_TRANSPOSE, tile.rows, tile.columns, p->depth, &one, x, p->x_stride, 1,
                     weight, p->depth, 1, &zero, out, p->out_stride, 1, gemm->context, &one_thread);
    } else { /* another version: only what all of them have */
        bli_sgemm(BLIS_NO_TRANSPOSE, BLIS_TRANSPOSE, tile.rows, tile.columns, p->depth, &one, x, p->x_stride, 1, weight,
                  p->depth, 1, &zero, out, p->out_stride, 1);
    }
    p->finish(p->argument, tile);
}

void cpu_gemm_run(const struct cpu_gemm *gemm, const struct cpu_product *product, uint32_t member, uint32_t members,
                  void *scratch)
{
    const uint32_t groups = row_groups(gemm, product, members), across = members / groups;
    const struct range rows = part(product->rows, gemm->x_panel, member / across, groups);
    const struct range columns = part(product->n, gemm->weight_panel, member % across, across);
    if (gemm->panels)
        run_panels(gemm, product, rows, columns, scratch);
    else
        run_sgemm(gemm, product, rows, columns);
}
