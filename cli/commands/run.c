/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione run: text in, the answer of the model's head out.
 */
#include <string.h>

#include "cli/cli.h"
#include "cli/commands/commands.h"

struct run {
    struct cli_model m;
    const struct task *task;
    uint32_t top;
    bool json;
    uint32_t texts; /* so far */
    int code;       /* of the first text that has no answer */
};

/* Prints the answer, or appends it to the list if there is one. */
typedef pln_status answer_fn(const struct run *run, const char *text, json_t *list, pln_error *error);

static pln_status fail(pln_error *error, pln_status status, const char *sentence)
{
    *error = (pln_error){.status = status, .node = -1};
    snprintf(error->message, sizeof error->message, "%s", sentence);
    return status;
}

static pln_status append(json_t *list, json_t *item, pln_error *error)
{
    return json_array_append_new(list, item) == 0 ? PLN_OK : fail(error, PLN_NO_MEMORY, "no memory for the answer");
}

static pln_status answer_words(const struct run *run, const char *text, json_t *list, pln_error *error)
{
    pln_word *words;
    uint32_t n;
    pln_status status = pln_detect(run->m.session, text, &words, &n, error);
    if (status != PLN_OK)
        return status;
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        const char *word = text + words[i].begin;
        const size_t bytes = words[i].end - words[i].begin;
        const double probability = (double)words[i].probability;
        if (list)
            status = append(
                list, json_pack("{s:o,s:f}", "word", cli_json_text(word, bytes), "probability", probability), error);
        else
            printf("%.3f  %.*s\n", probability, (int)bytes, word);
    }
    pln_free(words);
    return status;
}

static pln_status answer_fills(const struct run *run, const char *text, json_t *list, pln_error *error)
{
    pln_fill *fills;
    uint32_t n;
    pln_status status = pln_fill_mask(run->m.session, text, run->top, &fills, &n, error);
    if (status != PLN_OK)
        return status;
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        const pln_fill *f = &fills[i];
        if (list)
            status = append(list,
                            json_pack("{s:i,s:o,s:i,s:f}", "mask", (int)f->mask, "token",
                                      cli_json_text(f->token, strlen(f->token)), "id", (int)f->id, "probability",
                                      (double)f->probability),
                            error);
        else
            printf("%u  %.3f  %s\n", f->mask, (double)f->probability, f->token);
    }
    pln_free(fills);
    return status;
}

static pln_status answer_classes(const struct run *run, const char *text, json_t *list, pln_error *error)
{
    pln_class *classes;
    uint32_t n;
    pln_status status = pln_classify(run->m.session, text, NULL, &classes, &n, error);
    if (status != PLN_OK)
        return status;
    for (uint32_t i = 0; status == PLN_OK && i < n; i++) {
        if (list)
            status = append(list,
                            json_pack("{s:o,s:f}", "label", cli_json_text(classes[i].label, strlen(classes[i].label)),
                                      "score", (double)classes[i].score),
                            error);
        else
            printf("%.3f  %s\n", (double)classes[i].score, classes[i].label);
    }
    pln_free(classes);
    return status;
}

static const struct task {
    pln_head head;
    const char *key; /* of the answer's list */
    answer_fn *answer;
} tasks[] = {
    {PLN_HEAD_PRETRAINING, "words", answer_words},
    {PLN_HEAD_MASKED_LM, "fills", answer_fills},
    {PLN_HEAD_SEQUENCE_CLASSIFICATION, "classes", answer_classes},
};

static const struct task *find_task(pln_head head)
{
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (tasks[i].head == head)
            return &tasks[i];
    return NULL;
}

