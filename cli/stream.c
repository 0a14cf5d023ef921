/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts in: those given, or lines of stdin.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/blocks.h"

enum { LINES = 1 << 16 }; /* bytes of lines that are read at once */

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
        while (code == 0 && !cli_interrupted() && line < end) {
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
    for (uint32_t i = 0; code == 0 && !cli_interrupted() && i < texts->n; i++)
        code = fn(context, texts->items[i], strlen(texts->items[i]));
    return code == 0 && cli_interrupted() ? CLI_INTERRUPTED : code;
}
