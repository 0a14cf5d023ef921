/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine for the pickles that PyTorch writes. It runs no code and calls nothing: a pickle may name what stands in the
 * table of pickle_globals.c, and anything else is refused when it is named. What it gives are dictionaries, numbers, texts
 * and descriptions of tensors.
 */
#ifndef CHECKPOINT_PICKLE_H
#define CHECKPOINT_PICKLE_H

#include <stdbool.h>

#include "api/pleione.h"
#include "common/arena.h"

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INTEGER,
    PICKLE_REAL,
    PICKLE_TEXT, /* and bytes */
    PICKLE_LIST, /* and tuples */
    PICKLE_DICTIONARY,
    PICKLE_GLOBAL,
    PICKLE_STORAGE,
    PICKLE_TENSOR,
    PICKLE_OPAQUE, /* a value beside the tensors that nobody looks into */
    PICKLE_MARK,
};

/* What a global does where it is called, or stands for. */
enum pickle_role {
    PICKLE_MAKES_DICTIONARY,
    PICKLE_MAKES_TENSOR,       /* (storage, offset, size, stride, ...) */
    PICKLE_MAKES_TYPED_TENSOR, /* (storage, offset, size, stride, requires_grad, hooks, dtype, ...) */
    PICKLE_MAKES_FIRST,        /* its first argument: a parameter round a tensor */
    PICKLE_MAKES_CALL,         /* of its first argument on the third one */
    PICKLE_MAKES_OPAQUE,
    PICKLE_IS_STORAGE, /* of elements of a type */
    PICKLE_IS_BYTES,   /* a storage that counts bytes */
    PICKLE_IS_DTYPE,
    PICKLE_IS_KIND,
};

struct pickle_global {
    const char *module, *name;
    enum pickle_role role;
    pln_dtype dtype; /* of IS_STORAGE and IS_DTYPE; 0: one that pleione does not have */
    uint32_t width;  /* bytes of an element, also of those */
};

/* NULL: it may not be named. */
const struct pickle_global *pickle_global_find(const char *module, size_t module_bytes, const char *name,
                                               size_t name_bytes);

/* Where the numbers of tensors lie. */
struct pickle_storage {
    const struct pickle_global *type;
    const char *key; /* [key_bytes], in the pickle */
    size_t key_bytes;
    uint64_t elements;           /* as the pickle says; of the whole storage */
    uint64_t first, window;      /* a view of older files: elements of it */
    struct pickle_storage *next; /* of the pickle */
    const unsigned char *data;   /* filled in by who knows the file */
    uint64_t data_bytes;
};

struct pickle_tensor {
    struct pickle_storage *storage;
    pln_dtype dtype;
    uint32_t width, rank;
    const char *type;                                   /* its name in the pickle */
    uint64_t first;                                     /* elements after the start of the storage */
    uint64_t shape[PLN_MAX_RANK], stride[PLN_MAX_RANK]; /* elements */
};

struct pickle_object {
    enum pickle_kind kind;
    union {
        int64_t integer; /* also of bools */
        double real;
        struct {
            const char *bytes; /* in the pickle */
            size_t n;
        } text;
        struct {
            struct pickle_object **items; /* [n]; of a dictionary keys and values in turn */
            size_t n, room;
        } list;
        const struct pickle_global *global;
        struct pickle_storage *storage;
        struct pickle_tensor *tensor;
    } is;
};

struct pickle {
    const char *path; /* begins the sentences */
    struct arena *memory;
    struct pickle_storage *storages;
    uint32_t n_storages;
};

enum { PICKLE_MAX_STEPS = 1 << 22 }; /* of one pickle: forty for each of 100,000 tensors */

/* Runs a pickle that begins at bytes; *used are its bytes up to STOP. Objects live in the memory and point into bytes.
 * PLN_BAD_MODEL in one sentence. */
pln_status pickle_run(struct pickle *pickle, const unsigned char *bytes, size_t n, size_t *used,
                      struct pickle_object **object, pln_error *error);

/* What REDUCE of a global on arguments (a list) gives. */
pln_status pickle_call(struct pickle *pickle, const struct pickle_global *global, const struct pickle_object *arguments,
                       struct pickle_object *result, pln_error *error);
/* What a persistent id (a list) stands for: a storage. */
pln_status pickle_persistent(struct pickle *pickle, const struct pickle_object *id, struct pickle_object *result,
                             pln_error *error);

/* ---- pickle_object.c */

/* The value of a key of a dictionary; NULL: it has none. */
const struct pickle_object *pickle_get(const struct pickle_object *dictionary, const char *key);
bool pickle_is_text(const struct pickle_object *object, const char *text);
/* Appends to a list. False: no memory. */
bool pickle_append(struct pickle *pickle, struct pickle_object *list, struct pickle_object *item);
#endif
