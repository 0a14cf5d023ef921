/* SPDX-License-Identifier: Apache-2.0
 *
 * A text that a vocabulary is trained from. Three bytes choose: how many entries more than the alphabet, the limit of
 * the alphabet, and the flags.
 */
#include <string.h>

#include "tests/fuzz/target.h"

void fuzz_training(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    (void)target;
    if (bytes < 3)
        return;
    const pln_vocabulary_options options = {.size = sizeof options,
                                            .n_entries = data[0] * 8u,
                                            .limit_alphabet = data[1],
                                            .min_frequency = data[2] & 3,
                                            .cased = data[2] & 4,
                                            .keep_accents = data[2] & 8,
                                            .join_chinese = data[2] & 16,
                                            .threads = 1};
    pln_vocabulary_trainer *trainer;
    char *text;
    size_t length;
    uint32_t entries, lines = 0;
    fuzz_check(pln_vocabulary_trainer_create(&options, &trainer, NULL) == PLN_OK, "there is a trainer");
    fuzz_check(pln_vocabulary_trainer_add(trainer, (const char *)data + 3, bytes - 3, NULL) == PLN_OK,
               "a text is added");
    fuzz_check(pln_vocabulary_trainer_train(trainer, &text, &length, &entries, NULL) == PLN_OK,
               "texts give a vocabulary");
    fuzz_check(strlen(text) == length && strncmp(text, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", 31) == 0,
               "special tokens first");
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    fuzz_check(lines == entries && entries >= 5, "entries are lines");
    pln_free(text);
    pln_vocabulary_trainer_destroy(&trainer);
}
