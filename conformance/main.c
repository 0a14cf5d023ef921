/* SPDX-License-Identifier: Apache-2.0
 *
 * pleione-conform PLUGIN.so|reference: is this backend right? Every op on generated shapes against the reference in
 * f64.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/reference/reference.h"
#include "common/team.h"
#include "conformance/harness.h"

static const char usage[] =
    "usage: pleione-conform PLUGIN.so|reference [--device N] [--option KEY=VALUE]... [--op NAME] [--case TEXT] [--thin "
    "N]\n"
    "           [--threads N] [--quick] [--half-constants] [--list] [--verbose] [--allow-refusals] "
    "[--skip-refused-options] [--tolerance T]\n"
    "           [--compile | --dump FOLDER]\n\n"
    "Drives a backend through pleione_backend.h alone: every op on generated shapes, beside the reference in f64, with "
    "NaN behind\n"
    "the real rows and guards round every value; with --half-constants weights are numbers that f16 holds. A refused "
    "node fails its case unless refusals are allowed.\n"
    "--compile makes plans and runs nothing, a kernel that spills fails its case; --dump writes the programs of each "
    "case "
    "to files.\n"
    "Outputs may differ by 2e-5 (1 + |y|), or by what --tolerance says.\n"
    "exit codes: 0 all passed, 1 error, 2 usage, 5 a case failed, 77 an option was refused (--skip-refused-options)\n";

struct arguments {
    const char *plugin, *op, *text, *dump;
    uint32_t device, threads, thin, n_options;
    pln_setting options[32];
    char keys[32][64];
    bool list, verbose, allow_refusals, skip_refused_options, compile;
};

/* ---- the host that backends see */

static void *host_allocate(void *context, size_t bytes)
{
    (void)context;
    void *memory = NULL;
    conf_allocations += conf_running;
    if (posix_memalign(&memory, 64, bytes ? bytes : 64) != 0)
        return NULL;
    return memset(memory, 0, bytes);
}

static void host_release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static void host_log(void *context, pln_log_level level, const char *message)
{
    (void)context;
    if (level <= PLN_LOG_LEVEL_WARNING)
        fprintf(stderr, "%s\n", message);
}

static void host_constant_read(void *context, const pln_constant_info *info, uint32_t first, uint32_t rows, float *out)
{
    (void)context;
    const struct conf_value *value = info->source;
    memcpy(out, (const float *)value->data + (size_t)first * info->width, (size_t)rows * info->width * sizeof *out);
}

static uint32_t host_team_size(void *context)
{
    return team_size(context);
}

static void host_team_run(void *context, pln_team_fn *fn, void *argument)
{
    team_run(context, fn, argument);
}

static void host_team_barrier(void *context)
{
    (void)context;
    team_barrier();
}

static const char *host_cache_directory(void *context)
{
    (void)context;
    return NULL;
}

/* ---- arguments */

static bool take_option(struct arguments *a, const char *text)
{
    const char *equals = strchr(text, '=');
    if (!equals || a->n_options == 32)
        return false;
    snprintf(a->keys[a->n_options], sizeof a->keys[0], "%.*s", (int)(equals - text), text);
    a->options[a->n_options] =
        (pln_setting){.size = sizeof(pln_setting), .key = a->keys[a->n_options], .value = equals + 1};
    a->n_options++;
    return true;
}

