/* SPDX-License-Identifier: Apache-2.0
 *
 * Random numbers of a corpus: Philox by seed, stream and counter, so that there is no state but the counters.
 */
#include "common/philox.h"
#include "training/corpus.h"

uint32_t corpus_word(uint64_t seed, enum corpus_stream stream, uint64_t n, uint32_t i)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t words[4] = {(uint32_t)n, (uint32_t)(n >> 32), 0x10000u + (uint32_t)stream, i / 4};
    philox(key, words, words);
    return words[i % 4];
}

double corpus_unit(uint64_t seed, enum corpus_stream stream, uint64_t n, uint32_t i)
{
    return corpus_word(seed, stream, n, i) * 0x1p-32;
}

uint32_t corpus_below(uint64_t seed, enum corpus_stream stream, uint64_t n, uint32_t i, uint32_t below)
{
    return (uint32_t)((uint64_t)corpus_word(seed, stream, n, i) * below >> 32);
}
