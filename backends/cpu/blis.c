/* SPDX-License-Identifier: Apache-2.0
 *
 * BLIS: its micro-kernels behind our face, by its inner interface (the context of an architecture, the micro-kernel of
 * a context), and its sgemm by the outer one.
 */
#include <blis.h>

#include <stdio.h>
#include <string.h>

#include "backends/cpu/gemm.h"

enum { HIGHEST_TILE = 31, WIDEST_WEIGHT_PANEL = 64, MOST_DEPTH = 1024, BLOCK_ROWS = 64 };

/* ---- the inner interface, under the names of each version: known are 0.9.0, 1.x and 2.x */

/* What bli_info_get_version_str() must say: accessors come from the header, contexts from the library. */
#ifdef BLIS_VERSION_STRING
#define INNER_VERSION BLIS_VERSION_STRING
#else /* headers before 1.0 do not say; 0.9.0 was the last of them */
#define INNER_VERSION "0.9.0"
#endif

/* c [m, n] = beta c + alpha a b, from panels a [k, mr] and b [k, nr]. */
typedef void inner_micro_kernel(dim_t m, dim_t n, dim_t k, const void *alpha, const void *a, const void *b,
                                const void *beta, void *c, inc_t rs, inc_t cs, const auxinfo_t *aux,
                                const void *context);

/* NULL if BLIS was built without kernels for it. Shared objects before 2.0 do not export this. */
static inline void *inner_context_of(arch_t arch)
{
#ifdef BLIS_VERSION_MAJOR /* 2.0 and later */
    return (void *)(uintptr_t)bli_gks_lookup_id(arch);
#else
    return bli_gks_lookup_id(arch) ? (void *)(uintptr_t)bli_gks_lookup_nat_cntx(arch) : NULL;
#endif
}

static inline inner_micro_kernel *inner_kernel(void *context)
{
#ifdef BLIS_VERSION_STRING
    return (inner_micro_kernel *)__extension__(void (*)(void)) bli_cntx_get_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context);
#else
    return (inner_micro_kernel *)__extension__(void (*)(void))
        bli_cntx_get_l3_nat_ukr_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context);
#endif
}

static inline bool inner_writes_rows(void *context)
{
#ifdef BLIS_VERSION_STRING
    return bli_cntx_get_ukr_prefs_dt(BLIS_FLOAT, BLIS_GEMM_UKR_ROW_PREF, context);
#else
    return bli_cntx_get_l3_nat_ukr_prefs_dt(BLIS_FLOAT, BLIS_GEMM_UKR, context);
#endif
}

/* ---- the context */

static void initialise(void)
{
    bli_init();
    bli_thread_set_num_threads(1); /* the threads are the host's team */
}

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

/* Only the archive of BLIS lets us choose a context, whatever the version: else it is the one of the processor. */
void *cpu_blis_context(const char *level)
{
    initialise();
    const arch_t arch = arch_of(level);
    if (strcmp(bli_info_get_version_str(), INNER_VERSION) != 0)
        return NULL;
#ifdef CPU_BLIS_CONTEXTS
    return inner_context_of(arch);
#else
    return arch == bli_arch_query_id() ? (void *)(uintptr_t)bli_gks_query_cntx() : NULL;
#endif
}

void cpu_blis_name(const char *level, char *name, size_t bytes)
{
    const arch_t arch = cpu_blis_context(level) ? arch_of(level) : bli_arch_query_id();
    snprintf(name, bytes, "BLIS %s %s", bli_info_get_version_str(), bli_arch_string(arch));
}

/* Makes out what a product is added to, and gives the factor of out in it: 0 where nothing is added. */
static float start_sums(const float *bias, struct cpu_rows addend, uint32_t rows, uint32_t columns, float *out,
                        size_t out_stride)
{
    if (!bias && !addend.data)
        return 0;
    if (!bias && addend.data == out)
        return 1;
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < columns; c++) {
            const float added = addend.data ? addend.data[r * addend.stride + c] : 0;
            out[r * out_stride + c] = (bias ? bias[c] : 0) + added;
        }
    return 1;
}

/* ---- the micro-kernel */