static bool parse(struct arguments *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--quick") == 0)
            conf_quick = true;
        else if (strcmp(argv[i], "--half-constants") == 0)
            conf_half_constants = true;
        else if (strcmp(argv[i], "--list") == 0)
            a->list = true;
        else if (strcmp(argv[i], "--verbose") == 0)
            a->verbose = true;
        else if (strcmp(argv[i], "--compile") == 0)
            a->compile = true;
        else if (strcmp(argv[i], "--allow-refusals") == 0)
            a->allow_refusals = true;
        else if (strcmp(argv[i], "--skip-refused-options") == 0)
            a->skip_refused_options = true;
        else if (argv[i][0] != '-' && !a->plugin)
            a->plugin = argv[i];
        else if (!value)
            return false;
        else if (i++, strcmp(argv[i - 1], "--device") == 0)
            a->device = (uint32_t)atoi(value);
        else if (strcmp(argv[i - 1], "--threads") == 0)
            a->threads = (uint32_t)atoi(value);
        else if (strcmp(argv[i - 1], "--thin") == 0)
            a->thin = (uint32_t)atoi(value);
        else if (strcmp(argv[i - 1], "--tolerance") == 0)
            conf_tolerance = atof(value);
        else if (strcmp(argv[i - 1], "--op") == 0)
            a->op = value;
        else if (strcmp(argv[i - 1], "--dump") == 0)
            a->dump = value;
        else if (strcmp(argv[i - 1], "--case") == 0)
            a->text = value;
        else if (strcmp(argv[i - 1], "--option") != 0 || !take_option(a, value))
            return false;
    }
    return a->plugin && a->threads && a->thin && conf_tolerance > 0;
}

static const pln_backend *load(const char *path)
{
    if (strcmp(path, "reference") == 0)
        return pln_reference_query(PLN_ABI_VERSION, PLN_ABI_VERSION);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    pln_backend_query_fn *query;
    void *symbol = dlsym(library, PLN_BACKEND_SYMBOL);
    memcpy(&query, &symbol, sizeof query);
    const pln_backend *table = symbol ? query(PLN_ABI_VERSION, PLN_ABI_VERSION) : NULL;
    if (!table)
        fprintf(stderr, "%s exports no %s of version %u\n", path, PLN_BACKEND_SYMBOL, PLN_ABI_VERSION);
    return table;
}

static pln_status open_target(struct conf_target *t, const pln_backend *backend, uint32_t index, const pln_host *host,
                              const pln_setting *settings, uint32_t n, pln_failure *error)
{
    *t = (struct conf_target){.backend = backend, .host = host, .info.size = sizeof t->info};
    const pln_opening opening = {.size = sizeof opening,
                                 .host = host,
                                 .n_settings = n,
                                 .setting_stride = sizeof *settings,
                                 .settings = settings};
    pln_status status = backend->device_open(index, &opening, &t->device, error);
    if (status == PLN_OK)
        status = backend->device_info(index, t->device, &t->info, error);
    return status;
}

/* ---- running */

struct tally {
    uint32_t passed, failed, refused, kernels;
};

static void count(const struct arguments *a, struct tally *tally, enum conf_verdict verdict, const char *name,
                  const char *why)
{
    if (verdict == CONF_PASSED)
        tally->passed++;
    else if (verdict == CONF_REFUSED && a->allow_refusals)
        tally->refused++;
    else
        tally->failed++;
    if (verdict != CONF_PASSED)
        printf("%s: %s: %s\n", verdict == CONF_REFUSED ? "refused" : "FAILED", name, why);
    else if (a->verbose)
        printf("passed: %s\n", name);
    fflush(stdout);
}

static void run_case(const struct arguments *a, const struct conf_target *target, const struct conf_target *oracle,
                     const struct conf_group *group, uint32_t index, struct conf_case *c, struct tally *tally)
{
    char why[256] = "";
    if (a->list) {
        printf("%s\n", c->name);
        return;
    }
    const enum conf_verdict verdict = a->dump      ? conf_dump(target, c, a->dump, &tally->kernels, why, sizeof why)
                                      : a->compile ? conf_compile(target, c, &tally->kernels, why, sizeof why)
                                                   : conf_check(target, oracle, group->fill, index, c, why, sizeof why);
    count(a, tally, verdict, c->name, why);
}

/* The forms of a group's cases come in turn, so every Nth case would be of a few forms only when N and their number
 * share a divisor: a hash (xor, shift, multiply; small numbers need two rounds) draws instead. It keeps the first. */
static bool is_kept(uint32_t index, uint32_t thin)
{
    uint32_t hash = (index ^ index >> 16) * 0x7feb352du;
    hash = (hash ^ hash >> 15) * 0x846ca68bu;
    return (hash ^ hash >> 16) % thin == 0;
}

