/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads files into blocks.
 */
#include "cli/blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_stdin(const char *name)
{
    return strcmp(name, "-") == 0;
}

int cli_blocks_open(struct cli_blocks *blocks, const struct cli_list *files, uint32_t first, struct cli_cut cut)
{
    static const struct cli_list only_stdin = {1, {"-"}};
    *blocks = (struct cli_blocks){.files = files, .next = first, .cut = cut, .file = -1};
    if (first == files->n) {
        blocks->files = &only_stdin;
        blocks->next = 0;
    }
    bool regular = true;
    for (uint32_t i = blocks->next; i < blocks->files->n; i++) {
        const char *name = blocks->files->items[i];
        struct stat about;
        if (!is_stdin(name) && access(name, R_OK) != 0)
            return cli_usage_error("%s cannot be opened: %s", name, strerror(errno));
        regular &= (is_stdin(name) ? fstat(STDIN_FILENO, &about) : stat(name, &about)) == 0 && S_ISREG(about.st_mode);
        blocks->total += regular ? (uint64_t)about.st_size : 0;
    }
    blocks->total = regular ? blocks->total : 0;
    return 0;
}

void cli_blocks_close(struct cli_blocks *blocks)
{
    if (blocks->file > STDIN_FILENO)
        close(blocks->file);
    free(blocks->rest);
    *blocks = (struct cli_blocks){.file = -1};
}

static int open_next(struct cli_blocks *b)
{
    const char *name = b->files->items[b->next++];
    b->name = is_stdin(name) ? "stdin" : name;
    b->file = is_stdin(name) ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    return b->file >= 0 ? 0 : cli_usage_error("%s cannot be opened: %s", name, strerror(errno));
}

static void close_file(struct cli_blocks *b)
{
    if (b->file != STDIN_FILENO)
        close(b->file);
    b->file = -1;
}

static bool reserve(char **text, size_t *room, size_t need)
{
    if (need <= *room)
        return true;
    char *grown = realloc(*text, need);
    if (!grown)
        return false;
    *text = grown;
    *room = need;
    return true;
}

/* Moves what is behind the last end, at or behind `from`, to the rest. False: there is no end, or no memory (then
 * nothing is lost). */
static bool cut_off(struct cli_blocks *b, struct cli_block *block, size_t from)
{
    size_t end = block->bytes;
    while (end > from && !b->cut.ends(block->text[end - 1]))
        end--;
    if (end == from || !reserve(&b->rest, &b->rest_room, block->bytes - end))
        return false;
    b->n_rest = block->bytes - end;
    if (b->n_rest)
        memcpy(b->rest, block->text + end, b->n_rest);
    block->bytes = end;
    return true;
}

/* read, but an interrupt ends the waiting whichever thread it comes to. -1 then, too. */
static ssize_t read_some(int file, char *to, size_t bytes)
{
    struct pollfd waited = {.fd = file, .events = POLLIN};
    int ready = 0;
    while (!ready && !cli_interrupted()) {
        ready = poll(&waited, 1, 100);
        ready = ready < 0 && errno == EINTR ? 0 : ready;
    }
    return cli_interrupted() ? -1 : read(file, to, bytes);
}

/* From the open file; closes it at its end. A text that is longer than the block is read in steps as long as itself. */
static int fill(struct cli_blocks *b, struct cli_block *block)
{
    for (size_t from = block->bytes;;) {
        const size_t more = block->bytes > b->cut.bytes ? block->bytes : b->cut.bytes;
        if (!reserve(&block->text, &block->room, block->bytes + more)) {
            fprintf(stderr, "pleione: %s: no memory for a line of %zu bytes\n", b->name, block->bytes);
            return PLN_NO_MEMORY;
        }
        const ssize_t n = read_some(b->file, block->text + block->bytes, more);
        if (cli_interrupted())
            return CLI_INTERRUPTED;
        if (n < 0) {
            fprintf(stderr, "pleione: %s cannot be read: %s\n", b->name, strerror(errno));
            return PLN_FAILED;
        }
        if (n == 0) {
            close_file(b);
            return 0;
        }
        block->bytes += (size_t)n;
        b->read += (uint64_t)n;
        if (b->cut.full && block->bytes < b->cut.bytes)
            continue;
        if (cut_off(b, block, from))
            return 0;
        from = block->bytes;
    }
}

int cli_blocks_next(struct cli_blocks *blocks, struct cli_block *block)
{
    int code = 0;
    block->bytes = 0;
    while (code == 0 && !block->bytes) {
        if (blocks->file < 0 && blocks->next == blocks->files->n)
            return 0;
        if (blocks->file < 0)
            code = open_next(blocks);
        if (code == 0 && !reserve(&block->text, &block->room, blocks->n_rest + blocks->cut.bytes)) {
            fprintf(stderr, "pleione: %s: no memory for a block of %zu bytes\n", blocks->name, blocks->cut.bytes);
            code = PLN_NO_MEMORY;
        }
        if (code)
            return code;
        if (blocks->n_rest)
            memcpy(block->text, blocks->rest, blocks->n_rest);
        block->bytes = blocks->n_rest;
        blocks->n_rest = 0;
        code = fill(blocks, block);
    }
    return code;
}
