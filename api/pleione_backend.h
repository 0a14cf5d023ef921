/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract of a backend: a shared object that exports one symbol, pln_backend_query, and links nothing of pleione.
 *
 * Rules that hold for every entry:
 *  - it returns a status and, when that is not PLN_OK, fills the error record with one sentence that names the thing;
 *  - no exception, abort, exit or print crosses; nothing is freed by the side that did not allocate it;
 *  - structs begin with their size; they grow only at the end, a reader takes an absent tail as zero;
 *  - arrays of structs carry the stride of an element, so that elements can grow too;
 *  - one caller per device at a time, from any thread, unless the device says PLN_DEVICE_FLAG_CONCURRENT: then several,
 * each plan and buffer by one at a time. Several devices, and several opens of one, coexist and have callers of their
 * own;
 *  - no work is done inside plan_run that plan_create could have done: no allocation, no compilation.
 */
#ifndef PLEIONE_BACKEND_H
#define PLEIONE_BACKEND_H

#include <string.h>

#include "pleione_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLN_ABI_VERSION 1u
#define PLN_ABSENT (-1) /* index of an optional operand that is not there */

typedef struct pln_device pln_device;     /* each backend defines its own */
typedef struct pln_buffer pln_buffer;     /* memory of a device */
typedef struct pln_constant pln_constant; /* a weight that a device keeps, packed as it likes */
typedef struct pln_plan pln_plan;         /* a compiled segment */

/* ---- what the host offers */

typedef struct pln_constant_info pln_constant_info;

/* Work of one member of a team: index is 0 .. members-1. */
typedef void pln_team_fn(void *argument, uint32_t index, uint32_t members);

/* Given to device_open and valid until device_close: two runtimes in one process have a team each. Every function may
 * be called from any thread, team_* only by the thread that is inside an entry of this device. */
typedef struct pln_host {
    uint32_t size;
    void *context; /* first argument of every function below */
    void (*log)(void *context, pln_log_level level, const char *message);
    void *(*allocate)(void *context, size_t bytes); /* 64-byte aligned, zeroed; NULL if there is no memory */
    void (*release)(void *context, void *memory);   /* accepts NULL */
    /* Rows [first, first + rows) of a constant as dense f32 [rows, width]; only inside constant_create. */
    void (*constant_read)(void *context, const pln_constant_info *constant, uint32_t first, uint32_t rows, float *out);
    /* The persistent thread team of the runtime, the caller being member 0. team_run returns when all members did; they
     * are at most team_size, and fewer or only the caller while others use the team: see `members` of fn. */
    uint32_t (*team_size)(void *context);
    void (*team_run)(void *context, pln_team_fn *fn, void *argument);
    void (*team_barrier)(void *context);           /* inside fn: returns when every member called it */
    const char *(*cache_directory)(void *context); /* existing writable folder for compiled programs, or NULL */
    /* Asked between the steps of an entry that may take seconds (compiling, packing), `done` of `total` steps being made;
     * 0: the entry gives up with PLN_CANCELLED. A host of before 0.3 has it not: see `size`, and pln_host_goes_on. */
    int (*goes_on)(void *context, const char *what, uint64_t done, uint64_t total);
} pln_host;

static inline int pln_host_goes_on(const pln_host *host, const char *what, uint64_t done, uint64_t total)
{
    return host->size < offsetof(pln_host, goes_on) + sizeof host->goes_on || !host->goes_on ||
           host->goes_on(host->context, what, done, total);
}

/* ---- a segment: neighbour nodes for one device */

typedef enum pln_value_kind {
    PLN_VALUE_INPUT = 1,     /* written by the host before a run */
    PLN_VALUE_CONSTANT = 2,  /* read-only, kept by the device as a pln_constant */
    PLN_VALUE_STATE = 3,     /* outlives plans; written in place only by ops that say so */
    PLN_VALUE_TEMPORARY = 4, /* lives within a run; may share memory with others whose life does not overlap */
} pln_value_kind;

/* [rows, width] of dtype, row-major. Element (r, c) lies at offset + (r * row_stride + c) * element size of the buffer
 * (elements of f32 take f32_bytes), or at data[...] for a host-memory device. A window of another value has its offset
 * and its row_stride. Capacity rows are there; a kernel reads no row past the real count into a result and writes none.
 */
typedef struct pln_value_info {
    uint32_t kind;  /* pln_value_kind */
    uint32_t dtype; /* PLN_F32 or PLN_I32 */
    pln_dim rows;
    uint32_t width;
    uint32_t row_stride;    /* elements, >= width */
    pln_constant *constant; /* for PLN_VALUE_CONSTANT, else NULL */
    pln_buffer *buffer;     /* for devices with their own memory, else NULL */
    uint64_t offset;        /* bytes into buffer; a multiple of the alignment unless the value is a window */
    void *data;             /* for host-memory devices, else NULL; fixed for the life of the plan */
    const char *name;
} pln_value_info;

