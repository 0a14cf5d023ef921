/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two GPU plugins share: a node of a segment goes in, launches come out: one to six passes, each in as many
 * windows as the device needs. A launch names a kernel, its specialization constants, its bindings, a record of words
 * and a grid; the API's side (vulkan/, opencl/) creates the pipeline, binds, and dispatches, and knows nothing of ops.
 * No function here calls an API or keeps state.
 *
 * Kernel side: binding 0 is the plan buffer of 32-bit words: words [0, GPU_DIMS) are the real dims of the run (written
 * by the host before each run), the records of all launches follow. A kernel finds its record at word `record` (push
 * constant in Vulkan, last argument in OpenCL). Bindings 1.. are what the pass needs of the node's inputs in order, its
 * outputs in order, then scratch; an absent operand is bound to the plan buffer. Row r, column c of a slot lies at
 * element first[slot] + r * stride[slot] + c of its binding, in wrapping 32-bit arithmetic: windows of rows and
 * unaligned column windows are the same thing. The entry point is `main` in SPIR-V and the kernel's own name in OpenCL,
 * where it takes the plan buffer, the bindings and `record`, in this order. protocol.h numbers the words of a
 * record and the flags of kernels, kernels/dialect.h is the other half of this protocol.
 *
 * Variants: an op has a row of passes (table.h), and may have one more for processors, which is taken with
 * limits.cpu_variant if gpu_text_find knows its kernels (a text may exist for one API only).
 */
#ifndef BACKENDS_GPU_GPU_H
#define BACKENDS_GPU_GPU_H

#include <stdbool.h>

#include "api/pleione_backend.h"
#include "api/pleione_ops.h"
#include "backends/gpu/protocol.h"

enum {
    GPU_DIMS = 64,  /* words of the plan buffer that hold the dims */
    GPU_SLOTS = 24, /* inputs + outputs + scratch of a kernel */
    GPU_SPECS = 16, /* specialization constants of a kernel */
    GPU_RECORD_WORDS = GPU_RECORD_SLOTS + GPU_SLOT_WORDS * GPU_SLOTS
};

/* What a device multiplies as cooperative matrices: f16 of m x k by k x n, summed in f32, by a subgroup of `lanes`. */
struct gpu_matrix {
    uint32_t m, n, k, lanes;
};

/* What a device is, as far as kernels care. The device options can shrink the limits. */
struct gpu_limits {
    bool cpu_variant;          /* variant=cpu */
    uint32_t lanes;            /* threads of a group of that variant: a subgroup that can shuffle; 0 or 1: one */
    uint32_t tiles;            /* of tile=: bit i for word i of gpu_tile_words; an op without any: chosen by shape */
    bool half;                 /* storage=f16: weights that only `linear` uses are stored as f16 */
    struct gpu_matrix matrix;  /* matrix=yes: for `linear` of f16 weights; lanes 0: not used */
    uint32_t vendor_id;        /* PCI, or that of vendor= */
    uint32_t compute_units;    /* 0 if unknown */
    uint32_t max_workgroup;    /* threads */
    uint32_t shared_bytes;     /* per work-group */
    uint32_t offset_alignment; /* of a binding, bytes, a power of two; at least 16 is assumed */
    uint64_t max_range;        /* bytes that one binding may span */
    uint64_t max_flops;        /* of one launch, for watchdogs; 0: no bound */
};

/* One buffer of a launch: a value of the segment, scratch of the plan, or nothing (then the plan buffer is bound). */
struct gpu_binding {
    int32_t value;   /* index in the segment, GPU_BIND_SCRATCH or GPU_BIND_NONE */
    uint64_t offset; /* bytes into the value's buffer (the value's own offset is in it), its constant's memory, or the
                        scratch: a multiple of offset_alignment */
    uint64_t bytes;
    bool written;     /* for barriers; a value may be bound twice, read and written, when a node works in place */
    uint32_t element; /* bytes, by which the record counts; 0 for nothing */
};
enum { GPU_BIND_NONE = -1, GPU_BIND_SCRATCH = -2 };

struct gpu_launch {
    const char *kernel;               /* name of the text: "linear", "attention", "linear_cpu" */
    uint32_t workgroup;               /* threads; also spec[0] */
    uint32_t tile_rows, tile_columns; /* of a kernel that has tiles to choose from, as in tile=; else 0 */
    uint32_t n_specs;
    uint32_t specs[GPU_SPECS]; /* ids 0.. in Vulkan, -D S0=.. in OpenCL */
    uint32_t n_bindings;       /* without binding 0 */
    struct gpu_binding bindings[GPU_SLOTS];
    uint32_t n_words;
    uint32_t record[GPU_RECORD_WORDS];
    /* Groups = ceil(min(rows(dims) - first_row, window_rows) / rows_per_group) * columns, row-major. They may be
     * dispatched for the capacity, and folded into x and y (group = y * groups in x + x): surplus groups do nothing. */
    pln_dim rows;
    uint32_t first_row, window_rows, rows_per_group, columns;
    uint32_t table_per_group; /* of a kernel with groups for parts of its table's window: `columns` counts them in */
    uint64_t flops, bytes;    /* this launch's share, at capacity */
    uint64_t scratch_bytes;   /* of the plan's scratch that the node uses, from its start: nodes may share it */
};

