/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin takes from malloc: blocks that its own code asked for, apart from those of the libraries below it.
 */
#ifndef CONFORMANCE_HEAP_H
#define CONFORMANCE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

/* Whether it is known here: with glibc, and without a sanitizer. */
bool conf_heap_is_known(void);
/* From here on blocks are followed: what code of the object that holds this address asks for is the plugin's. */
void conf_heap_follow(const void *symbol);
/* Whether an address is in that object. */
bool conf_heap_is_of_plugin(const void *address);
uint64_t conf_heap_live(void);  /* blocks of the plugin */
uint64_t conf_heap_calls(void); /* requests by the plugin so far */
uint64_t conf_heap_all(void);   /* blocks of the whole process that were asked for since, less those given back */
#endif
