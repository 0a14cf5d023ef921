/* SPDX-License-Identifier: Apache-2.0
 *
 * SQuAD: {"data": [{"paragraphs": [{"context", "qas": [{"id", "question", "answers": [{"text", "answer_start"}]}]}]}]}.
 * The file is walked byte by byte down to a paragraph, which jansson reads; each of its questions is a row.
 */
#include <stdlib.h>
#include <string.h>

#include "common/fail.h"
#include "records/format.h"
#include "records/json.h"

/* What has begun and not ended. */
enum level { OUTSIDE, FILE_OBJECT, DATA, ARTICLE, PARAGRAPHS, BEHIND };

struct squad {
    enum level level;
    bool found;                        /* "data" was there */
    uint64_t line;                     /* of the next byte */
    struct records_text text;          /* of the paragraph */
    struct records_json json;          /* of it */
    const json_t *context, *questions; /* NULL: no paragraph is being asked */
    size_t n;                          /* questions that were given */
};

static const char *const columns[] = {"id", "question", "context", "answers.text", "answers.answer_start"};
enum { ID, QUESTION, CONTEXT, TEXTS, STARTS, N_COLUMNS };

static pln_status begin(struct records_source *source, pln_error *error)
{
    struct squad *squad = source->state;
    (void)error;
    squad->line = 1;
    source->columns = columns;
    source->n_columns = N_COLUMNS;
    return PLN_OK;
}

/* ---- the walk down to a paragraph */

/* The next byte, which stays; -1: there is none. */
static pln_status peek(struct records_source *source, int *byte, pln_error *error)
{
    const pln_status status = records_lines_fill(&source->lines, error);
    *byte = status == PLN_OK && source->lines.left ? (unsigned char)*source->lines.next : -1;
    return status;
}

static void pass(struct records_source *source)
{
    struct squad *squad = source->state;
    squad->line += *source->lines.next == '\n';
    source->lines.next++;
    source->lines.left--;
}

/* The next byte that says something. */
static pln_status peek_token(struct records_source *source, int *byte, pln_error *error)
{
    pln_status status;
    while ((status = peek(source, byte, error)) == PLN_OK && *byte >= 0 && strchr(" \t\r\n,", *byte) && *byte)
        pass(source);
    return status;
}

static pln_status fail(const struct records_source *source, const char *sentence, pln_error *error)
{
    const struct squad *squad = source->state;
    return pln_fail(error, PLN_FAILED, "%s:%llu: not SQuAD JSON: %s", source->lines.stream.name,
                    (unsigned long long)squad->line, sentence);
}

/* A string, an object, a list or a word goes by; `keep` (may be NULL) gets its bytes, but no more than PLN_ROW_BYTES and
 * one. */
static pln_status pass_value(struct records_source *source, struct records_text *keep, pln_error *error)
{
    uint64_t depth = 0;
    bool quoted = false, escaped = false, word = false;
    for (;;) {
        int byte;
        const pln_status status = peek(source, &byte, error);
        if (status != PLN_OK)
            return status;
        if (byte < 0)
            return fail(source, "it ends too early", error);
        const bool opens = !quoted && (byte == '{' || byte == '['), closes = !quoted && (byte == '}' || byte == ']');
        const bool quote = byte == '"' && !escaped;
        word = !depth && !quoted && !opens && !quote;
        if (word && (closes || strchr(" \t\r\n,:", byte)))
            return PLN_OK;
        escaped = quoted && byte == '\\' && !escaped;
        quoted ^= quote;
        depth += opens;
        depth -= closes && depth;
        const char letter = (char)byte;
        if (keep && keep->bytes <= PLN_ROW_BYTES && !records_put(keep, &letter, 1))
            return records_no_memory(source, error);
        pass(source);
        if (!depth && (closes || (quote && !quoted)))
            return PLN_OK;
    }
}

