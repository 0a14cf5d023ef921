# SPDX-License-Identifier: Apache-2.0
"""From a disassembly to what its hot loop is made of.

A reader for each assembly gives blocks: a label, instructions, and where the block may jump to. A loop is a jump back and all that
lies between. The hot loop is the one with the most fused multiply-adds of its own, those of loops inside it left out: for a loop
over K that the compiler unrolled in part, the part that it left rolled. A branch within counts as if both its sides ran.
"""
import dataclasses
import re

NOTHING = "nothing"  # hints to the hardware, which take no slot


@dataclasses.dataclass
class Instruction:
    kind: str  # "fma", "other", "wait", "branch" or NOTHING
    shared_bytes: int = 0  # read from shared memory by a lane
    memory_bytes: int = 0  # loaded from device memory by a lane
    fmas: int = 0


@dataclasses.dataclass
class Block:
    label: str
    instructions: list
    targets: list


def new_block(blocks, label=""):
    blocks.append(Block(label, [], []))


# ---- AMD, as RADV prints it: "v_fma_f32 v0, v1, v2, v3    ; d1cb0000", two of an instruction word joined by "::"

AMD_FMA = re.compile(r"v_(dual_)?(fma|fmac|mac|mad|fmaak|fmamk|madak|madmk|fma_mix)_f32")
AMD_WIDTH = {"dword": 4, "dwordx2": 8, "dwordx3": 12, "dwordx4": 16, "b32": 4, "b64": 8, "b96": 12, "b128": 16, "ushort": 2}
AMD_HINT = re.compile(r"s_(delay_alu|clause|inst_prefetch|set_inst_prefetch|setprio)")


def amd_bytes(name):
    width = next((AMD_WIDTH[part] for part in reversed(name.split("_")) if part in AMD_WIDTH), 4)
    return width * (2 if "read2" in name or "load_2addr" in name else 1)


def amd_instruction(text):
    names = [part.split()[0] for part in text.split("::")]
    fmas = sum(bool(AMD_FMA.match(name)) for name in names)
    name = names[0]
    if fmas:
        return Instruction("fma", fmas=fmas)
    if re.match(r"ds_(read|load)", name):
        return Instruction("other", shared_bytes=amd_bytes(name))
    if re.match(r"(buffer|global|flat)_load", name):
        return Instruction("other", memory_bytes=amd_bytes(name))
    if AMD_HINT.match(name):
        return Instruction(NOTHING)
    if re.match(r"s_(waitcnt|nop)", name):
        return Instruction("wait")
    return Instruction("branch" if re.match(r"s_c?branch", name) else "other")


def read_amd(text):
    blocks = []
    new_block(blocks)
    for line in text.splitlines():
        code = line.split(";")[0].strip()
        label = re.fullmatch(r"(BB\d+):", code)
        if label:
            new_block(blocks, label[1])
        elif re.match(r"(v|s|ds|buffer|global|flat|scratch)_", code):
            blocks[-1].instructions.append(amd_instruction(code))
            jump = re.match(r"s_c?branch\w*\s+(BB\d+)", code)
            if jump:
                blocks[-1].targets.append(jump[1])
                new_block(blocks)
    return blocks


# ---- NVIDIA, as nvdisasm -c prints it: "/*0010*/  @!P0 FFMA R1, R2, R3, R4 ;"


