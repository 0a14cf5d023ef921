#include <pleione.h>
#include <stdio.h>

int main(void) /* which word was most likely replaced? */
{
    const char *text = "This program reads a text prophet and prints the number of lines.";
    pln_error error;
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
    pln_word *words, worst = {0};
    uint32_t n;
    if (pln_runtime_create(NULL, &runtime, &error) || pln_devices_open(runtime, "auto", NULL, 0, &devices, &error) ||
        pln_model_open(runtime, "models/electra-tiny-discriminator", NULL, &model, &error) ||
        pln_session_create(model, devices, NULL, &session, &error) || pln_detect(session, text, &words, &n, &error))
        return fprintf(stderr, "%s\n", error.message), (int)error.status;
    for (uint32_t i = 0; i < n; i++)
        worst = words[i].probability > worst.probability ? words[i] : worst;
    printf("%.*s %.2f\n", (int)(worst.end - worst.begin), text + worst.begin, (double)worst.probability);
    pln_free(words), pln_session_destroy(&session), pln_model_close(&model);
    pln_devices_close(&devices), pln_runtime_destroy(&runtime);
    return 0;
}