/* The name of a member, cut at `room`, and the colon behind it. */
static pln_status pass_name(struct records_source *source, char *name, size_t room, pln_error *error)
{
    struct records_text text = {0};
    int byte;
    pln_status status = pass_value(source, &text, error);
    if (status == PLN_OK)
        snprintf(name, room, "%.*s", (int)(text.bytes < room ? text.bytes : room - 1), text.text ? text.text : "");
    free(text.text);
    if (status == PLN_OK)
        status = peek_token(source, &byte, error);
    if (status == PLN_OK && byte != ':')
        return fail(source, "a colon is missing", error);
    if (status == PLN_OK)
        pass(source);
    return status == PLN_OK ? peek_token(source, &byte, error) : status;
}

/* A member of the file's object or of an article: into the list of that name, or past it. */
static pln_status walk_member(struct records_source *source, const char *list, enum level inside, pln_error *error)
{
    struct squad *squad = source->state;
    char name[32];
    int byte;
    pln_status status = pass_name(source, name, sizeof name, error);
    if (status == PLN_OK)
        status = peek(source, &byte, error);
    if (status != PLN_OK)
        return status;
    if (strcmp(name, list) != 0)
        return pass_value(source, NULL, error);
    if (byte != '[')
        return fail(source, inside == DATA ? "\"data\" is no list" : "\"paragraphs\" is no list", error);
    pass(source);
    squad->level = inside;
    squad->found = true;
    return PLN_OK;
}

/* One step from where a paragraph ended; byte is the next one. */
static pln_status step(struct records_source *source, int byte, pln_error *error)
{
    struct squad *squad = source->state;
    static const struct {
        char opens, closes;
        enum level in, out;
        const char *list; /* that is walked into; NULL: what opens is */
    } levels[] = {
        [OUTSIDE] = {'{', 0, FILE_OBJECT, OUTSIDE, NULL},
        [FILE_OBJECT] = {'"', '}', DATA, BEHIND, "\"data\""},
        [DATA] = {'{', ']', ARTICLE, FILE_OBJECT, NULL},
        [ARTICLE] = {'"', '}', PARAGRAPHS, DATA, "\"paragraphs\""},
        [PARAGRAPHS] = {'{', ']', PARAGRAPHS, ARTICLE, NULL},
    };
    const enum level at = squad->level;
    if (byte == levels[at].closes && byte) {
        pass(source);
        squad->level = levels[at].out;
        return PLN_OK;
    }
    if (byte != levels[at].opens)
        return fail(source, at == OUTSIDE ? "it does not begin with an object" : "something else was expected here",
                    error);
    if (levels[at].list)
        return walk_member(source, levels[at].list, levels[at].in, error);
    pass(source);
    squad->level = levels[at].in;
    return PLN_OK;
}

/* Up to the next paragraph; byte < 0: there is none. */
static pln_status find_paragraph(struct records_source *source, int *byte, pln_error *error)
{
    const struct squad *squad = source->state;
    for (;;) {
        pln_status status = peek_token(source, byte, error);
        if (status != PLN_OK)
            return status;
        if (squad->level == BEHIND && !squad->found)
            return fail(source, "it has no \"data\"", error);
        if (squad->level == BEHIND)
            return *byte < 0 ? PLN_OK : fail(source, "something stands behind its end", error);
        if (*byte < 0)
            return fail(source, "it ends too early", error);
        if (squad->level == PARAGRAPHS && *byte == '{')
            return PLN_OK;
        status = step(source, *byte, error);
        if (status != PLN_OK)
            return status;
    }
}

/* ---- a paragraph and its questions */

