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
    (void)signal;
    interrupted = 1;
}

/* The second one ends the process at once. */
void cli_catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = note_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
}

bool cli_interrupted(void)
{
    return interrupted;
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
    if (code == 0 && !interrupted && !feof(stdin)) { /* no memory for a line sets no mark on the stream */
        code = errno == ENOMEM ? PLN_NO_MEMORY : PLN_FAILED;
        fprintf(stderr, "pleione: stdin cannot be read: %s\n", strerror(errno));
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

static bool json_lost; /* an object, or a part of one, could not be made */

void cli_append_json(json_t *list, json_t *item)
{
    json_lost |= json_array_append_new(list, item) != 0;
}

void cli_set_json(json_t *object, const char *key, json_t *value)
{
    json_lost |= json_object_set_new(object, key, value) != 0;
}

char *cli_json_text(const json_t *json, size_t flags)
{
    const size_t bytes = json_dumpb(json, NULL, 0, flags); /* into room that is there nothing can be left out */
    char *text = bytes ? malloc(bytes + 1) : NULL;
    if (text && json_dumpb(json, text, bytes, flags) == bytes) {
        text[bytes] = '\0';
        return text;
    }
    free(text);
    return NULL;
}

void cli_print_json(json_t *object)
{
    char *line = json_lost ? NULL : cli_json_text(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_lost |= !line;
    if (line)
        puts(line);
    free(line);
    json_decref(object);
}

int cli_finish_output(void)
{
    if (json_lost) {
        fputs("pleione: no memory for a JSON object\n", stderr);
        return PLN_NO_MEMORY;
    }
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "pleione: stdout cannot be written: %s\n", strerror(errno));
    return PLN_FAILED;
}
