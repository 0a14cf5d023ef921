/* SPDX-License-Identifier: Apache-2.0
 *
 * A table as a picture: bars or lines.
 */
#include "cli/tables/plot.h"

bool table_write_svg(FILE *out, const struct table *t)
{
    return t->plot.kind == TABLE_LINES ? plot_lines(out, t) : plot_bars(out, t);
}
