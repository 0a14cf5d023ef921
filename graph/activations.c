/* SPDX-License-Identifier: Apache-2.0
 *
 * activations.def as a table: which numbers there are, and under which names.
 */
#include <string.h>

#include "graph/graph.h"

static const struct {
    uint32_t number;
    const char *names;
} activations[] = {
#define PLN_ACTIVATION(number, NAME, names, formula) {number, names},
#include "graph/activations.def"
#undef PLN_ACTIVATION
};

bool graph_activation_exists(uint32_t number)
{
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        if (activations[i].number == number)
            return true;
    return false;
}

bool pln_activation_find(const char *name, uint32_t *activation)
{
    if (!activation)
        return false;
    const size_t length = name ? strlen(name) : 0;
    for (size_t i = 0; length && i < sizeof activations / sizeof *activations; i++)
        for (const char *s = activations[i].names; s; s = strchr(s, ' ')) {
            s += *s == ' ';
            if (strncmp(s, name, length) == 0 && (s[length] == '\0' || s[length] == ' ')) {
                *activation = activations[i].number;
                return true;
            }
        }
    if (!length)
        *activation = PLN_ACTIVATION_NONE;
    return !length;
}
