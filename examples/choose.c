#include <pleione.h>
#include <stdio.h>
#include <string.h>

/* Which of several texts goes on from a prompt: choose MODEL PROMPT CHOICE... The model has the head multiple-choice. */
int main(int argc, char **argv)
{
    if (argc < 4)
        return fprintf(stderr, "usage: choose MODEL PROMPT CHOICE...\n"), 2;
    enum { MOST = 64 };
    pln_text list[MOST];
    const int n = argc - 3 < MOST ? argc - 3 : MOST;
    for (int i = 0; i < n; i++)
        list[i] = (pln_text){argv[i + 3], strlen(argv[i + 3])};
    const pln_field fields[] = {{.name = "prompt", .text = {argv[2], strlen(argv[2])}},
                                {.name = "choices", .items = list, .n_items = (uint32_t)n}};
    const pln_record row = {fields, 2};
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
        pln_task_prepare(model, "choose", NULL, 0, &session_options, &error) ||
        pln_session_create(model, devices, &session_options, &session, &error) ||
        pln_task_create(session, "choose", NULL, 0, &task, &error) || pln_task_answer(task, &row, 1, &answers, &error))
        return fprintf(stderr, "%s\n", error.message), (int)error.status;
    if (answers[0]->status)
        return fprintf(stderr, "%s\n", answers[0]->message), (int)answers[0]->status;
    for (uint32_t i = 0; i < answers[0]->n_items; i++) {
        const pln_item *item = answers[0]->items[i];
        printf("%.3f  %.*s\n", item->score, (int)item->text.bytes, item->text.text);
    }
    pln_task_destroy(&task), pln_session_destroy(&session), pln_model_close(&model);
    pln_devices_close(&devices), pln_runtime_destroy(&runtime);
    return 0;
}
