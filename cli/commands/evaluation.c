/* SPDX-License-Identifier: Apache-2.0
 *
 * Scores and confusions of labels for people, as JSON and as a picture.
 */
#include "cli/commands/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tables/plot.h"

/* ---- JSON */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* value at a name, or below the name at a label. */
static void set_score(json_t *object, const pln_score *score, json_t *value)
{
    json_t *inside = json_object_get(object, score->name);
    if (!score->label) {
        cli_set_json(object, score->name, value);
        return;
    }
    if (!inside) {
        cli_set_json(object, score->name, json_object());
        inside = json_object_get(object, score->name);
    }
    json_t *key = cli_json_text(score->label, strlen(score->label));
    cli_set_json(inside, key ? json_string_value(key) : "", value);
    json_decref(key);
}

static json_t *confusion_json(const struct evaluated *found)
{
    json_t *labels = json_array(), *counts = json_array();
    for (uint32_t i = 0; i < found->n_labels; i++) {
        json_t *row = json_array();
        cli_append_json(labels, cli_json_text(found->labels[i], strlen(found->labels[i])));
        for (uint32_t j = 0; j < found->n_labels; j++)
            cli_append_json(row, json_integer((json_int_t)found->counts[(size_t)i * found->n_labels + j]));
        cli_append_json(counts, row);
    }
    return json_pack("{s:o,s:o}", "labels", labels, "counts", counts);
}

void cli_print_evaluation_json(const struct evaluated *found)
{
    json_t *object = json_object(), *intervals = NULL;
    cli_set_json(object, "rows", json_integer((json_int_t)found->rows));
    if (found->failed)
        cli_set_json(object, "errors", json_integer((json_int_t)found->failed));
    for (uint32_t i = 0; i < found->n_scores; i++) {
        const pln_score *s = found->scores[i];
        set_score(object, s, number(s->value));
        if (!isfinite(s->low))
            continue;
        if (!intervals)
            intervals = json_object();
        set_score(intervals, s, json_pack("[f,f]", s->low, s->high));
    }
    if (intervals)
        cli_set_json(object, "intervals", intervals);
    if (found->counts)
        cli_set_json(object, "confusion", confusion_json(found));
    cli_print_json(object);
}

/* ---- tables */

static const struct table_column score_columns[] = {
    {.key = "score", .title = "score", .fitted = true},
    {.key = "label", .title = "label", .fitted = true},
    {.key = "value", .title = "value", .type = TABLE_NUMBER, .digits = 4},
    {.key = "low", .title = "95 % from", .type = TABLE_NUMBER, .digits = 4},
    {.key = "high", .title = "to", .type = TABLE_NUMBER, .digits = 4},
};

static bool print_scores(const struct evaluated *found, bool wide)
{
    struct table t = {0};
    bool labels = false, intervals = false;
    for (uint32_t i = 0; i < found->n_scores; i++) {
        labels = labels || found->scores[i]->label;
        intervals = intervals || isfinite(found->scores[i]->low);
    }
    for (size_t i = 0; i < sizeof score_columns / sizeof *score_columns; i++)
        if ((i != 1 || labels) && (i < 3 || intervals))
            table_add_columns(&t, &score_columns[i], 1);
    for (uint32_t i = 0; i < found->n_scores; i++) {
        const pln_score *s = found->scores[i];
        table_add_row(&t);
        table_set_text(&t, "score", s->name);
        if (labels)
            table_set_text(&t, "label", s->label ? s->label : "");
        table_set_number(&t, "value", s->value);
        if (intervals) {
            table_set_number(&t, "low", s->low);
            table_set_number(&t, "high", s->high);
        }
    }
    const bool made = !t.failed;
    if (made)
        table_print(stdout, &t, wide);
    table_finish(&t);
    return made;
}

enum { MOST_ACROSS = TABLE_COLUMNS - 1, MOST_PAIRS = 30 };

