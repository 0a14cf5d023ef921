#include <pleione.h>
#include <stdio.h>
#include <string.h>

/* How alike two texts are: embed MODEL TEXT TEXT. Any model will do. */
int main(int argc, char **argv)
{
    if (argc < 4)
        return fprintf(stderr, "usage: embed MODEL TEXT TEXT\n"), 2;
    const pln_field texts[] = {{.name = "text", .text = {argv[2], strlen(argv[2])}},
                               {.name = "text", .text = {argv[3], strlen(argv[3])}}};
    const pln_record rows[] = {{&texts[0], 1}, {&texts[1], 1}};
    const pln_option options[] = {{"pooling", "mean"}, {"normalize", "yes"}};
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
        pln_task_prepare(model, "embed", options, 2, &session_options, &error) ||
        pln_session_create(model, devices, &session_options, &session, &error) ||
        pln_task_create(session, "embed", options, 2, &task, &error) ||
        pln_task_answer(task, rows, 2, &answers, &error))
        return fprintf(stderr, "%s\n", error.message), (int)error.status;
    if (answers[0]->status)
        return fprintf(stderr, "%s\n", answers[0]->message), (int)answers[0]->status;
    double alike = 0; /* of vectors of length 1: the cosine */
    for (uint32_t i = 0; answers[1]->numbers && i < answers[0]->n_numbers; i++)
        alike += (double)answers[0]->numbers[i] * (double)answers[1]->numbers[i];
    printf("%.3f\n", alike);
    pln_task_destroy(&task), pln_session_destroy(&session), pln_model_close(&model);
    pln_devices_close(&devices), pln_runtime_destroy(&runtime);
    return 0;
}
