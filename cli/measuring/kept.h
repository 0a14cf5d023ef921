/* SPDX-License-Identifier: Apache-2.0
 *
 * Times that are kept (--save) and judged against those of before (--against), as columns of the table of bench.
 */
#ifndef CLI_MEASURING_KEPT_H
#define CLI_MEASURING_KEPT_H

#include "cli/measuring/history.h"
#include "cli/tables/table.h"

enum { KEPT_LEAST = 8 /* times of a row */, KEPT_SLOWER = 7 /* the exit code */ };

struct kept {
    const char *save, *against, *from;  /* paths, or NULL */
    double percent;                     /* the tolerance */
    bool slower;                        /* some row is, beyond the tolerance */
    bool one_file;                      /* `from` is `against`: its newest build against the one before it */
    uint32_t judged;                    /* rows that both sides have */
    char first[32], last[32];           /* when the calls that rows were judged against were made */
    json_t *line, *before;              /* of this call; lines of `against` */
    struct roof roofs[MEASURE_DEVICES]; /* as last measured */
};

/* Adds --save, --against, --tolerance and --from. */
void kept_options(struct kept *k, struct cli_options *options);
/* What is wrong with them, or NULL; times: bench measures times, and nothing instead. */
const char *kept_wrong(const struct kept *k, bool times);

/* Before anything is measured: what is read is read, and what will be written is tried. */
pln_status kept_begin(struct kept *k, const struct measure_options *options, const char *directory, double seconds,
                      pln_error *error);
/* Outliers and energy, and with `against` the ratio of times, its interval and the verdict. */
void kept_columns(const struct kept *k, struct table *t);
/* After speed_set of row i, which is not lost: fills them. */
pln_status kept_row(struct kept *k, struct speed *s, uint32_t i, struct table *t, pln_error *error);
/* Appends the line. PLN_INVALID when `against` had none of the rows. */
pln_status kept_end(struct kept *k, struct table *t, pln_error *error);
void kept_finish(struct kept *k);
#endif