typedef struct pln_node_info {
    uint32_t op;      /* pln_op */
    uint32_t version; /* of the op as the host knows it */
    const char *name; /* "layer.3.attention.output" */
    const void *params;
    uint32_t params_size;
    uint32_t n_inputs;
    uint32_t n_outputs;
    const int32_t *inputs; /* indices into the values, PLN_ABSENT for an optional operand that is not there */
    const int32_t *outputs;
    uint64_t flops; /* arithmetic at capacity, for estimates and for cutting long submissions */
    uint64_t bytes; /* memory moved at capacity */
} pln_node_info;

enum {
    PLN_SEGMENT_TIMED = 1u << 0, /* plan_timing will be asked */
    /* Every row of a result has the same bits whatever the capacity, the numbers of a run and the other rows are: what
     * is chosen by a number of rows (tiles, slices) must not change the order of a sum. */
    PLN_SEGMENT_STEADY = 1u << 1,
};

/* Whether a node uses no more of an op than a backend was built with: its version at most that, its params behind that
 * size zero, its operands behind those numbers absent. Then what it knows is all there is. */
static inline int pln_node_fits(const pln_node_info *node, uint32_t version, uint32_t params_size, uint32_t n_inputs,
                                uint32_t n_outputs)
{
    const unsigned char *params = (const unsigned char *)node->params;
    int fits = node->version <= version;
    for (uint32_t i = params_size; i < node->params_size; i++)
        fits &= !params[i];
    for (uint32_t i = n_inputs; i < node->n_inputs; i++)
        fits &= node->inputs[i] == PLN_ABSENT;
    for (uint32_t i = n_outputs; i < node->n_outputs; i++)
        fits &= node->outputs[i] == PLN_ABSENT;
    return fits;
}

/* Read-only and valid during the call only; what a plan needs of it the backend copies. In `supports` and in a dry
 * plan_info the memory members of values (constant, buffer, offset, data) are zero. */
typedef struct pln_segment {
    uint32_t size;
    uint32_t flags; /* PLN_SEGMENT_* */
    uint32_t n_nodes, node_stride;
    const pln_node_info *nodes;
    uint32_t n_values, value_stride;
    const pln_value_info *values;
    uint32_t n_symbols;
    const uint32_t *capacity; /* [n_symbols]; capacity[0] is 0 */
} pln_segment;

static inline const pln_node_info *pln_segment_node(const pln_segment *s, uint32_t i)
{
    return (const pln_node_info *)(const void *)((const char *)(const void *)s->nodes + (size_t)i * s->node_stride);
}

static inline const pln_value_info *pln_segment_value(const pln_segment *s, int32_t i)
{
    return i < 0 ? NULL
                 : (const pln_value_info *)(const void *)((const char *)(const void *)s->values +
                                                          (size_t)i * s->value_stride);
}

typedef struct pln_verdict {
    uint32_t size;
    uint32_t supported; /* 1 or 0 */
    uint64_t estimated_ns;
    char kernel[48];  /* the kernel that would run, "linear avx2" */
    char reason[160]; /* of a refusal */
} pln_verdict;

/* ---- constants */

typedef struct pln_constant_use {
    uint32_t op;    /* pln_op */
    uint32_t input; /* which input of it */
} pln_constant_use;

/* A weight f32 [rows, width], handed over once with all its uses: the device chooses a layout that is good for all of
 * them. */
struct pln_constant_info {
    uint32_t size;
    uint32_t rows;
    uint32_t width;
    uint32_t n_uses;
    const pln_constant_use *uses;
    const float *plain; /* the dense rows, if they lie in memory that outlives the constant; else NULL: constant_read */
    const void *source; /* the host's own */
    const char *name;
};

/* ---- plans */

/* What a run brings. Inputs are in place already. */
typedef struct pln_run {
    uint32_t size;
    uint32_t n_dims;
    const uint32_t *dims; /* [n_dims] real number of each symbol, at most the capacity; dims[0] is 0 */
} pln_run;

typedef struct pln_plan_info {
    uint32_t size;
    uint32_t n_kernels;       /* in: room in kernels; out: how many there are (may be more than fit) */
    uint64_t scratch_bytes;   /* device memory that the plan itself takes beyond the values */
    uint64_t constant_bytes;  /* what the constants of the segment take, rows used where they lie too: dry foretold */
    pln_kernel_info *kernels; /* one per launch, in order; may be NULL */
    pln_program *programs;    /* dry only: as kernels, in the same room; may be NULL */
    uint32_t program_stride;  /* programs[i] begins at i * program_stride */
    uint32_t unused;          /* once padding: nobody reads it */
    uint32_t kernel_stride;   /* in: kernels[i] begins at i * kernel_stride; 0: PLN_KERNEL_INFO_BYTES bytes apart */
    uint32_t kernel_bytes;    /* out: bytes of a kernel that the backend knows, all else in it is as it was. 0: the
                               * backend is from before strides, its kernels lie PLN_KERNEL_INFO_BYTES apart */
} pln_plan_info;
#define PLN_KERNEL_INFO_BYTES 88u /* of a pln_kernel_info before it could grow */

/* How a backend fills kernels and programs of an info. `room` is info->n_kernels as it came in; what has no room, or an
 * info without such an array, takes nothing. Of each it writes what both sides know. */
