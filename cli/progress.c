/* SPDX-License-Identifier: Apache-2.0
 *
 * A bar on stderr, only where that is a terminal; ten times a second at most.
 */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

enum { WIDTH = 30 };

struct cli_progress cli_progress_begin(const char *what)
{
    return (struct cli_progress){.what = what, .shown = isatty(STDERR_FILENO) != 0, .began = cli_seconds()};
}

static void draw(struct cli_progress *p, uint64_t done, uint64_t total, double now)
{
    char bar[WIDTH + 1] = {0};
    const double part = total && done < total ? (double)done / (double)total : 1;
    const int full = (int)(part * WIDTH);
    memset(bar, '#', (size_t)full);
    memset(bar + full, '.', (size_t)(WIDTH - full));
    if (total)
        fprintf(stderr, "\r%-16s [%s] %3d%%  %.1f s\033[K", p->what, bar, (int)(part * 100), now - p->began);
    else
        fprintf(stderr, "\r%-16s %.1f MB  %.1f s\033[K", p->what, (double)done / 1e6, now - p->began);
    fflush(stderr);
    p->drawn = now;
}

void cli_progress_update(struct cli_progress *progress, uint64_t done, uint64_t total)
{
    if (!progress->shown)
        return;
    const double now = cli_seconds();
    if (now - progress->drawn >= 0.1)
        draw(progress, done, total, now);
}

void cli_progress_end(struct cli_progress *progress)
{
    if (progress->shown && progress->drawn > 0)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
