/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of tensors, and an index beside shards that are as they should be. They are refused with a sentence, or every
 * tensor can be read and written again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint/checkpoint.h"
#include "tests/fuzz/target.h"

static const char *path_of(const char *name)
{
    static char path[2][160];
    static unsigned next;
    char *to = path[next++ % 2];
    snprintf(to, sizeof path[0], "%s/%s", fuzz_folder(), name);
    return to;
}

static void check_refusal(pln_status status, const pln_error *error)
{
    fuzz_check(status == PLN_BAD_MODEL, "a refusal says what kind it is");
    fuzz_check(strstr(error->message, fuzz_folder()) != NULL, "a refusal names the file");
}

/* All of its bytes, and its rows as f32. */
static uint64_t read_tensor(const pln_tensor *t)
{
    uint64_t sum = 0;
    const uint64_t bytes = pln_tensor_elements(t) * pln_dtype_bytes(t->dtype), width = ckpt_width(t);
    for (uint64_t i = 0; t->data && i < bytes; i++)
        sum += ((const unsigned char *)t->data)[i];
    float *row = width && bytes ? malloc(width * sizeof *row) : NULL;
    for (uint64_t r = 0; row && r < ckpt_rows(t); r++)
        if (ckpt_read_rows(t, r, 1, row) != PLN_OK)
            break;
    free(row);
    return sum;
}

static void write_again(const pln_tensor *all, uint32_t count)
{
    pln_error error = {.message = ""};
    pln_tensor_file *again = NULL;
    uint32_t n = 0, there;
    pln_tensor *known = calloc(count + 1, sizeof *known);
    fuzz_check(known != NULL, "there is memory");
    for (uint32_t i = 0; i < count; i++)
        if (all[i].dtype)
            known[n++] = all[i];
    const char *path = path_of("again.safetensors");
    fuzz_check(ckpt_tensors_write(path, known, n, NULL, 0, &error) == PLN_OK, "what was read can be written");
    fuzz_check(ckpt_tensors_open(path, CKPT_ALIGNED, &again, &error) == PLN_OK, "what was written can be read");
    ckpt_tensors(again, &there);
    fuzz_check(there == n, "all tensors were written");
    for (uint32_t i = 0; i < n; i++) {
        const pln_tensor *t = ckpt_tensors_find(again, known[i].name);
        fuzz_check(t && t->dtype == known[i].dtype && t->rank == known[i].rank &&
                       read_tensor(t) == read_tensor(&known[i]),
                   "a tensor is written as it was");
    }
    ckpt_tensors_close(&again);
    free(known);
}

void fuzz_safetensors(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    pln_tensor_file *file = NULL;
    pln_error error = {.message = ""};
    uint32_t count;
    fuzz_write(target->name, data, bytes);
    const pln_status status = ckpt_tensors_open(path_of(target->name), CKPT_ALIGNED, &file, &error);
    if (status != PLN_OK) {
        check_refusal(status, &error);
        fuzz_check(file == NULL, "a refusal opens nothing");
        return;
    }
    const pln_tensor *all = ckpt_tensors(file, &count);
    for (uint32_t i = 0; i < count; i++) {
        char type[64];
        fuzz_check(ckpt_tensors_find(file, all[i].name) == &all[i], "a tensor is found by its name");
        fuzz_check(all[i].dtype ? all[i].data != NULL : !all[i].data && !all[i].rank, "what is not known has no data");
        fuzz_check(ckpt_tensors_type(file, &all[i], type, sizeof type), "a tensor has a type");
        read_tensor(&all[i]);
    }
    write_again(all, count);
    ckpt_tensors_close(&file);
}

static void write_shard(const char *name, const char *tensor)
{
    const float x = 7;
    const pln_tensor tensors[] = {{tensor, PLN_F32, 1, {1}, &x}, {"both", PLN_F32, 1, {1}, &x}};
    fuzz_check(ckpt_tensors_write(path_of(name), tensors, 2, NULL, 0, NULL) == PLN_OK, "a shard can be written");
}

void fuzz_index(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    static bool made;
    struct ckpt *c = NULL;
    pln_error error = {.message = ""};
    if (!made) {
        fuzz_write("config.json", "{}", 2);
        write_shard("a.shard", "a");
        write_shard("b.shard", "b");
        made = true;
    }
    fuzz_write(target->name, data, bytes);
    const pln_status status = ckpt_open(fuzz_folder(), NULL, 0, &c, &error);
    if (status != PLN_OK) {
        check_refusal(status, &error);
        fuzz_check(c == NULL, "a refusal opens nothing");
        return;
    }
    fuzz_check(ckpt_has_weights(c) && (ckpt_count(c) == 2 || ckpt_count(c) == 3), "one shard or both are read");
    fuzz_check(ckpt_find(c, "both") && (ckpt_find(c, "a") || ckpt_find(c, "b")), "tensors are found by their names");
    for (uint32_t i = 0; i < ckpt_count(c); i++)
        fuzz_check(*(const float *)ckpt_tensor(c, i)->data == 7, "a tensor has its data");
    ckpt_close(&c);
}
