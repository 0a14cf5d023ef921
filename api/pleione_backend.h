/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract of a backend: a shared object that exports one symbol, pln_backend_query, and links nothing of pleione.
 * It is frozen: what is here stays where it is, structs grow only at their ends (tests/api/backend_layout.txt).
 *
 * Rules that hold for every entry:
 *  - it returns a status, and that decides. When it is not PLN_OK, the failure holds one sentence that names the thing
 *    (pln_failed); the host ends its message with a NUL, and says something itself if nothing was said;
 *  - no exception, abort, exit or print crosses; nothing is freed by the side that did not allocate it; signals, the
 *    working directory, standard streams, locale and the state of floating point are left as they were found;
 *  - what a handle is given back with PLN_OK is not NULL; when an entry fails, nothing was made;
 *  - one caller per device at a time, from any thread, unless the device says PLN_DEVICE_FLAG_CONCURRENT: then several,
 *    each plan and buffer by one at a time. Several devices, and several opens of one, coexist and have callers of
 *    their own. plan_cancel alone may be called beside anything;
 *  - a value may have no rows in a run: nothing of it is read or written, and that is no error;
 *  - when a device is lost, this and all later entries that can fail return PLN_DEVICE_LOST, at once; *_destroy and
 *    device_close work as ever. Opening it again, also before the lost one is closed, may succeed.
 *
 * How both sides grow:
 *  - a struct that crosses begins with its size as the side knows it that made it. Who reads takes a tail that is not
 *    there as zero; who fills a struct of the other side writes no more than the smaller of both sizes, and leaves
 *    `size` as it is (pln_give);
 *  - an array that crosses has a stride, the distance of its elements: it may be larger than the struct that is known
 *    here. Helpers below find elements;
 *  - a number of an enum that a side does not know is refused, never guessed: a node, value, layout or flag by the
 *    verdict (pln_node_fits), a constant by PLN_UNSUPPORTED, a device by the host;
 *  - flags have two halves. A bit of the lower half is a hint: who does not know it leaves it. A bit of the upper half
 *    (PLN_MUST_KNOW) changes what is right: who does not know it refuses;
 *  - entries of the table behind plan_destroy may be NULL, or not there. pln_dim is passed as it is and never grows.
 */
#ifndef PLEIONE_BACKEND_H
#define PLEIONE_BACKEND_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pleione_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 1 was the interface before it was frozen; what was built with it is refused. */
#define PLN_ABI_VERSION 2u
#define PLN_ABSENT (-1) /* index of an optional operand that is not there */
#define PLN_MUST_KNOW 0xffff0000u

typedef struct pln_device pln_device;     /* each backend defines its own */
typedef struct pln_buffer pln_buffer;     /* memory of a device */
typedef struct pln_constant pln_constant; /* a weight that a device keeps, packed as it likes */
typedef struct pln_plan pln_plan;         /* a compiled segment */

/* ---- what went wrong, and how to fill what the host gives */

