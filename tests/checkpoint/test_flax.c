/* SPDX-License-Identifier: Apache-2.0
 *
 * Flax's MessagePack: files that it wrote read bit for bit, and those that lie are refused in a sentence: what they claim,
 * how deep they nest, what comes twice.
 */
#include <stdio.h>

#include "tests/checkpoint/foreign.h"

static void flax(void **state)
{
    (void)state;
    reads("tree", "tree.msgpack", 0, NULL);
    reads("chunked", "chunked.msgpack", 0, NULL);
    reads("training", "training.msgpack", 0, NULL);
}

/* The payload of an array: shape, type, bytes. */
#define FLOATS                                                                                                         \
    "9391"                                                                                                             \
    "02"                                                                                                               \
    "a7666c6f61743332"                                                                                                 \
    "c4080000803f00000040" /* [[2], "float32", 1 and 2] */

static void flax_that_lies(void **state)
{
    (void)state;
    static unsigned char bytes[1 << 18];
    static const struct {
        const char *hex, *sentence;
    } lies[] = {
        {"81a177", "'w': the file ends too early"},
        {"dfffffffffa177c0", "claims more than the file holds"},
        {"81a177dfffffffffa0", "'w': claims more than the file holds"},
        {"81a177ddffffffffa0", "'w': claims more than the file holds"},
        {"81a177c9ffffffff01a0", "'w': claims more than the file holds"},
        {"81a177dbffffffff01a0", "'w': claims more than the file holds"},
        {"81a177c6ffffffff01a0", "'w': claims more than the file holds"},
        {"82a177c0a177c1", "'w': a byte that MessagePack has not"},
        {"81a177c0c0", "bytes follow"},
        {"82a177c001c0", "is no text"},
        {"81a177c71502" FLOATS, "'w': is a complex number"},
        {"81a177c71507" FLOATS, "'w': is of a kind that Flax does not write"},
        {"81a177c70101c0", "'w': is no array"},
        {"81a177c7010190", "'w': is no array of Flax"},
        {"81a177c7020191c0", "'w': is no array of Flax"},
        {"81a177c7190193dfffffffff02a7666c6f61743332c40800000000000000", "'w': claims more than the file holds"},
        {"81a177c7190193ddffffffff02a7666c6f61743332c40800000000000000", "'w': claims more than the file holds"},
        {"81a177c715019391"
         "03"
         "a7666c6f61743332"
         "c4080000803f00000040",
         "'w': its shape needs 12 bytes, it has 8"},
        {"81a177c715019391"
         "ff"
         "a7666c6f61743332"
         "c4080000803f00000040",
         "'w': a dimension is no whole number"},
        {"81a177c715019391"
         "02"
         "a7666c6f61743332"
         "c4070000803f00000040",
         "'w': its numbers are not where"},
        {"81a177c715019391"
         "02"
         "a7666c6f61743332"
         "c4ff0000803f00000040",
         "'w': claims more"},
        {"81a177c726019392cf4000000000000000cf4000000000000000a7666c6f61743332c4080000803f00000040", "64 bits"},
        {"82a177c71501" FLOATS "a177c71501" FLOATS, "two tensors have the name 'w'"},
        {"82a3612f62c71501" FLOATS "a16181a162c71501" FLOATS, "two tensors have the name 'a/b'"},
        {"81a2770078c71501" FLOATS, "a key of it holds a zero"},
        {"81a277ffc71501" FLOATS, "a tensor's name is empty or not UTF-8"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        refused(put("lie.msgpack", bytes, of_hex(lies[i].hex, bytes)), lies[i].sentence);
    bytes[0] = 0x81; /* 100,000 arrays in arrays, then as many maps in maps */
    bytes[1] = 0xa0;
    memset(bytes + 2, 0x91, 100000);
    refused(put("lie.msgpack", bytes, 100000), "nests deeper than 32");
    for (size_t i = 0; i < 100000; i += 2)
        of_hex("81a0", bytes + i);
    refused(put("lie.msgpack", bytes, 100000), "nests deeper than 32");
    of_hex("81daffff", bytes);
    memset(bytes + 4, 'w', 65535);
    bytes[4 + 65535] = 1;
    refused(put("lie.msgpack", bytes, 4 + 65536), "is too long");
}

/* {"w": {mark: true, "shape": ..., "chunks": ...}} */
#define MARK "81a17783b95f5f6d73677061636b5f6368756e6b65645f61727261795f5fc3"
#define SHAPE "a57368617065"
#define CHUNKS "a66368756e6b73"

static void chunks_that_lie(void **state)
{
    (void)state;
    static unsigned char bytes[4096];
    static const struct {
        const char *hex, *sentence;
    } lies[] = {
        {MARK SHAPE "81a13002" CHUNKS "81a130c71501" FLOATS, NULL},
        {MARK SHAPE "81a13003" CHUNKS "81a130c71501" FLOATS, "needs 12 bytes, it has 8"},
        {MARK SHAPE "81a13102" CHUNKS "81a130c71501" FLOATS, "none of its dimensions or chunks"},
        {MARK SHAPE "81a0"
                    "02" CHUNKS "81a130c71501" FLOATS,
         "none of its dimensions or chunks"},
        {MARK SHAPE "81b339393939393939393939393939393939393939"
                    "02" CHUNKS "81a130c71501" FLOATS,
         "none of its dim"},
        {MARK SHAPE "82a13002a13002" CHUNKS "81a130c71501" FLOATS, "a dimension comes twice"},
        {MARK SHAPE "dfffffffffa13002" CHUNKS "81a130c71501" FLOATS, "claims more"},
        {MARK SHAPE "81a13004" CHUNKS "82a130c71501" FLOATS "a130c71501" FLOATS, "a chunk comes twice"},
        {MARK SHAPE "81a13004" CHUNKS "82a130c71501" FLOATS "a132c71501" FLOATS, "none of its dimensions or chunks"},
        {MARK SHAPE "81a13002" CHUNKS "81a130c0", "a chunk is no array"},
        {MARK SHAPE "81a13002" CHUNKS "dfffffffffa130c0", "claims more"},
        {MARK SHAPE "81a13002"
                    "a178c0",
         "without a shape or without chunks"},
        {MARK "a178c0" CHUNKS "81a130c71501" FLOATS, "without a shape or without chunks"},
        {MARK SHAPE "81a13004" CHUNKS "82a130c71501" FLOATS "a131c71301"
                    "9391"
                    "04"
                    "a5696e743136"
                    "c4080000803f00000040",
         "of different types"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const char *path = put("lie.msgpack", bytes, of_hex(lies[i].hex, bytes));
        pln_tensor_file *file = NULL;
        if (lies[i].sentence) {
            refused(path, lies[i].sentence);
        } else {
            if (ckpt_tensors_open(path, 0, &file, &error) != PLN_OK)
                fail_msg("%s", error.message);
            ckpt_tensors_close(&file);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(flax, remove_files),
        cmocka_unit_test_teardown(flax_that_lies, remove_files),
        cmocka_unit_test_teardown(chunks_that_lie, remove_files),
    };
    if (argc < 2)
        return 1;
    given = argv[1];
    return run_in_folder(tests);
}
