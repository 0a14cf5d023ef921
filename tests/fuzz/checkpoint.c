/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of weights of any format but safetensors. It is refused with a sentence, or every tensor that it tells can be
 * read to its last byte, under a name of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/format.h"
#include "electra/names.h"
#include "tests/fuzz/target.h"

enum { MOST_READ = 1 << 22 }; /* elements of a tensor */

static void read_weight(const struct electra_name *name)
{
    const struct weight weight = electra_name_weight(name);
    const size_t element = pln_dtype_bytes(weight.dtype);
    const uint64_t n = element ? weight_elements(&weight) : 0;
    fuzz_check(element || !weight.rank, "what is not known has no shape");
    if (!n || n > MOST_READ)
        return;
    void *bits = malloc(n * element);
    float *values = malloc(n * sizeof *values);
    fuzz_check(bits && values, "there is memory for what a file holds");
    weight_copy(&weight, 0, n, bits);
    if (weight.dtype == PLN_F32 || weight.dtype == PLN_F16 || weight.dtype == PLN_BF16 || weight.dtype == PLN_F64)
        weight_read(&weight, 0, n, values);
    free(bits);
    free(values);
}

static void read_names(const struct ckpt *checkpoint, pln_part part)
{
    struct electra_names names;
    pln_error error = {.message = ""};
    const pln_status status = electra_names_init(&names, checkpoint, part, &error);
    fuzz_check(status == PLN_OK || (status == PLN_BAD_MODEL && error.message[0]), "names are told, or refused");
    for (uint32_t i = 0; status == PLN_OK && i < names.count; i++) {
        const struct electra_name *name = &names.list[i];
        fuzz_check(name->dropped == (i >= names.found), "what is dropped comes last");
        fuzz_check(name->dropped || electra_names_find(&names, name->name) == name,
                   "a name is found, and is one's own");
        read_weight(name);
    }
    electra_names_finish(&names);
}

void fuzz_checkpoint(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    struct ckpt *c = NULL;
    pln_error error = {.message = ""};
    fuzz_write("config.json", "{}", 2);
    fuzz_write(target->name, data, bytes);
    const pln_status status = ckpt_open(fuzz_folder(), target->name, 0, &c, &error);
    if (status != PLN_OK) {
        fuzz_check(status == PLN_BAD_MODEL, "a refusal says what kind it is");
        fuzz_check(strstr(error.message, fuzz_folder()) != NULL, "a refusal names the file");
        fuzz_check(c == NULL, "a refusal opens nothing");
        return;
    }
    for (uint32_t i = 0; i < ckpt_count(c); i++) {
        uint64_t size;
        const pln_tensor *tensor = ckpt_tensor(c, i);
        fuzz_check(ckpt_find(c, tensor->name) == tensor, "a tensor is found by its name");
        fuzz_check(tensor->dtype ? ckpt_tensor_bytes(tensor, &size) : !tensor->data, "what is not known has no data");
    }
    for (int part = PLN_PART_DEFAULT; part <= PLN_PART_GENERATOR; part++)
        read_names(c, (pln_part)part);
    ckpt_close(&c);
}
