/* SPDX-License-Identifier: Apache-2.0
 *
 * The few types that callers (pleione.h) and backend authors (pleione_backend.h) share: status, error record, data
 * types, dimensions.
 */
#ifndef PLEIONE_TYPES_H
#define PLEIONE_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call came to. The first seven are also the exit codes of the command. */
typedef enum pln_status {
    PLN_OK = 0,
    PLN_FAILED = 1,      /* the run itself failed: input/output error, driver error, internal error */
    PLN_INVALID = 2,     /* an argument, option or request tensor is wrong */
    PLN_NO_DEVICE = 3,   /* no such backend or device, or it cannot be used */
    PLN_BAD_MODEL = 4,   /* a model file is missing, broken or does not fit its config */
    PLN_DISAGREE = 5,    /* outputs of two devices differ by more than the tolerance */
    PLN_NO_MEMORY = 6,   /* host or device memory is exhausted */
    PLN_UNSUPPORTED = 7, /* a device does not take this node, or a model needs what pleione does not offer */
    PLN_DEVICE_LOST = 8, /* the device stopped answering; it stays lost until it is closed */
    PLN_CANCELLED = 9,   /* a callback of the caller said so */
    PLN_TIMED_OUT = 10,  /* it has not ended in the time that it was given */
} pln_status;

/* Says what went wrong in one sentence. The caller owns it; the callee only writes it, and only on failure. */
typedef struct pln_error {
    pln_status status;
    int32_t node;      /* index of the node in the segment or graph, -1 if none */
    char message[500]; /* UTF-8, ends with NUL, no newline */
} pln_error;

/* Element types of tensors. Inside graphs only PLN_F32 and PLN_I32 flow; the others are storage in files and requests.
 */
typedef enum pln_dtype {
    PLN_F32 = 1,
    PLN_I32 = 2,
    PLN_F16 = 3,
    PLN_BF16 = 4,
    PLN_F64 = 5,
    PLN_I64 = 6,
    PLN_BOOL = 7, /* one byte, zero or not */
    PLN_U8 = 8,
    PLN_I8 = 9,
    PLN_I16 = 10,
} pln_dtype;

/* A number of rows: scale * (value of the symbol) + offset. Symbol 0 is "none" and has the value 0, so {0, 0, 5} is 5.
 * Symbols (tokens, batch, ...) are named by the graph, get capacities in a plan and numbers in a run. */
typedef struct pln_dim {
    uint32_t symbol;
    uint32_t scale;
    uint32_t offset;
} pln_dim;

/* Rows of a dimension under given numbers; dims[0] must be 0. */
static inline uint32_t pln_dim_rows(pln_dim dim, const uint32_t *dims)
{
    return dim.scale * dims[dim.symbol] + dim.offset;
}

/* ---- logging, devices, kernels */

typedef enum pln_log_level {
    PLN_LOG_LEVEL_ERROR = 1,
    PLN_LOG_LEVEL_WARNING = 2,
    PLN_LOG_LEVEL_INFO = 3,
    PLN_LOG_LEVEL_DEBUG = 4
} pln_log_level;

typedef enum pln_device_kind {
    PLN_DEVICE_KIND_CPU = 1,        /* the processor itself, or an API that runs on it */
    PLN_DEVICE_KIND_INTEGRATED = 2, /* a GPU that shares the host's memory */
    PLN_DEVICE_KIND_DISCRETE = 3,
    PLN_DEVICE_KIND_OTHER = 4,
} pln_device_kind;

typedef enum pln_device_flag {
    PLN_DEVICE_FLAG_HOST_MEMORY = 1u << 0, /* works on host pointers: no buffer_* entries; values come as pointers */
    PLN_DEVICE_FLAG_UNUSABLE = 1u << 1,    /* listed, but cannot be opened: see reason */
    PLN_DEVICE_FLAG_CONCURRENT = 1u << 2,  /* takes several callers at a time, each with plans and buffers of its own */
    PLN_DEVICE_FLAG_OWN_THREADS = 1u << 3, /* computes on threads of its own, beside the team of the host */
} pln_device_flag;