def nvidia_instruction(name):
    width = next((int(part) // 8 for part in name.split(".") if part in ("64", "128")), 4)
    stem = name.split(".")[0]
    if stem == "FFMA":
        return Instruction("fma", fmas=1)
    if stem == "LDS":
        return Instruction("other", shared_bytes=width)
    if stem in ("LDG", "LD"):
        return Instruction("other", memory_bytes=width)
    return Instruction("branch" if stem in ("BRA", "BSSY", "BSYNC", "EXIT") else "other")


def read_nvidia(text):
    blocks = []
    new_block(blocks)
    for line in text.splitlines():
        code = re.sub(r"/\*.*?\*/", "", line).split(";")[0].strip()
        label = re.fullmatch(r"(\.L[\w.]+):", code)
        code = re.sub(r"^@!?U?P\w+\s+", "", code)
        if label:
            new_block(blocks, label[1])
        elif re.match(r"[A-Z][A-Z0-9_]*(\.[\w.]+)?(\s|$)", code):
            blocks[-1].instructions.append(nvidia_instruction(code.split()[0]))
            jump = re.match(r"BRA.*?\(?(\.L[\w.]+)", code)
            if jump:
                blocks[-1].targets.append(jump[1])
                new_block(blocks)
    return blocks


# ---- Intel, as IGC dumps it: "(W) mad (8|M0) r1.0<1>:f ...", "send.slm ... // wr:1+0, rd:4; ..."

INTEL_JUMP = re.compile(r"(jmpi|goto|while|brc|brd|break|join|endif|else|if)\b")
INTEL_SHARED = re.compile(r"send\.slm|\.slm\.|0x[0-9A-Fa-f]*FE\b")
REGISTER_BYTES = 32


def intel_instruction(name, line, lanes):
    if name in ("mad", "mac"):
        return Instruction("fma", fmas=1)
    if name.startswith("send"):
        read = re.search(r"rd:(\d+)", line)
        loaded = REGISTER_BYTES * int(read[1]) // lanes if read else 0
        shared = INTEL_SHARED.search(line.split("//")[0])
        return Instruction("other", shared_bytes=loaded if shared else 0, memory_bytes=0 if shared else loaded)
    if name.startswith("sync"):
        return Instruction("wait")
    return Instruction("branch" if INTEL_JUMP.match(name) else "other")


def read_intel(text, lanes):
    blocks = []
    new_block(blocks)
    for line in text.splitlines():
        if line.startswith("//"):
            continue
        label = re.match(r"(_\w+):", line)
        found = re.match(r"(?:\([^)]*\)\s*)*([a-z][\w.]*)\b", line.strip())
        if label:
            new_block(blocks, label[1])
        elif found:
            blocks[-1].instructions.append(intel_instruction(found[1], line, lanes))
            if INTEL_JUMP.match(found[1]):
                blocks[-1].targets += re.findall(r"\b(_\w+)\b", line.split("//")[0])
                new_block(blocks)
    return blocks


# ---- loops


def find_loops(blocks):
    """First and last block of each loop, by the furthest jump back to the first."""
    places = {block.label: i for i, block in enumerate(blocks) if block.label}
    loops = {}
    for i, block in enumerate(blocks):
        for target in block.targets:
            first = places.get(target, len(blocks))
            if first <= i:
                loops[first] = max(loops.get(first, i), i)
    return list(loops.items())


def own_instructions(loop, loops, blocks):
    inner = {i for other in loops if other != loop and loop[0] <= other[0] and other[1] <= loop[1]
             for i in range(other[0], other[1] + 1)}
    return [one for i in range(loop[0], loop[1] + 1) if i not in inner for one in blocks[i].instructions]


def hot_loop(blocks):
    """A dict of what the hot loop is made of, None if no loop multiplies."""
    loops = find_loops(blocks)
    bodies = [own_instructions(loop, loops, blocks) for loop in loops]
    body = max(bodies, key=lambda one: sum(i.fmas for i in one), default=[])
    fmas = sum(i.fmas for i in body)
    if not fmas:
        return None
    issued = [i for i in body if i.kind != NOTHING]
    return {
        "instructions": len(issued),
        "fmas": fmas,
        "fma_share": sum(i.kind == "fma" for i in issued) / len(issued),
        "shared_bytes_per_flop": sum(i.shared_bytes for i in body) / (2 * fmas),
        "memory_bytes_per_flop": sum(i.memory_bytes for i in body) / (2 * fmas),
        "branches": sum(i.kind == "branch" for i in body),
    }
