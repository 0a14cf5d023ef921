/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows through tasks: test_engine MODELS. A row without an answer keeps no other from its own, pulled or pushed; rows
 * that come slowly are answered as they come; a run ends when it is told to.
 */
#include <pthread.h>

#include "tests/tasks/opened.h"

static const char *models;
static const char *const reference[] = {"reference"};

static struct opened open_named(const char *name, const char *task, const pln_option *options)
{
    char folder[512];
    snprintf(folder, sizeof folder, "%s/%s", models, name);
    return open_task(folder, 0, reference, 1, task, options);
}

/* ---- rows of all kinds */

enum { ROWS = 6, LONG_WORDS = 700 };
static char long_text[LONG_WORDS * 4 + 1];
static pln_field fields[ROWS];
static pln_record rows[ROWS];

static void write_rows(void)
{
    static const pln_text list[] = {{"a", 1}};
    for (uint32_t i = 0; i < LONG_WORDS; i++)
        memcpy(long_text + 4 * i, "the ", 5);
    const pln_field some[ROWS] = {
        {.name = "text", .text = {"the king", 8}},
        {.name = "words", .text = {"the king", 8}},
        {.name = "text", .text = {long_text, strlen(long_text)}},
        {.name = "text", .items = list, .n_items = 1},
        {.name = "text", .text = {"", 0}},
        {.name = "text", .text = {"the king", 8}},
    };
    memcpy(fields, some, sizeof fields);
    for (uint32_t i = 0; i < ROWS; i++)
        rows[i] = (pln_record){&fields[i], 1};
}

static const char *const reasons[ROWS] = {
    NULL, "the row has no column `text`", "the model takes at most", "is a list", NULL, NULL};

static bool is_right(const pln_answer *answer, uint64_t row)
{
    if (answer->row != row)
        return false;
    if (!reasons[row % ROWS])
        return answer->status == PLN_OK && answer->json && answer->n_items == (row % ROWS == 4 ? 0 : 2);
    return answer->status == PLN_INVALID && strstr(answer->message, reasons[row % ROWS]) && !answer->json &&
           !answer->n_items;
}

static void errors_stay_in_their_place(void **state)
{
    (void)state;
    struct opened o = open_named("electra-tiny-discriminator", "detect", NULL);
    const pln_answer *const *answers;
    pln_error error;
    must(pln_task_answer(o.task, rows, ROWS, &answers, &error), &error);
    for (uint32_t i = 0; i < ROWS; i++)
        assert_true(is_right(answers[i], i));
    assert_string_equal(answers[0]->json, answers[5]->json);
    const pln_item *king = answers[0]->items[1];
    assert_int_equal(king->begin, 4);
    assert_int_equal(king->end, 8);
    assert_memory_equal(king->text.text, "king", 4);
    close_opened(&o);
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    static const pln_option cut[] = {{"too-long", "cut"}, {NULL, NULL}};
    struct opened o = open_named("electra-tiny-discriminator", "detect", cut);
    const pln_answer *const *answers;
    pln_error error;
    must(pln_task_answer(o.task, &rows[2], 1, &answers, &error), &error);
    assert_int_equal(answers[0]->status, PLN_OK);
    assert_int_equal(answers[0]->n_items, pln_model_number(o.model, "max_position_embeddings") - 2);
    close_opened(&o);
}

/* ---- pushed */

struct pushed {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t n, given, taken, stop_at;
    pln_status ending, bad_row; /* what `next` gives at the end, and for row 1 */
    bool nameless;              /* row 1 has a field without a name */
    bool one_by_one;            /* a row comes when the one before it is answered */
    uint32_t wrong;             /* answers; a callback must not leave by an assertion */
    double worked;              /* rows, as the last call of `progress` had them */
};

