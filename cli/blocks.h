/* SPDX-License-Identifier: Apache-2.0
 *
 * Files one after another as blocks that end where a text may be cut. Memory is that of one block, or of the longest
 * text if that is more.
 */
#ifndef CLI_BLOCKS_H
#define CLI_BLOCKS_H

#include "cli/cli.h"

struct cli_cut {
    bool (*ends)(char byte); /* a block may end behind such a byte */
    size_t bytes;            /* of a block, unless a text is longer */
    bool full;               /* a pipe is waited for until it has filled a block, not only till it has brought a text */
};

struct cli_blocks {
    const struct cli_list *files; /* "-" is stdin; none at all: stdin too. Borrows */
    uint32_t next;                /* of files */
    struct cli_cut cut;
    int file;         /* -1: none is open */
    const char *name; /* of the open file */
    char *rest;       /* read, but behind the end of the last block */
    size_t n_rest, rest_room;
    uint64_t read, total; /* bytes; total is 0 if a file is not regular */
};

struct cli_block { /* zero at first; text is freed by its owner */
    char *text;
    size_t bytes, room;
};

/* The caller's memory. files from `first` on. Looks whether each can be read: 0, or an exit code after a sentence. */
int cli_blocks_open(struct cli_blocks *blocks, const struct cli_list *files, uint32_t first, struct cli_cut cut);
void cli_blocks_close(struct cli_blocks *blocks);

/* The next block, all of one file; the last one of a file ends with the file. 0 bytes: there is no more. 0, or an exit
 * code after a sentence (CLI_INTERRUPTED without one). */
int cli_blocks_next(struct cli_blocks *blocks, struct cli_block *block);
#endif
