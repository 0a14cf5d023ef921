/* SPDX-License-Identifier: Apache-2.0
 *
 * A JSON text while one request for memory fails, or all from one on: it is read whole or there is no memory, for each
 * length of a string, since jansson loses a byte where its buffer cannot grow. What is broken is said as such.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/jsontext.h"

enum { LONGEST = 140, MOST_REQUESTS = 40 };

static unsigned requests, failing; /* failing 0: none */
static bool ever_after;

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);

static bool fails(void)
{
    if (!failing)
        return false;
    requests++;
    return ever_after ? requests >= failing : requests == failing;
}

void *malloc(size_t bytes)
{
    return fails() ? NULL : __libc_malloc(bytes);
}

void *realloc(void *memory, size_t bytes)
{
    return fails() ? NULL : __libc_realloc(memory, bytes);
}
#endif

static void try_length(int length, unsigned request)
{
    static char letters[LONGEST + 1], text[LONGEST + 16];
    json_error_t problem;
    memset(letters, 'y', LONGEST);
    const int n = snprintf(text, sizeof text, "{\"a\": \"%.*s\"}", length, letters);
    requests = 0;
    failing = request;
    json_t *json = jsontext_load(text, (size_t)n, 0, &problem);
    failing = 0;
    if (json)
        assert_int_equal(json_string_length(json_object_get(json, "a")), length);
    else
        assert_int_equal(jsontext_status(&problem), PLN_NO_MEMORY);
    json_decref(json);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++)
        for (int length = 1; length < LONGEST; length++)
            for (unsigned request = 1; request < MOST_REQUESTS; request++) {
                ever_after = all;
                try_length(length, request);
            }
}

static void broken_texts_are_said(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", "ends too early"},
                                          {"{\"a\": 1", "ends too early"},
                                          {"{\"a\": \"b", "ends too early"},
                                          {"{} x", "end of file expected near 'x'"},
                                          {"{},{}", "end of file expected"},
                                          {"{}]", "end of file expected"},
                                          {"{\"a\" 1}", "':' expected near '1'"},
                                          {"{\"a\": tru}", "invalid token near 'tru'"},
                                          {"{\"a\": \"\xff\"}", "unable to decode byte 0xff"},
                                          {"{\"a\": 12345678901234567890}", "too big integer"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_error_t problem;
        assert_null(jsontext_load(rows[i][0], strlen(rows[i][0]), 0, &problem));
        assert_int_equal(jsontext_status(&problem), PLN_BAD_MODEL);
        if (!strstr(problem.text, rows[i][1]))
            fail_msg("%s: '%s' lacks '%s'", rows[i][0], problem.text, rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_may_be_short), cmocka_unit_test(broken_texts_are_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
