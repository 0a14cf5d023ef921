/* SPDX-License-Identifier: Apache-2.0
 *
 * The first rule that was broken since somebody asked.
 */
#include "conformance/violation.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char first[400];

void conf_violate(const char *format, ...)
{
    va_list arguments;
    pthread_mutex_lock(&lock);
    va_start(arguments, format);
    if (!first[0])
        vsnprintf(first, sizeof first, format, arguments);
    va_end(arguments);
    pthread_mutex_unlock(&lock);
}

bool conf_take_violation(char *why, size_t bytes)
{
    pthread_mutex_lock(&lock);
    const bool broken = first[0];
    if (broken)
        snprintf(why, bytes, "%s", first);
    first[0] = '\0';
    pthread_mutex_unlock(&lock);
    return broken;
}
