/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to tokens and back, and new vocabularies. The rules stand in pleione.h.
 */
#ifndef PLEIONE_TOKENIZER_H
#define PLEIONE_TOKENIZER_H

#include "pleione_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tokenizer */

/* A pln_tokenizer: vocabulary and rules; read-only once it is open: any thread. */
typedef struct pln_encoder pln_encoder; /* threads, scratch and the last answer: one caller at a time */

typedef enum pln_tokenizer_mode {
    PLN_TOKENIZER_MODE_FAST = 0, /* as ElectraTokenizerFast: the reference */
    PLN_TOKENIZER_MODE_SLOW,     /* as the tokenizer in Python of transformers 4 */
    PLN_TOKENIZER_MODE_GOOGLE,   /* as google-research/electra: words of up to 200 characters */
} pln_tokenizer_mode;

/* By name: "fast", "slow", "google". False: there is no such mode. Any thread. */
PLN_API bool pln_tokenizer_mode_find(const char *name, pln_tokenizer_mode *mode);

typedef enum pln_choice { PLN_CHOICE_UNSET = 0, PLN_CHOICE_NO = 1, PLN_CHOICE_YES = 2 } pln_choice;

/* A token that is split off the text. normalized: it is looked for in the normalized text, not in the raw one. */
typedef struct pln_added_token {
    const char *content;
    bool special, lstrip, rstrip, single_word, normalized;
} pln_added_token;

typedef struct pln_tokenizer_options { /* zero is a good default */
    uint32_t size;                     /* sizeof(pln_tokenizer_options) */
    pln_log_fn *log;                   /* NULL: warnings are dropped */
    void *log_context;
    pln_tokenizer_mode mode;
    bool strict; /* of tokenizer.json only what transformers 5 takes for ELECTRA: vocabulary, truncation, padding */
    pln_choice lower_case, strip_accents, space_chinese; /* overrule the files */
    uint32_t max_word; /* code points; a longer word is unknown; 0: as the files say, else 100 (Google 200) */
    const pln_added_token *added; /* beside those of the files; borrows */
    uint32_t n_added;
    const char *const *never_split; /* words that stay whole, in mode slow; beside those of the files; borrows */
    uint32_t n_never_split;
} pln_tokenizer_options;

/* Returns new. path: a directory, or a vocabulary or a tokenizer.json beside which the other files are looked for.
 * The vocabulary is tokenizer.json's, else vocab.txt's (the other way round in modes slow and google). Settings:
 * tokenizer.json, overruled by tokenizer_config.json, overruled by the options. Added tokens: added_tokens_decoder of
 * tokenizer_config.json; without one special_tokens_map.json, added_tokens.json and tokenizer.json. options may be
 * NULL. PLN_BAD_MODEL names file and key, or what is no BERT tokenizer. Any thread. */
PLN_API pln_status pln_tokenizer_open(const char *path, const pln_tokenizer_options *options, pln_tokenizer **tokenizer,
                                      pln_error *error);
PLN_API void pln_tokenizer_close(pln_tokenizer **tokenizer); /* after its encoders; alone */

typedef enum pln_tokenizer_layout {
    PLN_TOKENIZER_LAYOUT_5 = 0, /* transformers 5: tokenizer.json, tokenizer_config.json */
    PLN_TOKENIZER_LAYOUT_4 =
        1, /* and vocab.txt, special_tokens_map.json and, if there are tokens behind it, added_tokens.json */
} pln_tokenizer_layout;

/* Writes the files into the directory, which is made if there is none. PLN_FAILED names the path; what cannot be
 * written, as on a full disk, leaves the files that were there. PLN_INVALID: two added tokens have one id, as behind a
 * vocabulary that has lines twice. Any thread. */
PLN_API pln_status pln_tokenizer_save(const pln_tokenizer *tokenizer, const char *directory,
                                      pln_tokenizer_layout layout, pln_error *error);

typedef enum pln_special {
    PLN_SPECIAL_UNK = 0,
    PLN_SPECIAL_SEP = 1,
    PLN_SPECIAL_PAD = 2,
    PLN_SPECIAL_CLS = 3,
    PLN_SPECIAL_MASK = 4,
} pln_special;

PLN_API const char *pln_tokenizer_token(const pln_tokenizer *tokenizer,
                                        int32_t id); /* NULL if there is none; any thread */
PLN_API int32_t pln_tokenizer_id(const pln_tokenizer *tokenizer,
                                 const char *token); /* -1 if there is none; any thread */
PLN_API int32_t pln_tokenizer_special_id(const pln_tokenizer *tokenizer,
                                         pln_special special);        /* -1: none; any thread */
