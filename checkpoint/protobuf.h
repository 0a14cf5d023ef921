/* SPDX-License-Identifier: Apache-2.0
 *
 * Varints and fields of protocol buffers, as far as a TensorFlow bundle needs them. Nothing is read behind the end.
 * Header-only.
 */
#ifndef CHECKPOINT_PROTOBUF_H
#define CHECKPOINT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that are still to be read. */
struct protobuf {
    const unsigned char *next;
    size_t left;
};

struct protobuf_field {
    uint64_t number, value; /* value: of a varint or of fixed 32 or 64 bits */
    struct protobuf inside; /* of a field with a length, else empty */
};

/* False: the bytes end before the number, or it has more than 64 bits. */
static inline bool protobuf_varint(struct protobuf *from, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && from->left; shift += 7) {
        const uint64_t byte = *from->next++;
        from->left--;
        if (shift == 63 && byte > 1)
            return false;
        *value |= (byte & 0x7fu) << shift;
        if (!(byte & 0x80u))
            return true;
    }
    return false;
}

/* The next `bytes` bytes; false if there are fewer. */
static inline bool protobuf_take(struct protobuf *from, uint64_t bytes, struct protobuf *taken)
{
    if (bytes > from->left)
        return false;
    *taken = (struct protobuf){from->next, (size_t)bytes};
    from->next += bytes;
    from->left -= (size_t)bytes;
    return true;
}

static inline bool protobuf_fixed(struct protobuf *from, size_t bytes, uint64_t *value)
{
    struct protobuf taken;
    *value = 0;
    if (!protobuf_take(from, bytes, &taken))
        return false;
    memcpy(value, taken.next, bytes); /* little-endian, as this machine is */
    return true;
}

/* The next field, while `left` is not zero; false: the message is broken, or has a group, which nobody writes. */
static inline bool protobuf_next(struct protobuf *from, struct protobuf_field *field)
{
    uint64_t key, bytes;
    *field = (struct protobuf_field){.number = 0};
    if (!protobuf_varint(from, &key))
        return false;
    field->number = key >> 3;
    switch (key & 7u) {
    case 0:
        return protobuf_varint(from, &field->value);
    case 1:
        return protobuf_fixed(from, 8, &field->value);
    case 2:
        return protobuf_varint(from, &bytes) && protobuf_take(from, bytes, &field->inside);
    case 5:
        return protobuf_fixed(from, 4, &field->value);
    default:
        return false;
    }
}
#endif