static pln_status next(void *context, const pln_record **row, pln_error *error)
{
    struct pushed *p = context;
    *row = NULL;
    if (p->given == p->n) {
        *error = (pln_error){.status = p->ending, .message = "the file is cut"};
        return p->ending;
    }
    pthread_mutex_lock(&p->lock);
    while (p->one_by_one && p->taken < p->given)
        pthread_cond_wait(&p->changed, &p->lock);
    pthread_mutex_unlock(&p->lock);
    const uint32_t i = p->given++;
    if (i == 1 && p->bad_row != PLN_OK) {
        *error = (pln_error){.status = p->bad_row, .message = "line 2: not a row"};
        return p->bad_row;
    }
    static const pln_field no_name = {.text = {"a", 1}};
    static const pln_record unreadable = {&no_name, 1};
    *row = i == 1 && p->nameless ? &unreadable : &rows[i % ROWS];
    return PLN_OK;
}

static bool take(void *context, const pln_answer *answer)
{
    struct pushed *p = context;
    const bool bad = answer->row == 1 && p->bad_row != PLN_OK;
    const bool unreadable = answer->row == 1 && p->nameless;
    const bool right = bad          ? strcmp(answer->message, "line 2: not a row") == 0
                       : unreadable ? strstr(answer->message, "has no name") != NULL
                                    : is_right(answer, p->taken);
    if (!right)
        print_error("row %u is %u: %s\n", p->taken, (unsigned)answer->row,
                    answer->status == PLN_OK ? answer->json : answer->message);
    p->wrong += !right;
    pthread_mutex_lock(&p->lock);
    p->taken++;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return p->taken != p->stop_at;
}

static void watch(void *context, double worked)
{
    struct pushed *p = context;
    p->wrong += !(worked > p->worked && worked <= p->n);
    p->worked = worked;
}