PLN_API uint32_t pln_tokenizer_count(const pln_tokenizer *tokenizer); /* ids are below this number; any thread */
PLN_API uint32_t
pln_tokenizer_max_length(const pln_tokenizer *tokenizer); /* that the files name; 0: none; any thread */

typedef struct pln_decode_options { /* zero is a good default */
    uint32_t size;                  /* sizeof(pln_decode_options) */
    bool skip_special;              /* special tokens are left out */
    pln_choice clean_up;            /* blanks before punctuation go, in the text as a whole; unset: as the files say */
} pln_decode_options;

/* Returns new text, freed by pln_free. Ids that do not exist are passed over. options may be NULL. PLN_NO_MEMORY. Any
 * thread. */
PLN_API pln_status pln_tokenizer_decode(const pln_tokenizer *tokenizer, const int32_t *ids, uint32_t n_ids,
                                        const pln_decode_options *options, char **text, pln_error *error);

/* UTF-8, need not end in NUL. Invalid bytes are one U+FFFD each maximal subpart. At most 4 GiB. */
typedef struct pln_text {
    const char *text;
    size_t bytes;
} pln_text;

typedef struct pln_example { /* zero is nothing */
    pln_text text;
    pln_text pair;         /* text NULL: there is none */
    const pln_text *words; /* not NULL: `text` is split into these already; offsets count within each */
    const pln_text *pair_words;
    uint32_t n_words, n_pair_words;
} pln_example;

typedef enum pln_truncation { /* which text is cut */
                              PLN_TRUNCATION_LONGEST_FIRST =
                                  0, /* the longer one; of equal ones the first, which keeps less by the odd token */
                              PLN_TRUNCATION_ONLY_FIRST = 1,
                              PLN_TRUNCATION_ONLY_SECOND = 2,
} pln_truncation;

typedef enum pln_padding { PLN_PADDING_NONE = 0, PLN_PADDING_LONGEST = 1, PLN_PADDING_LENGTH = 2 } pln_padding;

typedef struct pln_encode_options { /* zero is a good default */
    uint32_t size;                  /* sizeof(pln_encode_options) */
    uint32_t max_length;            /* of a row, special tokens included; 0, or too little for them: nothing is cut */
    pln_truncation truncation;
    bool truncate_left;  /* the beginnings go, not the ends */
    bool overflow;       /* what is cut off comes too, as more rows of the same example: windows of the same size */
    uint32_t stride;     /* tokens that a window shares with the one before it */
    pln_padding padding; /* to the longest row, or to pad_length */
    bool pad_left;
    uint32_t pad_length;   /* 0: max_length */
    uint32_t pad_multiple; /* padded lengths are rounded up to a multiple of it; 0: they are not */
    bool no_special;       /* [CLS] and [SEP] are not added */
    bool split_special;    /* special tokens written in a text are plain text */
    bool no_places;        /* ids, types and attention_mask alone are made, faster; the other columns are NULL */
} pln_encode_options;

/* What the files of the tokenizer say of truncation and padding (tokenizer.json; sides also tokenizer_config.json). Any
 * thread. */
PLN_API pln_status pln_tokenizer_defaults(const pln_tokenizer *tokenizer, pln_encode_options *options,
                                          pln_error *error);

/* Rows of tokens, one after the other: row r is tokens [starts[r], starts[r + 1]). One entry a token in each column:
 * what a model reads can be bound to it as it lies. Padded rows are all as long, but for those that are longer than was
 * asked for: each column is a matrix. With no_places there are ids, types and attention_mask; the others are NULL. */
typedef struct pln_encodings {
    uint32_t rows, tokens;
    const uint32_t *starts;        /* [rows + 1] */
    const uint32_t *examples;      /* [rows], the example that the row is of */
    const int32_t *ids;            /* [tokens], as all that follow */
    const int32_t *types;          /* 0 in the first text and round it, 1 in the second and behind it, 0 in padding */
    const int32_t *words;          /* number of the word in its text; -1: added by the encoder */
    const int8_t *sequences;       /* 0 in the first text, 1 in the second; -1: added by the encoder */
    const uint8_t *attention_mask; /* 1: a token, 0: padding */
    const uint8_t *special_mask;   /* 1: added by the encoder: [CLS], [SEP], padding */
    const uint32_t *begins, *ends; /* code points of its text (of its word, if words were given); 0, 0: added */
    const uint32_t *begin_bytes, *end_bytes;
} pln_encodings;

/* Look-ups in a row; sequence: 0 or 1. False: there is none, or no places were made. A token's word, sequence and
 * characters stand in the columns, so the word of a character is words[] of its token, and the characters of a word go
 * from begins[] of its first token to ends[] of its last. Tokens are places in the columns. Any thread. */
