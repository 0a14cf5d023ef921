/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "tests/checkpoint/folder.h"

char folder[PATH_MAX] = "checkpoint-XXXXXX";

int folder_make(void)
{
    return mkdtemp(folder) != NULL;
}

int folder_drop(int failed)
{
    rmdir(folder);
    return failed;
}

const char *in_folder(const char *name)
{
    static char paths[4][PATH_MAX + 300];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

int remove_files(void **state)
{
    (void)state;
    DIR *list = opendir(folder);
    for (struct dirent *entry; (entry = readdir(list));)
        if (entry->d_name[0] != '.')
            remove(in_folder(entry->d_name));
    closedir(list);
    return 0;
}

int files_in_folder(void)
{
    int n = 0;
    DIR *list = opendir(folder);
    for (struct dirent *entry; (entry = readdir(list));)
        n += entry->d_name[0] != '.';
    closedir(list);
    return n;
}

const char *put(const char *name, const void *bytes, size_t n)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return path;
}

void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text));
}

void put_shard(const char *name, const char *tensor)
{
    pln_error error;
    const float x = 7;
    const pln_tensor tensors[] = {{tensor, PLN_F32, 1, {1}, &x}, {"unlisted", PLN_F32, 1, {1}, &x}};
    assert_int_equal(pln_tensor_file_write(in_folder(name), tensors, 2, &error), PLN_OK);
}
