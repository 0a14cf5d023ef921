/* SPDX-License-Identifier: Apache-2.0
 *
 * The BERT normalizer: controls away, blanks to U+0020, blanks round Chinese characters, accents away, lower case.
 */
#ifndef TOKENIZER_NORMALIZER_H
#define TOKENIZER_NORMALIZER_H

#include "tokenizer/text.h"

struct tok_normalizer {
    bool space_chinese, strip_accents, lower_case;
};

/* Appends what raw code points [begin, end) become; `from` is the index in raw that each comes from. */
void tok_normalize(const struct tok_normalizer *normalizer, const struct tok_text *raw, uint32_t begin, uint32_t end,
                   struct tok_text *out);
#endif
