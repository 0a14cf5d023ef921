#include <pleione.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) /* MODEL TEXT: the pieces of a text, and where each stands in it */
{
    pln_error error = {.message = "usage: tokenize MODEL TEXT"};
    pln_tokenizer *tokenizer;
    pln_encoder *encoder;
    const pln_encodings *e;
    const pln_example example = {.text = {argc > 2 ? argv[2] : "", argc > 2 ? strlen(argv[2]) : 0}};
    if (argc < 3 || pln_tokenizer_open(argv[1], NULL, &tokenizer, &error) ||
        pln_encoder_create(tokenizer, 1, &encoder, &error) ||
        pln_encoder_encode(encoder, &example, 1, NULL, &e, &error))
        return fprintf(stderr, "%s\n", error.message), 1;
    for (uint32_t i = 0; i < e->tokens; i++)
        printf("%6d  %-12s %u-%u\n", e->ids[i], pln_tokenizer_token(tokenizer, e->ids[i]), e->begins[i], e->ends[i]);
    pln_encoder_destroy(&encoder);
    pln_tokenizer_close(&tokenizer);
}