PLN_API bool pln_encodings_char_to_token(const pln_encodings *encodings, uint32_t row, int sequence, uint32_t character,
                                         uint32_t *token);
PLN_API bool pln_encodings_word_to_tokens(const pln_encodings *encodings, uint32_t row, int sequence, int32_t word,
                                          uint32_t *begin, uint32_t *end); /* any thread */

/* Returns new; keeps the tokenizer. threads: the caller included; 0: pln_processors(). PLN_NO_MEMORY. Any thread. */
PLN_API pln_status pln_encoder_create(const pln_tokenizer *tokenizer, uint32_t threads, pln_encoder **encoder,
                                      pln_error *error);
PLN_API void pln_encoder_destroy(pln_encoder **encoder); /* alone */

/* [CLS] text [SEP], and with a pair: pair [SEP]; rows in the order of the examples, whatever the threads. Windows: the
 * first of both texts, then each later one of the first with all of the second, then the first with the later ones of
 * the second. Borrows; the answer belongs to the encoder until its next call. options may be NULL. Memory is kept for
 * the next call: many small calls allocate nothing. With no_places each thread remembers frequent words in
 * 4 MiB of its own, which changes no answer. PLN_INVALID names the example that is too short to be cut as asked, or a
 * stride that is not smaller than its window. One thread. */
PLN_API pln_status pln_encoder_encode(pln_encoder *encoder, const pln_example *examples, uint32_t n_examples,
                                      const pln_encode_options *options, const pln_encodings **encodings,
                                      pln_error *error);

/* ---- training a vocabulary */

enum { PLN_VOCABULARY_TOKEN_BYTES = 256 }; /* a special token is no longer */

typedef struct pln_vocabulary_trainer pln_vocabulary_trainer;

typedef struct pln_vocabulary_options { /* zero is a good default */
    uint32_t size;                      /* sizeof(pln_vocabulary_options) */
    uint32_t n_entries;                 /* wanted, special tokens and alphabet included; 0 means 30000 */
    uint32_t min_frequency;             /* pairs that occur less often are not joined; 0 means 2 */
    uint32_t limit_alphabet;            /* characters kept, the most frequent ones; 0 means 1000 */
    bool cased;                         /* letters are not lowered, accents stay */
    bool keep_accents;                  /* letters are lowered, accents stay */
    bool join_chinese;                  /* Chinese characters are not set apart */
    const char *const *special;         /* first entries, in order; NULL: [PAD] [UNK] [CLS] [SEP] [MASK]; borrows */
    uint32_t n_special;
    uint32_t threads; /* 0: pln_processors() */
    /* Called while pairs are joined, with the entries there are and those wanted; false stops. May be NULL. From the
     * thread that trains; must not use this trainer. */
    bool (*progress)(void *context, uint32_t n_entries, uint32_t n_wanted);
    void *progress_context;
} pln_vocabulary_options;

/* Returns new. options may be NULL. A WordPiece vocabulary as the WordPieceTrainer of Hugging Face's tokenizers makes
 * it: the alphabet, then pairs of neighbours joined, the most frequent first; of equal ones that with the lower ids.
 * The same texts give the same vocabulary on any number of threads. PLN_INVALID names a special token that is empty,
 * longer than PLN_VOCABULARY_TOKEN_BYTES or holds a blank. Any thread. */
PLN_API pln_status pln_vocabulary_trainer_create(const pln_vocabulary_options *options,
                                                 pln_vocabulary_trainer **trainer, pln_error *error);
PLN_API void pln_vocabulary_trainer_destroy(pln_vocabulary_trainer **trainer); /* alone */

/* Counts the words of a text: UTF-8, bytes long; invalid bytes are U+FFFD, which the normalizer takes away. It begins
 * and ends a word. Borrows. Memory grows with the distinct words only. PLN_NO_MEMORY. One thread. */
PLN_API pln_status pln_vocabulary_trainer_add(pln_vocabulary_trainer *trainer, const char *text, size_t bytes,
                                              pln_error *error);

/* Returns new text, freed by pln_free: a vocab.txt of *n_entries lines, *bytes long. There are fewer entries than asked
 * for when no pair is left, and more when special tokens and alphabet alone are more. Texts can be added afterwards and
 * the training repeated. PLN_FAILED: stopped by progress. PLN_NO_MEMORY. One thread. */
PLN_API pln_status pln_vocabulary_trainer_train(pln_vocabulary_trainer *trainer, char **text, size_t *bytes,
                                                uint32_t *n_entries, pln_error *error);

#ifdef __cplusplus
}
#endif
#endif
