/* SPDX-License-Identifier: Apache-2.0
 *
 * What bench and compare say of a measured batch in the same columns, and the roofs that it is held against.
 */
#ifndef CLI_MEASURING_SPEED_H
#define CLI_MEASURING_SPEED_H

#include "cli/measuring/measure.h"
#include "cli/measuring/roof.h"
#include "cli/tables/table.h"

struct speed {
    struct measure measure;
    struct roof roofs[MEASURE_DEVICES]; /* of each row of the measure */
};

/* Opens everything and measures the roofs. speed_close closes what was opened. */
pln_status speed_open(struct speed *s, const struct measure_options *options, const char *directory, pln_error *error);
void speed_close(struct speed *s);
/* The roof of row i once more, as it is now; what results are held against stays. A lost row leaves it. */
pln_status speed_measure_roof(struct speed *s, uint32_t i, struct roof *roof, pln_error *error);

/* Columns that only programs read; speed_set fills them. */
enum { SPEED_HIDDEN_COLUMNS = 9 };
extern const struct table_column speed_hidden_columns[SPEED_HIDDEN_COLUMNS];

/* Sets title, the width of the column "device", and a note for each roof. */
void speed_describe(struct table *t, const struct speed *s, const char *title, const char *directory);

/* Fills device, dtype, shape, tokens_per_s, gflops, of_roof_percent, bound, slower_percent and the hidden columns of a
 * new row for device i after measure_run, from the time below which `share` of the runs lies; of a lost one
 * measure_add_lost. PLN_FAILED when the result is above the roof: then there is no row. */
pln_status speed_set(struct table *t, struct speed *s, uint32_t i, double share, pln_error *error);
#endif
