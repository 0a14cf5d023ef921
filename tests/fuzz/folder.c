/* SPDX-License-Identifier: Apache-2.0
 *
 * A model directory of this process, taken away when it ends in order.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fuzz/target.h"

static char folder[] = "/tmp/pleione-fuzz-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    static const char *const names[] = {"vocab.txt",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "special_tokens_map.json",
                                        "added_tokens.json",
                                        "config.json",
                                        "weights.safetensors",
                                        "again.safetensors",
                                        "model.safetensors.index.json",
                                        "a.shard",
                                        "b.shard",
                                        "zip.bin",
                                        "pickle.bin",
                                        "request.safetensors",
                                        "rows.txt",
                                        "rows.jsonl",
                                        "rows.csv",
                                        "rows.tsv",
                                        "rows.conll",
                                        "rows.json",
                                        "rows.jsonl.gz",
                                        "rows.csv.zst",
                                        "again.jsonl",
                                        "resume.csv",
                                        "resume.csv.gz",
                                        "resume.csv.zst"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_of(names[i]));
    rmdir(path_of("saved"));
    rmdir(folder);
}

const char *fuzz_folder(void)
{
    static bool made;
    if (!made) {
        fuzz_check(mkdtemp(folder) != NULL, "a folder can be made");
        atexit(remove_folder);
        made = true;
    }
    return folder;
}

void fuzz_write(const char *name, const void *data, size_t bytes)
{
    fuzz_folder();
    const int file = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fuzz_check(file >= 0 && write(file, data, bytes) == (ssize_t)bytes && close(file) == 0, "a file can be written");
}