static pln_status push(struct pushed *p, uint32_t window, pln_task_report *report, pln_error *error)
{
    struct opened o = open_named("electra-tiny-discriminator", "detect", NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    const pln_status status = pln_task_run(
        o.task,
        PLN_OPTIONS(pln_task_stream, .context = p, .next = next, .answer = take, .progress = watch, .window = window),
        report, error);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    close_opened(&o);
    assert_int_equal(p->wrong, 0);
    return status;
}

static void all_rows_pushed(void **state)
{
    (void)state;
    for (uint32_t window = 0; window < 4; window++) {
        struct pushed p = {.n = 200};
        pln_task_report report = {.size = sizeof report};
        pln_error error;
        must(push(&p, window, &report, &error), &error);
        assert_int_equal(p.taken, 200);
        assert_in_range((uint32_t)p.worked, 195, 200); /* the last window may have rows that ask the device nothing */
        assert_int_equal(report.rows, 200);
        assert_int_equal(report.sequences, 34 + 33 + 33);
        assert_true(report.tokens && report.batches && report.total >= report.waited);
    }
}

/* Whoever writes a row and waits for its answer gets it. */
static void slow_rows_are_answered_as_they_come(void **state)
{
    (void)state;
    struct pushed p = {.n = 10, .one_by_one = true};
    pln_error error;
    must(push(&p, 0, NULL, &error), &error);
    assert_int_equal(p.taken, 10);
}

static void bad_rows_and_the_end(void **state)
{
    (void)state;
    pln_error error;
    struct pushed bad = {.n = 8, .bad_row = PLN_INVALID};
    must(push(&bad, 0, NULL, &error), &error);
    assert_int_equal(bad.taken, 8);
    struct pushed nameless = {.n = 8, .nameless = true};
    must(push(&nameless, 0, NULL, &error), &error);
    assert_int_equal(nameless.taken, 8);
    struct pushed cut = {.n = 5, .ending = PLN_FAILED};
    assert_int_equal(push(&cut, 0, NULL, &error), PLN_FAILED);
    assert_string_equal(error.message, "the file is cut");
    assert_int_equal(cut.taken, 5);
    struct pushed stopped = {.n = 1000, .stop_at = 3};
    assert_int_equal(push(&stopped, 2, NULL, &error), PLN_CANCELLED);
    assert_int_equal(stopped.taken, 3);
    struct pushed none = {0};
    must(push(&none, 0, NULL, &error), &error);
    assert_int_equal(none.taken, 0);
}

/* ---- options */

static void options_say_what_they_may_be(void **state)
{
    (void)state;
    static const struct {
        const char *model, *task, *key, *value, *words; /* NULL: it is taken */
    } some[] = {
        {"electra-tiny-generator", "fill-mask", "top", "3", NULL},
        {"electra-tiny-generator", "fill-mask", "top", "0", "a whole number of at least 1"},
        {"electra-tiny-generator", "fill-mask", "top", "1.5", "a whole number of at least 1"},
        {"electra-tiny-generator", "fill-mask", "top", "", "a whole number of at least 1"},
        {"electra-tiny-generator", "fill-mask", "top", "99999999999999999999", NULL},
        {"electra-tiny-generator", "fill-mask", "targets", "king,,  lord ", NULL},
        {"electra-tiny-generator", "fill-mask", "targets", " , ", "must name a word"},
        {"electra-tiny-discriminator", "classify", "function", "soft", "it may be softmax, sigmoid or none"},
        {"electra-tiny-discriminator", "detect", "too-long", "window", "it may be error or cut"},
        {"electra-tiny-discriminator", "detect", "top", "1", "no option \"top\"; it has too-long"},
        {"electra-tiny-discriminator", "embed", "normalize", "maybe", "it may be yes or no"},
        {"electra-tiny-discriminator", "embed", "layer", "9", "it may be a number from 0 to"},
        {"electra-tiny-discriminator", "rank", "label", "none", "it may be a label of the model"},
        {"electra-tiny-discriminator", "rank", "top", "1", "name it by option label"},
        {"electra-tiny-discriminator", "zero-shot", "template", "none", "a sentence with {} in it"},
        {"electra-tiny-discriminator", "zero-shot", "template", "{} {1}", "a sentence with {} in it"},
        {"electra-tiny-discriminator", "zero-shot", "template", "{}", "begins with \"entail\""},
    };
    pln_runtime *runtime;
    pln_error error;
    must(pln_runtime_create(NULL, &runtime, &error), &error);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        pln_model *model;
        char folder[512];
        const pln_option option = {some[i].key, some[i].value};
        pln_session_options session = {.size = sizeof session};
        snprintf(folder, sizeof folder, "%s/%s", models, some[i].model);
        must(pln_model_open(runtime, folder, NULL, &model, &error), &error);
        const pln_status status = pln_task_prepare(model, some[i].task, &option, 1, &session, &error);
        if (!some[i].words)
            must(status, &error);
        else if (status != PLN_INVALID || !strstr(error.message, some[i].words))
            fail_msg("%s %s: \"%s\" does not say \"%s\"", some[i].task, some[i].key, error.message, some[i].words);
        pln_model_close(&model);
    }
    pln_runtime_destroy(&runtime);
}

/* ---- the table */

static void tasks_are_found(void **state)
{
    (void)state;
    const pln_task_info *info, *found;
    uint32_t n = 0;
    for (; (info = pln_task_at(n)); n++) {
        assert_true(pln_task_find(info->name, &found));
        assert_ptr_equal(found, info);
        assert_true(*info->summary && info->columns[0].name && info->labels && info->options && info->scores);
        for (const pln_column_info *c = info->columns; c->name; c++)
            assert_true(*c->help);
        for (const pln_option_info *o = info->options; o->key; o++)
            assert_true(*o->help && *o->values);
    }
    assert_true(n >= 7);
    struct opened o = open_named("electra-tiny-discriminator", NULL, NULL);
    assert_string_equal(pln_task_describe(o.task)->name, "detect");
    assert_string_equal(pln_task_choose(o.model, &rows[0])->name, "detect");
    close_opened(&o);
}

int main(int argc, char **argv)
{
    (void)argc;
    models = argv[1];
    write_rows();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_stay_in_their_place),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(all_rows_pushed),
        cmocka_unit_test(slow_rows_are_answered_as_they_come),
        cmocka_unit_test(bad_rows_and_the_end),
        cmocka_unit_test(options_say_what_they_may_be),
        cmocka_unit_test(tasks_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
