/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the frameworks differ that ELECTRA files are used with: a row of switches for each. Kernels know none of them;
 * what makes no sense anywhere (errors of a framework) is not imitated.
 */
#ifndef ELECTRA_SEMANTICS_H
#define ELECTRA_SEMANTICS_H

#include "api/pleione.h"

/* What a loss of sequences, answers or choices is of those of its rows. */
enum electra_reduction { ELECTRA_LOSS_MEAN, ELECTRA_LOSS_EACH, ELECTRA_LOSS_SUM };

struct electra_semantics {
    const char *name;
    float masked;         /* (1 - mask) times this is added to scores; 0: keys that are not attended to are left out */
    bool whole_mask;      /* a mask is cut to a whole number, and above 0 attends; a head mask is cut as well */
    int32_t token_type;   /* of tokens when no types are given */
    bool hidden_act;      /* language models predict with it, not with an exact gelu */
    bool summary_first;   /* whatever summary_type says */
    bool tied;            /* the word table is the output matrix, whatever the file has */
    bool absolute;        /* whatever position_embedding_type says */
    bool negative_labels; /* of tokens: class 0 of a vocabulary, else none; not only -100 */
    enum electra_reduction reduction;
};

/* NULL: there is no such number. */
const struct electra_semantics *electra_semantics(pln_semantics semantics);
#endif