static inline void pln_plan_give(void *items, size_t stride, uint32_t room, uint32_t i, const void *item, size_t bytes)
{
    if (items && i < room)
        memcpy((char *)items + i * stride, item, bytes < stride ? bytes : stride);
}
static inline void pln_plan_give_kernel(pln_plan_info *info, uint32_t room, uint32_t i, const pln_kernel_info *kernel)
{
    const int grown = info->size >= offsetof(pln_plan_info, kernel_bytes) + sizeof(uint32_t) && info->kernel_stride;
    const size_t stride = grown ? info->kernel_stride : PLN_KERNEL_INFO_BYTES;
    if (grown)
        info->kernel_bytes = (uint32_t)(sizeof *kernel < stride ? sizeof *kernel : stride);
    pln_plan_give(info->kernels, stride, room, i, kernel, sizeof *kernel);
}
static inline void pln_plan_give_program(const pln_plan_info *info, uint32_t room, uint32_t i,
                                         const pln_program *program)
{
    if (info->size >= offsetof(pln_plan_info, program_stride) + sizeof(uint32_t))
        pln_plan_give(info->programs, info->program_stride, room, i, program, sizeof *program);
}

/* ---- the table */

typedef struct pln_backend {
    uint32_t size;
    uint32_t abi; /* PLN_ABI_VERSION that it was built with */
    const char *name;
    const char *version;

    /* Enumerate without opening: no side effects beyond loading the driver. device NULL: as it would be with default
     * options. */
    pln_status (*device_count)(uint32_t *count, pln_error *error);
    pln_status (*device_info)(uint32_t index, const pln_device *device, pln_device_info *info, pln_error *error);

    /* A key or value that the device does not know is PLN_INVALID, a level that the processor lacks too. */
    pln_status (*device_open)(uint32_t index, const pln_host *host, const pln_option *options, uint32_t n_options,
                              pln_device **device, pln_error *error);
    void (*device_close)(pln_device **device); /* accepts NULL inside; everything of the device was destroyed before */

    /* NULL for host-memory devices. Offsets and counts are in bytes and elements; dtype says how elements are converted
     * between the host's 4 bytes and the device's. write and read block until the data is there. */
    pln_status (*buffer_create)(pln_device *device, uint64_t bytes, pln_buffer **buffer, pln_error *error);
    void (*buffer_destroy)(pln_device *device, pln_buffer **buffer);
    pln_status (*buffer_write)(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                               const void *data, pln_error *error);
    pln_status (*buffer_read)(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                              void *data, pln_error *error);

    /* One verdict per node of the segment. Pure: same segment, same answer. verdicts[i] begins at i * verdict_stride.
     */
    pln_status (*supports)(pln_device *device, const pln_segment *segment, pln_verdict *verdicts,
                           uint32_t verdict_stride, pln_error *error);

    pln_status (*constant_create)(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                                  pln_error *error);
    void (*constant_destroy)(pln_device *device, pln_constant **constant);

    /* Nodes run in order; node i may read what node j < i wrote. Blocks until done. */
    pln_status (*plan_create)(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_error *error);
    pln_status (*plan_run)(pln_plan *plan, const pln_run *run, pln_error *error);
    void (*plan_destroy)(pln_plan **plan);

    /* Optional, may be NULL. Nanoseconds of each node in the last run of a PLN_SEGMENT_TIMED plan. */
    pln_status (*plan_timing)(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_error *error);
    /* Optional, may be NULL. With plan NULL it is dry: exact bytes of the segment before anything is
     * allocated. With a plan, segment may be NULL. */
    pln_status (*plan_info)(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                            pln_error *error);
} pln_backend;

/* The one exported symbol. Returns the table, or NULL if no version in [abi_min, abi_max] can be served. */
typedef const pln_backend *pln_backend_query_fn(uint32_t abi_min, uint32_t abi_max);
#define PLN_BACKEND_SYMBOL "pln_backend_query"

#if defined(__GNUC__)
#define PLN_BACKEND_EXPORT __attribute__((visibility("default")))
#else
#define PLN_BACKEND_EXPORT
#endif

/* ---- names of before 0.2: a plugin that was written with them builds as it is */

#define PLN_LOG_ERROR PLN_LOG_LEVEL_ERROR
#define PLN_LOG_WARNING PLN_LOG_LEVEL_WARNING
#define PLN_LOG_INFO PLN_LOG_LEVEL_INFO
#define PLN_LOG_DEBUG PLN_LOG_LEVEL_DEBUG
#define PLN_KIND_CPU PLN_DEVICE_KIND_CPU
#define PLN_KIND_INTEGRATED PLN_DEVICE_KIND_INTEGRATED
#define PLN_KIND_DISCRETE PLN_DEVICE_KIND_DISCRETE
#define PLN_KIND_OTHER PLN_DEVICE_KIND_OTHER
#define PLN_DEVICE_HOST_MEMORY PLN_DEVICE_FLAG_HOST_MEMORY
#define PLN_DEVICE_UNUSABLE PLN_DEVICE_FLAG_UNUSABLE
#define pln_option_find pln_option_value

#ifdef __cplusplus
}
#endif
#endif
