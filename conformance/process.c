/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks at the process before and after a case.
 */
#define _GNU_SOURCE /* memfd_create */
#include "conformance/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <fenv.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "common/hash.h"
#include "conformance/heap.h"
#include "conformance/violation.h"

/* ---- floating point */

#if defined(__SSE2__)
enum { MXCSR_CONTROL = 0xffc0 }; /* rounding, flush to zero, denormals are zero, masks; not the flags */

/* Below the control of SSE, above that of x87: long double has its precision by it. */
uint32_t conf_float_state(void)
{
    uint16_t control;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    return (_mm_getcsr() & MXCSR_CONTROL) | (uint32_t)control << 16;
}

void conf_set_float_state(uint32_t state)
{
    const uint16_t control = (uint16_t)(state >> 16);
    __asm__ volatile("fldcw %0" : : "m"(control));
    _mm_setcsr(state & MXCSR_CONTROL);
}
#else
uint32_t conf_float_state(void)
{
    return (uint32_t)fegetround();
}

void conf_set_float_state(uint32_t state)
{
    fesetround((int)state);
}
#endif

/* ---- the rest of the state */

extern char **environ;

static uint64_t sum_of_environment(void)
{
    uint64_t hash = hash_begin;
    for (char **entry = environ; entry && *entry; entry++)
        hash = hash_bytes(hash, *entry, strlen(*entry));
    return hash;
}

static uint64_t sum_of_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    return hash_bytes(hash_begin, &set, sizeof set);
}

static uint64_t sum_of_limits(void)
{
    uint64_t hash = hash_begin;
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit limit = {0};
        getrlimit((__rlimit_resource_t)i, &limit);
        hash = hash_bytes(hash, &limit, sizeof limit);
    }
    return hash;
}

void conf_process_look(struct conf_process *p)
{
    struct itimerval timer = {0};
    memset(p, 0, sizeof *p);
    if (!getcwd(p->directory, sizeof p->directory))
        p->directory[0] = '\0';
    snprintf(p->locale, sizeof p->locale, "%s", setlocale(LC_ALL, NULL));
    p->mask = umask(0);
    umask(p->mask);
    for (int i = 1; i < CONF_SIGNALS; i++)
        sigaction(i, NULL, &p->actions[i]);
    sigprocmask(SIG_SETMASK, NULL, &p->blocked);
    p->environment = sum_of_environment();
    getitimer(ITIMER_REAL, &timer);
    p->alarm = timer.it_value.tv_sec || timer.it_value.tv_usec;
    p->processors = sum_of_processors();
    p->priority = getpriority(PRIO_PROCESS, 0);
    for (int i = 0; i < 3; i++)
        p->streams[i] = fcntl(i, F_GETFD) >= 0;
    p->limits = sum_of_limits();
    p->group = getpgrp();
    sigaltstack(NULL, &p->stack);
}

static const void *handler_of(const struct sigaction *action)
{
    const void *handler;
    memcpy(&handler, &action->sa_handler, sizeof handler);
    return handler;
}

static void compare_signals(const struct conf_process *before, const struct conf_process *now)
{
    for (int i = 1; i < CONF_SIGNALS; i++) {
        const void *was = handler_of(&before->actions[i]), *is = handler_of(&now->actions[i]);
        const bool plain = now->actions[i].sa_handler == SIG_IGN || now->actions[i].sa_handler == SIG_DFL;
        if (was == is)
            continue;
        if (plain || conf_heap_is_of_plugin(is))
            conf_violate("what signal %d (%s) does was changed", i, strsignal(i));
        if (plain || conf_heap_is_of_plugin(is))
            sigaction(i, &before->actions[i], NULL);
    }
    for (int i = 1; i < CONF_SIGNALS; i++)
        if (sigismember(&before->blocked, i) != sigismember(&now->blocked, i)) {
            conf_violate("signal %d (%s) was %s", i, strsignal(i),
                         sigismember(&now->blocked, i) ? "blocked" : "let through");
            sigprocmask(SIG_SETMASK, &before->blocked, NULL);
            break;
        }
}

