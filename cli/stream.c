/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines in, JSON lines out, the clock and the interrupt.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/blocks.h"

enum { LINES = 1 << 16 }; /* bytes of lines that are read at once */

static volatile sig_atomic_t interrupted; /* the signal; 0: none came */

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

static bool is_newline(char byte)
{
    return byte == '\n';
}

/* Calls fn for the line, with a NUL behind it. */
static int hand_over(const char *line, size_t bytes, int (*fn)(void *, const char *, size_t), void *context)
{
    while (bytes && line[bytes - 1] == '\r')
        bytes--;
    char *text = malloc(bytes + 1);
    if (!text) {
        fprintf(stderr, "pleione: no memory for a line of %zu bytes\n", bytes);
        return PLN_NO_MEMORY;
    }
    memcpy(text, line, bytes);
    text[bytes] = '\0';
    const int code = fn(context, text, bytes);
    free(text);
    return code;
}

static int each_line(int (*fn)(void *, const char *, size_t), void *context)
{
    static const struct cli_list only_stdin;
    struct cli_blocks blocks;
    struct cli_block block = {0};
    int code = cli_blocks_open(&blocks, &only_stdin, 0, (struct cli_cut){.ends = is_newline, .bytes = LINES});
    while (code == 0 && (code = cli_blocks_next(&blocks, &block)) == 0 && block.bytes) {
        const char *line = block.text, *end = line + block.bytes;
        while (code == 0 && !interrupted && line < end) {
            const char *newline = memchr(line, '\n', (size_t)(end - line));
            code = hand_over(line, (size_t)((newline ? newline : end) - line), fn, context);
            line = newline ? newline + 1 : end;
        }
    }
    free(block.text);
    cli_blocks_close(&blocks);
    return code;
}

int cli_each_text(const struct cli_list *texts, int (*fn)(void *context, const char *text, size_t bytes), void *context)
{
    int code = 0;
    if (!texts->n)
        code = each_line(fn, context);
    for (uint32_t i = 0; code == 0 && !interrupted && i < texts->n; i++)
        code = fn(context, texts->items[i], strlen(texts->items[i]));
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

char *cli_dump_json(const json_t *json, size_t flags)
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
    char *line = json_lost ? NULL : cli_dump_json(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_lost |= !line;
    if (line)
        puts(line);
    free(line);
    json_decref(object);
}

pln_status cli_flush_output(pln_error *error)
{
    const bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (written && !json_lost)
        return PLN_OK;
    *error = (pln_error){.status = written ? PLN_NO_MEMORY : PLN_FAILED, .node = -1};
    if (written)
        snprintf(error->message, sizeof error->message, "no memory for an object of JSON");
    else
        snprintf(error->message, sizeof error->message, "stdout cannot be written: %s", strerror(errno ? errno : EIO));
    return error->status;
}

int cli_finish_output(void)
{
    pln_error error;
    return cli_flush_output(&error) == PLN_OK ? 0 : cli_fail(&error);
}