static pln_status read_paragraph(struct records_source *source, pln_error *error)
{
    struct squad *squad = source->state;
    pln_error why;
    squad->questions = NULL;
    squad->text.bytes = 0;
    source->line = squad->line;
    pln_status status = pass_value(source, &squad->text, error);
    if (status != PLN_OK)
        return status;
    if (squad->text.bytes > PLN_ROW_BYTES)
        return records_bad(source, source->line, error, "the paragraph has more than %d bytes", PLN_ROW_BYTES);
    if (!records_put(&squad->text, "", 1))
        return records_no_memory(source, error);
    status = records_json_parse(&squad->json, squad->text.text, squad->text.bytes - 1, &why);
    if (status == PLN_NO_MEMORY)
        return records_no_memory(source, error);
    if (status != PLN_OK)
        return records_bad(source, source->line, error, "%s", why.message);
    squad->context = json_object_get(squad->json.tree, "context");
    const json_t *questions = json_object_get(squad->json.tree, "qas");
    if (!json_is_string(squad->context) || !json_is_array(questions))
        return records_bad(source, source->line, error, "the paragraph lacks a text \"context\" or a list \"qas\"");
    squad->questions = questions;
    squad->n = 0;
    return PLN_OK;
}

/* The member of each answer as a list of texts; *items NULL: one lacks it, or there is no memory. */
static pln_status collect(struct records_source *source, const json_t *answers, const char *member, pln_text **items,
                          pln_error *error)
{
    const struct squad *squad = source->state;
    const size_t n = json_array_size(answers);
    *items = arena_allocate(&source->row.arena, (n + 1) * sizeof **items);
    if (!*items)
        return records_no_memory(source, error);
    for (size_t i = 0; i < n; i++) {
        (*items)[i] = records_json_text(&squad->json, json_object_get(json_array_get(answers, i), member));
        if (!(*items)[i].text)
            return records_bad(source, source->line, error, "question %zu of the paragraph: an answer has no \"%s\"",
                               squad->n, member);
    }
    return PLN_OK;
}

static pln_status give_question(struct records_source *source, const json_t *question, pln_error *error)
{
    struct squad *squad = source->state;
    struct records_row *row = &source->row;
    const json_t *answers = json_object_get(question, "answers");
    const pln_text id = records_json_text(&squad->json, json_object_get(question, "id"));
    const pln_text text = records_json_text(&squad->json, json_object_get(question, "question"));
    const pln_text context = records_json_text(&squad->json, squad->context);
    pln_text *texts, *starts;
    squad->n++;
    if (!id.text || !text.text)
        return records_bad(source, source->line, error, "question %zu of the paragraph has no \"%s\"", squad->n,
                           id.text ? "question" : "id");
    if (answers && !json_is_array(answers))
        return records_bad(source, source->line, error, "question %zu of the paragraph: \"answers\" is no list",
                           squad->n);
    pln_status status = collect(source, answers, "text", &texts, error);
    if (status == PLN_OK)
        status = collect(source, answers, "answer_start", &starts, error);
    if (status != PLN_OK)
        return status;
    const size_t n = json_array_size(answers);
    const bool added = records_row_add(row, columns[ID], id) && records_row_add(row, columns[QUESTION], text) &&
                       records_row_add(row, columns[CONTEXT], context) &&
                       records_row_add_list(row, columns[TEXTS], texts, n) &&
                       records_row_add_list(row, columns[STARTS], starts, n);
    return added ? PLN_OK : records_no_memory(source, error);
}

static pln_status next(struct records_source *source, bool *end, pln_error *error)
{
    struct squad *squad = source->state;
    while (!squad->questions || squad->n == json_array_size(squad->questions)) {
        int byte;
        squad->questions = NULL;
        pln_status status = find_paragraph(source, &byte, error);
        *end = status == PLN_OK && byte < 0;
        if (status == PLN_OK && !*end)
            status = read_paragraph(source, error);
        if (status != PLN_OK || *end)
            return status;
    }
    return give_question(source, json_array_get(squad->questions, squad->n), error);
}

static void end_reading(struct records_source *source)
{
    struct squad *squad = source->state;
    records_json_finish(&squad->json);
    free(squad->text.text);
}

const struct records_reading records_read_squad = {
    .state_bytes = sizeof(struct squad), .begin = begin, .next = next, .end = end_reading};
