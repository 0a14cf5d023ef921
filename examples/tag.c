#include <pleione.h>
#include <stdio.h>
#include <string.h>

/* Names in a text: tag MODEL TEXT. The model has the head token-classification. */
int main(int argc, char **argv)
{
    if (argc != 3)
        return fprintf(stderr, "usage: tag MODEL TEXT\n"), 2;
    const pln_field text = {.name = "text", .text = {argv[2], strlen(argv[2])}};
    const pln_record row = {&text, 1};
    const pln_option options[] = {{"aggregation", "average"}, {"stride", "8"}}; /* words, and texts of any length */
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
        pln_task_prepare(model, "tag", options, 2, &session_options, &error) ||
        pln_session_create(model, devices, &session_options, &session, &error) ||
        pln_task_create(session, "tag", options, 2, &task, &error) || pln_task_answer(task, &row, 1, &answers, &error))
        return fprintf(stderr, "%s\n", error.message), (int)error.status;
    if (answers[0]->status)
        return fprintf(stderr, "%s\n", answers[0]->message), (int)answers[0]->status;
    for (uint32_t i = 0; i < answers[0]->n_items; i++) {
        const pln_item *item = answers[0]->items[i];
        printf("%u-%u %s: %.*s (%.2f)\n", item->begin, item->end, item->label.text, (int)item->text.bytes,
               item->text.text, item->score);
    }
    pln_task_destroy(&task), pln_session_destroy(&session), pln_model_close(&model);
    pln_devices_close(&devices), pln_runtime_destroy(&runtime);
    return 0;
}
