/* SPDX-License-Identifier: Apache-2.0
 *
 * Roofs of the processor, and what a result is worth below them.
 */
#define _DEFAULT_SOURCE /* madvise */
#include "cli/measuring/roof.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/measuring/roof_loops.h"

enum {
    MOST_THREADS = 256,
    SLICE = 4096,
    PAGE = 2 << 20 /* a large one */,
    LEAST_BYTES = 16 << 20 /* that a thread reads between two looks at the clock */
};
static const double seconds_to_measure = 0.12, seconds_to_be_sure = 1;
/* Weights come from caches in part, and how fast is measured less surely than arithmetic. */
static const double reading_slack = 0.25;
/* Beyond caches a larger buffer reads at the same rate. */
static const double most_bytes = 256e6;

struct loops {
    roof_multiply *multiply;
    roof_read *read;
};

static struct loops best_loops(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return (struct loops){roof_multiply_avx512, roof_read_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct loops){roof_multiply_avx2, roof_read_avx2};
#endif
    return (struct loops){roof_multiply_c, roof_read_c};
}

/* Other ways to multiply than by FMA, as the last words of a device's driver name them: the most that one can do is a
 * part of the rate of its instruction (NULL: a multiple of that of FMA), and FMA where few rows go that way. */
static const struct way {
    const char *words;
    roof_multiply *multiply;
    double part;
} ways[] = {
#if defined(ROOF_BF16)
    {", vdpbf16ps", roof_multiply_bf16, 1},
#endif
#if defined(ROOF_VNNI)
    {", vpdpbusd", roof_multiply_vnni, 1},
#endif
#if defined(ROOF_AMX)
    {", tdpbusd", roof_multiply_amx_bytes, 1},
    {", tdpbf16ps", roof_multiply_amx, 1},
    {", tdpbf16ps x6", roof_multiply_amx, 1.0 / 6},
    {", tdpbf16ps x3", roof_multiply_amx, 1.0 / 3},
#endif
    {", int8 widened", NULL, 2}, /* pairs of i16, of which a vector holds two where it holds one f32 */
    {NULL, NULL, 0}};

static const struct way *way_of(const struct measured_device *device)
{
    const char *driver = device->facts.driver;
    for (const struct way *way = ways; way->words; way++) {
        const size_t n = strlen(way->words), all = strlen(driver);
        if (all >= n && strcmp(driver + all - n, way->words) == 0)
            return way;
    }
    return NULL;
}

/* A thread that multiplies until the clock says so. */
struct multiplying {
    roof_multiply *multiply;
    double until, rate;
};

static void *multiply(void *argument)
{
    struct multiplying *m = argument;
    m->rate = m->multiply(m->until);
    return NULL;
}

/* Sum of the rates of threads that work at the same time. */
static double multiply_together(roof_multiply *loop, uint32_t threads, double seconds)
{
    struct multiplying each[MOST_THREADS];
    pthread_t handles[MOST_THREADS];
    uint32_t started = 0;
    for (; started < threads && started < MOST_THREADS; started++) {
        each[started] = (struct multiplying){.multiply = loop, .until = cli_seconds() + seconds};
        if (pthread_create(&handles[started], NULL, multiply, &each[started]) != 0)
            break;
    }
    double sum = 0;
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(handles[i], NULL);
        sum += each[i].rate;
    }
    return sum;
}

/* Threads read a slice each, in step as the products of a run do: what one reads while the others rest is no roof. */
struct reading {
    roof_read *read;
    const char *buffer;
    size_t slice; /* bytes */
    uint32_t threads, times;
    atomic_uint next;
    pthread_mutex_t all_there; /* held until the number of threads is known */
    pthread_barrier_t barrier;
    double until, rate; /* the best pass, bytes a second of all together */
    bool ends;
};