static void compare_own(struct conf_process *before, const struct conf_process *now)
{
    if (waitpid(-1, NULL, WNOHANG) >= 0)
        conf_violate("it left a child process");
    if (before->environment != now->environment)
        conf_violate("the environment was changed");
    if (before->alarm != now->alarm)
        conf_violate("a timer was set");
    if (before->group != now->group)
        conf_violate("the process was moved to another group, which signals of a terminal do not reach");
    if (before->stack.ss_sp != now->stack.ss_sp || before->stack.ss_flags != now->stack.ss_flags)
        conf_violate("signals were given another stack (sigaltstack)");
    before->group = now->group;
    before->stack = now->stack;
    before->environment = now->environment;
    before->alarm = now->alarm;
}

void conf_process_compare(struct conf_process *before, bool own)
{
    static struct conf_process now;
    conf_process_look(&now);
    if (strcmp(before->directory, now.directory) != 0) {
        conf_violate("the working directory was changed to %.200s", now.directory);
        if (chdir(before->directory) != 0)
            snprintf(before->directory, sizeof before->directory, "%s", now.directory);
    }
    if (strcmp(before->locale, now.locale) != 0)
        conf_violate("the locale was changed to %.100s", now.locale);
    if (before->processors != now.processors)
        conf_violate("the processors that the thread may run on were changed");
    if (before->priority != now.priority)
        conf_violate("the priority was changed");
    for (int i = 0; i < 3; i++)
        if (before->streams[i] != now.streams[i])
            conf_violate("standard stream %d was closed", i);
    if (before->limits != now.limits)
        conf_violate("a limit of the process (setrlimit) was changed");
    if (uselocale((locale_t)0) != LC_GLOBAL_LOCALE)
        conf_violate("the thread was left another locale (uselocale)");
    uselocale(LC_GLOBAL_LOCALE);
    before->processors = now.processors;
    before->limits = now.limits;
    memcpy(before->streams, now.streams, sizeof now.streams);
    before->priority = now.priority;
    if (before->mask != now.mask)
        conf_violate("the file mode mask was changed");
    if (own)
        compare_own(before, &now);
    compare_signals(before, &now);
    setlocale(LC_ALL, before->locale);
    umask(before->mask);
    for (int i = 1; i < CONF_SIGNALS; i++)
        sigaction(i, NULL, &before->actions[i]);
}

/* ---- what grows */

static uint32_t count_entries(const char *folder)
{
    DIR *directory = opendir(folder);
    uint32_t n = 0;
    while (directory && readdir(directory))
        n++;
    if (directory)
        closedir(directory);
    return n;
}

uint32_t conf_descriptors(void)
{
    return count_entries("/proc/self/fd");
}

uint32_t conf_threads(void)
{
    return count_entries("/proc/self/task");
}

uint32_t conf_pages(void)
{
    char text[32] = "";
    const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) < 0)
        text[0] = '\0';
    if (file >= 0)
        close(file);
    return (uint32_t)strtoul(text, NULL, 10);
}

/* ---- output */

static struct {
    int file, errors, log;
} kept = {-1, -1, STDERR_FILENO};

int conf_output_log(void)
{
    return kept.log;
}

void conf_output_begin(void)
{
    fflush(NULL);
    kept.file = memfd_create("stdout of a backend", MFD_CLOEXEC);
    if (kept.file >= 0)
        dup2(kept.file, STDOUT_FILENO);
    kept.log = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    kept.errors = memfd_create("stderr of a backend", MFD_CLOEXEC);
    if (kept.errors >= 0)
        dup2(kept.errors, STDERR_FILENO);
}

/* What was written to a file that stands for a stream, which is empty afterwards; "" for nothing. */
static void take_text(int file, char *text, size_t bytes)
{
    const ssize_t n = file < 0 ? 0 : pread(file, text, bytes - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    if (n > 0 && ftruncate(file, 0) == 0)
        lseek(file, 0, SEEK_SET);
}

void conf_output_check(bool errors)
{
    char text[400];
    fflush(stdout);
    take_text(kept.file, text, sizeof text);
    if (text[0])
        conf_violate("it printed to stdout: \"%.*s\"", (int)strcspn(text, "\n"), text);
    take_text(kept.errors, text, sizeof text);
    if (text[0] && errors)
        conf_violate("it printed to stderr: \"%.*s\"", (int)strcspn(text, "\n"), text);
    else if (text[0])
        dprintf(kept.log, "%s", text);
}
