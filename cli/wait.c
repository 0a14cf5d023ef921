/* SPDX-License-Identifier: Apache-2.0
 *
 * A line on stderr for whoever waits, only where that is a terminal and a second has passed.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/terminal.h"

static const double patience = 1, beat = 0.2; /* seconds */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t end;
    pthread_t thread;
    atomic_bool waits;
    bool threaded;
    bool drawn;  /* a line stands, this one's or a progress */
    bool paused; /* cli_line_draw draws nothing */
    double began, last;
    char what[160], step[48];
} wait = {.lock = PTHREAD_MUTEX_INITIALIZER, .end = PTHREAD_COND_INITIALIZER};

static void erase(void)
{
    if (wait.drawn)
        fputs("\r\033[K", stderr);
    wait.drawn = false;
}

static void draw(const char *line)
{
    const uint32_t width = terminal_width(stderr);
    fputc('\r', stderr);
    terminal_put(stderr, line, width ? width - 1 : 0); /* in the last column some terminals go on */
    fputs("\033[K", stderr);
    fflush(stderr);
    wait.drawn = true;
}

static void draw_if_due(void)
{
    char line[sizeof wait.what + sizeof wait.step + 32];
    const double now = cli_seconds();
    if (!wait.waits || now - wait.began < patience || now - wait.last < beat)
        return;
    snprintf(line, sizeof line, "%s%s  %.0f s", wait.what, wait.step, now - wait.began);
    draw(line);
    wait.last = now;
}

void cli_line_draw(const char *line)
{
    pthread_mutex_lock(&wait.lock);
    if (!wait.paused)
        draw(line);
    pthread_mutex_unlock(&wait.lock);
}

static void *watch(void *nothing)
{
    pthread_mutex_lock(&wait.lock);
    while (wait.waits) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += (long)(beat * 1e9);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&wait.end, &wait.lock, &until);
        draw_if_due();
    }
    pthread_mutex_unlock(&wait.lock);
    return nothing;
}

void cli_wait_begin(bool blocked, const char *format, ...)
{
    cli_wait_end();
    if (!isatty(STDERR_FILENO))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(wait.what, sizeof wait.what, format, arguments);
    va_end(arguments);
    wait.began = cli_seconds();
    wait.last = 0;
    wait.step[0] = '\0';
    wait.waits = true;
    wait.threaded = blocked && pthread_create(&wait.thread, NULL, watch, NULL) == 0;
}

void cli_wait_end(void)
{
    pthread_mutex_lock(&wait.lock);
    const bool threaded = wait.waits && wait.threaded;
    if (wait.waits)
        erase();
    wait.waits = wait.threaded = false;
    pthread_cond_signal(&wait.end);
    pthread_mutex_unlock(&wait.lock);
    if (threaded)
        pthread_join(wait.thread, NULL);
}

void cli_wait_tell(const char *what, uint64_t done, uint64_t total)
{
    if (!wait.waits)
        return;
    pthread_mutex_lock(&wait.lock);
    snprintf(wait.step, sizeof wait.step, ": %s, %llu of %llu", what, (unsigned long long)done,
             (unsigned long long)total);
    pthread_mutex_unlock(&wait.lock);
}

void cli_line_hide(void)
{
    pthread_mutex_lock(&wait.lock);
    erase();
    fflush(stderr);
    pthread_mutex_unlock(&wait.lock);
}

void cli_line_pause(bool paused)
{
    pthread_mutex_lock(&wait.lock);
    wait.paused = paused;
    erase();
    fflush(stderr);
    pthread_mutex_unlock(&wait.lock);
}

void cli_wait_tick(void)
{
    if (!wait.waits)
        return;
    pthread_mutex_lock(&wait.lock);
    draw_if_due();
    pthread_mutex_unlock(&wait.lock);
}