/* The host's. Never NULL when the host calls, and only looked at when the entry failed. */
typedef struct pln_failure {
    uint32_t size;
    uint32_t status;   /* pln_status; what the entry returns decides */
    int32_t node;      /* index in the segment, -1 if none */
    uint32_t unused;   /* once padding: nobody reads it */
    char message[496]; /* UTF-8, one sentence without a newline */
} pln_failure;

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static inline pln_status
pln_failed(pln_failure *failure, pln_status status, int32_t node, const char *format, ...)
{
    if (failure) {
        va_list arguments;
        failure->status = (uint32_t)status;
        failure->node = node;
        va_start(arguments, format);
        vsnprintf(failure->message, sizeof failure->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

/* Gives a struct of the other side what is in ours: both begin with their size. */
static inline void pln_give(void *theirs, const void *ours)
{
    uint32_t room, size;
    memcpy(&room, theirs, sizeof room);
    memcpy(&size, ours, sizeof size);
    if (size > room)
        size = room;
    if (size > sizeof size)
        memcpy((char *)theirs + sizeof size, (const char *)ours + sizeof size, size - sizeof size);
}

/* ---- what the host offers */

typedef struct pln_constant_info pln_constant_info;

/* Work of one member of a team: index is 0 .. members-1. */
typedef void pln_team_fn(void *argument, uint32_t index, uint32_t members);

/* Given to device_open and valid until device_close: two runtimes in one process have a team each. Every function may
 * be called from any thread, team_* only by the thread that is inside an entry of this device. Size covers goes_on. */
typedef struct pln_host {
    uint32_t size;
    uint32_t unused;
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
    /* Asked between the steps of an entry that may take seconds (compiling, packing), `done` of `total` steps being
     * made; 0: the entry gives up with PLN_CANCELLED. */
    int (*goes_on)(void *context, const char *what, uint64_t done, uint64_t total);
} pln_host;

static inline int pln_host_goes_on(const pln_host *host, const char *what, uint64_t done, uint64_t total)
{
    return !host->goes_on || host->goes_on(host->context, what, done, total);
}

/* ---- devices */

/* An option that a device knows: the host's user gives KEY=VALUE. Rows of a table of the backend, which stays as long
 * as it is loaded, that of an open device until device_close. */
typedef struct pln_setting_info {
    uint32_t size;
    uint32_t flags;       /* PLN_SETTING_* */
    const char *key;      /* at most 31 bytes, without '=' and '.' */
    const char *values;   /* "c|avx2|avx512"; "NUMBER"; or what to write, in words */
    const char *help;     /* a sentence without its dot */
    const char *usual;    /* what holds if it is not given; NULL: that hangs on the device */
    const char *present;  /* what holds in an open device; NULL: not told */
    uint64_t least, most; /* of NUMBER, both included; most 0: not told */
} pln_setting_info;

/* One KEY=VALUE of the user. */
typedef struct pln_setting {
    uint32_t size;
    uint32_t unused;
    const char *key;
    const char *value;
} pln_setting;

typedef enum pln_setting_flag {
    PLN_SETTING_SEVERAL = 1u << 0, /* it may be given more than once, each adds to it; else the last holds */
} pln_setting_flag;

/* What a device is. The backend fills it; the host does not use a device that contradicts itself. */
typedef struct pln_device_description {
    uint32_t size;
    uint32_t kind;         /* pln_device_kind */
    uint32_t flags;        /* PLN_DEVICE_FLAG_* */
    uint32_t dtypes;       /* 1u << pln_dtype for each element type that the device can store: f32 and i32 at least */
    uint32_t alignment;    /* of a value in a buffer, bytes, a power of two up to 1 MiB */
    uint32_t f32_bytes;    /* bytes that one f32 element takes in its memory: 4, or 8 if it computes in f64 */
    uint32_t row_multiple; /* buckets of `tokens` are rounded up to this: 1 to 65536 */
    uint32_t vendor_id;    /* PCI vendor, 0 if unknown */
    uint64_t memory_bytes;
    uint64_t free_bytes;  /* of them now; 0 if unknown */
    uint64_t block_bytes; /* buffers are asked for up to this size; a larger value gets a buffer of its own. 0: any */
    uint32_t n_settings;
    uint32_t setting_stride;
    const pln_setting_info *settings;
    uint8_t uuid[16]; /* of the device as all APIs give it; zero if unknown */
    char pci[16];     /* "0000:65:00.0", or "" */
    char name[128];
    char driver[128];
    char version[64];
    char reason[256]; /* why it is unusable and what to do */
} pln_device_description;

/* What device_open is given; valid during the call, but for the host's table. */
typedef struct pln_opening {
    uint32_t size;
    uint32_t flags; /* none yet */
    const pln_host *host;
    uint32_t n_settings;
    uint32_t setting_stride;
    const pln_setting *settings; /* only keys that device_info lists */
} pln_opening;

static inline const pln_setting *pln_opening_setting(const pln_opening *opening, uint32_t i)
{
    return (const pln_setting *)(const void *)((const char *)(const void *)opening->settings +
                                               (size_t)i * opening->setting_stride);
}

/* The value of a key, the last given one; NULL if it was not given. */
static inline const char *pln_opening_value(const pln_opening *opening, const char *key)
{
    for (uint32_t i = opening->n_settings; i-- > 0;)
        if (strcmp(pln_opening_setting(opening, i)->key, key) == 0)
            return pln_opening_setting(opening, i)->value;
    return NULL;
}

/* ---- a segment: neighbour nodes for one device */

typedef enum pln_value_kind {
    PLN_VALUE_INPUT = 1,     /* written by the host before a run */
    PLN_VALUE_CONSTANT = 2,  /* read-only, kept by the device as a pln_constant */
    PLN_VALUE_STATE = 3,     /* outlives plans; written in place only by ops that say so */
    PLN_VALUE_TEMPORARY = 4, /* lives within a run; may share memory with others whose life does not overlap */
} pln_value_kind;

typedef enum pln_value_flag {
    /* A temporary that another segment or the host reads. Without it nobody looks at the value when the segment has
     * run: a kernel that fuses its writer with its readers need not write it. */
    PLN_VALUE_READ_OUTSIDE = 1u << 0,
    /* The rows between the real count and the capacity are the value's own: a kernel may write anything there. Without
     * it they hold what is not to be touched. */
    PLN_VALUE_SPARE_ROWS = 1u << 1,
} pln_value_flag;

typedef enum pln_layout {
    PLN_LAYOUT_ROWS = 0, /* row-major elements of the dtype */
} pln_layout;

/* [rows, width] of dtype, row-major. Element (r, c) lies at offset + (r * row_stride + c) * element size of the buffer
 * (elements of f32 take f32_bytes), or at data[...] for a host-memory device. A window of another value has its offset
 * and its row_stride. Memory for capacity rows is there; a kernel reads no row past the real count into a result and,
 * but for PLN_VALUE_SPARE_ROWS, writes none. */
typedef struct pln_value_info {
    uint32_t size;
    uint32_t kind;   /* pln_value_kind */
    uint32_t dtype;  /* PLN_F32 or PLN_I32 */
    uint32_t layout; /* pln_layout */
    uint32_t flags;  /* PLN_VALUE_* */
    uint32_t width;
    uint32_t row_stride; /* elements, >= width */
    pln_dim rows;
    pln_constant *constant; /* for PLN_VALUE_CONSTANT, else NULL */
    pln_buffer *buffer;     /* for devices with their own memory, else NULL */
    uint64_t offset;        /* bytes into buffer; a multiple of the alignment unless the value is a window */
    void *data;             /* for host-memory devices, else NULL; fixed for the life of the plan */
    const char *name;
} pln_value_info;

typedef struct pln_node_info {
    uint32_t size;
    uint32_t op;      /* pln_op */
    uint32_t version; /* of the op as the host knows it */
    uint32_t flags;   /* none yet */
    uint32_t params_size;
    uint32_t n_inputs;
    uint32_t n_outputs;
    uint32_t unused;
    const char *name; /* "layer.3.attention.output" */
    const void *params;
    const int32_t *inputs; /* indices into the values, PLN_ABSENT for an optional operand that is not there */
    const int32_t *outputs;
    uint64_t flops; /* arithmetic at capacity, for estimates and for cutting long submissions */
    uint64_t bytes; /* memory moved at capacity */
} pln_node_info;

typedef enum pln_segment_flag {
    PLN_SEGMENT_TIMED = 1u << 0, /* plan_timing will be asked */
    /* Every row of a result has the same bits whatever the capacity, the numbers of a run and the other rows are: what
     * is chosen by a number of rows (tiles, slices) must not change the order of a sum. */
    PLN_SEGMENT_STEADY = 1u << 1,
} pln_segment_flag;

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
    uint32_t unused;
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

static inline int pln_value_is_known(const pln_value_info *value)
{
    return value->kind >= PLN_VALUE_INPUT && value->kind <= PLN_VALUE_TEMPORARY &&
           (value->dtype == PLN_F32 || value->dtype == PLN_I32) && value->layout == PLN_LAYOUT_ROWS &&
           !(value->flags & PLN_MUST_KNOW);
}

/* Whether a node uses no more of an op than a backend was built with: its version at most that, its params behind that
 * size zero, its operands behind those numbers absent, its values and flags of kinds that this header knows. Then what
 * the backend knows is all there is. */
static inline int pln_node_fits(const pln_segment *segment, const pln_node_info *node, uint32_t version,
                                uint32_t params_size, uint32_t n_inputs, uint32_t n_outputs)
{
    const unsigned char *params = (const unsigned char *)node->params;
    int fits = node->version <= version && !((segment->flags | node->flags) & PLN_MUST_KNOW);
    for (uint32_t i = params_size; i < node->params_size; i++)
        fits &= !params[i];
    for (uint32_t i = n_inputs; i < node->n_inputs; i++)
        fits &= node->inputs[i] == PLN_ABSENT;
    for (uint32_t i = n_outputs; i < node->n_outputs; i++)
        fits &= node->outputs[i] == PLN_ABSENT;
    for (uint32_t i = 0; i < node->n_inputs; i++)
        fits &= node->inputs[i] < 0 || pln_value_is_known(pln_segment_value(segment, node->inputs[i]));
    for (uint32_t i = 0; i < node->n_outputs; i++)
        fits &= node->outputs[i] < 0 || pln_value_is_known(pln_segment_value(segment, node->outputs[i]));
    return fits;
}

/* The host sets the size and zeroes the rest. */
typedef struct pln_verdict {
    uint32_t size;
    uint32_t supported; /* 1 or 0 */
    uint64_t estimated_ns;
    uint32_t together; /* 0. Nodes that are taken only together: no host takes them yet, another number is a refusal */
    uint32_t unused;
    char kernel[48];  /* the kernel that would run, "linear avx2" */
    char reason[160]; /* of a refusal */
} pln_verdict;

/* ---- constants */

typedef struct pln_constant_use {
    uint32_t size;
    uint32_t op;    /* pln_op */
    uint32_t input; /* which input of it */
    uint32_t
        rows; /* a hint: rows of the results that are made with it, in the plan for which it is created; 0: unknown */
} pln_constant_use;

/* A weight [rows, width], handed over once with all its uses: the device chooses a layout that is good for all of
 * them. A layout that it does not know is PLN_UNSUPPORTED. */
struct pln_constant_info {
    uint32_t size;
    uint32_t rows;
    uint32_t width;
    uint32_t layout; /* pln_layout: what `plain` and constant_read give, f32 in PLN_LAYOUT_ROWS */
    uint32_t n_uses;
    uint32_t use_stride;
    const pln_constant_use *uses;
    const float *plain; /* the dense rows, if they lie in memory that outlives the constant; else NULL: constant_read */
    const void *source; /* the host's own */
    const char *name;
};

static inline const pln_constant_use *pln_constant_use_at(const pln_constant_info *info, uint32_t i)
{
    return (const pln_constant_use *)(const void *)((const char *)(const void *)info->uses +
                                                    (size_t)i * info->use_stride);
}

/* ---- plans */

/* What a run brings; valid during the call. Inputs are in place already. */
typedef struct pln_run {
    uint32_t size;
    uint32_t n_dims;
    const uint32_t *dims; /* [n_dims] real number of each symbol, at most the capacity, or 0; dims[0] is 0 */
} pln_run;

/* What the compiler of the device says of a launch; zero where the driver tells nothing. */
typedef struct pln_launch_info {
    uint32_t size;
    uint32_t registers;
    uint32_t spills;
    uint32_t shared_bytes;
    uint32_t subgroup;
    uint32_t unused;
    uint64_t inverse_throughput;
    char name[64];
} pln_launch_info;

/* What the compiler of a device is given for a launch. Texts belong to the backend and stay. */
typedef struct pln_launch_program {
    uint32_t size;
    uint32_t language;  /* pln_language */
    uint32_t node;      /* of the segment */
    uint32_t workgroup; /* threads */
    const char *kernel;
    const void *text;
    uint64_t bytes;
    uint32_t tile_rows, tile_columns; /* of results that a work-group makes; 0: the kernel has no tile to choose */
    uint32_t subgroup;                /* threads that are required; 0: the driver's choice */
    uint32_t n_constants;
    uint32_t constants[16]; /* specialization constants of ids 0, 1, ... */
    char options[400];      /* of the compiler for OpenCL C, the constants among them */
} pln_launch_program;

/* The host's; each element of its arrays has its size set. */
typedef struct pln_plan_info {
    uint32_t size;
    uint32_t n_kernels; /* in: room in both arrays; out: how many launches there are (may be more than fit) */
    uint32_t kernel_stride;
    uint32_t program_stride;
    uint64_t scratch_bytes;   /* device memory that the plan itself takes beyond the values */
    uint64_t constant_bytes;  /* what the constants of the segment take, rows used where they lie too: dry foretold */
    pln_launch_info *kernels; /* one per launch, in order; may be NULL */
    pln_launch_program *programs; /* dry only: as kernels; may be NULL */
} pln_plan_info;

/* How a backend fills kernels and programs of an info. `room` is info->n_kernels as it came in; what has no room, or an
 * info without such an array, takes nothing. */
static inline void pln_plan_give_kernel(const pln_plan_info *info, uint32_t room, uint32_t i,
                                        const pln_launch_info *kernel)
{
    if (info->kernels && i < room)
        pln_give((char *)(void *)info->kernels + (size_t)i * info->kernel_stride, kernel);
}
static inline void pln_plan_give_program(const pln_plan_info *info, uint32_t room, uint32_t i,
                                         const pln_launch_program *program)
{
    if (info->programs && i < room)
        pln_give((char *)(void *)info->programs + (size_t)i * info->program_stride, program);
}

/* ---- the table */

typedef struct pln_backend {
    uint32_t size;
    uint32_t abi;        /* PLN_ABI_VERSION that it was built with */
    const char *name;    /* as in pleione-NAME.so */
    const char *version; /* of the backend */

    /* Enumerate without opening: no side effects beyond loading the driver. device NULL: as it would be with usual
     * settings. */
    pln_status (*device_count)(uint32_t *count, pln_failure *failure);
    pln_status (*device_info)(uint32_t index, const pln_device *device, pln_device_description *info,
                              pln_failure *failure);

    /* A key or value that the device does not know is PLN_INVALID, a level that the processor lacks too. The device has
     * the host's table until it is closed. Threads that it starts end in device_close. */
    pln_status (*device_open)(uint32_t index, const pln_opening *opening, pln_device **device, pln_failure *failure);
    void (*device_close)(pln_device **device); /* accepts NULL inside; everything of the device was destroyed before */

    /* One verdict per node of the segment. Pure: same segment, same answer. verdicts[i] begins at i * verdict_stride.
     */
    pln_status (*supports)(pln_device *device, const pln_segment *segment, pln_verdict *verdicts,
                           uint32_t verdict_stride, pln_failure *failure);

    /* The device owns the constant; `info` and its uses are valid during the call only. */
    pln_status (*constant_create)(pln_device *device, const pln_constant_info *info, pln_constant **constant,
                                  pln_failure *failure);
    void (*constant_destroy)(pln_device *device, pln_constant **constant);

    /* Nodes run in order; node i may read what node j < i wrote. plan_run blocks until done. It allocates nothing and
     * compiles nothing: what can be done in plan_create is done there. A plan has one run at a time; a device may have
     * many plans. Only a run writes values: where a plan is made or destroyed, those of others lie. */
    pln_status (*plan_create)(pln_device *device, const pln_segment *segment, pln_plan **plan, pln_failure *failure);
    pln_status (*plan_run)(pln_plan *plan, const pln_run *run, pln_failure *failure);
    void (*plan_destroy)(pln_plan **plan);

    /* ---- all from here on may be NULL, or behind the end of the table */

    /* All four for a device without PLN_DEVICE_FLAG_HOST_MEMORY. Offsets and counts are in bytes and elements; dtype
     * says how elements are converted between the host's 4 bytes and the device's. write and read block until the data
     * is there, and come behind all runs that were submitted before. */
    pln_status (*buffer_create)(pln_device *device, uint64_t bytes, pln_buffer **buffer, pln_failure *failure);
    void (*buffer_destroy)(pln_device *device, pln_buffer **buffer);
    pln_status (*buffer_write)(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                               const void *data, pln_failure *failure);
    pln_status (*buffer_read)(pln_device *device, pln_buffer *buffer, uint64_t offset, pln_dtype dtype, uint64_t count,
                              void *data, pln_failure *failure);

    /* Nanoseconds of each node in the last run of a PLN_SEGMENT_TIMED plan, none longer than the run. Without it nodes are
     * "not measured". */
    pln_status (*plan_timing)(pln_plan *plan, uint64_t *node_ns, uint32_t n_nodes, pln_failure *failure);
    /* With plan NULL it is dry: exact bytes of the segment before anything is allocated. With a plan, segment may be
     * NULL. */
    pln_status (*plan_info)(pln_device *device, const pln_segment *segment, pln_plan *plan, pln_plan_info *info,
                            pln_failure *failure);

    /* Both or none; NULL: runs block. plan_submit starts a run and returns; runs of one device come to pass in the
     * order of their submission. The plan is the fence: plan_wait returns PLN_TIMED_OUT while the run goes on after so
     * many nanoseconds (0: a look), else what became of it, and from then on the plan may run again or be destroyed.
     * What the run reads is not written, and what it writes is not read, until then. */
    pln_status (*plan_submit)(pln_plan *plan, const pln_run *run, pln_failure *failure);
    pln_status (*plan_wait)(pln_plan *plan, uint64_t timeout_ns, pln_failure *failure);

    /* From any thread, while plan_run runs or between plan_submit and plan_wait: the run ends soon, with PLN_CANCELLED
     * unless it was through. What it would have written is undefined then, the plan is as good as before. It may come
     * before the run has begun and is then in vain: the host asks again. */
    void (*plan_cancel)(pln_plan *plan);

    /* Whether the device still works: PLN_OK, or PLN_DEVICE_LOST and why. It may talk to the driver. */
    pln_status (*device_health)(pln_device *device, pln_failure *failure);
} pln_backend;

/* The one exported symbol. Returns the table, which stays as it is, or NULL if no version in [abi_min, abi_max] can be
 * served. */
typedef const pln_backend *pln_backend_query_fn(uint32_t abi_min, uint32_t abi_max);
#define PLN_BACKEND_SYMBOL "pln_backend_query"

#if defined(__GNUC__)
#define PLN_BACKEND_EXPORT __attribute__((visibility("default")))
#else
#define PLN_BACKEND_EXPORT
#endif

/* ---- constants by their names of before 0.2 */

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

#ifdef __cplusplus
}
#endif
#endif
