/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines in, JSON lines out, the clock and the interrupt.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal)
{
    interrupted = signal;
}

/* The second one ends the process at once. */
void cli_catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = note_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
}

void cli_catch_termination(void)
{
    struct sigaction action = {.sa_handler = note_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

int cli_interrupt_code(void)
{
    return interrupted ? CLI_SIGNALLED + interrupted : 0;
}

double cli_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int each_line(int (*fn)(void *context, const char *text), void *context)
{
    char *line = NULL;
    size_t room = 0;
    int code = 0;
    for (ssize_t n; code == 0 && !interrupted && (n = getline(&line, &room, stdin)) >= 0;) {
        while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = '\0';
        if (strlen(line) != (size_t)n)
            code = cli_usage_error("a line of stdin holds a NUL byte");
        else
            code = fn(context, line);
    }
    free(line);
    if (code == 0 && ferror(stdin)) {
        fprintf(stderr, "pleione: stdin cannot be read: %s\n", strerror(errno));
        code = PLN_FAILED;
    }
    return code;
}

int cli_each_text(const struct cli_list *texts, int (*fn)(void *context, const char *text), void *context)
{
    int code = 0;
    if (!texts->n)
        code = each_line(fn, context);
    for (uint32_t i = 0; code == 0 && !interrupted && i < texts->n; i++)
        code = fn(context, texts->items[i]);
    return code == 0 && interrupted ? CLI_INTERRUPTED : code;
}

void cli_print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(object);
}

int cli_finish_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "pleione: stdout cannot be written: %s\n", strerror(errno));
    return PLN_FAILED;
}
