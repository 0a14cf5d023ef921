/* SPDX-License-Identifier: Apache-2.0
 *
 * A model directory is replaced whole: a process that is killed before any of its system calls leaves the old one or
 * the new one, what is not the model's stays, and what cannot be replaced is refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint/save.h"
#include "common/jsonfile.h"
#include "tests/checkpoint/folder.h"

enum { ELEMENTS = 64 };

static const char *const names[] = {"vocab.txt",    "config.json", "model.safetensors", "first_moment.safetensors",
                                    "trainer.json", NULL};
static pln_error error;

/* ---- systems without an exchange of names, with a full disk, with a fast one */

static bool no_exchange, full;

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (no_exchange) {
        errno = ENOSYS;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int fstatvfs(int file, struct statvfs *about)
{
    (void)file;
    *about = (struct statvfs){.f_blocks = 1000, .f_frsize = 4096, .f_bavail = full ? 1 : 1000};
    return 0;
}

/* A process that is killed loses nothing that it wrote, so a call that costs no time does as well. */
int fsync(int file)
{
    (void)file;
    return syscall(SYS_getppid) < 0;
}

/* ---- files */

static bool is_there(const char *name)
{
    struct stat about;
    return lstat(in_folder(name), &about) == 0;
}

static int empty_folder(void **state)
{
    (void)state;
    char command[2 * PATH_MAX + 40];
    no_exchange = full = false;
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir '%s'", folder, folder);
    return system(command);
}

/* ---- a model of one number, in every file */

static pln_status write_model(const struct ckpt_save *save, int number)
{
    float data[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        data[i] = (float)number;
    const pln_tensor tensor = {.name = "w", .dtype = PLN_F32, .rank = 1, .shape = {ELEMENTS}, .data = data};
    char key[300]; /* so long that the text grows at it */
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    json_t *json = json_pack("{s:i,s:i}", "number", number, key, 0);
    pln_status status = ckpt_save_json(save, "config.json", json, &error);
    if (status == PLN_OK)
        status = ckpt_save_copy(save, "vocab.txt", in_folder("from"), false, &error);
    if (status == PLN_OK)
        status = ckpt_save_tensors(save, "model.safetensors", &tensor, 1, &error);
    if (status == PLN_OK)
        status = ckpt_save_tensors(save, "first_moment.safetensors", &tensor, 1, &error);
    if (status == PLN_OK)
        status = ckpt_save_json(save, "trainer.json", json, &error);
    json_decref(json);
    return status;
}

static pln_status save_model(const char *name, int number)
{
    struct ckpt_save save;
    const pln_status status = ckpt_save_begin(&save, in_folder(name), names, NULL, &error);
    return status == PLN_OK ? ckpt_save_end(&save, write_model(&save, number), &error) : status;
}

static int number_in(const char *name, const char *file)
{
    char path[PATH_MAX];
    json_t *json;
    snprintf(path, sizeof path, "%s/%s", in_folder(name), file);
    assert_int_equal(jsonfile_load(path, JSONFILE_CONFIG_LIMIT, &json, &error), PLN_OK);
    const int number = (int)json_integer_value(json_object_get(json, "number"));
    json_decref(json);
    return number;
}

static long size_of(const char *name, const char *file)
{
    char path[PATH_MAX];
    struct stat about;
    snprintf(path, sizeof path, "%s/%s", in_folder(name), file);
    return stat(path, &about) == 0 ? (long)about.st_size : -1;
}

/* The number of a whole model. */
static int model_number(const char *name)
{
    static const char *const files[] = {"model.safetensors", "first_moment.safetensors"};
    const int number = number_in(name, "config.json");
    assert_int_equal(number_in(name, "trainer.json"), number);
    assert_int_equal(size_of(name, "trainer.json"), size_of(name, "config.json"));
    for (int i = 0; i < 2; i++) {
        char path[PATH_MAX];
        pln_tensor_file *file;
        snprintf(path, sizeof path, "%s/%s", in_folder(name), files[i]);
        assert_int_equal(ckpt_tensors_open(path, CKPT_ALIGNED, &file, &error), PLN_OK);
        const float *data = ckpt_tensors_find(file, "w")->data;
        for (int j = 0; j < ELEMENTS; j++)
            assert_true(data[j] == (float)number);
        ckpt_tensors_close(&file);
    }
    return number;
}

/* ---- killed */

static void save_traced(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(77);
    raise(SIGSTOP);
    _exit(save_model("out", 2) == PLN_OK ? 0 : 1);
}

/* Kills the process before system call `k` of its saving. Its exit code, or -1 if it was killed. */
static int save_and_kill(unsigned k)
{
    int status;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        save_traced();
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSTOPPED(status))
        return WEXITSTATUS(status);
    ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(intptr_t)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD));
    for (unsigned stops = 0; stops < 2 * k - 1;) { /* one when a call begins, one when it ends */
        assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
        stops += WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    return -1;
}

