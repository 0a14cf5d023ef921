/* SPDX-License-Identifier: Apache-2.0
 *
 * The process: interrupts, the three standard streams, the clock.
 */
#include <sys/resource.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

static volatile sig_atomic_t interrupted; /* the signal; 0: none came */

static bool cancels; /* calls of the library that take long */

static void note_interrupt(int signal)
{
    interrupted = signal;
}

static void exit_at_once(int signal)
{
    _exit(CLI_SIGNALLED + signal);
}

static void handle(void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void cli_exit_on_interrupt(void)
{
    handle(exit_at_once, 0);
}

/* The second one ends the process at once. */
void cli_catch_interrupt(void)
{
    handle(note_interrupt, (int)SA_RESETHAND);
}

void cli_cancel_on_interrupt(void)
{
    cancels = true;
    cli_catch_interrupt();
}

bool cli_cancelled(void)
{
    return cancels && cli_interrupted();
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

int cli_interrupt_code(void)
{
    return interrupted ? CLI_SIGNALLED + interrupted : 0;
}

void cli_guard_streams(void)
{
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++)
        if (fcntl(file, F_GETFD) < 0)
            open("/dev/null", file == STDIN_FILENO ? O_WRONLY : O_RDONLY);
    signal(SIGPIPE, SIG_IGN);
}

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

long cli_page_faults(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}
