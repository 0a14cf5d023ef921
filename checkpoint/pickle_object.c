/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists and dictionaries of a pickle.
 */
#include <string.h>

#include "checkpoint/pickle.h"

bool pickle_append(struct pickle *pickle, struct pickle_object *list, struct pickle_object *item)
{
    if (list->is.list.n == list->is.list.room) {
        const size_t room = list->is.list.room ? list->is.list.room * 2 : 4;
        struct pickle_object **items = arena_allocate(pickle->memory, room * sizeof *items);
        if (!items)
            return false;
        if (list->is.list.n)
            memcpy(items, list->is.list.items, list->is.list.n * sizeof *items);
        list->is.list.items = items;
        list->is.list.room = room;
    }
    list->is.list.items[list->is.list.n++] = item;
    return true;
}

bool pickle_is_text(const struct pickle_object *object, const char *text)
{
    return object->kind == PICKLE_TEXT && object->is.text.n == strlen(text) &&
           memcmp(object->is.text.bytes, text, object->is.text.n) == 0;
}

const struct pickle_object *pickle_get(const struct pickle_object *dictionary, const char *key)
{
    for (size_t i = 0; dictionary->kind == PICKLE_DICTIONARY && i < dictionary->is.list.n; i += 2)
        if (pickle_is_text(dictionary->is.list.items[i], key))
            return dictionary->is.list.items[i + 1];
    return NULL;
}
