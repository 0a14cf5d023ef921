/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione run: text in, the answer of the model's head out.
 */
#include <string.h>

#include "cli/cli.h"

struct run {
    struct cli_model m;
    pln_head head;
    uint32_t top;
    bool json;
    uint32_t texts;
};

static int print_detection(struct run *run, const char *text)
{
    pln_error error;
    pln_word *words;
    uint32_t n;
    if (pln_detect(run->m.session, text, &words, &n, &error) != PLN_OK)
        return cli_fail(&error);
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        const int length = (int)(words[i].end - words[i].begin);
        if (run->json)
            cli_append_json(list, json_pack("{s:s%,s:f}", "word", text + words[i].begin, (size_t)length, "probability",
                                            (double)words[i].probability));
        else
            printf("%.3f  %.*s\n", (double)words[i].probability, length, text + words[i].begin);
    }
    pln_free(words);
    if (run->json)
        cli_print_json(json_pack("{s:s,s:o}", "text", text, "words", list));
    else
        json_decref(list);
    return 0;
}

static int print_fills(struct run *run, const char *text)
{
    pln_error error;
    pln_fill *fills;
    uint32_t n;
    if (pln_fill_mask(run->m.session, text, run->top, &fills, &n, &error) != PLN_OK)
        return cli_fail(&error);
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        if (run->json)
            cli_append_json(list, json_pack("{s:i,s:s,s:i,s:f}", "mask", (int)fills[i].mask, "token", fills[i].token,
                                            "id", (int)fills[i].id, "probability", (double)fills[i].probability));
        else
            printf("%u  %.3f  %s\n", fills[i].mask, (double)fills[i].probability, fills[i].token);
    }
    pln_free(fills);
    if (run->json)
        cli_print_json(json_pack("{s:s,s:o}", "text", text, "fills", list));
    else
        json_decref(list);
    return 0;
}

static int print_classes(struct run *run, const char *text)
{
    pln_error error;
    pln_class *classes;
    uint32_t n;
    if (pln_classify(run->m.session, text, NULL, &classes, &n, &error) != PLN_OK)
        return cli_fail(&error);
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        if (run->json)
            cli_append_json(list, json_pack("{s:s,s:f}", "label", classes[i].label, "score", (double)classes[i].score));
        else
            printf("%.3f  %s\n", (double)classes[i].score, classes[i].label);
    }
    pln_free(classes);
    if (run->json)
        cli_print_json(json_pack("{s:s,s:o}", "text", text, "classes", list));
    else
        json_decref(list);
    return 0;
}

static int answer(void *context, const char *text)
{
    struct run *run = context;
    if (run->texts++ && !run->json)
        putchar('\n');
    switch (run->head) {
    case PLN_HEAD_PRETRAINING:
        return print_detection(run, text);
    case PLN_HEAD_MASKED_LM:
        return print_fills(run, text);
    default:
        return print_classes(run, text);
    }
}

/* The head is looked at before anything is loaded on a device. */
static int open_and_answer(struct run *run, const struct cli_common *common, const struct cli_list *arguments)
{
    pln_error error;
    const pln_model_options options = {.seed = common->seed};
    pln_status status = cli_open_runtime(common, &run->m.runtime, &error);
    if (status == PLN_OK)
        status = pln_model_open(run->m.runtime, arguments->items[0], &options, &run->m.model, &error);
    if (status != PLN_OK)
        return cli_fail(&error);
    run->head = pln_model_head(run->m.model);
    if (run->head != PLN_HEAD_PRETRAINING && run->head != PLN_HEAD_MASKED_LM &&
        run->head != PLN_HEAD_SEQUENCE_CLASSIFICATION)
        return cli_usage_error("`run` has no answer for the head %s of %s; `pleione forward` gives its raw outputs",
                               pln_head_string(run->head), arguments->items[0]);
    if (cli_open(common, arguments->items[0], (pln_session_options){.head = run->head}, &run->m, &error) != PLN_OK)
        return cli_fail(&error);
    struct cli_list texts = {.n = arguments->n - 1};
    memcpy(texts.items, arguments->items + 1, texts.n * sizeof *texts.items);
    const int code = cli_each_text(&texts, answer, run);
    const int written = cli_finish_output();
    return code ? code : written;
}

int cli_run(int argc, char **argv)
{
    struct cli_common common = {0};
    struct run run = {.top = 5};
    struct cli_list arguments = {0};
    struct cli_option options[CLI_COMMON_OPTIONS + 2];
    cli_common_options(&common, "--device", options);
    options[CLI_COMMON_OPTIONS] = (struct cli_option){"--json", CLI_FLAG, &run.json, NULL, "one JSON object a text"};
    options[CLI_COMMON_OPTIONS + 1] =
        (struct cli_option){"--top", CLI_UNSIGNED, &run.top, "N", "candidates for each [MASK] (default 5)"};
    static const struct cli_usage usage = {
        .synopsis = "run MODEL [TEXT...]",
        .description = "What the model's head is for: how likely each word is to have been replaced (a discriminator), "
                       "what stands\n"
                       "behind [MASK] (a generator), labels (a classifier). Lines of stdin when no text is given.",
        .examples = "  pleione run models/electra-tiny-discriminator \"And the king said unto the prophet, Where is "
                    "thy computer?\"\n"
                    "  pleione run models/electra-tiny-generator --top 3 \"And the LORD said [MASK] Moses.\"\n"
                    "  pleione run models/electra-tiny-discriminator --json --device vulkan <sentences.txt\n",
    };
    const int parsed = cli_parse(argc, argv, &usage, options, CLI_COMMON_OPTIONS + 2, &arguments);
    if (parsed)
        return parsed - 1;
    if (!arguments.n)
        return cli_usage_error("run needs a MODEL directory");
    cli_catch_interrupt();
    const int code = open_and_answer(&run, &common, &arguments);
    cli_close(&run.m);
    return code;
}