/* In the place of the answer, and on stderr. */
static void print_error(struct run *run, const char *text, size_t bytes, const pln_error *error)
{
    pln_error named = {.status = error->status};
    if (run->json)
        cli_print_json(json_pack("{s:o,s:o}", "text", cli_json_text(text, bytes), "error",
                                 cli_json_text(error->message, strlen(error->message))));
    else
        printf("error: %s\n", error->message);
    snprintf(named.message, sizeof named.message, "text %u: %.470s", run->texts, error->message);
    const int code = cli_fail(&named);
    run->code = run->code ? run->code : code;
}

/* A text without an answer does not keep the others from theirs. */
static int answer(void *context, const char *text, size_t bytes)
{
    struct run *run = context;
    pln_error error;
    pln_status status = PLN_OK;
    json_t *list = run->json ? json_array() : NULL;
    if (run->texts++ && !run->json)
        putchar('\n');
    if (strlen(text) != bytes)
        status = fail(&error, PLN_INVALID, "the text holds a NUL byte");
    else if (run->json && !list)
        status = fail(&error, PLN_NO_MEMORY, "no memory for the answer");
    else
        status = run->task->answer(run, text, list, &error);
    if (status != PLN_OK)
        print_error(run, text, bytes, &error);
    else if (run->json)
        cli_print_json(json_pack("{s:o,s:O}", "text", cli_json_text(text, bytes), run->task->key, list));
    json_decref(list);
    return cli_finish_output();
}

/* Head and tokenizer are looked at before anything is loaded on a device. */
static int open_and_answer(struct run *run, const struct cli_common *common, const char *directory,
                           const struct cli_list *texts)
{
    pln_error error;
    if (cli_open_model(common, directory, false, &run->m, &error) != PLN_OK)
        return cli_fail(&error);
    const pln_head head = pln_model_head(run->m.model);
    run->task = find_task(head);
    if (!run->task)
        return cli_usage_error("`run` has no answer for the head %s of %s; `pleione forward` gives its raw outputs",
                               pln_head_string(head), directory);
    const pln_tokenizer *tokenizer;
    if (pln_model_tokenizer(run->m.model, &tokenizer, &error) != PLN_OK) {
        cli_misfit(&error);
        return cli_fail(&error);
    }
    if (cli_open(common, directory, PLN_OPTIONS(pln_session_options, .head = head), &run->m, &error) != PLN_OK)
        return cli_fail(&error);
    const int code = cli_each_text(texts, answer, run);
    return code ? code : run->code;
}

int cli_run(int argc, char **argv)
{
    static struct cli_common common;
    struct run run = {.top = 5};
    static struct cli_list arguments;
    struct cli_options options = {0};
    cli_common_options(&common, "--device", &options);
    const struct cli_option own[] = {
        {"--json", CLI_FLAG, &run.json, NULL, "one JSON object a text"},
        {"--top", CLI_UNSIGNED, &run.top, "N", "candidates for each [MASK] (default 5)"},
    };
    cli_add_options(&options, own, sizeof own / sizeof *own);
    static const struct cli_usage usage = {
        .synopsis = "run MODEL [TEXT...]",
        .description = "What the model's head is for: how likely each word is to have been replaced (a discriminator), "
                       "what stands\n"
                       "behind [MASK] (a generator), labels (a classifier). Lines of stdin when no text is given.\n"
                       "A text that has no answer gets \"error: SENTENCE\" in its place (\"error\" in its object), and "
                       "the others are\n"
                       "answered; the exit code is then that of the first such text. Invalid UTF-8 is U+FFFD in JSON.",
        .examples = "  pleione run models/electra-tiny-discriminator \"And the king said unto the prophet, Where is "
                    "thy computer?\"\n"
                    "  pleione run models/electra-tiny-generator --top 3 \"And the LORD said [MASK] Moses.\"\n"
                    "  pleione run models/electra-tiny-discriminator --json --device vulkan <sentences.txt\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, &options, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("run needs a MODEL directory");
    cli_catch_interrupt();
    const char *directory = cli_take_first(&arguments);
    const int code = open_and_answer(&run, &common, directory, &arguments);
    cli_close(&run.m);
    return code;
}
