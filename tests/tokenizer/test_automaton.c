/* SPDX-License-Identifier: Apache-2.0
 *
 * The automaton cuts as trying again from each piece does, over random vocabularies of few letters, in which tokens
 * overlap in every way; and what it finds is what was put in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tokenizer/automaton.h"

enum { TOKENS = 40, WORD = 24, ROUNDS = 3000 };

static uint32_t state = 1;

static uint32_t draw(uint32_t below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

/* A word of 1 to `most` letters, some of two bytes. */
static uint32_t draw_word(unsigned char *out, uint32_t most)
{
    static const char *const letters[] = {"a", "b", "a", "\xc3\xa9", "\xc3\xa8", "b"};
    const uint32_t n = 1 + draw(most), kinds = 2 + draw(5);
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        const char *letter = letters[draw(kinds < 6 ? kinds : 6)];
        memcpy(out + bytes, letter, strlen(letter));
        bytes += (uint32_t)strlen(letter);
    }
    return bytes;
}

struct vocabulary {
    unsigned char text[TOKENS][2 * WORD + 2];
    struct tok_entry entries[TOKENS];
    uint32_t n;
};

static void draw_vocabulary(struct vocabulary *v)
{
    v->n = 1 + draw(TOKENS);
    for (uint32_t i = 0; i < v->n; i++) {
        const uint32_t ahead = draw(3) ? 2 : 0;
        memcpy(v->text[i], "##", 2);
        const uint32_t bytes = draw_word(v->text[i] + ahead, 1 + draw(7)) + ahead;
        v->entries[i] = (struct tok_entry){v->text[i], bytes, (int32_t)i};
    }
}

static int32_t last_equal(const struct vocabulary *v, const unsigned char *token, uint32_t bytes)
{
    for (uint32_t i = v->n; i-- > 0;)
        if (v->entries[i].bytes == bytes && memcmp(v->entries[i].text, token, bytes) == 0)
            return (int32_t)i;
    return -1;
}

/* The definition: the longest token at the front, "##" before it inside a word. */
static uint32_t cut_by_definition(const struct vocabulary *v, const unsigned char *word, uint32_t bytes, int32_t *ids)
{
    uint32_t count = 0;
    for (uint32_t at = 0, length; at < bytes; at += length, count++) {
        unsigned char piece[2 * WORD + 2] = "##";
        const uint32_t ahead = at ? 2 : 0;
        for (length = bytes - at; length > 0; length--) {
            memcpy(piece + ahead, word + at, length);
            ids[count] = last_equal(v, piece, length + ahead);
            if (ids[count] >= 0)
                break;
        }
        if (length == 0)
            return 0;
    }
    return count;
}

static void words_are_cut_by_definition(void **unused)
{
    (void)unused;
    static struct vocabulary v;
    uint32_t known = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct tok_automaton automaton;
        draw_vocabulary(&v);
        struct tok_entry entries[TOKENS];
        memcpy(entries, v.entries, sizeof entries);
        assert_true(tok_automaton_init(&automaton, entries, v.n));
        for (uint32_t i = 0; i < v.n; i++)
            assert_int_equal(tok_automaton_find(&automaton, v.text[i], v.entries[i].bytes),
                             last_equal(&v, v.text[i], v.entries[i].bytes));
        for (int k = 0; k < 40; k++) {
            unsigned char word[2 * WORD];
            int32_t ids[2 * WORD], plain[2 * WORD], right[2 * WORD];
            const uint32_t bytes = draw_word(word, WORD), n = cut_by_definition(&v, word, bytes, right);
            assert_int_equal(tok_automaton_cut(&automaton, word, bytes, ids), n);
            assert_int_equal(tok_automaton_cut_plainly(&automaton, word, bytes, plain), n);
            assert_memory_equal(ids, right, n * sizeof *ids);
            assert_memory_equal(plain, right, n * sizeof *ids);
            known += n > 1;
        }
        tok_automaton_finish(&automaton);
    }
    assert_true(known > ROUNDS);
}

static void marks_of_continuation_are_no_pieces(void **unused)
{
    (void)unused;
    static const char *const tokens[] = {"#", "##", "##a", "###", "a", "##a##", ""};
    struct tok_entry entries[7];
    struct tok_automaton automaton;
    int32_t ids[16];
    for (int i = 0; i < 7; i++)
        entries[i] = (struct tok_entry){(const unsigned char *)tokens[i], (uint32_t)strlen(tokens[i]), i};
    assert_true(tok_automaton_init(&automaton, entries, 7));
    assert_int_equal(tok_automaton_find(&automaton, (const unsigned char *)"##", 2), 1);
    assert_int_equal(tok_automaton_find(&automaton, (const unsigned char *)"", 0), -1);
    assert_int_equal(tok_automaton_cut(&automaton, (const unsigned char *)"##", 2, ids), 1);
    assert_int_equal(ids[0], 1);
    assert_int_equal(tok_automaton_cut(&automaton, (const unsigned char *)"##aa", 4, ids), 2);
    assert_int_equal(ids[0], 2);
    assert_int_equal(tok_automaton_cut(&automaton, (const unsigned char *)"a#", 2, ids), 2);
    assert_int_equal(ids[1], 3);
    tok_automaton_finish(&automaton);
    assert_true(tok_automaton_init(&automaton, entries, 0));
    assert_int_equal(tok_automaton_cut(&automaton, (const unsigned char *)"a", 1, ids), 0);
    tok_automaton_finish(&automaton);
}

/* Failures share their lists: a vocabulary of long tokens takes memory in proportion. */
static void long_tokens_take_little_memory(void **unused)
{
    (void)unused;
    enum { LONG = 200000 };
    unsigned char *token = malloc(LONG);
    int32_t *ids = malloc(LONG * sizeof *ids);
    struct tok_automaton automaton;
    memset(token, 'a', LONG);
    struct tok_entry entries[] = {
        {token, LONG, 0}, {(const unsigned char *)"a", 1, 1}, {(const unsigned char *)"##a", 3, 2}};
    assert_true(tok_automaton_init(&automaton, entries, 3));
    assert_int_equal(tok_automaton_cut(&automaton, token, LONG - 1, ids), LONG - 1);
    assert_true(ids[0] == 1 && ids[1] == 2 && ids[LONG - 2] == 2);
    assert_int_equal(tok_automaton_cut(&automaton, token, LONG, ids), 1);
    tok_automaton_finish(&automaton);
    free(ids);
    free(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_by_definition),
        cmocka_unit_test(marks_of_continuation_are_no_pieces),
        cmocka_unit_test(long_tokens_take_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
