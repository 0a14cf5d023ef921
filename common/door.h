/* SPDX-License-Identifier: Apache-2.0
 *
 * What public functions ask at their door, so that nothing behind it asks again: pointers that must be there, and
 * tensors that are some.
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

/* names: those of the pointers, separated by ", ". */
pln_status door_pointers(const char *function, const char *names, const void *const *pointers, size_t n,
                         pln_error *error);

/* The list is there if it has entries. Each tensor has a name, a known type, at most PLN_MAX_RANK dimensions, bytes
 * that 64 bits can count, and data unless it has no element. PLN_INVALID names the function and the tensor. */
pln_status door_tensors(const char *function, const pln_tensor *tensors, uint32_t count, pln_error *error);
/* What is wrong with a tensor, its name left aside; NULL: nothing. */
const char *door_tensor_fault(const pln_tensor *tensor);
#endif
