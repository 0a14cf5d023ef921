/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* registers of a signal, syscall */
#include "tests/backends/cpu/trapped_tiles.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define CPU_TILE_TWIN
#include "backends/cpu/tile.h"

/* An instruction with a prefix of three bytes of VEX: map 0F38, 128 bits, operands of 32. */
struct instruction {
    unsigned prefix, opcode; /* prefix: 0 none, 1 66, 2 F3, 3 F2 */
    unsigned reg, rm, vvvv;  /* numbers of registers */
    bool in_memory;
    uint64_t base, step; /* of memory: row r lies at base + r step */
    uint64_t length;
};

static uint64_t general(const ucontext_t *context, unsigned number)
{
    static const int names[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                  REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return (uint64_t)context->uc_mcontext.gregs[names[number]];
}

static int32_t displacement(const uint8_t *at, unsigned bytes)
{
    int32_t wide = 0;
    if (bytes == 1)
        return (int8_t)*at;
    if (bytes == 4)
        memcpy(&wide, at, sizeof wide);
    return wide;
}

/* The memory that ModRM and what follows it name. */
static void decode_memory(const ucontext_t *context, const uint8_t *begin, const uint8_t *modrm,
                          struct instruction *instruction)
{
    const unsigned mode = *modrm >> 6, high_index = ~begin[1] >> 6 & 1, high_base = ~begin[1] >> 5 & 1;
    const uint8_t *at = modrm + 1;
    unsigned base = *modrm & 7, bytes = mode == 1 ? 1 : mode == 2 ? 4 : 0;
    bool has_base = true;
    instruction->step = 0;
    if (base == 4) { /* a SIB byte */
        const unsigned index = (*at >> 3 & 7) | high_index << 3;
        base = *at & 7;
        if (index != 4)
            instruction->step = general(context, index) << (*at >> 6);
        at++;
    } else {
        has_base = base != 5 || mode != 0;
    }
    if (base == 5 && mode == 0) {
        bytes = 4;
        has_base = false;
    }
    const bool relative = !has_base && (*modrm & 7) == 5;
    instruction->length = (uint64_t)(at + bytes - begin);
    instruction->base = (uint64_t)(int64_t)displacement(at, bytes);
    if (has_base)
        instruction->base += general(context, base | high_base << 3);
    else if (relative)
        instruction->base += (uint64_t)(uintptr_t)begin + instruction->length;
}

static bool decode(const ucontext_t *context, const uint8_t *begin, struct instruction *instruction)
{
    const uint8_t *modrm = begin + 4;
    if (begin[0] != 0xc4 || (begin[1] & 31) != 2 || begin[2] & 0x84) /* another map, 64 bits, or 256 */
        return false;
    *instruction = (struct instruction){.prefix = begin[2] & 3,
                                        .opcode = begin[3],
                                        .reg = *modrm >> 3 & 7,
                                        .rm = *modrm & 7,
                                        .vvvv = ~begin[2] >> 3 & 15,
                                        .in_memory = *modrm < 0xc0,
                                        .length = 5};
    if (instruction->in_memory)
        decode_memory(context, begin, modrm, instruction);
    return true;
}

/* False: none of AMX. */
static bool run(const struct instruction *i)
{
    enum { NONE, P66, F3, F2, CONFIGURATION = 0x49, MOVE = 0x4b, BF16 = 0x5c, BYTES = 0x5e };
    void *memory = (void *)(uintptr_t)i->base;
    switch (i->opcode) {
    case CONFIGURATION:
        if (i->prefix == NONE && i->in_memory)
            tile_configure(memory);
        else if (i->prefix == NONE)
            tile_release();
        else if (i->prefix == F2 && !i->in_memory)
            tile_zero(i->reg);
        else
            return false;
        return true;
    case MOVE:
        if (i->prefix == F2 && i->in_memory)
            tile_load(i->reg, memory, i->step);
        else if (i->prefix == F3 && i->in_memory)
            tile_store(i->reg, memory, i->step);
        else
            return false;
        return true;
    case BF16:
    case BYTES:
        if (i->in_memory || i->prefix != (i->opcode == BF16 ? F3 : P66))
            return false;
        i->opcode == BF16 ? tile_multiply_bf16(i->reg, i->rm, i->vvvv) : tile_multiply_bytes(i->reg, i->rm, i->vvvv);
        return true;
    default:
        return false;
    }
}

static void on_refused(int number, siginfo_t *info, void *context)
{
    ucontext_t *registers = context;
    struct instruction instruction;
    (void)info;
    if (!decode(registers, (const uint8_t *)registers->uc_mcontext.gregs[REG_RIP], &instruction) ||
        !run(&instruction)) {
        signal(number, SIG_DFL); /* it is met again */
        return;
    }
    registers->uc_mcontext.gregs[REG_RIP] += (greg_t)instruction.length;
}

bool trapped_tiles_begin(void)
{
    enum { FEATURES = 7, AMX_TILE = 1 << 24, ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (__get_cpuid_count(FEATURES, 0, &a, &b, &c, &d) && d & AMX_TILE)
        return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO};
    return sigaction(SIGILL, &action, NULL) == 0;
}

#else

bool trapped_tiles_begin(void)
{
    return false;
}

#endif
