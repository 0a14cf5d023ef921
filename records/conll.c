/* SPDX-License-Identifier: Apache-2.0
 *
 * CoNLL: a word a line, and an empty line behind a sentence, which is a row.
 */
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "records/format.h"

struct word { /* places in `texts`; a tag of 0 bytes is none */
    size_t begin, bytes, tag, tag_bytes;
};

struct conll {
    struct records_text texts; /* of the sentence */
    struct word *words;
    size_t n, room, tagged;
};

static const char *const columns[] = {"tokens", "tags"};

static pln_status begin(struct records_source *source, pln_error *error)
{
    (void)error;
    source->columns = columns;
    source->n_columns = 2;
    return PLN_OK;
}

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t';
}

/* First and last column of a line that has one. */
static struct word cut(const struct records_line *line)
{
    size_t begin = 0, end = line->bytes, after;
    while (is_blank(line->text[begin]))
        begin++;
    while (is_blank(line->text[end - 1]))
        end--;
    for (after = begin; after < end && !is_blank(line->text[after]);)
        after++;
    struct word word = {.begin = begin, .bytes = after - begin, .tag = end};
    while (after < end && word.tag > after && !is_blank(line->text[word.tag - 1]))
        word.tag--;
    word.tag_bytes = end - word.tag;
    return word;
}

static bool is_document(const struct records_line *line, const struct word *word)
{
    static const char mark[] = "-DOCSTART-";
    return word->bytes == sizeof mark - 1 && memcmp(line->text + word->begin, mark, word->bytes) == 0;
}

/* False: no memory. */
static bool add_word(struct conll *conll, const struct records_line *line, struct word word)
{
    struct word *words = array_reserve(conll->words, &conll->room, conll->n + 1, sizeof *words);
    const char *text = line->text + word.begin, *tag = line->text + word.tag;
    conll->words = words ? words : conll->words;
    word.begin = conll->texts.bytes;
    word.tag = word.begin + word.bytes;
    if (!words || !records_put(&conll->texts, text, word.bytes) || !records_put(&conll->texts, tag, word.tag_bytes))
        return false;
    conll->words[conll->n++] = word;
    conll->tagged += word.tag_bytes > 0;
    return true;
}

/* What makes the sentence a bad row, NULL: nothing. */
static const char *find_fault(const struct conll *conll, const struct records_line *line, const struct word *word)
{
    if (line->too_long || conll->texts.bytes + line->bytes > PLN_ROW_BYTES || conll->n == PLN_ROW_ITEMS)
        return "the sentence is longer than a row may be";
    if (conll->n && (conll->tagged > 0) != (word->tag_bytes > 0))
        return word->tag_bytes ? "this word has a tag, those before it have none"
                               : "this word has no tag, those before it have one";
    return NULL;
}

/* A sentence up to its end, also behind what makes it a bad row. */
static pln_status read_sentence(struct records_source *source, pln_error *error)
{
    struct conll *conll = source->state;
    struct records_line line;
    pln_status bad = PLN_OK;
    for (;;) {
        const pln_status status = records_lines_next(&source->lines, &line, error);
        if (status != PLN_OK || !line.text)
            return status != PLN_OK ? status : bad;
        records_line_trim(&line);
        if (records_line_is_blank(&line) && !line.too_long) {
            if (conll->n || bad != PLN_OK)
                return bad;
            continue;
        }
        const struct word word = line.too_long ? (struct word){0} : cut(&line);
        if (bad != PLN_OK || is_document(&line, &word))
            continue;
        const char *fault = find_fault(conll, &line, &word);
        source->line = conll->n ? source->line : line.number;
        if (fault)
            bad = records_bad(source, line.number, error, "%s", fault);
        else if (!add_word(conll, &line, word))
            return records_no_memory(source, error);
    }
}

static bool add_lists(struct records_source *source)
{
    const struct conll *conll = source->state;
    pln_text *tokens = arena_allocate(&source->row.arena, conll->n * sizeof *tokens);
    pln_text *tags = arena_allocate(&source->row.arena, conll->n * sizeof *tags);
    for (size_t i = 0; tokens && tags && i < conll->n; i++) {
        tokens[i] = (pln_text){conll->texts.text + conll->words[i].begin, conll->words[i].bytes};
        tags[i] = (pln_text){conll->texts.text + conll->words[i].tag, conll->words[i].tag_bytes};
    }
    return tokens && tags && records_row_add_list(&source->row, columns[0], tokens, conll->n) &&
           (!conll->tagged || records_row_add_list(&source->row, columns[1], tags, conll->n));
}

static pln_status next(struct records_source *source, bool *end, pln_error *error)
{
    struct conll *conll = source->state;
    conll->n = conll->tagged = conll->texts.bytes = 0;
    const pln_status status = read_sentence(source, error);
    *end = status == PLN_OK && !conll->n;
    if (status != PLN_OK || *end)
        return status;
    return add_lists(source) ? PLN_OK : records_no_memory(source, error);
}

static void end_reading(struct records_source *source)
{
    struct conll *conll = source->state;
    free(conll->texts.text);
    free(conll->words);
}

const struct records_reading records_read_conll = {
    .state_bytes = sizeof(struct conll), .begin = begin, .next = next, .end = end_reading};
