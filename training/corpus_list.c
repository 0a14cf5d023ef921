/* SPDX-License-Identifier: Apache-2.0
 *
 * Examples that wait, in their order.
 */
#include <stdlib.h>

#include "common/array.h"
#include "training/corpus.h"

bool corpus_list_put(struct corpus_list *list, const struct corpus_example *example)
{
    if (list->n == list->room) {
        const size_t room = array_room(list->room, list->n + 1);
        struct corpus_example *items = calloc(room, sizeof *items);
        if (!items)
            return false;
        for (size_t i = 0; i < list->n; i++)
            items[i] = list->items[(list->first + i) % list->room];
        free(list->items);
        *list = (struct corpus_list){.items = items, .n = list->n, .room = room};
    }
    list->items[(list->first + list->n++) % list->room] = *example;
    return true;
}

struct corpus_example corpus_list_take(struct corpus_list *list)
{
    const struct corpus_example example = list->items[list->first];
    list->first = (list->first + 1) % list->room;
    list->n--;
    return example;
}

void corpus_list_free(struct corpus_list *list)
{
    while (list->n)
        free(corpus_list_take(list).ids);
    free(list->items);
    *list = (struct corpus_list){0};
}