static void prepare(void)
{
    empty_folder(NULL);
    mkdir(in_folder("from"), 0777);
    put_text("from/vocab.txt", "[PAD]\n");
    assert_int_equal(save_model("out", 1), PLN_OK);
    put_text("out/README", "mine");
    put_text("out/vocab.txt", "[PAD]\n[UNK]\n");
    mkdir(in_folder("out/.git"), 0777);
    put_text("out/.git/HEAD", "ref");
}

static void assert_put_in_order(void)
{
    assert_int_equal(save_model("out", 3), PLN_OK);
    assert_int_equal(model_number("out"), 3);
    assert_true(is_there("out/README") && is_there("out/.git/HEAD"));
    assert_int_equal(files_in_folder(), 2); /* from, out */
}

static void kill_everywhere(bool exchanges)
{
    unsigned k = 1, old = 0, new = 0;
    for (int code = -1; code < 0; k++) {
        prepare();
        no_exchange = !exchanges;
        code = save_and_kill(k);
        if (code == 77)
            skip(); /* processes may not be traced here */
        assert_int_equal(code > 0, 0);
        struct ckpt_place place;
        if (!exchanges)
            assert_int_equal(ckpt_save_check(in_folder("out"), names, 0, &place, &error), PLN_OK);
        const int number = model_number("out");
        old += number == 1;
        new += number == 2;
        assert_true(number == 1 || number == 2);
        assert_put_in_order();
    }
    assert_true(k > 40 && old > 20 && new > 3); /* it was killed on both sides */
}

static void test_killed_at_every_call(void **state)
{
    (void)state;
    kill_everywhere(true);
}

static void test_killed_without_exchange(void **state)
{
    (void)state;
    kill_everywhere(false);
}

/* ---- replaced */

static void test_what_is_not_the_models_stays(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        prepare();
        no_exchange = i == 1;
        put_text("out/model-00001-of-00002.safetensors", "a shard");
        put_text("out/model.safetensors.index.json", "{}");
        put_text("out/model-card.txt", "mine");
        assert_int_equal(symlink("README", in_folder("out/link")), 0);
        FILE *log = fopen(in_folder("out/log"), "w");
        fputs("a\n", log);
        fflush(log);
        assert_int_equal(chmod(in_folder("out"), 0700), 0);
        assert_int_equal(save_model("out", 2), PLN_OK);
        fputs("b\n", log);
        fclose(log);
        struct stat about;
        assert_int_equal(model_number("out"), 2);
        assert_true(is_there("out/README") && is_there("out/.git/HEAD") && is_there("out/link"));
        assert_true(is_there("out/model-card.txt"));
        assert_false(is_there("out/model-00001-of-00002.safetensors") || is_there("out/model.safetensors.index.json"));
        assert_int_equal(stat(in_folder("out/log"), &about), 0);
        assert_int_equal(about.st_size, 4); /* the log went along */
        assert_int_equal(stat(in_folder("out"), &about), 0);
        assert_int_equal(about.st_mode & 0777, 0700);
        assert_int_equal(stat(in_folder("out/vocab.txt"), &about), 0);
        assert_int_equal(about.st_size, 6);
        assert_int_equal(files_in_folder(), 2);
    }
}

