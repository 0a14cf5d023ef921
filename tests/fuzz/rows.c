/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of rows, in the format that the end of the target's name says. It is refused with a sentence, or each row is
 * bad, with a sentence that names file and line, or what it holds can be written and read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/target.h"

static const char *path_of(const char *name)
{
    static char path[2][160];
    static unsigned next;
    char *to = path[next++ % 2];
    snprintf(to, sizeof path[0], "%s/%s", fuzz_folder(), name);
    return to;
}

static uint64_t touch(pln_text text)
{
    uint64_t sum = text.bytes;
    for (size_t i = 0; text.text && i < text.bytes; i++)
        sum = sum * 31 + (unsigned char)text.text[i];
    return sum;
}

static uint64_t touch_record(const pln_record *record)
{
    uint64_t sum = record->n_fields;
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const pln_field *field = &record->fields[i];
        fuzz_check(field->name != NULL, "a column has a name");
        fuzz_check(field->text.text ? !field->n_items : true, "a column is a text or a list");
        sum = sum * 31 + touch((pln_text){field->name, strlen(field->name)}) + touch(field->text);
        for (uint32_t j = 0; j < field->n_items; j++) {
            fuzz_check(field->items[j].text != NULL, "an item is there");
            sum = sum * 31 + touch(field->items[j]);
        }
    }
    return sum;
}

static bool is_utf8(pln_text text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if ((unsigned char)text.text[i] >= 0x80)
            return false; /* what is not ASCII may be broken */
    return true;
}

/* What holds of one row, and the sum of it; *plain: it has only ASCII. */
static uint64_t take_row(pln_reader *reader, const pln_record *record, pln_writer *writer, bool *plain)
{
    const pln_cell *cells;
    uint32_t n;
    uint64_t line, sum = 0;
    pln_reader_place(reader, NULL, &line);
    fuzz_check(line > 0, "a row has a line");
    fuzz_check(touch_record(record) == touch_record(record), "a row can be read");
    fuzz_check(pln_reader_cells(reader, &cells, &n, NULL) == PLN_OK, "a row has cells");
    for (uint32_t i = 0; i < n; i++) {
        *plain &= is_utf8(cells[i].text) && is_utf8((pln_text){cells[i].name, strlen(cells[i].name)});
        sum = sum * 31 + touch(cells[i].text) + cells[i].json + touch((pln_text){cells[i].name, strlen(cells[i].name)});
    }
    if (writer)
        fuzz_check(pln_writer_put(writer, cells, n, NULL) == PLN_OK, "a row can be written");
    return sum;
}

/* Reads to the end; the sum of good rows, and how many there were. */
static uint64_t read_rows(const char *path, pln_writer *writer, uint64_t *rows, bool *plain)
{
    pln_error error = {.message = ""};
    pln_reader *reader;
    const pln_record *record;
    uint64_t sum = 0;
    pln_status status = pln_reader_open(path, NULL, &reader, &error);
    fuzz_check(status != PLN_NO_MEMORY && status != PLN_UNSUPPORTED, "memory and libraries are there");
    *rows = 0;
    while (status == PLN_OK) {
        status = pln_reader_next(reader, &record, &error);
        if (status == PLN_OK && !record)
            break;
        if (status == PLN_OK)
            sum = sum * 31 + take_row(reader, record, writer, plain);
        *rows += status == PLN_OK;
        fuzz_check(status == PLN_OK || strstr(error.message, fuzz_folder()) == error.message, "a fault names the file");
        fuzz_check((status == PLN_OK) == (record != NULL), "a row is there or refused");
        status = status == PLN_INVALID ? PLN_OK : status;
    }
    fuzz_check(status == PLN_OK || strstr(error.message, fuzz_folder()) == error.message, "a fault names the file");
    fuzz_check(status == PLN_OK || status == PLN_INVALID || status == PLN_FAILED, "a fault says what kind it is");
    pln_reader_close(&reader);
    return sum;
}

void fuzz_rows(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    pln_writer *writer;
    uint64_t rows, again;
    bool plain = true;
    fuzz_write(target->name, data, bytes);
    unlink(path_of("again.jsonl"));
    fuzz_check(pln_writer_open(path_of("again.jsonl"), NULL, &writer, NULL) == PLN_OK, "there is a writer");
    const uint64_t sum = read_rows(path_of(target->name), writer, &rows, &plain);
    fuzz_check(pln_writer_flush(writer, NULL) == PLN_OK, "what was read can be written");
    pln_writer_close(&writer);
    const uint64_t sum_again = read_rows(path_of("again.jsonl"), NULL, &again, &plain);
    fuzz_check(!plain || rows == again, "rows that were written are rows again");
    fuzz_check(!plain || sum == sum_again, "what was written is what was read");
}

/* A file that another process may have left: what follows it is a row, and once more the same. */
void fuzz_resume(const struct fuzz_target *target, const uint8_t *data, size_t bytes)
{
    static const char *const columns[] = {"a", "b"};
    const pln_cell cell = {"a", {"x\n", 2}, false};
    const pln_writer_options options = {.size = sizeof options, .columns = columns, .n_columns = 2, .resume = true};
    pln_error error = {.message = ""};
    uint64_t rows = 0;
    fuzz_write(target->name, data, bytes);
    for (int i = 0; i < 3; i++) {
        pln_writer *writer;
        const pln_status status = pln_writer_open(path_of(target->name), &options, &writer, &error);
        if (status != PLN_OK) {
            fuzz_check(i == 0 && status == PLN_INVALID, "what was resumed can be resumed");
            fuzz_check(strstr(error.message, "its first row names other columns") != NULL, "a refusal has a sentence");
            return;
        }
        fuzz_check(i == 0 || pln_writer_rows(writer) == rows + 1, "a row that was put is there");
        rows = pln_writer_rows(writer);
        fuzz_check(pln_writer_put(writer, &cell, 1, NULL) == PLN_OK, "a row can be put");
        fuzz_check(pln_writer_finish(writer, NULL) == PLN_OK, "a file can be finished");
        pln_writer_close(&writer);
    }
}