typedef struct pln_option { /* one KEY=VALUE of the user */
    const char *key;
    const char *value;
} pln_option;

typedef struct pln_option_info { /* an option that a device knows; the table ends with key NULL */
    const char *key;
    const char *values; /* "c|avx2|avx512", or "NUMBER" */
    const char *help;
} pln_option_info;

typedef struct pln_option_value_info {
    uint32_t size;
    uint32_t several;     /* 1: it may be given more than once, each adds to it; else the last holds */
    const char *usual;    /* what holds if it is not given; NULL: that hangs on the device */
    const char *present;  /* what holds in an open device; NULL: not told */
    uint64_t least, most; /* of a number, both included; most 0: not told */
} pln_option_value_info;

/* The value of a key, the last given one; NULL if it was not given. */
static inline const char *pln_option_value(const pln_option *options, uint32_t n_options, const char *key)
{
    for (uint32_t i = n_options; i-- > 0;) {
        const char *a = options[i].key, *b = key;
        while (*a && *a == *b) {
            a++;
            b++;
        }
        if (*a == *b)
            return options[i].value;
    }
    return NULL;
}

typedef struct pln_device_info {
    uint32_t size;
    uint32_t kind;         /* pln_device_kind */
    uint32_t flags;        /* PLN_DEVICE_FLAG_* */
    uint32_t dtypes;       /* 1u << pln_dtype for each element type that the device can store */
    uint32_t alignment;    /* of a value in a buffer, bytes, a power of two */
    uint32_t f32_bytes;    /* bytes that one f32 element takes in its memory: 4, or 8 if it computes in f64 */
    uint32_t row_multiple; /* buckets of `tokens` are rounded up to this */
    uint32_t vendor_id;    /* PCI vendor, 0 if unknown */
    uint64_t memory_bytes;
    uint64_t block_bytes; /* buffers are asked for up to this size; a larger value gets a buffer of its own */
    char name[128];
    char driver[128];
    char version[64];
    char reason[256]; /* why it is unusable and what to do */
    const pln_option_info *options;
    /* For each option, in the same order: what more there is to say of it; the list ends with NULL. */
    const pln_option_value_info *const *option_values;
    uint64_t free_bytes; /* of memory_bytes, when the device was opened; 0 if unknown, as before it is opened mostly */
    uint8_t uuid[16];    /* the same from all drivers of the device; zero if unknown */
    char pci[16];        /* "0000:65:00.0", or "" */
} pln_device_info;

/* What the compiler of the device says of a node's kernel; zero where the driver tells nothing. */
typedef struct pln_kernel_info {
    char name[64];
    uint32_t registers;
    uint32_t spills;
    uint32_t shared_bytes;
    uint32_t subgroup;
    uint64_t inverse_throughput;
} pln_kernel_info;

typedef enum pln_language {
    PLN_LANGUAGE_SPIRV = 1,    /* entry point "main" */
    PLN_LANGUAGE_OPENCL_C = 2, /* entry point: the kernel's name */
} pln_language;

/* What the compiler of a device is given for a launch. Texts belong to the backend and stay. */
typedef struct pln_program {
    uint32_t language; /* pln_language */
    uint32_t node;     /* of the segment */
    const char *op;    /* name of the node's op, filled in by the host */
    const char *kernel;
    const void *text;
    uint64_t bytes;
    uint32_t tile_rows, tile_columns; /* of results that a work-group makes; 0: the kernel has no tile to choose */
    uint32_t workgroup;               /* threads */
    uint32_t subgroup;                /* threads that are required; 0: the driver's choice */
    uint32_t n_constants;
    uint32_t constants[16]; /* specialization constants of ids 0, 1, ... */
    char options[400];      /* of the compiler for OpenCL C, the constants among them */
} pln_program;

#ifdef __cplusplus
}
#endif
#endif
