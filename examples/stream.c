#include <pleione.h>
#include <stdio.h>
#include <string.h>

/* Lines of any number, in constant memory: stream MODEL <LINES >ANSWERS, as JSON, by the task of the model's head. */
struct line {
    char text[4096];
    pln_field field;
    pln_record row;
};

static pln_status next_line(void *context, const pln_record **row, pln_error *error)
{
    struct line *line = context;
    (void)error;
    *row = NULL; /* the end */
    if (!fgets(line->text, sizeof line->text, stdin))
        return PLN_OK;
    line->field = (pln_field){.name = "text", .text = {line->text, strcspn(line->text, "\n")}};
    line->row = (pln_record){&line->field, 1};
    *row = &line->row;
    return PLN_OK;
}

static bool print_answer(void *context, const pln_answer *answer)
{
    (void)context;
    printf("%llu %s\n", (unsigned long long)answer->row, answer->status ? answer->message : answer->json);
    return !ferror(stdout);
}

int main(int argc, char **argv)
{
    static struct line line;
    const pln_task_stream stream = {.size = sizeof stream, .context = &line, .next = next_line, .answer = print_answer};
    pln_session_options session_options = {.size = sizeof session_options};
    pln_error error = {.status = PLN_INVALID, .message = "usage: stream MODEL"};
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
    pln_task *task;
    if (argc < 2 || pln_runtime_create(NULL, &runtime, &error) ||
        pln_devices_open(runtime, "auto", NULL, 0, &devices, &error) ||
        pln_model_open(runtime, argv[1], NULL, &model, &error) ||
        pln_task_prepare(model, NULL, NULL, 0, &session_options, &error) ||
        pln_session_create(model, devices, &session_options, &session, &error) ||
        pln_task_create(session, NULL, NULL, 0, &task, &error) || pln_task_run(task, &stream, NULL, &error))
        return fprintf(stderr, "%s\n", error.message), (int)error.status;
    pln_task_destroy(&task), pln_session_destroy(&session), pln_model_close(&model);
    pln_devices_close(&devices), pln_runtime_destroy(&runtime);
    return 0;
}
