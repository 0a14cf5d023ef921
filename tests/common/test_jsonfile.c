/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON files as people and Python write them; too large ones, and what is none.
 */
#include "common/jsonfile.h"
#include "tests/checkpoint/folder.h"

static pln_error error;

static void large_json_is_refused(void **state)
{
    (void)state;
    json_t *object;
    put_text("a.json", "{\"a\":-1, \"b\":[12345678901234567890123, \"12345678901234567890\\\\\", 1.5e3]}");
    assert_int_equal(jsonfile_load(in_folder("a.json"), 5, &object, &error), PLN_BAD_MODEL);
    assert_non_null(strstr(error.message, "larger than 5 bytes"));
    assert_int_equal(jsonfile_load(in_folder("a.json"), 4096, &object, &error), PLN_OK);
    assert_int_equal(json_integer_value(json_object_get(object, "a")), -1);
    const json_t *b = json_object_get(object, "b");
    assert_float_equal(json_real_value(json_array_get(b, 0)), 12345678901234567890123.0, 1e9);
    assert_string_equal(json_string_value(json_array_get(b, 1)), "12345678901234567890\\");
    assert_float_equal(json_real_value(json_array_get(b, 2)), 1500, 0);
    json_decref(object);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* What Python's json writes, and other things that JSON does not have. */
static void json_of_people_is_read(void **state)
{
    (void)state;
    json_t *object;
    put_text("a.json",
             "\xef\xbb\xbf{\"a\": NaN, \"b\": -Infinity,\"c\":[Infinity], \"s\": \"NaN \\\" Infinity -1e999\", "
             "\"big\": 1e999, \"long\": -12345678901234567890, \"n\": 5, \"last\":NaN}");
    assert_int_equal(jsonfile_load(in_folder("a.json"), 4096, &object, &error), PLN_OK);
    assert_string_equal(text_of(object, "a"), "NaN");
    assert_string_equal(text_of(object, "b"), "-Infinity");
    assert_string_equal(json_string_value(json_array_get(json_object_get(object, "c"), 0)), "Infinity");
    assert_string_equal(text_of(object, "s"), "NaN \" Infinity -1e999");
    assert_string_equal(text_of(object, "big"), "1e999");
    assert_string_equal(text_of(object, "last"), "NaN");
    assert_float_equal(json_real_value(json_object_get(object, "long")), -12345678901234567890.0, 1);
    assert_int_equal(json_integer_value(json_object_get(object, "n")), 5);
    json_decref(object);
    static const char *const wrong[] = {
        "{\"a\": nan}",  "{\"a\": NaN", "{\"a\": +Infinity}", "{\"a\": NaN1}", "{\"a\":1,}", "{NaN: 1", "",
        "{\"a\": \"NaN}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put_text("a.json", wrong[i]);
        assert_int_equal(jsonfile_load(in_folder("a.json"), 4096, &object, &error), PLN_BAD_MODEL);
        assert_non_null(strstr(error.message, "a.json: line 1: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(large_json_is_refused, remove_files),
        cmocka_unit_test_teardown(json_of_people_is_read, remove_files),
    };
    return run_in_folder(tests);
}
