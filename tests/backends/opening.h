/* SPDX-License-Identifier: Apache-2.0
 *
 * What device_open is given, made of pairs.
 */
#ifndef TESTS_BACKENDS_OPENING_H
#define TESTS_BACKENDS_OPENING_H

#include "api/pleione_backend.h"

enum { OPENING_SETTINGS = 16 };

/* settings: room for OPENING_SETTINGS, that the opening points to. */
static inline pln_opening opening_of(const pln_host *host, const pln_option *options, uint32_t n, pln_setting *settings)
{
    for (uint32_t i = 0; i < n; i++)
        settings[i] = (pln_setting){.size = sizeof *settings, .key = options[i].key, .value = options[i].value};
    return (pln_opening){.size = sizeof(pln_opening),
                         .host = host,
                         .n_settings = n,
                         .setting_stride = sizeof *settings,
                         .settings = settings};
}
#endif
