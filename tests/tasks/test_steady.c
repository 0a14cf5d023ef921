/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer hangs on nothing but its row: test_steady MODELS DEVICE [OPTION...]. Rows alone, in windows and batches of
 * any size, on any number of threads: the same bits.
 */
#include "tests/tasks/opened.h"

enum { ROWS = 24, MOST_WORDS = 40 };

static const char *models;
static const char *const *device;
static uint32_t n_device;
static char folder[] = "/tmp/pleione-steady-XXXXXX";

/* ---- rows */

static char texts[2 * ROWS][MOST_WORDS * 12];
static pln_text choices[ROWS][3];
static pln_field fields[ROWS][2];
static pln_record rows[ROWS];

static void write_text(char *text, uint32_t words, uint32_t *seed)
{
    static const char *const some[] = {"the king ",   "said ", "Jerusalem ", "unto ",
                                       "Zerubbabel ", "and ",  "x, ",        "of "};
    *text = '\0';
    for (uint32_t i = 0; i < words; i++)
        strcat(text, some[(uint32_t)((noise(seed) + 0.5f) * 7.99f)]);
}

/* Every task finds its columns in them. */
static void write_rows(bool choose)
{
    uint32_t seed = 7;
    for (uint32_t i = 0; i < ROWS; i++) {
        /* The longest first: its plan has room for all that come alone behind it. */
        write_text(texts[2 * i], MOST_WORDS - 1 - (i * 37) % MOST_WORDS, &seed);
        write_text(texts[2 * i + 1], (i * 11) % 9 + 1, &seed);
        for (uint32_t j = 0; j < 3; j++)
            choices[i][j] = (pln_text){texts[2 * i + 1], strlen(texts[2 * i + 1]) / (j + 1)};
        fields[i][0] = (pln_field){.name = choose ? "prompt" : "text", .text = {texts[2 * i], strlen(texts[2 * i])}};
        fields[i][1] = (pln_field){.name = choose ? "choices" : "passages", .items = choices[i], .n_items = 3};
        rows[i] = (pln_record){fields[i], 2};
    }
}

/* ---- answers */

static char *kept[ROWS];

static void keep_answers(pln_task *task)
{
    pln_error error;
    const pln_answer *const *answers;
    for (uint32_t i = 0; i < ROWS; i++) {
        must(pln_task_answer(task, &rows[i], 1, &answers, &error), &error);
        if (answers[0]->status != PLN_OK)
            fail_msg("%s", answers[0]->message);
        free(kept[i]);
        kept[i] = strdup(answers[0]->json);
    }
}

struct taker {
    uint32_t given, taken;
};

static pln_status next(void *context, const pln_record **row, pln_error *error)
{
    struct taker *taker = context;
    (void)error;
    *row = taker->given < ROWS ? &rows[taker->given] : NULL;
    taker->given++;
    return PLN_OK;
}

static bool take(void *context, const pln_answer *answer)
{
    struct taker *taker = context;
    if (answer->row != taker->taken++ || answer->status != PLN_OK || strcmp(answer->json, kept[answer->row]) != 0) {
        print_error("row %u: %.200s\nalone: %.200s\n", taker->taken - 1, answer->json ? answer->json : answer->message,
                    kept[answer->row]);
        return false;
    }
    return true;
}

static void compare_streams(pln_task *task)
{
    static const struct {
        uint32_t window, batch_tokens;
    } some[] = {{0, 0}, {1, 0}, {7, 64}, {ROWS, 200}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        struct taker taker = {0};
        pln_error error;
        const pln_task_stream stream = {.size = sizeof stream,
                                        .context = &taker,
                                        .next = next,
                                        .answer = take,
                                        .window = some[i].window,
                                        .batch_tokens = some[i].batch_tokens};
        pln_task_report report = {.size = sizeof report};
        if (pln_task_run(task, &stream, &report, &error) != PLN_OK)
            fail_msg("window %u, %u tokens: %s", some[i].window, some[i].batch_tokens, error.message);
        assert_int_equal(taker.taken, ROWS);
        assert_int_equal(report.rows, ROWS);
    }
}

static void check(const char *architecture, const char *task, const pln_option *options, const struct sizes *sizes)
{
    char members[600], from[512];
    snprintf(from, sizeof from, "%s/electra-tiny-discriminator", models);
    snprintf(members, sizeof members, "\"architectures\": [\"%s\"], \"summary_type\": \"mean\"", architecture);
    write_model_of(folder, from, sizes, members);
    write_rows(strcmp(task, "choose") == 0);
    for (uint32_t threads = 1; threads <= 2; threads++) {
        struct opened o = open_task(folder, threads, device, n_device, task, options);
        if (threads == 1)
            keep_answers(o.task);
        if (threads == 2)
            compare_streams(o.task);
        close_opened(&o);
    }
}

static const struct sizes even = {32, 256, 1, 4, 256}, odd = {42, 72, 2, 3, 100};
static const pln_option each_token[] = {{"pooling", "none"}, {NULL, NULL}};

static void every_token(void **state)
{
    (void)state;
    check("ElectraModel", "embed", each_token, &even);
}

static void every_token_of_odd_widths(void **state)
{
    (void)state;
    check("ElectraModel", "embed", each_token, &odd);
}

static void labels(void **state)
{
    (void)state;
    check("ElectraForSequenceClassification", "classify", NULL, &even);
}

/* The mean is over padding too: that of the row's own choices. */
static void choices_with_padding(void **state)
{
    (void)state;
    check("ElectraForMultipleChoice", "choose", NULL, &odd);
}

/* A level that this processor lacks is skipped, visibly. */
static bool opens(void)
{
    struct opened o = {0};
    pln_error error;
    must(pln_runtime_create(NULL, &o.runtime, &error), &error);
    const pln_status status = pln_devices_open(o.runtime, device[0], device + 1, n_device - 1, &o.devices, &error);
    close_opened(&o);
    if (status != PLN_OK && status != PLN_INVALID)
        fail_msg("%s", error.message);
    return status == PLN_OK;
}

int main(int argc, char **argv)
{
    if (argc < 3 || !mkdtemp(folder))
        return 2;
    models = argv[1];
    device = (const char *const *)argv + 2;
    n_device = (uint32_t)argc - 2;
    if (!opens())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_token),
        cmocka_unit_test(every_token_of_odd_widths),
        cmocka_unit_test(labels),
        cmocka_unit_test(choices_with_padding),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_model(folder);
    for (uint32_t i = 0; i < ROWS; i++)
        free(kept[i]);
    return failed != 0;
}