/* A column for each label that was given. False: it is wider than the terminal, or there are too many. */
static bool print_matrix(const struct evaluated *found, bool wide, bool *made)
{
    static char keys[MOST_ACROSS][12];
    struct table t = {0};
    const uint32_t n = found->n_labels, width = wide ? 0 : terminal_width(stdout);
    if (n > MOST_ACROSS)
        return false;
    table_add_columns(&t, &(struct table_column){.key = "gold", .title = "gold \\ given", .fitted = true}, 1);
    for (uint32_t i = 0; i < n; i++) {
        snprintf(keys[i], sizeof keys[i], "%u", i);
        table_add_columns(&t, &(struct table_column){.key = keys[i], .title = found->labels[i], .type = TABLE_COUNT},
                          1);
    }
    for (uint32_t i = 0; i < n; i++) {
        table_add_row(&t);
        table_set_text(&t, "gold", found->labels[i]);
        for (uint32_t j = 0; j < n; j++)
            table_set_number(&t, keys[j], (double)found->counts[(size_t)i * n + j]);
    }
    struct table_layout layout;
    *made = !t.failed;
    if (*made)
        table_lay_out(&t, 0, &layout);
    uint32_t needed = 0;
    for (uint32_t i = 0; *made && i <= n; i++)
        needed += layout.width[i] + (i ? 2 : 0);
    const bool fits = *made && (!width || needed <= width);
    if (fits)
        table_print(stdout, &t, true);
    table_finish(&t);
    return fits || !*made;
}

struct pair {
    uint64_t count;
    uint32_t gold, given;
};

static int most_first(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    if (x->gold != y->gold)
        return x->gold < y->gold ? -1 : 1;
    return (x->given > y->given) - (x->given < y->given);
}

/* The most frequent confusions, where a matrix finds no room. */
static bool print_pairs(const struct evaluated *found, bool wide)
{
    static const struct table_column columns[] = {
        {.key = "gold", .title = "gold", .fitted = true},
        {.key = "given", .title = "given", .fitted = true},
        {.key = "rows", .title = "rows", .type = TABLE_COUNT},
    };
    const uint32_t n = found->n_labels;
    struct pair *pairs = malloc(((size_t)n * n + 1) * sizeof *pairs);
    struct table t = {0};
    size_t n_pairs = 0;
    if (!pairs)
        return false;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < n; j++)
            if (i != j && found->counts[(size_t)i * n + j])
                pairs[n_pairs++] = (struct pair){found->counts[(size_t)i * n + j], i, j};
    qsort(pairs, n_pairs, sizeof *pairs, most_first);
    table_add_columns(&t, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < n_pairs && i < MOST_PAIRS; i++) {
        table_add_row(&t);
        table_set_text(&t, "gold", found->labels[pairs[i].gold]);
        table_set_text(&t, "given", found->labels[pairs[i].given]);
        table_set_number(&t, "rows", (double)pairs[i].count);
    }
    const bool made = !t.failed;
    if (made)
        table_print(stdout, &t, wide);
    table_finish(&t);
    free(pairs);
    return made;
}

bool cli_print_evaluation(const struct evaluated *found, bool wide)
{
    bool made = true;
    printf("%llu rows", (unsigned long long)found->rows);
    if (found->failed)
        printf(", %llu without an answer", (unsigned long long)found->failed);
    putchar('\n');
    if (!print_scores(found, wide))
        return false;
    if (!found->counts)
        return true;
    putchar('\n');
    return print_matrix(found, wide, &made) ? made : print_pairs(found, wide);
}

void cli_plot_confusion(const struct evaluated *found, FILE *out)
{
    char title[160];
    const struct plot_counts counts = {found->n_labels, found->labels, found->counts};
    const char *name = strrchr(found->directory, '/');
    snprintf(title, sizeof title, "%.100s: labels given by %.20s", name && name[1] ? name + 1 : found->directory,
             found->task);
    plot_matrix(out, title, &counts);
}
