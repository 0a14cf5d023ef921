/* SPDX-License-Identifier: Apache-2.0
 *
 * A bar on stderr, only where that is a terminal; ten times a second at most.
 */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/terminal.h"

enum { WIDTH = 30 };

struct cli_progress cli_progress_begin(const char *what)
{
    return (struct cli_progress){.what = what, .shown = isatty(STDERR_FILENO) != 0, .began = cli_seconds()};
}

/* "3 s", "12 min", "5 h": what is left at this pace; nothing where that is not known. */
static void describe_rest(const struct cli_progress *p, double spent, uint64_t done, uint64_t total, char *text,
                          size_t bytes)
{
    if (done <= p->before || done >= total)
        return;
    const double seconds = spent * (double)(total - done) / (double)(done - p->before);
    if (seconds < 100)
        snprintf(text, bytes, "%.0f s", seconds);
    else if (seconds < 6000)
        snprintf(text, bytes, "%.0f min", seconds / 60);
    else
        snprintf(text, bytes, "%.0f h", seconds / 3600);
}

void cli_progress_line(struct cli_progress *p, uint64_t done, uint64_t total, const char *text)
{
    char line[400], rest[32] = "";
    const double now = cli_seconds(), spent = now - p->began;
    if (!p->shown || (now - p->drawn < 0.1 && (!total || done < total)))
        return;
    describe_rest(p, spent, done, total, rest, sizeof rest);
    snprintf(line, sizeof line, "%s %llu of %llu%s%s%s  %s", p->what, (unsigned long long)done,
             (unsigned long long)total, *rest ? ", " : "", rest, *rest ? " left" : "", text);
    cli_line_draw(line);
    p->drawn = now;
}

void cli_progress_rows(struct cli_progress *p, uint64_t rows, uint64_t done, uint64_t total)
{
    char line[160], rest[32] = "";
    const double now = cli_seconds(), spent = now - p->began;
    if (!p->shown || now - p->drawn < 0.1 || spent < 0.5)
        return;
    describe_rest(p, spent, done, total, rest, sizeof rest);
    snprintf(line, sizeof line, "%s %llu rows, %.0f rows/s%s%s%s", p->what, (unsigned long long)rows,
             (double)rows / spent, *rest ? ", " : "", rest, *rest ? " left" : "");
    cli_line_draw(line);
    p->drawn = now;
}

static void draw(struct cli_progress *p, uint64_t done, uint64_t total, double now)
{
    char bar[WIDTH + 1] = {0}, line[160];
    const double part = total && done < total ? (double)done / (double)total : 1;
    const uint32_t width = terminal_width(stderr);
    const int cells = width >= WIDTH + 40 ? WIDTH : WIDTH / 3, full = (int)(part * cells);
    memset(bar, '#', (size_t)full);
    memset(bar + full, '.', (size_t)(cells - full));
    if (total)
        snprintf(line, sizeof line, "%-16s [%s] %3d%%  %.1f s", p->what, bar, (int)(part * 100), now - p->began);
    else
        snprintf(line, sizeof line, "%-16s %.1f MB  %.1f s", p->what, (double)done / 1e6, now - p->began);
    cli_line_draw(line);
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
        cli_line_hide();
    progress->shown = false;
}
