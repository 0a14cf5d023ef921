#include <pleione.h>
#include <stdio.h>
#include <string.h>

/* A decoder writes on from a text, token by token as they are settled: generate MODEL TEXT [SEED]. With a seed they are
 * drawn. All at once, for any number of texts, is the task "generate". */
static const pln_tokenizer *tokenizer;

static bool print_token(void *context, uint32_t prompt, uint32_t rank, int32_t id)
{
    const char *token = pln_tokenizer_token(tokenizer, id);
    const bool begins = token && strncmp(token, "##", 2) != 0;
    const char *piece = token ? token : "##";
    (void)context, (void)prompt, (void)rank;
    printf(begins ? " %s" : "%s", begins ? piece : piece + 2);
    return fflush(stdout) == 0; /* false ends it */
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return fprintf(stderr, "usage: generate MODEL TEXT [SEED]\n"), 2;
    const pln_example text = {.text = {argv[2], strlen(argv[2])}};
    pln_generator_options options = PLN_GENERATOR_DEFAULTS;
    unsigned long long seed = 0;
    options.sample = argc > 3 && sscanf(argv[3], "%llu", &seed) == 1;
    options.seed = seed;
    options.top_p = 0.9f;
    const pln_session_options session_options = {.size = sizeof session_options, .head = PLN_HEAD_CAUSAL_LM};
    const pln_encodings *encoded;
    pln_error error;
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    pln_session *session;
    pln_encoder *encoder;
    pln_generator *generator;
    if (pln_runtime_create(NULL, &runtime, &error) || pln_devices_open(runtime, "auto", NULL, 0, &devices, &error) ||
        pln_model_open(runtime, argv[1], NULL, &model, &error) || pln_model_tokenizer(model, &tokenizer, &error) ||
        pln_session_create(model, devices, &session_options, &session, &error) ||
        pln_generator_create(session, &options, &generator, &error) ||
        pln_encoder_create(tokenizer, 1, &encoder, &error) ||
        pln_encoder_encode(encoder, &text, 1, NULL, &encoded, &error))
        return fprintf(stderr, "%s\n", error.message), (int)error.status;
    const pln_prompt prompt = {.ids = encoded->ids, .n_ids = (uint32_t)encoded->starts[1]};
    printf("%s", argv[2]);
    if (pln_generator_run(generator, &prompt, 1, print_token, NULL, &error))
        return fprintf(stderr, "\n%s\n", error.message), (int)error.status;
    printf("\n");
    pln_encoder_destroy(&encoder), pln_generator_destroy(&generator), pln_session_destroy(&session);
    pln_model_close(&model), pln_devices_close(&devices), pln_runtime_destroy(&runtime);
    return 0;
}
