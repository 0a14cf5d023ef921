/* SPDX-License-Identifier: Apache-2.0
 *
 * What public functions ask at their door, so that nothing behind it asks again: pointers that must be there, and
 * tensors that are some, and structs of another version of the header.
 */
#ifndef COMMON_DOOR_H
#define COMMON_DOOR_H

#include "api/pleione.h"
#include "common/fail.h"

/* NEED(error, model, devices): ends the function with PLN_INVALID if one of the pointers is NULL; the sentence names
 * the function and the argument. */
#define NEED(error, ...)                                                                                               \
    do {                                                                                                               \
        const void *const needed[] = {__VA_ARGS__};                                                                    \
        const pln_status refused =                                                                                     \
            door_pointers(__func__, #__VA_ARGS__, needed, sizeof needed / sizeof *needed, error);                      \
        if (refused != PLN_OK)                                                                                         \
            return refused;                                                                                            \
    } while (0)

/* The same for a list that is needed when it has entries. */
#define NEED_LIST(error, list, count)                                                                                  \
    do {                                                                                                               \
        if (!(list) && (count))                                                                                        \
            return pln_fail(error, PLN_INVALID, "%s: %s is NULL and %s is %u", __func__, #list, #count, count);        \
    } while (0)

/* The least size of each struct that grows: what it had in 0.2.0. */
#define SIZED(type, last) enum { door_least_##type = offsetof(type, last) + sizeof(((type *)0)->last) };
#include "common/sized.def"
#undef SIZED

/* TAKE(error, pln_model_options, taken, options): what the caller set goes over the defaults in `taken`; ends the
 * function if options (may be NULL) are of a size that cannot be, or set a member that is not known here. */
#define TAKE(error, type, taken, options)                                                                              \
    do {                                                                                                               \
        const pln_status untaken =                                                                                     \
            door_take(__func__, #type, &(taken), sizeof(type), door_least_##type, 1 ? (options) : &(taken), error);    \
        if (untaken != PLN_OK)                                                                                         \
            return untaken;                                                                                            \
    } while (0)

/* ROOM(error, pln_memory, memory): ends the function if what the caller gives to be filled has not its size set. */
#define ROOM(error, type, out)                                                                                         \
    do {                                                                                                               \
        const pln_status unfit = door_room(__func__, #type, (out)->size, door_least_##type, error);                    \
        if (unfit != PLN_OK)                                                                                           \
            return unfit;                                                                                              \
    } while (0)

/* Copies the members that both sides know over `taken`, whose size becomes `size`. Both begin with uint32_t size.
 * PLN_INVALID: options->size is below `least`; PLN_UNSUPPORTED: what lies behind `size` is not zero. The sentences name
 * the function and the type. */
pln_status door_take(const char *function, const char *type, void *taken, size_t size, size_t least,
                     const void *options, pln_error *error);
/* PLN_INVALID if the size that a caller gave for a struct to be filled is below `least`. */
pln_status door_room(const char *function, const char *type, size_t given, size_t least, pln_error *error);
/* Fills a struct of the caller with what he knows of ours, as much as out->size says, which stays. */
void door_give(void *out, const void *full, size_t size);

/* names: those of the pointers, separated by ", ". */
pln_status door_pointers(const char *function, const char *names, const void *const *pointers, size_t n,
                         pln_error *error);

/* The list is there if it has entries. Each tensor has a name, a known type, at most PLN_MAX_RANK dimensions, bytes
 * that 64 bits can count, and data unless it has no element. PLN_INVALID names the function and the tensor. */
pln_status door_tensors(const char *function, const pln_tensor *tensors, uint32_t n_tensors, pln_error *error);
/* What is wrong with a tensor, its name left aside; NULL: nothing. */
const char *door_tensor_fault(const pln_tensor *tensor);
#endif
