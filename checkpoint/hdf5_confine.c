/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes from the process what it does not need: memory and time beyond what files cost, further files, and on Linux all
 * system calls but those that memory, its open descriptors and its end need. Code that a file smuggles in can do no more.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "checkpoint/hdf5_program.h"

enum { MEMORY = 1 << 30, SECONDS = 20, BYTES_A_SECOND = 16 << 20 };

static void limit(int what, rlim_t value)
{
    const struct rlimit both = {value, value};
    setrlimit((__rlimit_resource_t)what, &both);
}

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#ifdef __x86_64__
#define MACHINE AUDIT_ARCH_X86_64
#else
#define MACHINE AUDIT_ARCH_AARCH64
#endif

/* What is not allowed fails as it does for somebody without the right: HDF5 then takes another way, or gives up. */
static void limit_calls(void)
{
#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    static const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(read),
        ALLOW(write),
        ALLOW(pread64),
        ALLOW(lseek),
        ALLOW(fstat),
        ALLOW(newfstatat),
        ALLOW(close),
        ALLOW(brk),
        ALLOW(mmap),
        ALLOW(mremap),
        ALLOW(munmap),
        ALLOW(madvise),
        ALLOW(futex),
        ALLOW(clock_gettime),
        ALLOW(gettimeofday),
        ALLOW(rt_sigreturn),
        ALLOW(exit),
        ALLOW(exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
#undef ALLOW
    const struct sock_fprog program = {sizeof filter / sizeof *filter, (struct sock_filter *)(size_t)filter};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
#else
static void limit_calls(void)
{
}
#endif

void confine(size_t file_bytes)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 0); /* none can be opened; those that are stay */
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_AS, (rlim_t)file_bytes + MEMORY);
    limit(RLIMIT_CPU, (rlim_t)(SECONDS + file_bytes / BYTES_A_SECOND));
    limit_calls();
}
