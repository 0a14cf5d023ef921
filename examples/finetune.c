#include <pleione.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Is it about a king? Eight sentences to learn from, two to be asked. */
static const struct {
    const char *text;
    int64_t king;
} lessons[] = {
    {"And the king said unto the prophet, Where is thy brother?", 1},
    {"Then king Solomon offered a sacrifice.", 1},
    {"And the king went up to the city.", 1},
    {"The servants of the king fought.", 1},
    {"And the waters returned from off the earth continually.", 0},
    {"The dog ran over the field.", 0},
    {"Let there be light in the firmament of the heaven.", 0},
    {"And the sheep ate the grass of the field.", 0},
};
enum { N = sizeof lessons / sizeof *lessons, LONGEST = 32, STEPS = 20 };

static int stop(const pln_error *error)
{
    fprintf(stderr, "%s\n", error->message);
    return (int)error->status;
}

int main(int argc, char **argv)
{
    const char *base = argc > 1 ? argv[1] : "models/electra-tiny-discriminator";
    const char *out = argc > 2 ? argv[2] : "tuned";
    static int64_t ids[N][LONGEST], mask[N][LONGEST], labels[N];
    const pln_tensor batch[] = {
        {.name = "input_ids", .dtype = PLN_I64, .rank = 2, .shape = {N, LONGEST}, .data = ids},
        {.name = "attention_mask", .dtype = PLN_I64, .rank = 2, .shape = {N, LONGEST}, .data = mask},
        {.name = "labels", .dtype = PLN_I64, .rank = 1, .shape = {N}, .data = labels},
    };
    pln_error error;
    pln_runtime *runtime;
    pln_devices *devices;
    pln_model *model;
    const pln_tokenizer *tokenizer;
    pln_encoder *encoder;
    pln_trainer *trainer;
    pln_trainer_options options = PLN_TRAINER_DEFAULTS;
    options.head = PLN_HEAD_SEQUENCE_CLASSIFICATION;
    options.learning_rate = 1e-3;
    if (pln_runtime_create(NULL, &runtime, &error) || pln_devices_open(runtime, "auto", NULL, 0, &devices, &error) ||
        pln_model_open(runtime, base, NULL, &model, &error) || pln_model_tokenizer(model, &tokenizer, &error) ||
        pln_encoder_create(tokenizer, 0, &encoder, &error) ||
        pln_trainer_create(model, devices, &options, &trainer, &error))
        return stop(&error);
    for (int i = 0; i < N; i++) {
        const pln_example example = {.text = {lessons[i].text, strlen(lessons[i].text)}};
        const pln_encode_options cut = {.size = sizeof cut, .max_length = LONGEST};
        const pln_encodings *tokens;
        if (pln_encoder_encode(encoder, &example, 1, &cut, &tokens, &error))
            return stop(&error);
        for (uint32_t j = 0; j < tokens->tokens; j++)
            ids[i][j] = tokens->ids[j], mask[i][j] = 1;
        labels[i] = lessons[i].king;
    }
    for (int i = 0; i < STEPS; i++) {
        pln_trainer_report report = {.size = sizeof report};
        if (pln_trainer_step(trainer, batch, 3, &report, &error))
            return stop(&error);
        printf("step %2u  loss %.4f\n", report.step, (double)report.loss);
    }
    if (pln_trainer_save(trainer, out, &error))
        return stop(&error);
    pln_trainer_destroy(&trainer), pln_encoder_destroy(&encoder), pln_model_close(&model);
    pln_devices_close(&devices), pln_runtime_destroy(&runtime);
    return 0;
}
