/* SPDX-License-Identifier: Apache-2.0
 *
 * Of TensorFlow's event.proto what a scalar needs: Event {1: wall_time f64, 2: step, 3: file_version, 5: Summary {1:
 * Value {1: tag, 2: simple_value f32}}}.
 */
#define _POSIX_C_SOURCE 200809L /* ftruncate */
#include "cli/tables/events.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/folders.h"

enum { RECORD = 1 << 14, VALUE = 96 }; /* bytes: of the longest event, and of a value in it */
enum { FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static pln_status fail(pln_error *error, const char *path)
{
    const int problem = errno;
    *error = (pln_error){.status = problem == ENOMEM ? PLN_NO_MEMORY : PLN_FAILED, .node = -1};
    snprintf(error->message, sizeof error->message, "%.300s: %s", path, strerror(problem));
    return error->status;
}

/* ---- sums */

static uint32_t sum_of(const unsigned char *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u; /* as it is stored */
}

static void put_fixed(unsigned char *to, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        to[i] = (unsigned char)(number >> 8 * i);
}

static uint64_t take_fixed(const unsigned char *from, int bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++)
        number |= (uint64_t)from[i] << 8 * i;
    return number;
}

/* ---- messages */

struct message {
    unsigned char *bytes;
    size_t n;
};

static size_t put_number(unsigned char *to, uint64_t number)
{
    size_t n = 0;
    for (; number >= 128; number >>= 7)
        to[n++] = (unsigned char)(number | 128);
    to[n++] = (unsigned char)number;
    return n;
}

static void add_key(struct message *m, uint32_t field, uint32_t kind)
{
    m->n += put_number(m->bytes + m->n, field << 3 | kind);
}

static void add_double(struct message *m, uint32_t field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    add_key(m, field, FIXED64);
    put_fixed(m->bytes + m->n, bits, 8);
    m->n += 8;
}

static void add_bytes(struct message *m, uint32_t field, const void *bytes, size_t n)
{
    add_key(m, field, BYTES);
    m->n += put_number(m->bytes + m->n, n);
    memcpy(m->bytes + m->n, bytes, n);
    m->n += n;
}

static double wall_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool write_record(FILE *file, const struct message *m)
{
    unsigned char head[12], tail[4];
    put_fixed(head, m->n, 8);
    put_fixed(head + 8, sum_of(head, 8), 4);
    put_fixed(tail, sum_of(m->bytes, m->n), 4);
    return fwrite(head, sizeof head, 1, file) == 1 && fwrite(m->bytes, m->n, 1, file) == 1 &&
           fwrite(tail, sizeof tail, 1, file) == 1;
}

/* Summary: a value for each number. */
static void add_numbers(struct message *summary, const json_t *line)
{
    const char *name;
    const json_t *number;
    json_object_foreach((json_t *)line, name, number)
    {
        unsigned char room[VALUE];
        struct message value = {room, 0};
        const float x = (float)json_number_value(number);
        uint32_t bits;
        if (!json_is_number(number) || strcmp(name, "step") == 0 || strlen(name) + 16 > VALUE ||
            summary->n + 2 * VALUE > RECORD / 2)
            continue;
        memcpy(&bits, &x, sizeof bits);
        add_bytes(&value, 1, name, strlen(name));
        add_key(&value, 2, FIXED32);
        put_fixed(value.bytes + value.n, bits, 4);
        value.n += 4;
        add_bytes(summary, 1, value.bytes, value.n);
    }
}

pln_status events_add(FILE *file, const json_t *line, pln_error *error)
{
    unsigned char room[2][RECORD / 2];
    struct message event = {room[0], 0}, summary = {room[1], 0};
    add_numbers(&summary, line);
    add_double(&event, 1, wall_time());
    add_key(&event, 2, 0);
    event.n += put_number(event.bytes + event.n, (uint64_t)json_integer_value(json_object_get(line, "step")));
    add_bytes(&event, 5, summary.bytes, summary.n);
    return write_record(file, &event) && fflush(file) == 0 ? PLN_OK : fail(error, EVENTS_FILE);
}

/* ---- what is kept */

/* The step of an event that was written here; 0 for the head of the file. */
static uint64_t step_of(const unsigned char *bytes, size_t n)
{
    uint64_t step = 0;
    if (n < 11 || bytes[9] != 2 << 3)
        return 0;
    for (size_t i = 10, shift = 0; i < n && shift < 64; i++, shift += 7) {
        step |= (uint64_t)(bytes[i] & 127) << shift;
        if (bytes[i] < 128)
            break;
    }
    return step;
}

/* Where the events of later steps begin, or what is no whole event. */
static long find_end(FILE *file, uint32_t begun)
{
    long end = 0;
    unsigned char head[12], tail[4], bytes[RECORD];
    while (fread(head, sizeof head, 1, file) == 1 && take_fixed(head + 8, 4) == sum_of(head, 8)) {
        const uint64_t n = take_fixed(head, 8);
        if (n > sizeof bytes || fread(bytes, n, 1, file) != 1 || fread(tail, sizeof tail, 1, file) != 1 ||
            take_fixed(tail, 4) != sum_of(bytes, n) || step_of(bytes, n) > begun)
            break;
        end = ftell(file);
    }
    return end;
}

static bool write_head(FILE *file)
{
    static const char version[] = "brain.Event:2";
    unsigned char room[VALUE];
    struct message m = {room, 0};
    add_double(&m, 1, wall_time());
    add_bytes(&m, 3, version, sizeof version - 1);
    return write_record(file, &m) && fflush(file) == 0;
}

static bool open_at(const char *path, uint32_t begun, FILE **file, bool *empty)
{
    *file = begun ? fopen(path, "r+") : NULL;
    if (!*file)
        *file = fopen(path, "w");
    if (!*file)
        return false;
    const long end = begun ? find_end(*file, begun) : 0;
    *empty = end == 0;
    return end >= 0 && fseek(*file, end, SEEK_SET) == 0 && ftruncate(fileno(*file), end) == 0 &&
           (end || write_head(*file));
}

pln_status events_open(const char *folder, uint32_t begun, FILE **file, bool *empty, pln_error *error)
{
    char path[PATH_MAX];
    *file = NULL;
    errno = ENAMETOOLONG;
    if (snprintf(path, sizeof path, "%s/" EVENTS_FILE, folder) >= (int)sizeof path)
        return fail(error, folder);
    const pln_status made = cli_make_folder(folder, error);
    if (made != PLN_OK)
        return made;
    if (open_at(path, begun, file, empty))
        return PLN_OK;
    const pln_status status = fail(error, path);
    if (*file)
        fclose(*file);
    *file = NULL;
    return status;
}