static void multiply(const struct cpu_micro_kernel *kernel, const struct cpu_tile_product *t)
{
    const float one = 1, beta = start_sums(t->bias, t->addend, t->rows, kernel->columns, t->out, t->out_stride);
    auxinfo_t aux = {0};
    /* B is the weight and A is x where it writes rows, else the other way round */
    const bool by_rows = inner_writes_rows(kernel->context);
    bli_auxinfo_set_next_ab((void *)(uintptr_t)(by_rows ? t->x : t->next_weight),
                            (void *)(uintptr_t)(by_rows ? t->next_weight : t->x), &aux);
    inner_micro_kernel *product = inner_kernel(kernel->context);
    if (by_rows)
        product(t->rows, kernel->columns, t->depth, &one, t->x, t->weight, &beta, t->out, (inc_t)t->out_stride, 1, &aux,
                kernel->context);
    else
        product(kernel->columns, t->rows, t->depth, &one, t->weight, t->x, &beta, t->out, 1, (inc_t)t->out_stride, &aux,
                kernel->context);
}

/* To [depth, step], zero beyond the rows that there are. */
static void pack(const struct cpu_matrix *from, uint32_t rows, uint32_t depth, uint32_t step, float *to)
{
    for (uint32_t k = 0; k < depth; k++)
        for (uint32_t i = 0; i < step; i++)
            to[(size_t)k * step + i] = i < rows ? from->data[i * from->row_step + k * from->column_step] : 0;
}

static void pack_x(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *x, uint32_t rows, uint32_t depth,
                   void *panel)
{
    pack(x, rows, depth, kernel->x_step, panel);
}

static void pack_weight(const struct cpu_micro_kernel *kernel, const struct cpu_matrix *weight, uint32_t columns,
                        uint32_t depth, void *panel)
{
    pack(weight, columns, depth, kernel->weight_step, panel);
}

bool cpu_blis_micro_kernel(const char *level, struct cpu_micro_kernel *kernel)
{
    void *context = cpu_blis_context(level);
    if (!context)
        return false;
    const uint32_t mr = (uint32_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_MR, context);
    const uint32_t nr = (uint32_t)bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_NR, context);
    const uint32_t mr_step = (uint32_t)bli_cntx_get_blksz_max_dt(BLIS_FLOAT, BLIS_MR, context);
    const uint32_t nr_step = (uint32_t)bli_cntx_get_blksz_max_dt(BLIS_FLOAT, BLIS_NR, context);
    const bool by_rows = inner_writes_rows(context);
    *kernel = (struct cpu_micro_kernel){
        .rows = by_rows ? mr : nr,
        .columns = by_rows ? nr : mr,
        .lanes = by_rows ? nr : mr,
        .x_step = by_rows ? mr_step : nr_step,
        .weight_step = by_rows ? nr_step : mr_step,
        .x_depth = 1,
        .weight_depth = 1,
        .depth_multiple = 1,
        .weight_multiple = 1,
        .most_depth = MOST_DEPTH,
        .block_rows = BLOCK_ROWS,
        .speed = 1,
        .pack_x = pack_x,
        .pack_weight = pack_weight,
        .multiply = multiply,
        .context = context,
    };
    return kernel->columns <= WIDEST_WEIGHT_PANEL && kernel->rows <= HIGHEST_TILE && inner_kernel(context);
}

/* ---- sgemm */

void cpu_blis_sgemm(void *context, const struct cpu_product *p, const struct cpu_tile *tile)
{
    struct cpu_rows addend = p->finish ? (struct cpu_rows){0} : p->residual;
    if (addend.data)
        addend.data += tile->row * addend.stride + tile->column;
    float one = 1, beta = start_sums(p->bias ? p->bias + tile->column : NULL, addend, tile->rows, tile->columns,
                                     tile->sums, tile->stride);
    float *x = (float *)(uintptr_t)(p->x.data + tile->row * p->x.row_step);
    float *weight = (float *)(uintptr_t)(p->weight.data + tile->column * p->weight.row_step);
    const inc_t x_rows = (inc_t)p->x.row_step, x_columns = (inc_t)p->x.column_step;
    const inc_t weight_rows = (inc_t)p->weight.row_step, weight_columns = (inc_t)p->weight.column_step;
    if (context) {
        rntm_t one_thread = BLIS_RNTM_INITIALIZER;
        bli_rntm_set_num_threads(1, &one_thread);
        bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_TRANSPOSE, tile->rows, tile->columns, p->depth, &one, x, x_rows, x_columns,
                     weight, weight_rows, weight_columns, &beta, tile->sums, (inc_t)tile->stride, 1, context,
                     &one_thread);
    } else { /* another version: only what all of them have */
        bli_sgemm(BLIS_NO_TRANSPOSE, BLIS_TRANSPOSE, tile->rows, tile->columns, p->depth, &one, x, x_rows, x_columns,
                  weight, weight_rows, weight_columns, &beta, tile->sums, (inc_t)tile->stride, 1);
    }
}