/* Every op has a case, or a backend could pass without it. */
static bool every_op_has_cases(void)
{
    static struct conf_case c;
    for (uint32_t i = 0; i < conf_n_groups; i++) {
        conf_begin(&c, 0, 0);
        const bool has = conf_groups[i].fill(&c, 0);
        bool uses = !conf_groups[i].op;
        for (uint32_t j = 0; j < c.n_nodes; j++)
            uses |= c.nodes[j].op == conf_groups[i].op;
        conf_free(&c);
        if (!has || !uses) {
            fprintf(stderr, "%s has no case\n", conf_groups[i].name);
            return false;
        }
    }
    return true;
}

static struct tally run_group(const struct arguments *a, const struct conf_target *target,
                              const struct conf_target *oracle, const struct conf_group *group, uint32_t kernels)
{
    struct tally tally = {.kernels = kernels};
    static struct conf_case c;
    for (uint32_t i = 0;; i++) {
        conf_begin(&c, i, 0);
        if (!group->fill(&c, i))
            break;
        if ((!a->text || strstr(c.name, a->text)) && is_kept(i, a->thin))
            run_case(a, target, oracle, group, i, &c, &tally);
        conf_free(&c);
    }
    return tally;
}

static void run_growth(const struct arguments *a, const struct conf_target *target, struct tally *all)
{
    char why[256] = "";
    const enum conf_verdict verdict = conf_check_growth(target, why, sizeof why);
    count(a, all, verdict, "growth of the interface", why);
}

static int run_all(const struct arguments *a, const struct conf_target *target, const struct conf_target *oracle)
{
    struct tally all = {0}, groups[64];
    for (uint32_t i = 0; i < conf_n_groups; i++) {
        groups[i] = (struct tally){0};
        if (!a->op || strcmp(a->op, conf_groups[i].name) == 0)
            groups[i] = run_group(a, target, oracle, &conf_groups[i], all.kernels);
        all.passed += groups[i].passed;
        all.failed += groups[i].failed;
        all.refused += groups[i].refused;
        all.kernels = groups[i].kernels > all.kernels ? groups[i].kernels : all.kernels;
    }
    if (a->list)
        return 0;
    if (a->dump || a->compile)
        printf("%u kernels\n", all.kernels);
    else if (!a->op && !a->text)
        run_growth(a, target, &all);
    for (uint32_t i = 0; i < conf_n_groups; i++)
        if (groups[i].passed + groups[i].failed + groups[i].refused)
            printf("%-24s %4u of %u\n", conf_groups[i].name, groups[i].passed,
                   groups[i].passed + groups[i].failed + groups[i].refused);
    printf("%u passed, %u failed", all.passed, all.failed);
    printf(all.refused ? ", %u skipped\n" : "\n", all.refused);
    if (all.failed)
        return PLN_DISAGREE;
    return all.passed ? 0 : PLN_FAILED;
}

int main(int argc, char **argv)
{
    struct arguments a = {.threads = 2, .thin = 1};
    if (!parse(&a, argc, argv)) {
        fputs(usage, stderr);
        return PLN_INVALID;
    }
    static const pln_setting precise[] = {{.size = sizeof(pln_setting), .key = "precision", .value = "f64"}};
    const pln_backend *backend = load(a.plugin);
    struct team *team = team_create(a.threads);
    if (!backend || !team || !every_op_has_cases())
        return PLN_FAILED;
    const pln_host host = {.size = sizeof host,
                           .context = team,
                           .log = host_log,
                           .allocate = host_allocate,
                           .release = host_release,
                           .constant_read = host_constant_read,
                           .team_size = host_team_size,
                           .team_run = host_team_run,
                           .team_barrier = host_team_barrier,
                           .cache_directory = host_cache_directory};
    struct conf_target target, oracle;
    pln_failure error = {.size = sizeof error};
    const pln_status status = open_target(&target, backend, a.device, &host, a.options, a.n_options, &error);
    if (status != PLN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return status == PLN_INVALID && a.skip_refused_options ? 77 : PLN_FAILED;
    }
    if (open_target(&oracle, load("reference"), 0, &host, precise, 1, &error) != PLN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return PLN_FAILED;
    }
    const int code = run_all(&a, &target, &oracle);
    target.backend->device_close(&target.device);
    oracle.backend->device_close(&oracle.device);
    team_destroy(&team);
    return code;
}
