/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a target on its stored corpus, an input a line in hexadecimal: replay TARGET FILE
 */
#define _XOPEN_SOURCE 700
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In memory of its own, of just that size, so that a sanitizer sees a read behind it. */
static uint8_t *read_line(const char *line, size_t bytes)
{
    uint8_t *data = malloc(bytes ? bytes : 1);
    for (size_t i = 0; data && i < bytes; i++) {
        const int high = digit(line[2 * i]), low = digit(line[2 * i + 1]);
        if (high < 0 || low < 0) {
            free(data);
            return NULL;
        }
        data[i] = (uint8_t)(high << 4 | low);
    }
    return data;
}

int main(int argc, char **argv)
{
    const struct fuzz_target *target = argc == 3 ? fuzz_find(argv[1]) : NULL;
    FILE *corpus = target ? fopen(argv[2], "r") : NULL;
    if (!corpus) {
        fputs("usage: replay TARGET CORPUS\n", stderr);
        return 2;
    }
    char *line = NULL;
    size_t room = 0;
    unsigned inputs = 0;
    for (ssize_t n; (n = getline(&line, &room, corpus)) > 0; inputs++) {
        uint8_t *data = read_line(line, (size_t)n / 2);
        if (!data) {
            fprintf(stderr, "%s: input %u is not hexadecimal\n", argv[2], inputs + 1);
            return 1;
        }
        target->run(target, data, (size_t)n / 2);
        free(data);
    }
    free(line);
    fclose(corpus);
    printf("%u inputs\n", inputs);
    return inputs ? 0 : 1;
}
