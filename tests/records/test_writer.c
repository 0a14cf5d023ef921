/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows written, compressed, cut anywhere and gone on with; streams that are broken.
 */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "tests/records/shown.h"

#include <sys/resource.h>
#include <signal.h>

static const char *const columns[] = {"row", "text"};

static pln_writer *open_writer(const char *name, bool named, bool resume)
{
    pln_writer *writer;
    pln_error error = {0};
    const pln_writer_options options = {
        .size = sizeof options, .columns = named ? columns : NULL, .n_columns = named ? 2 : 0, .resume = resume};
    if (pln_writer_open(path_of(name), &options, &writer, &error) != PLN_OK)
        fail_msg("%s", error.message);
    return writer;
}

/* The text of a row: of any length, and with all that has to be quoted. */
static pln_text text_of(unsigned row)
{
    static char text[300];
    size_t n = 0;
    for (unsigned i = 0; i < row * 7 % 90; i++)
        text[n++] = "ab\"\n,\t\r\\ x"[(row + i * i) % 10];
    return (pln_text){text, n};
}

static void put(pln_writer *writer, unsigned row)
{
    char number[16];
    const pln_cell cells[] = {{"text", text_of(row), false},
                              {"row", {number, (size_t)snprintf(number, sizeof number, "%u", row)}, true}};
    assert_int_equal(pln_writer_put(writer, cells, 2, NULL), PLN_OK);
}

static void write_rows(const char *name, bool named, bool resume, unsigned until)
{
    pln_writer *writer = open_writer(name, named, resume);
    for (unsigned row = (unsigned)pln_writer_rows(writer); row < until; row++)
        put(writer, row);
    assert_int_equal(pln_writer_rows(writer), until);
    assert_int_equal(pln_writer_finish(writer, NULL), PLN_OK);
    pln_writer_close(&writer);
}

static const struct {
    const char *name;
    bool named;
    unsigned rows;
} files[] = {
    {"a.jsonl", false, 60},    {"a.csv", true, 60},           {"a.tsv", true, 60},        {"a.jsonl.gz", false, 12000},
    {"a.csv.gz", true, 12000}, {"a.jsonl.zst", false, 12000}, {"a.tsv.zst", true, 12000},
};
enum { N_FILES = sizeof files / sizeof *files };

/* Rows that were given count, not what was read ahead of them. */
static void check_progress(const pln_reader *reader, unsigned row, unsigned rows)
{
    static uint64_t before;
    uint64_t done, total;
    pln_reader_progress(reader, &done, &total);
    assert_true(done <= total && (row == 0 || done >= before));
    if (row == rows / 2)
        assert_in_range(done, total / 4, total - total / 4);
    before = done;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FILES; i++) {
        pln_reader *reader;
        const pln_record *record;
        write_rows(files[i].name, files[i].named, false, files[i].rows);
        assert_int_equal(pln_reader_open(path_of(files[i].name), NULL, &reader, NULL), PLN_OK);
        for (unsigned row = 0; row < files[i].rows; row++) {
            assert_int_equal(pln_reader_next(reader, &record, NULL), PLN_OK);
            assert_non_null(record);
            assert_int_equal(atoi(pln_record_field(record, "row")->text.text), row);
            const pln_text text = pln_record_field(record, "text")->text, expected = text_of(row);
            assert_int_equal(text.bytes, expected.bytes);
            assert_memory_equal(text.text, expected.text, text.bytes);
            check_progress(reader, row, files[i].rows);
        }
        assert_int_equal(pln_reader_next(reader, &record, NULL), PLN_OK);
        assert_null(record);
        uint64_t done, total;
        pln_reader_progress(reader, &done, &total);
        assert_int_equal(done, total);
        pln_reader_close(&reader);
    }
}

/* Wherever a file ends, `resume` makes it what it would have been. */
static void cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FILES; i++) {
        const char *name = files[i].name;
        size_t whole, again;
        write_rows(name, files[i].named, false, files[i].rows);
        char *expected = read_file(name, &whole);
        const size_t step = whole < 8000 ? whole / 61 : whole / 13;
        for (size_t cut = 0; cut <= whole; cut += cut + step <= whole || cut == whole ? step : whole - cut) {
            write_file(name, expected, cut);
            write_rows(name, files[i].named, true, files[i].rows);
            char *found = read_file(name, &again);
            assert_int_equal(again, whole);
            assert_memory_equal(found, expected, whole);
            free(found);
        }
        free(expected);
    }
}

/* One that was finished early and one that was resumed often are the same. */
static void finished_early(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FILES; i++) {
        size_t whole, again;
        write_rows(files[i].name, files[i].named, false, files[i].rows);
        char *expected = read_file(files[i].name, &whole);
        write_rows(files[i].name, files[i].named, false, files[i].rows / 5);
        for (unsigned part = 2; part <= 5; part++)
            write_rows(files[i].name, files[i].named, true, files[i].rows / 5 * part);
        char *found = read_file(files[i].name, &again);
        assert_int_equal(again, whole);
        assert_memory_equal(found, expected, whole);
        free(found);
        free(expected);
    }
}

