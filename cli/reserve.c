/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays that grow by doubling.
 */
#include <stdint.h>
#include <stdlib.h>

#include "cli/cli.h"

void *cli_reserve(void *items, size_t *room, size_t need, size_t bytes)
{
    if (items && need <= *room)
        return items;
    const size_t doubled = *room > SIZE_MAX / 2 ? SIZE_MAX : *room * 2;
    const size_t larger = need > doubled ? need : doubled;
    void *grown = larger <= SIZE_MAX / bytes ? realloc(items, larger * bytes) : NULL;
    if (grown)
        *room = larger;
    return grown;
}