/* Groups of a launch under the dims of a run (0: nothing to do). */
uint32_t gpu_launch_groups(const struct gpu_launch *launch, const uint32_t *dims);

/* Whether the kernel table has a row for the node that fits the limits; fills the verdict. Pure. */
void gpu_supports(const struct gpu_limits *limits, const pln_segment *segment, uint32_t node, pln_verdict *verdict);

/* Calls `emit` for every launch of the node, in order: passes, and windows of rows when a binding would span more than
 * max_range. Stops at the first status that is not PLN_OK. */
typedef pln_status gpu_emit_fn(void *context, const struct gpu_launch *launch, pln_failure *error);
pln_status gpu_lower(const struct gpu_limits *limits, const pln_segment *segment, uint32_t node, gpu_emit_fn *emit,
                     void *context, pln_failure *error);

/* How a constant lies in device memory: good for all its uses. The struct pln_constant of each plugin begins with
 * it: gpu_lower reads it there (without a constant, in `supports`, it takes the layout that the node's own use would
 * give). */
struct gpu_constant_layout {
    uint32_t rows, width; /* padded with zeros: width to a multiple of 4, rows to a multiple of the panel */
    uint32_t stride;      /* elements between rows; 0 when in panels */
    uint32_t
        panel; /* rows of a panel: element (r, c) at (r / panel) * panel * width + c * panel + r % panel; 0 = rows */
    bool half; /* f16, else f32 */
};
struct gpu_constant_layout gpu_constant_layout(const struct gpu_limits *limits, const pln_constant_info *info);
uint64_t gpu_constant_bytes(const struct gpu_constant_layout *layout);
/* Writes the packed constant to `out` (mapped or staging memory), padding with zeros. PLN_NO_MEMORY; PLN_INVALID for a
 * number beyond the range of f16 that would be stored so. */
pln_status gpu_constant_pack(const pln_host *host, const pln_constant_info *info,
                             const struct gpu_constant_layout *layout, void *out, pln_failure *error);

/* estimate.c: bytes of all constants of a segment, each as `round` makes it of its bytes (NULL: as it is). */
pln_status gpu_constants_bytes(const struct gpu_limits *limits, const pln_host *host, const pln_segment *segment,
                               uint64_t (*round)(uint64_t bytes), uint64_t *total, pln_failure *error);

/* ---- options.c: device options of both plugins. A list of words is "one|two|three". */

enum { GPU_NO_WORD = -1 };
/* The place of the word in the list, GPU_NO_WORD if it is not there. */
int gpu_find_word(const char *words, const char *word);
extern const char gpu_tile_words[];    /* of tile=: "linear:128x128|..."; may be given once for each op */
extern const char gpu_storage_words[]; /* of storage= */
extern const char gpu_vendor_words[];  /* of vendor=: whose tiles are taken, for looking at kernels */
uint32_t gpu_vendor_of_word(uint32_t place);
/* What the options ask for together, once limits are filled by them: storage=f16 (limits->half) takes the kernels for
 * GPUs, since those for processors read f32; PLN_INVALID where variant=cpu was asked for too. Tiles, or whose, that
 * were asked for of kernels that have none are told to the log. */
pln_status gpu_variant_choose(struct gpu_limits *limits, const pln_host *host, bool cpu_asked, bool tiles_asked,
                              pln_failure *error);

/* linear.c: whether the kernel `linear_matrix` can be cut into such matrices. */
extern const char gpu_matrix_kernel[];
bool gpu_matrix_fits(const struct gpu_matrix *matrix);

/* The kernel's text: SPIR-V words for Vulkan, source for OpenCL; each plugin links the table that its build generated
 * (gpu_spirv_sources or gpu_opencl_sources of backends/gpu/meson.build). NULL if there is none of that name. */
struct gpu_text {
    const char *kernel;
    const void *bytes;
    size_t size;
};
const struct gpu_text *gpu_text_find(const char *kernel);

/* program.c: what a compiler is given for a launch of that node; the options that OpenCL's takes. */
void gpu_opencl_options(const struct gpu_launch *launch, char *options, size_t bytes);
pln_launch_program gpu_program(const struct gpu_launch *launch, uint32_t node, pln_language language);
#endif
