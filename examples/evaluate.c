#include <pleione.h>
#include <stdio.h>

/* How good a task is on rows with labels: evaluate MODEL TASK FILE. Columns are called as the task calls them. */
struct evaluation {
    pln_reader *reader;
    pln_scores *scores;
    pln_error error; /* of the row that ended it */
};

static pln_status next_row(void *context, const pln_record **row, pln_error *error)
{
    return pln_reader_next(((struct evaluation *)context)->reader, row, error);
}

static bool count(void *context, const pln_answer *answer)
{
    struct evaluation *e = context;
    return pln_scores_add(e->scores, answer, &e->error) == PLN_OK;
}

int main(int argc, char **argv)
{
    struct evaluation e = {NULL, NULL, {0}};
    const pln_task_stream stream = {.size = sizeof stream, .context = &e, .next = next_row, .answer = count};
    pln_session_options session_options = {.size = sizeof session_options};
    const pln_score *const *scores;
    uint32_t n;
    pln_error error;
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
    pln_task *task;
    if (argc != 4)
        return fprintf(stderr, "usage: evaluate MODEL TASK FILE\n"), 2;
    if (pln_runtime_create(NULL, &runtime, &error) || pln_devices_open(runtime, "auto", NULL, 0, &devices, &error) ||
        pln_reader_open(argv[3], NULL, &e.reader, &error) || pln_model_open(runtime, argv[1], NULL, &model, &error) ||
        pln_task_prepare(model, argv[2], NULL, 0, &session_options, &error) ||
        pln_session_create(model, devices, &session_options, &session, &error) ||
        pln_task_create(session, argv[2], NULL, 0, &task, &error) || pln_scores_create(task, NULL, &e.scores, &error) ||
        pln_task_run(task, &stream, NULL, &error) || pln_scores_result(e.scores, &scores, &n, &error))
        return fprintf(stderr, "%s\n", e.error.status ? e.error.message : error.message), 1;
    for (uint32_t i = 0; i < n; i++)
        printf("%s%s%s %.4f\n", scores[i]->name, scores[i]->label ? " " : "", scores[i]->label ? scores[i]->label : "",
               scores[i]->value);
    pln_scores_destroy(&e.scores), pln_task_destroy(&task), pln_session_destroy(&session), pln_model_close(&model);
    pln_reader_close(&e.reader), pln_devices_close(&devices), pln_runtime_destroy(&runtime);
    return 0;
}
