/* SPDX-License-Identifier: Apache-2.0
 *
 * What all headers for callers begin with: how functions are exported, how options are written, the version, tensors,
 * and the names of objects. The rules stand in pleione.h.
 */
#ifndef PLEIONE_BASE_H
#define PLEIONE_BASE_H

#include <stdbool.h>

#include "pleione_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PLN_API __attribute__((visibility("default")))
#define PLN_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define PLN_API
#define PLN_PRINTF(text, first)
#endif

/* Of this header; pln_version tells that of the library. */
#define PLN_VERSION_MAJOR 0
#define PLN_VERSION_MINOR 2
#define PLN_VERSION_PATCH 0

/* Options in C, for the block that they stand in: PLN_OPTIONS(pln_model_options, .seed = 7). Elsewhere, or for more
 * than a call: a struct of zeros whose size is set. */
#define PLN_OPTIONS(type, ...) (&(const type){.size = sizeof(type), __VA_ARGS__})

typedef struct pln_runtime pln_runtime;     /* plugins and a thread team */
typedef struct pln_devices pln_devices;     /* open devices, in order of preference */
typedef struct pln_model pln_model;         /* config, weights, vocabulary of a directory */
typedef struct pln_session pln_session;     /* model + head + placement, ready to run */
typedef struct pln_tokenizer pln_tokenizer; /* vocabulary and rules */
typedef struct pln_graph pln_graph;         /* nodes and values */
typedef struct pln_value pln_value;         /* what flows */
typedef struct pln_states pln_states;       /* values that outlive plans */
typedef struct pln_schedule pln_schedule;   /* a graph on devices, ready to run */
typedef struct pln_schedule_options pln_schedule_options;

PLN_API const char *pln_version(void);                    /* "0.2.0"; any thread */
PLN_API const char *pln_status_string(pln_status status); /* "no such device"; any thread */
PLN_API const char *pln_dtype_string(pln_dtype dtype);    /* "f32"; any thread */
PLN_API size_t pln_dtype_bytes(pln_dtype dtype);          /* of one element; 0 for an unknown type; any thread */
/* That this process may use: by affinity and by the CPU quota of its control groups, in whole ones, at least 1. Any
 * thread. */
PLN_API uint32_t pln_processors(void);
/* Frees what was returned new as an array or a text. NULL is accepted. Any thread. */
PLN_API void pln_free(void *memory);

/* Called from any thread, also from several at a time; must not call pleione. The message is gone when it returns. */
typedef void pln_log_fn(void *context, pln_log_level level, const char *message);

enum {
    PLN_MAX_DIMS = 64 /* symbols of a graph, 0 included */
};

enum { PLN_MAX_RANK = 8 };

/* Dense, row-major. Who owns name and data is said where one is handed over. */
typedef struct pln_tensor {
    const char *name;
    pln_dtype dtype;
    uint32_t rank; /* 0 is a scalar */
    uint64_t shape[PLN_MAX_RANK];
    const void *data;
} pln_tensor;

PLN_API uint64_t pln_tensor_elements(const pln_tensor *tensor); /* 0 for a rank above PLN_MAX_RANK; any thread */

#ifdef __cplusplus
}
#endif
#endif