static void another_file(void **state)
{
    (void)state;
    pln_writer *writer;
    pln_error error;
    const pln_writer_options options = {.size = sizeof options, .columns = columns, .n_columns = 2, .resume = true};
    const char *path = write_file("a.csv", "id,text\n1,x\n", 12);
    assert_int_equal(pln_writer_open(path, &options, &writer, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "a.csv: its first row names other columns"));
    size_t n;
    char *kept = read_file("a.csv", &n);
    assert_int_equal(n, 12);
    free(kept);
    assert_int_equal(pln_writer_open("-", PLN_OPTIONS(pln_writer_options, .resume = true), &writer, &error),
                     PLN_INVALID);
    assert_int_equal(pln_writer_open(path_of("a.txt"), NULL, &writer, &error), PLN_INVALID);
    assert_non_null(strstr(error.message, "its ending says no format; those that are written: jsonl (.jsonl), csv"));
    assert_int_equal(pln_writer_open(path_of("a.csv"), NULL, &writer, &error), PLN_INVALID);
    assert_int_equal(pln_writer_open(path_of("none/a.jsonl"), NULL, &writer, &error), PLN_INVALID);
}

static void what_json_cannot_say(void **state)
{
    (void)state;
    pln_writer *writer = open_writer("a.jsonl", false, false);
    const pln_cell cells[] = {{"a\"", {"\xff\x01", 2}, false}, {"b", {NULL, 0}, false}, {"c", {"[1,\n2]", 6}, true}};
    const pln_cell no_name = {NULL, {"x", 1}, false};
    assert_int_equal(pln_writer_put(writer, cells, 3, NULL), PLN_OK);
    assert_int_equal(pln_writer_put(writer, &no_name, 1, NULL), PLN_INVALID);
    assert_int_equal(pln_writer_finish(writer, NULL), PLN_OK);
    assert_int_equal(pln_writer_put(writer, cells, 3, NULL), PLN_INVALID);
    pln_writer_close(&writer);
    size_t n;
    char *text = read_file("a.jsonl", &n);
    assert_string_equal((text[n] = '\0', text), "{\"a\\\"\": \"\xef\xbf\xbd\\u0001\", \"b\": null, \"c\": [1, 2]}\n");
    free(text);
    writer = open_writer("a.csv", true, false);
    assert_int_equal(pln_writer_put(writer, cells, 3, NULL), PLN_INVALID);
    put(writer, 1);
    pln_writer_close(&writer);
}

/* A disk that is full leaves whole rows. */
static void full_disk(void **state)
{
    (void)state;
    struct rlimit before, small;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 100000;
    pln_writer *writer = open_writer("a.jsonl", false, false);
    setrlimit(RLIMIT_FSIZE, &small);
    pln_status status = PLN_OK;
    pln_error error;
    char number[16];
    for (unsigned row = 0; status == PLN_OK; row++) {
        const pln_cell cell = {"row", {number, (size_t)snprintf(number, sizeof number, "%u", row)}, true};
        status = pln_writer_put(writer, &cell, 1, &error);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    pln_writer_close(&writer);
    assert_int_equal(status, PLN_FAILED);
    assert_non_null(strstr(error.message, "a.jsonl cannot be written: File too large"));
    size_t n;
    char *text = read_file("a.jsonl", &n);
    assert_true(n > 50000 && n <= 100000 && text[n - 1] == '\n');
    free(text);
}

/* ---- streams */

/* The rows before the fault, and how it ends. */
static void ends(const char *name, const char *bytes, size_t n, size_t least, const char *sentence)
{
    const char *shown = show(write_file(name, bytes, n), NULL, false);
    size_t rows = 0;
    for (const char *c = shown; *c; c++)
        rows += *c == '\n';
    const char *last = strrchr(shown, '\n');
    if (rows < least)
        fail_msg("%s: %zu rows of at least %zu", name, rows, least);
    assert_string_equal(last ? last + 1 : shown, sentence);
}

static void broken_streams(void **state)
{
    (void)state;
    static const char *const names[] = {"a.jsonl.gz", "a.jsonl.zst"};
    static const char *const cut[] = {"!! a.jsonl.gz: its gzip data is cut off",
                                      "!! a.jsonl.zst: its zstd data is cut off"};
    static const char *const broken[] = {"!! a.jsonl.gz: its gzip data is broken",
                                         "!! a.jsonl.zst: its zstd data is broken"};
    static const char *const other[] = {"!! a.jsonl.gz: behind its gzip data stands something else",
                                        "!! a.jsonl.zst: behind its zstd data stands something else"};
    for (size_t i = 0; i < 2; i++) {
        size_t n;
        write_rows(names[i], false, false, 12000);
        char *bytes = read_file(names[i], &n);
        ends(names[i], bytes, n, 12000, ".");
        ends(names[i], bytes, n - 1, 9000, cut[i]);
        ends(names[i], bytes, n / 2, 2000, cut[i]);
        ends(names[i], bytes, 6, 0, cut[i]);
        memset(bytes + n, 0, 1000);
        ends(names[i], bytes, n + 1000, 12000, "."); /* of a tape */
        memcpy(bytes + n + 5, "more", 4);
        ends(names[i], bytes, n + 9, 12000, other[i]);
        bytes[n / 2] ^= 0x55;
        bytes[n / 2 + 1] ^= 0x55;
        ends(names[i], bytes, n, 2000, broken[i]);
        free(bytes);
    }
    ends("a.txt", "\x1f\x8b", 2, 0, "!! a.txt: its gzip data is cut off");
}

/* Known by its first bytes, not by its name. */
static void misnamed_stream(void **state)
{
    (void)state;
    size_t n;
    write_rows("a.jsonl.gz", false, false, 3);
    char *bytes = read_file("a.jsonl.gz", &n);
    ends("a.jsonl", bytes, n, 3, ".");
    ends("a.jsonl.zst", bytes, n, 3, ".");
    ends("a.jsonl.zst", "{}\n{}", 5, 2, ".");
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(finished_early),
        cmocka_unit_test(another_file),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(what_json_cannot_say),
        cmocka_unit_test(broken_streams),
        cmocka_unit_test(misnamed_stream),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_folder();
    return failed;
}
