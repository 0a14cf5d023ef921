/* SPDX-License-Identifier: Apache-2.0
 *
 * The roof: how fast the processor does fused multiply-adds. A rate above it means that a measurement is wrong.
 */
#include <pthread.h>

#include "cli/cli.h"

enum { MAX_THREADS = 256 };
static const double seconds_to_measure = 0.1;

double cli_fma_c(double until);
double cli_fma_avx2(double until);
double cli_fma_avx512(double until);

struct job {
    double (*rate)(double until);
    double until, result;
};

static double (*best_chain(void))(double)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return cli_fma_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return cli_fma_avx2;
#endif
    return cli_fma_c;
}

static void *work(void *argument)
{
    struct job *job = argument;
    job->result = job->rate(job->until);
    return NULL;
}

double cli_fma_gflops(uint32_t threads)
{
    struct job jobs[MAX_THREADS];
    pthread_t handles[MAX_THREADS];
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    uint32_t started = 0;
    for (; started < threads; started++) {
        jobs[started] = (struct job){best_chain(), cli_seconds() + seconds_to_measure, 0};
        if (pthread_create(&handles[started], NULL, work, &jobs[started]) != 0)
            break;
    }
    double sum = 0;
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(handles[i], NULL);
        sum += jobs[i].result;
    }
    return sum;
}
