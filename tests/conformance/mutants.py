# SPDX-License-Identifier: Apache-2.0
"""Faults put into examples/backend-mini/mini.c, one at a time: name, what the report must say, and edits, each a text of
mini.c and what takes its place. check_mutants.py builds and judges them."""

SYSTEM = ("#include <math.h>\n", "#define _GNU_SOURCE\n#include <fcntl.h>\n#include <locale.h>\n#include <pthread.h>\n"
          "#include <signal.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/stat.h>\n#include <unistd.h>\n"
          "#include <xmmintrin.h>\n#include <math.h>\n")
RUN = "    plan->dims = run->dims;\n"
TEAM = "    plan->host->team_run(plan->host->context, run_member, plan);\n"
WRITE = "        y[c] = activate(node->activation, s + (bias ? bias[c] : 0)) + (residual ? residual[c] : 0);\n"
DONE = "    *plan = p;\n    return PLN_OK;"
INFO = "    (void)device;\n    if (index)"
OPEN = "    const pln_host *host = opening->host;\n"
CLOSE = "    if (*device)\n        (*device)"
TABLE = "static const pln_backend backend = {"
ROWS = "        const uint32_t rows = pln_dim_rows(p->nodes[i].y.rows, p->dims);\n"
VERDICT = "        verdict->supported = !reason;\n"
PLAN = "    uint32_t n_nodes;\n    struct node nodes[];"
CONSTANT = "    *constant = c;\n"
KNOWN = """static struct {
    const void *plain;
    uint32_t rows, width;
    float last, *copy;
} known[4096];
static uint32_t n_known;

/* By where they lie, and what their last number is but for its sign. */
static const float *find_known(const pln_constant_info *info)
{
    const size_t n = (size_t)info->rows * info->width;
    for (uint32_t i = 0; i < n_known; i++)
        if (known[i].plain == info->plain && known[i].rows == info->rows && known[i].width == info->width &&
            known[i].last == fabsf(info->plain[n - 1]))
            return known[i].copy;
    if (n_known == 4096 || n > 5000)
        return info->plain;
    known[n_known].plain = info->plain;
    known[n_known].rows = info->rows;
    known[n_known].width = info->width;
    known[n_known].last = fabsf(info->plain[n - 1]);
    known[n_known].copy = malloc(n * 4);
    return memcpy(known[n_known++].copy, info->plain, n * 4);
}

"""


def at(place, more):
    """`more` behind a place."""
    return (place, place + more)


def wrong_where(condition, by="1e-3f"):
    """Results that are wrong under a condition of node, r, c."""
    return [at(WRITE, f"        if ({condition})\n            y[c] += {by};\n")]


