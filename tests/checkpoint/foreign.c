/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "checkpoint/content.h"
#include "tests/checkpoint/foreign.h"

const char *given;
pln_error error;

void append(struct bytes *b, const void *data, size_t n)
{
    assert_true(n <= sizeof b->at - b->n);
    memcpy(b->at + b->n, data, n);
    b->n += n;
}

size_t of_hex(const char *text, unsigned char *out)
{
    size_t n = 0;
    for (unsigned byte; *text && sscanf(text, "%2x", &byte) == 1; text += 2)
        out[n++] = (unsigned char)byte;
    return n;
}

size_t read_given(const char *name, struct bytes *to)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", given, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    to->n = fread(to->at, 1, sizeof to->at, file);
    fclose(file);
    return to->n;
}

static void compare(const pln_tensor *found, const pln_tensor *expected)
{
    uint64_t bytes;
    if (!found || found->dtype != expected->dtype || found->rank != expected->rank ||
        memcmp(found->shape, expected->shape, expected->rank * sizeof *expected->shape) != 0)
        fail_msg("%s: another type or shape, or not there", expected->name);
    assert_true(ckpt_tensor_bytes(expected, &bytes));
    if (bytes && memcmp(found->data, expected->data, (size_t)bytes) != 0)
        fail_msg("%s: other bytes", expected->name);
}

void reads(const char *name, const char *file, uint32_t others, const char *note)
{
    char path[2][512];
    pln_tensor_file *found = NULL, *expected = NULL;
    uint32_t n, m;
    snprintf(path[0], sizeof path[0], "%s/%s", given, file);
    snprintf(path[1], sizeof path[1], "%s/%s.safetensors", given, name);
    if (ckpt_tensors_open(path[0], 0, &found, &error) != PLN_OK)
        fail_msg("%s", error.message);
    assert_int_equal(ckpt_tensors_open(path[1], 0, &expected, &error), PLN_OK);
    const pln_tensor *have = ckpt_tensors(found, &n), *want = ckpt_tensors(expected, &m);
    for (uint32_t i = 0; i < m; i++)
        compare(ckpt_tensors_find(found, want[i].name), &want[i]);
    assert_int_equal(n, m + others);
    for (uint32_t i = 0; i < n; i++) {
        assert_true(have[i].dtype || (!have[i].data && !have[i].rank));
        if (ckpt_tensors_verify(found, &have[i], &error) != PLN_OK)
            fail_msg("%s", error.message);
    }
    const char *said = ckpt_tensors_note(found);
    if (note ? !said || !strstr(said, note) : said != NULL)
        fail_msg("%s: '%s' is said", file, said ? said : "nothing");
    ckpt_tensors_close(&found);
    ckpt_tensors_close(&expected);
}

void refused(const char *path, const char *sentence)
{
    pln_tensor_file *file = NULL;
    memset(&error, 0, sizeof error);
    const pln_status status = ckpt_tensors_open(path, 0, &file, &error);
    if (status == PLN_OK) /* what is wrong may be said when the numbers are wanted */
        fail_msg("opens, and should say '%s'", sentence);
    assert_int_equal(status, PLN_BAD_MODEL);
    assert_int_equal(error.status, PLN_BAD_MODEL);
    assert_null(file);
    if (!strstr(error.message, sentence) || !strstr(error.message, path))
        fail_msg("'%s' lacks '%s' or the path", error.message, sentence);
}
