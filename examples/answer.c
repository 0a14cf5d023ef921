#include <pleione.h>
#include <stdio.h>
#include <string.h>

/* Questions about a text of any length: answer MODEL CONTEXT QUESTION... The model has the head question-answering. */
int main(int argc, char **argv)
{
    enum { MOST = 16 };
    static pln_field fields[MOST][2];
    static pln_record rows[MOST];
    const uint32_t n = (uint32_t)argc - 3;
    if (argc < 4 || n > MOST)
        return fprintf(stderr, "usage: answer MODEL CONTEXT QUESTION...\n"), 2;
    for (uint32_t i = 0; i < n; i++) {
        fields[i][0] = (pln_field){.name = "question", .text = {argv[3 + i], strlen(argv[3 + i])}};
        fields[i][1] = (pln_field){.name = "context", .text = {argv[2], strlen(argv[2])}};
        rows[i] = (pln_record){fields[i], 2};
    }
    const pln_option options[] = {{"no-answer", "yes"}}; /* there may be none */
    pln_session_options session_options = {.size = sizeof session_options};
    const pln_answer *const *answers;
    pln_error error;
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
    pln_task *task;
    if (pln_runtime_create(NULL, &runtime, &error) || pln_devices_open(runtime, "auto", NULL, 0, &devices, &error) ||
        pln_model_open(runtime, argv[1], NULL, &model, &error) ||
        pln_task_prepare(model, "answer", options, 1, &session_options, &error) ||
        pln_session_create(model, devices, &session_options, &session, &error) ||
        pln_task_create(session, "answer", options, 1, &task, &error) ||
        pln_task_answer(task, rows, n, &answers, &error))
        return fprintf(stderr, "%s\n", error.message), (int)error.status;
    for (uint32_t i = 0; i < n; i++) {
        if (answers[i]->status) {
            printf("%s\n    %s\n", argv[3 + i], answers[i]->message);
            continue;
        }
        const pln_item *item = answers[i]->items[0];
        printf("%s\n    %.*s (%.2f)\n", argv[3 + i], item->text.bytes ? (int)item->text.bytes : 9,
               item->text.bytes ? item->text.text : "no answer", item->score);
    }
    pln_task_destroy(&task), pln_session_destroy(&session), pln_model_close(&model);
    pln_devices_close(&devices), pln_runtime_destroy(&runtime);
    return 0;
}
