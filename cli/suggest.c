/* SPDX-License-Identifier: Apache-2.0
 *
 * What a mistyped name was meant to be.
 */
#include <string.h>

#include "cli/cli.h"

enum { MOST = 40 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to insert, drop, change or swap with their neighbour (optimal string alignment); texts of at most MOST bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][MOST + 1] = {{0}}, *before = rows[0], *above = rows[1], *row = rows[2];
    const size_t n_a = strlen(a), n_b = strlen(b);
    for (size_t j = 0; j <= n_b; j++)
        above[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[n_b];
}

void cli_suggest(struct cli_suggestion *s, const char *typed, const char *name)
{
    const size_t n = strlen(typed), m = strlen(name);
    if (n > MOST || m > MOST || !n)
        return;
    const size_t far = n >= 3 && n < m && strncmp(typed, name, n) == 0 ? 1 : distance(typed, name);
    if (far <= least(1 + m / 4, 3) && far < n && (!s->name || far < s->far)) {
        s->name = name;
        s->far = far;
    }
}