static void test_link_stays(void **state)
{
    (void)state;
    struct stat about;
    prepare();
    assert_int_equal(symlink("out", in_folder("link")), 0);
    assert_int_equal(save_model("link", 2), PLN_OK);
    assert_int_equal(lstat(in_folder("link"), &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    assert_int_equal(model_number("out"), 2);
    assert_int_equal(save_model("new///", 5), PLN_OK);
    assert_int_equal(model_number("new"), 5);
}

static void test_leftovers(void **state)
{
    (void)state;
    prepare();
    mkdir(in_folder("out.partial-999999999-0"), 0777); /* no process has that number */
    put_text("out.partial-999999999-0/model.safetensors.7-0.part", "half");
    put_text("out.partial-999999999-0/notes", "mine");
    mkdir(in_folder("out.partial-mine"), 0777); /* not one of ours */
    mkdir(in_folder("out.partial-1-0"), 0777);  /* locked: its process lives */
    const int lock = open(in_folder("out.partial-1-0"), O_RDONLY | O_DIRECTORY);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(save_model("out", 2), PLN_OK);
    assert_false(is_there("out.partial-999999999-0"));
    assert_true(is_there("out/notes") && is_there("out.partial-mine") && is_there("out.partial-1-0"));
    close(lock);
    assert_int_equal(save_model("out", 2), PLN_OK);
    assert_false(is_there("out.partial-1-0"));
}

static void test_steps_are_thinned(void **state)
{
    (void)state;
    static const char *const all[] = {"out.step-5", "out.step-10", "out.step-100", "out.step-7"};
    prepare();
    for (int i = 0; i < 4; i++)
        assert_int_equal(save_model(all[i], i + 1), PLN_OK);
    mkdir(in_folder("out.step-1"), 0777); /* no model */
    put_text("out.step-5/notes", "mine");
    assert_int_equal(ckpt_save_thin(in_folder("out"), names, NULL, 100, 1, &error), PLN_OK);
    assert_true(is_there("out.step-1") && is_there("out.step-10") && is_there("out.step-100"));
    assert_false(is_there("out.step-5") || is_there("out.step-7"));
    assert_true(is_there("out/notes"));
    assert_int_equal(files_in_folder(), 5);
}

/* ---- refused */

static void expect_refusal(const char *path, const char *sentence)
{
    struct ckpt_place place;
    assert_int_equal(ckpt_save_check(path, names, 5000, &place, &error), PLN_FAILED);
    if (!strstr(error.message, sentence))
        fail_msg("\"%s\" instead of \"%s\"", error.message, sentence);
    if (*path)
        assert_non_null(strstr(error.message, strrchr(path, '/') ? strrchr(path, '/') + 1 : path));
}

static void test_refusals(void **state)
{
    (void)state;
    prepare();
    put_text("file", "x");
    mkdir(in_folder("mine"), 0777);
    put_text("mine/letter", "x");
    assert_int_equal(symlink("nowhere", in_folder("dangling")), 0);
    expect_refusal(in_folder("file"), "is not a directory");
    expect_refusal(in_folder("mine"), "is no model");
    expect_refusal(in_folder("dangling"), "link to what is not there");
    expect_refusal(in_folder("no/such"), "its folder cannot be written");
    expect_refusal(in_folder("file/x"), "Not a directory");
    expect_refusal("", "empty");
    expect_refusal("/", "mount point");
    expect_refusal(".", "working directory");
    full = true;
    expect_refusal(in_folder("out"), "room for 4096 bytes");
}

static void test_full_disk_is_told_before(void **state)
{
    (void)state;
    struct ckpt_place place;
    prepare();
    full = true;
    assert_int_equal(ckpt_save_check(in_folder("out"), names, 4096, &place, &error), PLN_OK);
    assert_int_equal(ckpt_save_check(in_folder("out"), names, 4097, &place, &error), PLN_FAILED);
    assert_int_equal(files_in_folder(), 2);
    assert_int_equal(model_number("out"), 1);
}

/* An empty directory that was looked at may be replaced though a log lies in it now. */
static void test_place_is_remembered(void **state)
{
    (void)state;
    struct ckpt_place place;
    struct ckpt_save save;
    mkdir(in_folder("empty"), 0777);
    assert_int_equal(ckpt_save_check(in_folder("empty"), names, 0, &place, &error), PLN_OK);
    put_text("empty/log", "x");
    assert_int_equal(ckpt_save_begin(&save, in_folder("empty"), names, NULL, &error), PLN_FAILED);
    assert_int_equal(ckpt_save_begin(&save, in_folder("empty"), names, &place, &error), PLN_OK);
    assert_int_equal(ckpt_save_end(&save, write_model(&save, 4), &error), PLN_OK);
    assert_int_equal(model_number("empty"), 4);
    assert_true(is_there("empty/log"));
}

/* A vocabulary that is there and cannot be read is told, not left out; nor is one that went away. */
static void test_unreadable_source(void **state)
{
    (void)state;
    struct ckpt_save save;
    bool there;
    prepare();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(remove(in_folder("from/vocab.txt")), 0);
        if (i == 0)
            assert_int_equal(mkdir(in_folder("from/vocab.txt"), 0777), 0);
        if (i == 1)
            assert_int_equal(mkfifo(in_folder("from/vocab.txt"), 0666), 0);
        assert_int_equal(ckpt_save_readable("vocab.txt", in_folder("from"), &there, &error),
                         i < 2 ? PLN_BAD_MODEL : PLN_OK);
        assert_false(there);
        assert_int_equal(ckpt_save_begin(&save, in_folder("out"), names, NULL, &error), PLN_OK);
        const pln_status status = ckpt_save_copy(&save, "vocab.txt", in_folder("from"), true, &error);
        assert_int_equal(ckpt_save_end(&save, status, &error), i < 2 ? PLN_BAD_MODEL : PLN_FAILED);
        assert_non_null(strstr(error.message, "from/vocab.txt: "));
        assert_int_equal(model_number("out"), 1);
        if (i == 2)
            put_text("from/vocab.txt", "");
    }
}

/* ---- no memory */

static unsigned allocations, failing; /* 0: none fails */

static void *allocate(size_t bytes)
{
    return ++allocations == failing ? NULL : malloc(bytes);
}

/* Whichever allocation of JSON fails: no memory is what is told, and the old model stays, or the new one is whole. */
static void test_no_memory(void **state)
{
    (void)state;
    prepare();
    int now = 1, refused = 0;
    json_set_alloc_funcs(allocate, free);
    bool met = true; /* the failing allocation was asked for */
    for (unsigned k = 1; met; k++) {
        allocations = 0;
        failing = k;
        const pln_status status = save_model("out", now + 1);
        met = allocations >= k;
        failing = 0;
        if (status != PLN_OK && status != PLN_NO_MEMORY)
            fail_msg("allocation %u: status %d, \"%s\"", k, (int)status, error.message);
        now += status == PLN_OK;
        refused += status != PLN_OK;
        assert_int_equal(model_number("out"), now);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(refused > 50);
    assert_int_equal(files_in_folder(), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_killed_at_every_call, empty_folder),
        cmocka_unit_test_setup(test_killed_without_exchange, empty_folder),
        cmocka_unit_test_setup(test_what_is_not_the_models_stays, empty_folder),
        cmocka_unit_test_setup(test_link_stays, empty_folder),
        cmocka_unit_test_setup(test_leftovers, empty_folder),
        cmocka_unit_test_setup(test_steps_are_thinned, empty_folder),
        cmocka_unit_test_setup(test_refusals, empty_folder),
        cmocka_unit_test_setup(test_full_disk_is_told_before, empty_folder),
        cmocka_unit_test_setup(test_place_is_remembered, empty_folder),
        cmocka_unit_test_setup(test_unreadable_source, empty_folder),
        cmocka_unit_test_setup(test_no_memory, empty_folder),
    };
    char base[] = "saving-XXXXXX", command[PATH_MAX + 10];
    char *path = mkdtemp(base) ? realpath(base, NULL) : NULL;
    if (!path)
        return 1;
    snprintf(folder, sizeof folder, "%s/work", path);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    free(path);
    return system(command) != 0 || failed != 0;
}
