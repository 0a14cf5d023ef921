/* SPDX-License-Identifier: Apache-2.0
 *
 * The BERT normalizer: controls away, blanks to U+0020, blanks round Chinese characters, accents away, lower case.
 */
#ifndef TOKENIZER_NORMALIZER_H
#define TOKENIZER_NORMALIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tok_kind {
    TOK_LETTER, /* part of a word, unchanged but for ASCII lower case */
    TOK_BLANK,  /* ends a word */
    TOK_ALONE,  /* a word by itself */
    TOK_CAREFUL /* changes in another way */
};

struct tok_normalizer {
    bool clean, space_chinese, strip_accents, lower_case;
    uint32_t flags;       /* TOK_* that say something under these settings; a code point without any stays as it is */
    uint8_t kind[256];    /* tok_kind of a byte */
    uint8_t lowered[256]; /* of ASCII; others as they are */
};

void tok_normalizer_init(struct tok_normalizer *normalizer, bool clean, bool space_chinese, bool strip_accents,
                         bool lower_case);

struct tok_place {           /* where a normalized code point comes from */
    uint32_t index;          /* code point of the raw text */
    uint32_t byte, end_byte; /* its bytes */
};

struct tok_char {
    uint32_t code;
    bool chinese; /* blanks are put round it */
    struct tok_place place;
};

/* Writes it in UTF-8, with its blanks, gives the bytes: at most 6. */
uint32_t tok_char_write(const struct tok_char *character, unsigned char *out);

struct tok_mark { /* of a run of combining characters */
    uint32_t code, class;
    bool inserted; /* the second or later one of a decomposition */
};

/* A raw text on its way through the normalizer, and what came out but was not yet asked for. Kept between texts; a
 * zeroed one is empty. */
struct tok_source {
    const struct tok_normalizer *normalizer;
    const unsigned char *text;
    uint32_t at, end;       /* bytes */
    uint32_t index;         /* of the code point at `at` */
    struct tok_char *chars; /* ready are [next, ready) */
    uint32_t next, ready;
    size_t room;
    struct tok_mark *marks;   /* [2 * marks_room]: a run, and room to sort it */
    struct tok_place *places; /* [marks_room] */
    uint32_t marks_room;
    bool failed; /* no memory */
};

void tok_source_finish(struct tok_source *source);

/* With none ready and at < end: takes one code point (or a run of combining ones) and makes ready what it turns into,
 * which may be nothing. */
void tok_source_read(struct tok_source *source);
#endif
