/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes a character or a word of a text, gives its tokens in a row.
 */
#include "api/pleione.h"

bool pln_encodings_char_to_token(const pln_encodings *encodings, uint32_t row, int sequence, uint32_t character,
                                 uint32_t *token)
{
    const pln_encodings *e = encodings;
    if (!e || !token || row >= e->rows || !e->sequences)
        return false;
    for (uint32_t i = e->starts[row]; i < e->starts[row + 1]; i++)
        if (e->sequences[i] == sequence && character >= e->begins[i] && character < e->ends[i]) {
            *token = i;
            return true;
        }
    return false;
}

bool pln_encodings_word_to_tokens(const pln_encodings *encodings, uint32_t row, int sequence, int32_t word,
                                  uint32_t *begin, uint32_t *end)
{
    const pln_encodings *e = encodings;
    if (!e || !begin || !end || row >= e->rows || !e->sequences)
        return false;
    uint32_t i = e->starts[row];
    while (i < e->starts[row + 1] && (e->sequences[i] != sequence || e->words[i] != word))
        i++;
    *begin = i;
    while (i < e->starts[row + 1] && e->sequences[i] == sequence && e->words[i] == word)
        i++;
    *end = i;
    return *end > *begin;
}