/* Whoever a barrier names has the clock; the others see what it decided behind the next one. */
static void *read_slices(void *argument)
{
    struct reading *r = argument;
    const char *slice = r->buffer + atomic_fetch_add(&r->next, 1) * r->slice;
    pthread_mutex_lock(&r->all_there);
    pthread_mutex_unlock(&r->all_there);
    while (!r->ends) {
        pthread_barrier_wait(&r->barrier);
        const double begin = cli_seconds();
        r->read(slice, r->slice, r->times);
        if (pthread_barrier_wait(&r->barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            const double now = cli_seconds(), rate = (double)r->slice * r->times * r->threads / (now - begin);
            r->rate = rate > r->rate ? rate : r->rate;
            r->ends = now >= r->until;
        }
        pthread_barrier_wait(&r->barrier);
    }
    return NULL;
}

static void read_together(struct reading *r, uint32_t threads)
{
    pthread_t handles[MOST_THREADS];
    r->threads = 1; /* this one */
    pthread_mutex_lock(&r->all_there);
    while (r->threads < threads && pthread_create(&handles[r->threads], NULL, read_slices, r) == 0)
        r->threads++;
    const bool ready = pthread_barrier_init(&r->barrier, NULL, r->threads) == 0;
    r->ends = !ready;
    pthread_mutex_unlock(&r->all_there);
    if (ready)
        read_slices(r);
    for (uint32_t i = 1; i < r->threads; i++)
        pthread_join(handles[i], NULL);
    if (ready)
        pthread_barrier_destroy(&r->barrier);
}

static uint32_t threads_of(const struct measured_device *device)
{
    const uint32_t threads = device->facts.threads;
    return threads ? threads : pln_processors();
}

const char *roof_instruction(const struct measured_device *device)
{
    const struct way *way = way_of(device);
    return way ? way->words + 2 : "";
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double measure_arithmetic(const struct measured_device *device, double seconds)
{
    const struct way *way = way_of(device);
    const double fma = multiply_together(best_loops().multiply, threads_of(device), seconds);
    if (!way)
        return fma;
    const double rate = way->multiply ? multiply_together(way->multiply, threads_of(device), seconds) : fma;
    return larger(way->part * rate, fma);
}

/* GB/s over the roof's memory. */
static double read_memory(struct roof *roof, uint32_t threads, double seconds)
{
    threads = threads < MOST_THREADS ? threads : MOST_THREADS;
    const size_t slice = roof->memory_bytes / threads / SLICE * SLICE;
    struct reading r = {.read = best_loops().read,
                        .buffer = roof->memory,
                        .slice = slice,
                        .times = (uint32_t)(LEAST_BYTES / slice + 1),
                        .all_there = PTHREAD_MUTEX_INITIALIZER,
                        .until = cli_seconds() + seconds};
    read_together(&r, threads);
    return r.rate / 1e9;
}

/* It stays where it is from reading to reading, as weights do from run to run: where memory lies decides its rate. */
static bool take_memory(const struct measured_device *device, struct roof *roof)
{
    const double weights = device->facts.weight_bytes;
    const size_t bytes = (size_t)(weights < most_bytes ? weights : most_bytes) + (size_t)threads_of(device) * SLICE;
    if (roof->memory)
        return true;
    roof->memory_bytes = (bytes + PAGE - 1) / PAGE * PAGE;
    roof->memory = aligned_alloc(PAGE, roof->memory_bytes);
    if (!roof->memory)
        return false;
    madvise(roof->memory, roof->memory_bytes, MADV_HUGEPAGE); /* as packed weights lie; a wish only */
    memset(roof->memory, 0, roof->memory_bytes);
    return true;
}

static double measure_reading(const struct measured_device *device, struct roof *roof, double seconds)
{
    return take_memory(device, roof) ? read_memory(roof, threads_of(device), seconds) : 0;
}

void roof_release(struct roof *roof)
{
    free(roof->memory);
    roof->memory = NULL;
}

/* Another API on the processor is bound by the same multiply-adds. */
pln_status roof_measure(const struct measured_device *device, struct roof *roof, pln_error *error)
{
    if (device->facts.kind != PLN_DEVICE_KIND_CPU) {
        *roof = (struct roof){.slack = 0.1}; /* a product is near the peak, not at it */
        return roof_product(device, &roof->gflops, error);
    }
    *roof = (struct roof){.gflops = measure_arithmetic(device, seconds_to_measure), .slack = 0.05};
    roof->gbytes = measure_reading(device, roof, seconds_to_measure);
    return PLN_OK;
}

double roof_read_again(const struct measured_device *device, struct roof *roof)
{
    const double now = roof->gbytes > 0 ? measure_reading(device, roof, seconds_to_measure) : 0;
    roof->gbytes = larger(now, roof->gbytes);
    return now;
}

/* What is above the roof by no more than measuring is off by shows that the roof is there. */
static bool is_above(struct roof_rates rates, struct roof *roof)
{
    const double gbytes = roof->gbytes > 0 ? rates.gbytes : 0;
    if (rates.gflops > (1 + roof->slack) * roof->gflops || gbytes > (1 + reading_slack) * roof->gbytes)
        return true;
    roof->gflops = larger(rates.gflops, roof->gflops);
    roof->gbytes = larger(gbytes, roof->gbytes);
    return false;
}

pln_status roof_exceeded(const struct measured_device *device, struct roof_rates rates, struct roof *roof,
                         bool *exceeded, pln_error *error)
{
    pln_status status = PLN_OK;
    double again = 0;
    *exceeded = is_above(rates, roof);
    if (!*exceeded)
        return PLN_OK;
    if (device->facts.kind != PLN_DEVICE_KIND_CPU)
        status = roof_product(device, &again, error);
    else
        again = measure_arithmetic(device, seconds_to_be_sure);
    roof->gflops = larger(again, roof->gflops);
    if (roof->gbytes > 0)
        roof->gbytes = larger(measure_reading(device, roof, seconds_to_be_sure), roof->gbytes);
    *exceeded = is_above(rates, roof);
    return status;
}

double roof_share(const struct roof *roof, const struct measured_device *device, const struct measured_batch *batch,
                  double seconds, const char **bound)
{
    const double arithmetic = batch->flops / (roof->gflops * 1e9);
    const double memory = roof->gbytes > 0 ? device->facts.weight_bytes / (roof->gbytes * 1e9) : 0;
    *bound = memory > arithmetic ? "memory" : "FMA";
    return (memory > arithmetic ? memory : arithmetic) / seconds;
}