MUTANTS = [
    # ---- loading and opening
    ("abi 0", "table: its abi", [(".abi = PLN_ABI_VERSION", ".abi = 0")]),
    ("a table without size", "table: its size", [(".size = sizeof backend", ".size = 0")]),
    ("a table of any size", "table: its size", [(".size = sizeof backend", ".size = 0xffffffffu")]),
    ("no name", "table: it has no name", [('.name = "mini"', ".name = NULL")]),
    ("no plan_run", "table: an entry", [("                                    .plan_run = plan_run,\n", "")]),
    ("query without an answer", "pln_backend_query: it serves", [("? &backend : NULL", "? NULL : NULL")]),
    ("query of any version", "versions that are asked for", [("abi_min <= PLN_ABI_VERSION && PLN_ABI_VERSION <= abi_max",
                                                              "abi_max")]),
    ("query exits", "in pln_backend_query: it ended its process with exit code 0",
     [SYSTEM, ("    return abi_min", "    exit(0);\n    return abi_min")]),
    ("constructor exits", "in dlopen: it ended its process with exit code 0",
     [SYSTEM, (TABLE, "__attribute__((constructor)) static void up(void) { exit(0); }\n" + TABLE)]),
    ("constructor crashes", "in dlopen: it ended its process by signal 11",
     [SYSTEM, (TABLE, "__attribute__((constructor)) static void up(void) { raise(SIGSEGV); }\n" + TABLE)]),
    ("constructor prints", "dlopen: it printed to stdout",
     [SYSTEM, (TABLE, '__attribute__((constructor)) static void up(void) { puts("mini is here"); }\n' + TABLE)]),
    ("a symbol that is nowhere", "undefined symbol",
     [at(RUN, "    extern void not_there(void);\n    not_there();\n")]),
    ("count aborts", "in device_count: it ended its process by signal 6",
     [SYSTEM, at("    *count = 1;\n", "    abort();\n")]),
    ("count crashes", "in device_count: it ended its process by signal 11",
     [at("    *count = 1;\n", "    *(volatile int *)0 = 1;\n")]),
    ("count fails silently", "device_count failed", [("    *count = 1;\n    return PLN_OK;", "    return PLN_FAILED;")]),
    ("count changes", "device_count: ", [("    *count = 1;\n", "    static uint32_t n;\n    *count = ++n;\n")]),
    ("info exits", "in device_info: it ended its process with exit code 0", [SYSTEM, (INFO, "    exit(0);\n" + INFO)]),
    ("info hangs", "in device_info: no answer", [(INFO, "    for (volatile int i = 1; i;) {\n    }\n" + INFO)]),
    ("info crashes", "in device_info: it ended", [(INFO, "    *(volatile int *)0 = 1;\n" + INFO)]),
    ("info without ends", "the name in device_info has no end",
     [SYSTEM, ('.version = "1"});\n    return', '.version = "1"});\n    memset(info->name, 65, sizeof info->name);\n    return')]),
    ("info of no end of the reason", "the reason in device_info has no end",
     [SYSTEM, ('.version = "1"});\n    return', '.version = "1"});\n    memset(info->reason, 65, sizeof info->reason);\n    return')]),
    ("info changes", "asked twice", [(".flags = PLN_DEVICE_FLAG_HOST_MEMORY", ".flags = PLN_DEVICE_FLAG_HOST_MEMORY | (times++ % 2 ? 4u : 0)"),
                                     ("    (void)device;\n", "    static uint32_t times;\n    (void)device;\n")]),
    ("f32 of 3 bytes", "f32_bytes", [(".f32_bytes = 4", ".f32_bytes = 3")]),
    ("alignment 3", "alignment", [(".alignment = 64", ".alignment = 3")]),
    ("row multiple of 1e9", "row_multiple", [(".row_multiple = 1", ".row_multiple = 1000000000u")]),
    ("no dtypes", "dtypes", [(".dtypes = 1u << PLN_F32 | 1u << PLN_I32", ".dtypes = 0")]),
    ("memory of its own without buffers", "buffer entries", [(".flags = PLN_DEVICE_FLAG_HOST_MEMORY", ".flags = 0")]),
    ("one device too many", "device past the last", [("    if (index)\n", "    if (index > 1)\n"),
                                                     ("    if (index || opening->n_settings)", "    if (opening->n_settings)")]),
    ("open exits", "in device_open: it ended its process with exit code 0", [SYSTEM, (OPEN, OPEN + "    exit(0);\n")]),
    ("open gives nothing", "no device", [("    *device = host->allocate(host->context, sizeof **device);",
                                          "    *device = NULL;\n    return PLN_OK;")]),
    ("any option", "an option that is none", [("    if (index || opening->n_settings)", "    if (index)")]),
    ("another status in the record", "wrote", [("        return pln_failed(failure, PLN_NO_DEVICE,", "        return 1 + pln_failed(failure, PLN_NO_DEVICE,")]),
    ("a message of two lines", "more than a line", [('"mini: there', '"mini:\\nthere')]),
    ("a message without end", "sentence that ends",
     [SYSTEM, ('        return pln_failed(failure, PLN_NO_DEVICE, -1, "mini: there is one device");\n',
               "    {\n        memset(failure->message, 65, sizeof failure->message);\n        return PLN_NO_DEVICE;\n    }\n")]),
    ("a description that is written over", "behind the description",
     [SYSTEM, ("    pln_give(info, ", "    memset(info + 1, 0, 8);\n    pln_give(info, ")]),
    ("open leaks memory of the host", "left after device_close",
     [at("    (*device)->host = host;\n", "    host->allocate(host->context, 64);\n")]),
    ("open leaks malloc", "open and close leaves blocks",
     [SYSTEM, at("    (*device)->host = host;\n", "    static void *volatile keep;\n    keep = malloc(100);\n")]),
    ("open leaks a descriptor", "leaves a descriptor",
     [SYSTEM, at("    (*device)->host = host;\n", '    (void)!open("/dev/null", O_RDONLY);\n')]),
    ("open leaks a thread", "leaves a thread",
     [SYSTEM, at("    (*device)->host = host;\n", "    pthread_t t;\n    pthread_create(&t, NULL, sit, NULL);\n"),
      ("static pln_status device_open(", "static void *sit(void *x)\n{\n    for (;;)\n        pause();\n    return x;\n}\n\nstatic pln_status device_open(")]),
    ("open forgets the failed allocation", "device_open: it ended its process by signal 11",
     [("    if (!*device)\n        return pln_failed(failure, PLN_NO_MEMORY, -1, \"mini: no memory for a device\");\n", "")]),
    ("close exits", "in device_close: it ended its process with exit code 0", [SYSTEM, (CLOSE, "    exit(0);\n" + CLOSE)]),
    ("close hangs", "in device_close: no answer", [(CLOSE, "    for (volatile int i = 1; i;) {\n    }\n" + CLOSE)]),
    ("close releases twice", "not allocate, or twice",
     [(CLOSE + "->host->release((*device)->host->context, *device);\n", """    const pln_host *host = *device ? (*device)->host : NULL;
    if (*device)
        host->release(host->context, *device), host->release(host->context, *device);
""")]),
    ("the end of the process crashes", "at the end of its process",
     [SYSTEM, (TABLE, "__attribute__((destructor)) static void down(void) { raise(SIGSEGV); }\n" + TABLE)]),
    ("a flag of tomorrow", "a flag that no host knows", [(".flags = PLN_DEVICE_FLAG_HOST_MEMORY", ".flags = PLN_DEVICE_FLAG_HOST_MEMORY | 1u << 20")]),
    ("more free memory than memory", "free_bytes", [(".row_multiple = 1,", ".row_multiple = 1, .memory_bytes = 1 << 20, .free_bytes = 1 << 30,")]),
    ("more memory than can be", "more memory than can be", [(".row_multiple = 1,", ".row_multiple = 1, .memory_bytes = ~0ull,")]),
    ("no end of the address", "the pci in device_info has no end", [SYSTEM, ('.version = "1"});\n    return', '.version = "1"});\n    memset(info->pci, 65, sizeof info->pci);\n    return')]),
    ("a setting of a size that is none", "a setting has a size", [("static pln_status device_info(", "static const pln_setting_info known = {.size = 0, .key = \"math\", .values = \"f32|f64\", .help = \"h\"};\n\nstatic pln_status device_info("), (".f32_bytes = 4,", ".f32_bytes = 4, .n_settings = 1, .setting_stride = sizeof known, .settings = &known,")]),
    ("settings without a stride", "a setting has a size", [("static pln_status device_info(", "static const pln_setting_info known = {.size = sizeof known, .key = \"math\", .values = \"f32|f64\", .help = \"h\"};\n\nstatic pln_status device_info("), (".f32_bytes = 4,", ".f32_bytes = 4, .n_settings = 1, .settings = &known,")]),
    ("what is usual is no value", "what is usual", [("static pln_status device_info(", "static const pln_setting_info known = {.size = sizeof known, .key = \"math\", .values = \"f32|f64\", .help = \"h\", .usual = \"f16\"};\n\nstatic pln_status device_info("), (".f32_bytes = 4,", ".f32_bytes = 4, .n_settings = 1, .setting_stride = sizeof known, .settings = &known,")]),
    ("numbers of any size", "a number that an option has not", [("static pln_status device_info(", "static const pln_setting_info known = {.size = sizeof known, .key = \"blocks\", .values = \"NUMBER\", .help = \"h\", .least = 1, .most = 64};\n\nstatic pln_status device_info("), (".f32_bytes = 4,", ".f32_bytes = 4, .n_settings = 1, .setting_stride = sizeof known, .settings = &known,"),
                                                                   ("    if (index || opening->n_settings)", "    if (index || (opening->n_settings && !pln_opening_value(opening, \"blocks\")))")]),
    ("another device when it is open", "it is another device", [(".alignment = 64", ".alignment = device ? 128 : 64")]),
    ("settings one behind the other", "an option that is none", [("    if (index || opening->n_settings)", "    if (index || (opening->n_settings && opening->settings->key[0] == 'x'))")]),
    ("keeps the opening", "signal", [("    const pln_host *host;\n};", "    const pln_host *host;\n    const pln_opening *opening;\n};"), at("    (*device)->host = host;\n", "    (*device)->opening = opening;\n"), ("    const pln_host *host = device->host;\n    const size_t bytes", "    const pln_host *host = device->opening->host;\n    const size_t bytes")]),
    ("closing nothing crashes", "in device_close: it ended its process by signal 11", [("    if (*device)\n        (*device)->host", "        (*device)->host")]),
    ("the first open is all", "opened first", [("static pln_status device_open(", "static const pln_device *first;\n\nstatic pln_status device_open("), at("    (*device)->host = host;\n", "    first = first ? first : *device;\n"), (CLOSE, "    if (*device == first)\n        first = NULL;\n" + CLOSE),
                                               ("static pln_status plan_run(pln_plan *plan, const pln_run *run, pln_failure *failure)\n{\n", "static pln_status plan_run(pln_plan *plan, const pln_run *run, pln_failure *failure)\n{\n    if (!first)\n        return pln_failed(failure, PLN_FAILED, -1, \"mini: nothing is open\");\n")]),
    ("the first open's host for all", "host",
     [at("static pln_status device_open(", ""), ("    (*device)->host = host;\n", "    static const pln_host *first;\n    first = first ? first : host;\n    (*device)->host = first;\n")]),

    ("count leaks malloc", "open and close leaves blocks", [SYSTEM, at("    *count = 1;\n", "    static void *volatile keep;\n    keep = malloc(100);\n")]),
    ("each open leaves pages", "open and close leaves memory", [(SYSTEM[0], SYSTEM[1] + "#include <sys/mman.h>\n"), at("    (*device)->host = host;\n", "    (void)mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n")]),

    # ---- what is left in the process
    ("another stack of signals", "sigaltstack", [SYSTEM, at(RUN, "    static char own[65536];\n    sigaltstack(&(stack_t){.ss_sp = own, .ss_size = sizeof own}, NULL);\n")]),
    ("another group of processes", "another group", [SYSTEM, at("    (*device)->host = host;\n", "    setpgid(0, 0);\n")]),
    ("short long doubles", "floating-point state", [at(RUN, '    const unsigned short control = 0x27f;\n    __asm__ volatile("fldcw %0" : : "m"(control));\n')]),
    ("prints", "printed to stdout", [at(RUN, '    puts("hello from mini");\n')]),
    ("prints errors", "printed to stderr", [at(RUN, '    fputs("hello from mini\\n", stderr);\n')]),
    ("rounding mode", "floating-point state", [SYSTEM, at(RUN, "    _mm_setcsr((_mm_getcsr() & ~0x6000u) | 0x6000);\n")]),
    ("flushes denormals", "floating-point state", [SYSTEM, at(DONE.split("\n")[0] + "\n", "    _mm_setcsr(_mm_getcsr() | 0x8040);\n")]),
    ("working directory", "working directory", [SYSTEM, at(RUN, '    (void)!chdir("/");\n')]),
    ("a signal handler", "what signal", [SYSTEM, at(RUN, "    signal(SIGUSR1, on_signal);\n"),
                                         ("static pln_status plan_run(", "static void on_signal(int s)\n{\n    (void)s;\n}\n\nstatic pln_status plan_run(")]),
    ("ignores a signal", "what signal", [SYSTEM, at(RUN, "    signal(SIGINT, SIG_IGN);\n")]),
    ("blocks a signal", "was blocked", [SYSTEM, at(RUN, "    sigset_t s;\n    sigemptyset(&s);\n    sigaddset(&s, SIGTERM);\n    pthread_sigmask(SIG_BLOCK, &s, NULL);\n")]),
    ("locale", "locale", [SYSTEM, at("    (*device)->host = host;\n", '    setlocale(LC_ALL, "C.UTF-8");\n')]),
    ("file mode mask", "file mode mask", [SYSTEM, at("    (*device)->host = host;\n", "    umask(0);\n")]),
    ("environment", "environment", [SYSTEM, at("    (*device)->host = host;\n", '    setenv("MINI_WAS_HERE", "1", 1);\n')]),
    ("a timer", "timer", [SYSTEM, at(RUN, "    alarm(3000);\n")]),

    ("rounds up in a member of the team", "a member of the team", [SYSTEM, at("    const pln_plan *p = argument;\n", "    if (index)\n        _mm_setcsr(_mm_getcsr() | 0x8040);\n")]),
    ("pins its thread", "processors", [(SYSTEM[0], SYSTEM[1] + "#include <sched.h>\n"), at(RUN, "    cpu_set_t set;\n    sched_getaffinity(0, sizeof set, &set);\n    for (int i = 0, seen = 0; i < CPU_SETSIZE; i++)\n        if (CPU_ISSET(i, &set) && seen++)\n            CPU_CLR(i, &set);\n    sched_setaffinity(0, sizeof set, &set);\n")]),
    ("nice", "priority", [(SYSTEM[0], SYSTEM[1]), at(RUN, "    static int once;\n    if (!once++)\n        (void)!nice(1);\n")]),
    ("closes stdin", "standard stream 0", [SYSTEM, at(RUN, "    close(0);\n")]),
    ("no core files", "a limit of the process", [(SYSTEM[0], SYSTEM[1] + "#include <sys/resource.h>\n"), at(RUN, "    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});\n    setrlimit(RLIMIT_NOFILE, &(struct rlimit){200, 200});\n")]),
    ("a locale of the thread", "uselocale", [SYSTEM, at(RUN, '    uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));\n')]),
    ("leaves a child", "child process", [SYSTEM, at("    (*device)->host = host;\n", "    if (fork() == 0)\n        _exit(0);\n")]),
    ("writes behind the failure", "behind the failure", [SYSTEM, ("    if (index)\n        return pln_failed(", "    if (index)\n        memset(failure + 1, 0, 16);\n    if (index)\n        return pln_failed(")]),
    ("a failure of its own", "changed its size", [("    if (index)\n        return pln_failed(failure, PLN_NO_DEVICE,", "    if (index)\n        *failure = (pln_failure){0};\n    if (index)\n        return pln_failed(failure, PLN_NO_DEVICE,")]),

    # ---- supports
    ("supports at whim", "not pure", [("        const char *reason = refusal(segment, i);\n",
                                       '        static uint32_t calls;\n        const char *reason = calls++ % 3 ? refusal(segment, i) : "no";\n')]),
    ("supports changes its mind", "otherwise than when", [("        const char *reason = refusal(segment, i);\n",
                                              '        const char *reason = made > 2 ? "enough" : refusal(segment, i);\n'),
                                             at("    *plan = p;\n", "    made++;\n"),
                                             ("static pln_status supports(", "static uint32_t made;\n\nstatic pln_status supports(")]),
    ("supports writes into the segment", "wrote into the segment",
     [at(VERDICT, "        ((pln_node_info *)(uintptr_t)node)->flops = 0;\n")]),
    ("supports answers 2", "neither 1 nor 0", [(VERDICT, "        verdict->supported = reason ? 0 : 2;\n")]),
    ("refuses without a reason", "without a reason", [('reason ? reason : ""', '""')]),
    ("verdicts one behind the other", "behind a verdict", [("(size_t)i * verdict_stride", "(size_t)i * sizeof *verdict")]),
    ("verdicts without ends", "has no end", [SYSTEM, at(VERDICT, "        memset(verdict->reason, 66, sizeof verdict->reason);\n        continue;\n")]),
    ("writes behind a verdict", "behind a verdict", [at(VERDICT, "        verdict[1].size = 7;\n")]),
    ("a verdict of its own", "changed the size of a verdict", [("        verdict->supported = !reason;\n", "        *verdict = (pln_verdict){.supported = !reason};\n")]),
    ("estimates for ever", "supports estimates", [("verdict->estimated_ns = node->flops / 2", "verdict->estimated_ns = ~0ull")]),
    ("takes longer params", "params that are longer, and not zero", [("sizeof(pln_linear_params), PLN_LINEAR_INPUTS", "1000, PLN_LINEAR_INPUTS")]),
    ("takes later versions", "a later version", [("pln_node_fits(segment, node, PLN_LINEAR_VERSION", "pln_node_fits(segment, node, 100000")]),
    ("takes more inputs", "an input more", [("PLN_LINEAR_INPUTS, 1)", "100, 1)")]),
    ("takes any op", "newer nodes of", [("    if (node->op != PLN_OP_LINEAR)", "    if (node->op == PLN_OP_EMBED)")]),
    ("takes outputs that it does not write", "as before the run", [("PLN_LINEAR_INPUTS, 1)", "PLN_LINEAR_INPUTS, 2)")]),
    ("takes every activation", "activation", [('        return "only the activations none, gelu, relu and tanh are taken";', "        a = 0;"), ("const uint32_t a =", "uint32_t a =")]),
    ("takes dropout and drops nothing", "dropout", [('params->drop_below ? "dropout is not taken" : NULL', "NULL")]),
    ("refuses everything", None, [("    if (node->op != PLN_OP_LINEAR)", "    if (node->op)")]),
    ("supports yes, plan_create no", "after all", [("    pln_plan *p = host->allocate(", '    if (segment->n_nodes)\n        return pln_failed(failure, PLN_UNSUPPORTED, 0, "after all it is not taken");\n    pln_plan *p = host->allocate(')]),
    ("plan_create takes what is refused", "that supports refuses", [("        if (refusal(segment, i))\n", "        if (0)\n")]),
    ("names a node that is not there", "names node", [("pln_failed(failure, PLN_UNSUPPORTED, (int32_t)i,", "pln_failed(failure, PLN_UNSUPPORTED, 99,")]),

    # ---- what is lent
    ("keeps the segment", "in plan_run: it ended its process by signal 11",
     [(PLAN, "    const pln_node_info *kept;\n" + PLAN), at("    *p = (pln_plan){.host = host, .n_nodes = segment->n_nodes};\n", "    p->kept = pln_segment_node(segment, 0);\n"),
      at(RUN, "    if (plan->kept->op != PLN_OP_LINEAR)\n        return PLN_FAILED;\n")]),
    ("keeps the capacities", "in plan_run: it ended its process by signal 11",
     [(PLAN, "    const uint32_t *kept;\n" + PLAN), at("    *p = (pln_plan){.host = host, .n_nodes = segment->n_nodes};\n", "    p->kept = segment->capacity;\n"),
      at(RUN, "    if (plan->kept[0])\n        return PLN_FAILED;\n")]),
    ("keeps the name of a node", "in plan_run: it ended its process by signal 11",
     [SYSTEM, (PLAN, "    const char *kept;\n" + PLAN), at("    *p = (pln_plan){.host = host, .n_nodes = segment->n_nodes};\n", "    p->kept = pln_segment_node(segment, 0)->name;\n"),
      at(RUN, '    if (strcmp(plan->kept, "node 0"))\n        return PLN_FAILED;\n')]),
    ("keeps the info of a constant", "linear", [("    const float *rows;\n", "    const float *rows;\n    const pln_constant_info *info;\n"),
                                                at(CONSTANT, "    c->info = info;\n"),
                                                ("v->constant->rows, v->rows, v->width, v->width", "v->constant->rows, v->rows, v->width, v->constant->info->width")]),
    ("keeps the numbers of a run", "linear", [(RUN, "    if (!plan->dims)\n        plan->dims = run->dims;\n")]),
    ("keeps a copy of the first numbers", "round 1",
     [SYSTEM, (PLAN, "    uint32_t kept[64];\n" + PLAN), (RUN, "    if (!plan->dims)\n        memcpy(plan->kept, run->dims, run->n_dims * 4);\n    plan->dims = plan->kept;\n")]),
    ("nodes one behind the other", "linear", [("        const pln_node_info *node = pln_segment_node(segment, i);\n        p->nodes", "        const pln_node_info *node = &segment->nodes[i];\n        p->nodes")]),
    ("values one behind the other", "linear", [("i < n ? pln_segment_value(segment, list[i]) : NULL", "i < n && list[i] >= 0 ? &segment->values[list[i]] : NULL")]),
    ("writes the numbers of a run", "only lent", [at(TEAM, "    ((uint32_t *)(uintptr_t)run->dims)[run->n_dims - 1]++;\n")]),
    ("writes the info of a constant", "was lent", [at(CONSTANT, "    ((pln_constant_info *)(uintptr_t)info)->n_uses = 0;\n")]),
    ("one row too few at the capacity", "as many rows as the capacity",
     [(ROWS, ROWS.replace("p->dims);", "p->dims) - (p->dims[1] && p->dims[1] == p->most);")),
      (PLAN, "    uint32_t most;\n" + PLAN), at("    *p = (pln_plan){.host = host, .n_nodes = segment->n_nodes};\n", "    p->most = segment->n_symbols > 1 ? segment->capacity[1] : 0;\n")]),
    ("writes a weight", "linear", [at(TEAM, "    ((float *)(uintptr_t)plan->nodes[0].weight.data)[0] += 1e-2f;\n")]),
    ("writes a plain weight when it is handed over", "was written", [at(CONSTANT, "    if (info->plain)\n        ((float *)(uintptr_t)info->plain)[0] += 1e-2f;\n")]),
    ("writes x", "an input", [at(WRITE, "        if (c == 0)\n            ((float *)(uintptr_t)x)[0] += 1;\n")]),

    # ---- memory
    ("a constant that is none", "no constant", [(CONSTANT, "    *constant = NULL;\n")]),
    ("a constant is not released", "left", [("    device->host->release(device->host->context, *constant);\n    *constant = NULL;", "    (void)device;\n    *constant = NULL;")]),
    ("a plan is not released", "left", [("    if (*plan)\n        (*plan)->host->release((*plan)->host->context, *plan);\n", "")]),
    ("a plan is released twice", "or twice", [("    if (*plan)\n        (*plan)", "    if (*plan)\n        (*plan)->host->release((*plan)->host->context, *plan);\n    if (*plan)\n        (*plan)")]),
    ("each plan leaks", "left", [at("    *plan = p;\n", "    host->allocate(host->context, 64);\n")]),
    ("each plan leaks malloc", "each plan leaves", [SYSTEM, at("    *plan = p;\n", "    static void *volatile keep;\n    keep = malloc(100);\n")]),
    ("a plan of malloc released by free of nothing", "signal 6", [SYSTEM, ("    if (*plan)\n", "    free((void *)*plan);\n    if (*plan)\n")]),
    ("allocates in a run", "allocations while the plan ran", [at(RUN, "    plan->host->release(plan->host->context, plan->host->allocate(plan->host->context, 64));\n")]),
    ("malloc in a run", "called malloc", [SYSTEM, at(RUN, "    static void *volatile keep;\n    keep = malloc(64);\n    free(keep);\n")]),
    ("each run leaks", "called malloc", [SYSTEM, at(RUN, "    static void *volatile keep;\n    keep = malloc(4096);\n")]),
    ("writes behind a plan", "behind a block", [at("    *plan = p;\n", "    ((char *)p)[sizeof *p + segment->n_nodes * sizeof *p->nodes] = 1;\n")]),
    ("writes before a constant", "in front of a block", [at(CONSTANT, "    ((char *)c)[-1] = 1;\n")]),
    ("a plan without memory crashes", "in plan_create: it ended its process by signal 11",
     [('    if (!p)\n        return pln_failed(failure, PLN_NO_MEMORY, -1, "mini: no memory for a plan");\n', "")]),
    ("a constant without memory crashes", "in constant_create: it ended its process by signal 11",
     [('    if (!c)\n        return pln_failed(failure, PLN_NO_MEMORY, -1, "mini: no memory for a constant");\n', "")]),
    ("a refused plan leaks", "left",
     [("        if (refusal(segment, i))\n", "        if (refusal(segment, i) && host->allocate(host->context, 8))\n")]),
    ("reads a constant after it was made", "constant_read was asked",
     [("    const float *rows;\n", "    const float *rows;\n    pln_constant_info info;\n"), at(CONSTANT, "    c->info = *info;\n"),
      ("        return (struct matrix){v->constant->rows", "    {\n        float first[70000];\n        if (v->constant->info.width < 70000)\n            pln_read(&v->constant->info, first);\n        return (struct matrix){v->constant->rows"),
      ("v->width, v->width};\n    return", "v->width, v->width};\n    }\n    return"),
      at("/* Where an operand", ""), ("static pln_status constant_create(", "static const pln_host *reader;\nstatic void pln_read(const pln_constant_info *info, float *out)\n{\n    reader->constant_read(reader->context, info, 0, 1, out);\n}\n\nstatic pln_status constant_create("),
      at("    const pln_host *host = device->host;\n    const size_t", ""), ("    const size_t bytes", "    reader = host;\n    const size_t bytes")]),
    ("reads only the first rows of a constant", "linear", [("info, 0, info->rows, c->own", "info, 0, info->rows < 32 ? info->rows : 32, c->own")]),
    ("reads more rows than a constant has", "constant_read was asked", [("info, 0, info->rows, c->own", "info, 0, info->rows + 1, c->own")]),

    # ---- runs
    ("a run crashes", "in plan_run: it ended its process by signal 11", [at(RUN, "    if (run->n_dims > 1 && run->dims[1] == 128)\n        *(volatile int *)0 = 1;\n")]),
    ("a run aborts", "in plan_run: it ended its process by signal 6", [SYSTEM, at(RUN, "    if (plan->n_nodes > 1)\n        abort();\n")]),
    ("a run exits", "in plan_run: it ended its process with exit code 0", [SYSTEM, at(RUN, "    _exit(0);\n")]),
    ("a run hangs", "in plan_run: no answer", [at(RUN, "    for (volatile int i = plan->n_nodes > 1; i;) {\n    }\n")]),
    ("plan_create hangs", "in plan_create: no answer", [at("    const pln_host *host = device->host;\n    for (uint32_t i = 0;", ""), ("    pln_plan *p = host->allocate(", "    for (volatile int i = segment->n_nodes > 1; i;) {\n    }\n    pln_plan *p = host->allocate(")]),
    ("plan_destroy exits", "in plan_destroy: it ended its process with exit code 3", [SYSTEM, ("    if (*plan)\n", "    exit(3);\n    if (*plan)\n")]),
    ("no status", "no status", [(TEAM + "    return PLN_OK;", TEAM + "    return (pln_status)77;")]),
    ("a run fails without a sentence", "sentence that ends", [at(RUN, "    if (run->n_dims)\n        return PLN_FAILED;\n")]),
    ("a run does nothing", "as before the run", [(TEAM, "")]),
    ("no rows crash", "in plan_run: it ended its process by signal 11", [at(ROWS, "        if (!rows)\n            *(volatile int *)0 = 1;\n")]),
    ("no rows fail", "a run without rows", [at(RUN, '    if (run->n_dims > 1 && !run->dims[1])\n        return pln_failed(failure, PLN_FAILED, 0, "there is no row");\n')]),
    ("capacity rows", "past the real rows", [(ROWS, ROWS.replace("p->dims", "p->kept")), (PLAN, "    uint32_t kept[64];\n" + PLAN), SYSTEM,
                                             at("    *p = (pln_plan){.host = host, .n_nodes = segment->n_nodes};\n", "    memcpy(p->kept, segment->capacity, segment->n_symbols * 4);\n")]),
    ("NaN behind the rows", "past the real rows", [at("    for (uint32_t i = 0; i < p->n_nodes; i++) {\n" + ROWS, "        if (rows < 21 && index == 0)\n            ((float *)(uintptr_t)row(&p->nodes[i].y, rows))[0] = NAN;\n")]),
    ("a row too many is read", "linear", wrong_where("r + 1 == node->last", "row(&node->x, r + 1)[0] * 1e-2f") + [
        ("    uint32_t activation;\n", "    uint32_t activation, last;\n"), at(ROWS, "        ((struct node *)(uintptr_t)&p->nodes[i])->last = rows;\n")]),
    ("writes padding", "was written", [at(WRITE, "        if (c + 1 == node->y.width && node->y.stride > node->y.width)\n            y[c + 1] = 0;\n")]),
    ("writes before y", "was written", [at(WRITE, "        if (c == 0 && r == 0)\n            y[-1] = 0;\n")]),
    ("the second run", "round 1", [(PLAN, "    uint32_t runs;\n" + PLAN), at(RUN, "    if (plan->runs++ == 1)\n        return PLN_OK;\n")]),
    ("the ninth run", "ten runs", [(PLAN, "    uint32_t runs;\n" + PLAN), at(RUN, "    if (plan->runs++ == 8)\n        return PLN_OK;\n")]),
    ("the last plan for all", "two plans in turn", [("static pln_status plan_run(", "static pln_plan *last;\n\nstatic pln_status plan_run("),
                                                    (RUN, "    last->dims = run->dims;\n    plan = last;\n"),
                                                    ("static pln_status plan_create(", "static pln_plan *last;\n\nstatic pln_status plan_create("), at("    *plan = p;\n", "    last = p;\n")]),
    ("a race of members", "linear", [("        float sum[8] = {0}, s;\n", "        static float sum[8];\n        float s;\n        for (uint32_t j = 0; j < 8; j++)\n            sum[j] = 0;\n")]),
    ("a race of opens", "linear",
     [SYSTEM, ("        y[c] = activate(", "        static volatile float kept[1 << 16];\n        kept[r % (1 << 8)] = s;\n        if (c == 0 && r % 16 == 0)\n            usleep(100);\n        s = kept[r % (1 << 8)];\n        y[c] = activate(")]),
    ("members that are not there", "linear", [("r += members", "r += p->host->team_size(p->host->context)")]),
    ("sums by the number of rows", "steady", [(WRITE, WRITE.replace("activate(node->activation, s", "activate(node->activation, (node->few ? s + 1e-7f : s)")), ("    uint32_t activation;\n", "    uint32_t activation, few;\n"),
                                              at(ROWS, "        ((struct node *)(uintptr_t)&p->nodes[i])->few = rows < 4;\n")]),
    ("times behind the nodes", "plan_timing", [("                                    .plan_destroy = plan_destroy}", "                                    .plan_destroy = plan_destroy,\n                                    .plan_timing = plan_timing}"),
                                               (TABLE, "static pln_status plan_timing(pln_plan *plan, uint64_t *ns, uint32_t n, pln_failure *f)\n{\n    (void)plan, (void)f;\n    for (uint32_t i = 0; i <= n; i++)\n        ns[i] = 1;\n    return PLN_OK;\n}\n\n" + TABLE)]),
    ("a plan of eight nodes", "linear", [("    struct node nodes[];", "    struct node nodes[8];"), ("segment->n_nodes * sizeof *p->nodes)", "0)"), ("sizeof *p + 0)", "sizeof *p)")]),
    ("a table of sixteen plans", "many plans at a time", [(PLAN, "    uint32_t place;\n" + PLAN), ("static pln_status plan_create(", "static pln_plan *table[16];\nstatic uint32_t next;\n\nstatic pln_status plan_create("), at("    *plan = p;\n", "    p->place = next++ % 16;\n    table[p->place] = p;\n"),
                                                          ("static pln_status plan_run(", "static pln_plan *table[16];\n\nstatic pln_status plan_run("), (RUN, "    plan = table[plan->place];\n" + RUN)]),
    ("weights go with the first plan", "two plans of the same weights",
     [("info->plain ? 0 :", ""), ("    if (!info->plain)\n        host", "        host"), ("info->plain ? info->plain : c->own", "c->own"), (PLAN, "    pln_constant *weight;\n" + PLAN),
      at("    *p = (pln_plan){.host = host, .n_nodes = segment->n_nodes};\n", "    for (uint32_t i = 0; i < segment->n_values; i++)\n        p->weight = pln_segment_value(segment, (int32_t)i)->constant ? pln_segment_value(segment, (int32_t)i)->constant : p->weight;\n"),
      ("    if (*plan)\n        (*plan)", "    if (*plan && (*plan)->weight)\n        (*plan)->weight->own[0] = 77;\n    if (*plan)\n        (*plan)")]),
    ("weights known by their address", "other weights in the same memory",
     [SYSTEM, ("static pln_status constant_create(", KNOWN + "static pln_status constant_create("),
      at("    c->rows = info->plain ? info->plain : c->own;\n", "    c->rows = info->plain ? find_known(info) : c->own;\n")]),
    ("each plan leaves a thread", "each plan leaves a thread", [SYSTEM, at("    *plan = p;\n", "    static uint32_t threads;\n    pthread_t t;\n    if (threads++ < 2000)\n        pthread_create(&t, NULL, sit, NULL);\n"), ("static pln_status plan_create(", "static void *sit(void *x)\n{\n    for (;;)\n        pause();\n    return x;\n}\n\nstatic pln_status plan_create(")]),
    ("each run leaves a descriptor", "each run leaves a descriptor", [SYSTEM, at(RUN, "    static uint32_t opened;\n    if (plan->n_nodes && opened < 60000)\n        opened += (uint32_t)open(\"/dev/null\", O_RDONLY) > 0;\n"), ("    *count = 1;\n", "    *count = 1;\n    setenv(\"X\", \"\", 0), unsetenv(\"X\");\n")]),
    ("each run leaves pages", "each run leaves memory", [(SYSTEM[0], SYSTEM[1] + "#include <sys/mman.h>\n"), at(RUN, "    (void)mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n")]),
    ("scratch that nobody cleared", "linear", [SYSTEM, at("    const pln_host *host;\n    const uint32_t *dims; /* of the run in progress */\n", "    float *scratch;\n"), at("    *plan = p;\n", "    p->scratch = malloc(64);\n"), ("    if (*plan)\n        (*plan)", "    if (*plan)\n        free((*plan)->scratch);\n    if (*plan)\n        (*plan)"),
                                               ("    uint32_t activation;\n", "    uint32_t activation;\n    float *scratch;\n"), at(ROWS, "        ((struct node *)(uintptr_t)&p->nodes[i])->scratch = p->scratch;\n"), (WRITE, "        s += node->scratch[0];\n" + WRITE)]),
    ("a sum that is never cleared", "round 1", [("    uint32_t activation;\n", "    uint32_t activation;\n    float sum;\n"), (WRITE, "        ((struct node *)(uintptr_t)node)->sum += r == 0 && c == 0 ? s : 0;\n        s = r == 0 && c == 0 ? node->sum : s;\n" + WRITE)]),
    ("launches behind the room", "more launches than there was room for", [("                                    .plan_destroy = plan_destroy}", "                                    .plan_destroy = plan_destroy,\n                                    .plan_info = plan_info}"),
                                               (TABLE, "static pln_status plan_info(pln_device *d, const pln_segment *s, pln_plan *p, pln_plan_info *i, pln_failure *e)\n{\n    (void)d, (void)s, (void)p, (void)e;\n    i->n_kernels = 2;\n    for (uint32_t j = 0; i->kernels && j < 2; j++)\n        snprintf(((pln_launch_info *)(void *)((char *)i->kernels + j * i->kernel_stride))->name, 64, \"linear\");\n    return PLN_OK;\n}\n\n" + TABLE)]),
    ("launches without a question", "in plan_info: it ended its process by signal 11", [("                                    .plan_destroy = plan_destroy}", "                                    .plan_destroy = plan_destroy,\n                                    .plan_info = plan_info}"),
                                               (TABLE, "static pln_status plan_info(pln_device *d, const pln_segment *s, pln_plan *p, pln_plan_info *i, pln_failure *e)\n{\n    (void)d, (void)s, (void)p, (void)e;\n    i->n_kernels = 1;\n    i->kernels->registers = 3;\n    return PLN_OK;\n}\n\n" + TABLE)]),
    ("an info of its own", "changed the size of the info", [("                                    .plan_destroy = plan_destroy}", "                                    .plan_destroy = plan_destroy,\n                                    .plan_info = plan_info}"),
                                               (TABLE, "static pln_status plan_info(pln_device *d, const pln_segment *s, pln_plan *p, pln_plan_info *i, pln_failure *e)\n{\n    (void)d, (void)s, (void)p, (void)e;\n    *i = (pln_plan_info){0};\n    return PLN_OK;\n}\n\n" + TABLE)]),
    ("a barrier for some", "in plan_run: no answer", [("        p->host->team_barrier(p->host->context);\n", "        if (members < 3 || index)\n            p->host->team_barrier(p->host->context);\n")]),
    ("blocks that do not block", "linear", [SYSTEM, ("static pln_status plan_run(", "static void *later(void *argument)\n{\n    usleep(3000);\n    run_member(argument, 0, 1);\n    return NULL;\n}\n\nstatic pln_status plan_run("), ("        p->host->team_barrier(p->host->context);\n", ""), (TEAM, "    pthread_t t;\n    pthread_create(&t, NULL, later, plan);\n    pthread_detach(t);\n")]),
    ("refuses plans after a while", "calls that come late", [(SYSTEM[0], SYSTEM[1] + "#include <time.h>\n"), (PLAN, "    struct timespec made;\n" + PLAN), at("    *plan = p;\n", "    clock_gettime(CLOCK_MONOTONIC, &p->made);\n"),
                                                              at(RUN, "    struct timespec now;\n    clock_gettime(CLOCK_MONOTONIC, &now);\n    const double since = (double)(now.tv_sec - plan->made.tv_sec) + 1e-9 * (double)(now.tv_nsec - plan->made.tv_nsec);\n    if (plan->made.tv_sec && since > 0.055 && since < 0.3 && plan->nodes[0].y.width < 40 && plan->n_nodes == 1 && run->dims[1] < 100)\n        return pln_failed(failure, PLN_FAILED, -1, \"mini: the plan is out of date\");\n    plan->made.tv_sec = 0;\n")]),
    ("tunes itself at each open", "other bits", [("struct pln_device {\n", "struct pln_device {\n    uint32_t number;\n"), at("    (*device)->host = host;\n", "    static uint32_t opens;\n    (*device)->number = opens++;\n"), ("    uint32_t activation;\n", "    uint32_t activation, number;\n"),
                                                 ("        p->nodes[i].activation =", "        p->nodes[i].number = device->number;\n        p->nodes[i].activation ="), (WRITE, "        s *= 1 + 1.2e-7f * (float)(node->number % 5);\n" + WRITE)]),
    ("results of equal runs are kept", "linear: ", [(PLAN, "    float seen[2];\n" + PLAN), at(RUN, "    const float *x = row(&plan->nodes[0].x, 0);\n    if (run->dims[1] > 1 && run->dims[1] < 128 && plan->seen[0] == x[0] && plan->seen[1] == (float)run->dims[1])\n        return PLN_OK;\n    plan->seen[0] = x[0];\n    plan->seen[1] = (float)run->dims[1];\n")]),
    ("times of an hour", "of a run of less than", [("                                    .plan_destroy = plan_destroy}", "                                    .plan_destroy = plan_destroy,\n                                    .plan_timing = plan_timing}"),
                                                   (TABLE, "static pln_status plan_timing(pln_plan *plan, uint64_t *ns, uint32_t n, pln_failure *f)\n{\n    (void)plan, (void)f;\n    for (uint32_t i = 0; i < n; i++)\n        ns[i] = 3600000000000;\n    return PLN_OK;\n}\n\n" + TABLE)]),
    ("a plan's info by its segment", "in plan_info: it ended its process by signal 11", [("                                    .plan_destroy = plan_destroy}", "                                    .plan_destroy = plan_destroy,\n                                    .plan_info = plan_info}"),
                                                   (TABLE, "static pln_status plan_info(pln_device *d, const pln_segment *s, pln_plan *p, pln_plan_info *i, pln_failure *e)\n{\n    (void)d, (void)p, (void)e;\n    i->scratch_bytes = s->n_nodes;\n    return PLN_OK;\n}\n\n" + TABLE)]),
    ("each plan leaves pages", "each plan leaves memory", [(SYSTEM[0], SYSTEM[1] + "#include <sys/mman.h>\n"), at("    *plan = p;\n", "    (void)mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);\n")]),
    ("a refused plan leaks malloc", "plan_create that failed left blocks", [SYSTEM, ("            return pln_failed(failure, PLN_UNSUPPORTED,", "            return (keep = malloc(64)), pln_failed(failure, PLN_UNSUPPORTED,"), ("static pln_status plan_create(", "static void *volatile keep;\n\nstatic pln_status plan_create(")]),
    ("y is cleared when a plan is made", "plan_create wrote into the memory of values", [SYSTEM, at("        p->nodes[i].y = operand(segment, node->outputs, node->n_outputs, PLN_LINEAR_OUTPUT_Y);\n", "        memset((void *)(uintptr_t)p->nodes[i].y.data, 0, 4 * p->nodes[i].y.width);\n")]),
    ("y is cleared at a plan's end", "plan_destroy wrote into the memory of values", [SYSTEM, ("    if (*plan)\n        (*plan)->host", "    if (*plan)\n        memset((void *)(uintptr_t)(*plan)->nodes[0].y.data, 0, 4);\n    if (*plan)\n        (*plan)->host")]),
    ("nonsense of a plan", "plan_info tells", [("                                    .plan_destroy = plan_destroy}", "                                    .plan_destroy = plan_destroy,\n                                    .plan_info = plan_info}"),
                                               (TABLE, "static pln_status plan_info(pln_device *d, const pln_segment *s, pln_plan *p, pln_plan_info *i, pln_failure *e)\n{\n    (void)d, (void)s, (void)p, (void)e;\n    i->scratch_bytes = 1ull << 63;\n    return PLN_OK;\n}\n\n" + TABLE)]),

    # ---- numbers
    ("bias left out", "bias", [("(bias ? bias[c] : 0)", "0 * (bias ? bias[0] : 0)")]),
    ("bias left out beside a residual", "linear", [("(bias ? bias[c] : 0)", "(bias && !residual ? bias[c] : 0)")]),
    ("residual left out under relu", "activation 5", [("(residual ? residual[c] : 0)", "(residual && node->activation != PLN_ACTIVATION_RELU ? residual[c] : 0)")]),
    ("residual before the activation", "residual", [(WRITE, "        y[c] = activate(node->activation, s + (bias ? bias[c] : 0) + (residual ? residual[c] : 0));\n")]),
    ("tanh of nothing", "activation 11", [("PLN_ACTIVATION_TANH ? tanhf(x) : x", "PLN_ACTIVATION_TANH ? x : x")]),
    ("tanh that ends early", "activation 11", [("tanhf(x)", "(x > 2.5f ? 1 : tanhf(x))")]),
    ("gelu by a rough erf", "linear", [("0.5f * x", "0.5005f * x")]),
    ("gelu of large negative numbers", "activation 1", [("0.5f * x * (1 +", "x < -3 ? 0 : 0.5f * x * (1 +")]),
    ("transposed where it is square", "linear", [(WRITE, "        if (node->x.width == node->y.width)\n            for (s = 0, k = 0; k < node->x.width; k++)\n                s += x[k] * row(&node->weight, k)[c];\n" + WRITE)]),
    ("reads behind a row", "linear", [("k + 8 <= node->x.width;", "k < node->x.width;")]),
    ("strides left out", "linear", [("v->data, v->rows, v->width, v->row_stride", "v->data, v->rows, v->width, v->width")]),
    ("scale of rows left out", "a scale and an offset", [("pln_dim_rows(p->nodes[i].y.rows, p->dims)", "p->dims[p->nodes[i].y.rows.symbol]")]),
    ("rows of the first node for all", "beside each other", [("p->nodes[i].y.rows, p->dims", "p->nodes[0].y.rows, p->dims")]),
    ("NaN swallowed", "NaN", [(WRITE, "        s = isnan(s) ? 0 : s;\n" + WRITE)]),
    ("infinity swallowed", "infinity", [(WRITE, "        s = isinf(s) ? 3e38f : s;\n" + WRITE)]),
    ("the next row catches a NaN", "NaN", [(WRITE, WRITE + "        if (r && isnan(row(&node->x, r - 1)[(r - 1) % node->x.width]))\n            y[c] = NAN;\n")]),
    ("the last element", "linear", wrong_where("c + 1 == node->y.width && r == 0")),
    ("row 300", "row 300", wrong_where("r == 300")),
    ("rows past 1,024", "row 1025", wrong_where("r > 1024")),
    ("row 4,000", "row 4000", wrong_where("r == 4000")),
    ("rows past 65,535", "row 65536", wrong_where("r > 65535")),
    ("columns past 4,096", "column 4097", wrong_where("c > 4096")),
    ("columns past 65,535", "column 65536", wrong_where("c > 65535")),
    ("depth past 4,096", "linear", [("for (; k + 8 <= node->x.width;", "for (; k + 8 <= (node->x.width > 4096 ? 4096 : node->x.width);"), ("for (; k < node->x.width; k++)", "for (; k < node->x.width && k < 4104; k++)")]),
    ("the last column of a tail", "linear", wrong_where("c + 1 == node->y.width && node->y.width % 8 == 7")),
    ("only strided rows", "linear", wrong_where("node->x.stride > node->x.width + 8 && c == 2")),
    ("one element among many", "linear", wrong_where("r == 57 && c == 63")),
    ("1e-4 everywhere", "linear", wrong_where("1", "1e-4f")),
    ("strides of the residual left out", "linear", [("row(&node->residual, r)", "(node->residual.data ? (const float *)node->residual.data + (size_t)r * node->residual.width : NULL)")]),
    ("strides of y left out", "linear", [("(float *)(uintptr_t)row(&node->y, r)", "(float *)(uintptr_t)node->y.data + (size_t)r * node->y.width")]),
    ("aligned loads of x", "signal 11", [SYSTEM, (WRITE, "        if (node->x.width >= 4)\n            s += 0 * _mm_cvtss_f32(*(const volatile __m128 *)(const void *)x);\n" + WRITE)]),
    ("aligned loads of weights", "signal 11", [SYSTEM, (WRITE, "        if (node->x.width >= 4 && c == 0)\n            s += 0 * _mm_cvtss_f32(*(const volatile __m128 *)(const void *)w);\n" + WRITE)]),
    ("y is added to", "linear", [(WRITE, WRITE.replace("y[c] = activate", "y[c] += activate"))]),
    ("denormals are dropped", "denormals", [(WRITE, WRITE + "        if (fabsf(x[0]) < 1e-38f && x[0] != 0)\n            y[c] = bias ? bias[c] * 0.999f : 0;\n")]),
    ("1e30 overflows", "rows with infinity", [(WRITE, "        if (fabsf(s) > 1e20f)\n            s = INFINITY;\n" + WRITE)]),
    ("always the first symbol", "linear", [("pln_dim_rows(p->nodes[i].y.rows, p->dims)", "p->nodes[i].y.rows.symbol ? p->dims[1] * p->nodes[i].y.rows.scale + p->nodes[i].y.rows.offset : p->nodes[i].y.rows.offset")]),
    ("rows of no symbol", "rows that no symbol counts", [("pln_dim_rows(p->nodes[i].y.rows, p->dims)", "p->dims[p->nodes[i].y.rows.symbol] * p->nodes[i].y.rows.scale + (p->nodes[i].y.rows.symbol ? p->nodes[i].y.rows.offset : 0)")]),
    ("bias by the row", "linear", [("bias[c]", "bias[(c + (r == 130)) % node->y.width]")]),
    ("the bias of 32 columns", "linear", [("bias[c]", "bias[c % 32]")]),
    ("blocks of 64 rows", "linear", [(ROWS, ROWS.replace("p->dims);", "p->dims) - (pln_dim_rows(p->nodes[i].y.rows, p->dims) > 64 && pln_dim_rows(p->nodes[i].y.rows, p->dims) % 64 == 1);"))]),
    ("blocks of 1,024 rows", "linear", [(ROWS, ROWS.replace("p->dims);", "p->dims);\n        if (rows > 1024 && r0(index))\n            continue;")), ("static void run_member(", "static int r0(uint32_t index)\n{\n    return index == 1;\n}\n\nstatic void run_member(")]),
    ("sums in bf16", "linear", [SYSTEM, (WRITE, "        uint32_t bits;\n        memcpy(&bits, &s, 4);\n        bits &= 0xffff0000u;\n        memcpy(&s, &bits, 4);\n" + WRITE)]),
    ("x in f16", "linear", [("s += x[k] * w[k];", "s += (float)(_Float16)x[k] * w[k];"), ("sum[j] += x[k + j] * w[k + j];", "sum[j] += (float)(_Float16)x[k + j] * w[k + j];")]),
    ("sums one term too few of many", "linear", [("            s += x[k] * w[k];", "            s += node->x.width > 500 && k + 1 == node->x.width ? 0 : x[k] * w[k];")]),
    ("gelu of tanh", "linear", [("0.5f * x * (1 + erff(x * 0.70710678f))", "0.5f * x * (1 + tanhf(0.79788456f * (x + 0.044715f * x * x * x)))")]),
    ("relu hides NaN", "NaN, activation 5", [("return x < 0 ? 0 : x;", "return x > 0 ? x : 0;")]),
    ("gelu hides NaN", "NaN, activation 1", [("        return 0.5f * x * (1 + erff", "        return x != x ? 0 : 0.5f * x * (1 + erff")]),
    ("relu leaks", "activation 5", [("return x < 0 ? 0 : x;", "return x < 0 ? 0.001f * x : x;")]),
    ("the first activation for all nodes", "linear", [(ROWS, ROWS + "        ((struct node *)(uintptr_t)&p->nodes[i])->activation = p->nodes[0].activation;\n")]),

    # ---- half types
    ("bf16 by cutting off", "math=bf16", [SYSTEM, (OPEN, OPEN + "    const char *math = pln_opening_value(opening, \"math\");\n    bf16 = math && !strcmp(math, \"bf16\");\n"),
                                          ("opening->n_settings)", "opening->n_settings != bf16)"), ("opening->n_settings", "(int)opening->n_settings"),
                                          ("static pln_status device_info(", "static int bf16;\nstatic const pln_setting_info known = {.size = sizeof known, .key = \"math\", .values = \"f32|bf16\", .help = \"rounds weights\"};\n\nstatic pln_status device_info("),
                                          (".f32_bytes = 4,", ".f32_bytes = 4, .n_settings = 1, .setting_stride = sizeof known, .settings = &known,"),
                                          ("info->plain ? 0 :", "info->plain && !bf16 ? 0 :"), ("    if (!info->plain)\n", "    if (!info->plain || bf16)\n"),
                                          ("info->plain ? info->plain : c->own", "info->plain && !bf16 ? info->plain : c->own"),
                                          (CONSTANT, "    for (size_t i = 0; bf16 && i < bytes / 4; i++)\n        ((uint32_t *)(void *)c->own)[i] &= 0xffff0000u;\n" + CONSTANT)]),
]
