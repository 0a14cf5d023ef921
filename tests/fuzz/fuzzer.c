/* SPDX-License-Identifier: Apache-2.0
 *
 * The door of libFuzzer: fuzzer --target=NAME FOLDER...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct fuzz_target *target;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char option[] = "--target=";
    for (int i = 1; i < *argc; i++)
        if (strncmp((*argv)[i], option, sizeof option - 1) == 0)
            target = fuzz_find((*argv)[i] + sizeof option - 1);
    if (target)
        return 0;
    fputs("usage: fuzzer --target=NAME [OPTION OF libFuzzer...] FOLDER...; tests/fuzz/target.c lists the targets\n",
          stderr);
    exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    target->run(target, data, bytes);
    return 0;
}
