/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of named columns: what tasks answer, and what lies in files of people. The rules stand in pleione.h.
 */
#ifndef PLEIONE_ROWS_H
#define PLEIONE_ROWS_H

#include "pleione_tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A column of a row: a text, or a list of texts. Numbers and booleans are their text as it stands in the file ("3",
 * "0.5", "true"); what is null is a column that is absent. */
typedef struct pln_field { /* arrays of the caller: never grows */
    const char *name;      /* "text"; what lies in an object has its path: "answers.text" */
    pln_text text;         /* text NULL: it is a list */
    const pln_text *items;
    uint32_t n_items;
} pln_field;

typedef struct pln_record { /* never grows */
    const pln_field *fields;
    uint32_t n_fields;
} pln_record;

#ifdef __cplusplus
}
#endif
#endif
