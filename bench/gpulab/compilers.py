# SPDX-License-Identifier: Apache-2.0
"""Compilers of GPUs that are not here. Each takes a dumped kernel and gives a dict of figures, or raises Failed.

Figures: registers, spills (bytes or registers, 0 is what matters; arrays that Intel's compiler leaves in memory count), shared
(bytes of a work-group), occupancy (subgroups that a SIMD or a scheduler holds at once; of Intel the lanes of a subgroup),
inverse_throughput (RADV's own estimate, else None), loop (of loops.py, None if none multiplies).
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import loops

HERE = pathlib.Path(__file__).resolve().parent


class Failed(Exception):
    pass


def run(command, **more):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", timeout=300, **more)
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not installed")
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines()
        first = next((line for line in lines if "rror" in line), lines[0] if lines else "")
        raise Failed(f"{pathlib.Path(str(command[0])).name} ended with {done.returncode}: {first}")
    return done


class Radv:
    """RADV told to be a GPU of that family; a small program asks it for a pipeline."""

    suffix, vendor = ".spv", "amd"

    def __init__(self, family, options):
        self.name = family
        self.program = options.shader_compiler
        self.environment = dict(os.environ, RADV_FORCE_FAMILY=family, VK_ICD_FILENAMES=options.radv, VK_DRIVER_FILES=options.radv,
                                MESA_SHADER_CACHE_DISABLE="true")

    def compile(self, path, about, folder):
        constants = about["specialization"]
        values = [constants[str(i)] for i in range(len(constants))]
        out = run([self.program, path, about["subgroup_size"], *values], env=self.environment).stdout
        first, _, code = out.partition("\n")
        told = json.loads(first)
        return {
            "registers": told["VGPRs"],
            "spills": told["Spilled VGPRs"] + told["Spilled SGPRs"] + told["Scratch size"],
            "shared": told["LDS size"],
            "occupancy": told["Subgroups per SIMD"],
            "inverse_throughput": told["Inverse Throughput"],
            "loop": loops.hot_loop(loops.read_amd(code)),
        }


class Ocloc:
    """Intel's offline compiler, which writes the assembly of each SIMD width that it tried; the last is what it chose."""

    suffix, vendor = ".cl", "intel"

    def __init__(self, device, options):
        self.name = device

    def compile(self, path, about, folder):
        environment = dict(os.environ, IGC_ShaderDumpEnable="1", IGC_DumpToCustomDir=str(folder))
        run(["ocloc", "compile", "-file", path.resolve(), "-device", self.name, "-options", about["options"]], cwd=folder,
            env=environment)
        listings = sorted(folder.glob("*_simd*_entry_*.asm"), key=lambda one: one.stat().st_mtime_ns)
        if not listings:
            raise Failed("ocloc wrote no assembly")
        text = listings[-1].read_text(errors="replace")
        spill = re.search(r"//\.spill size (\d+)", text)
        stages = sorted(folder.glob("*_codegen*.ll"), key=lambda one: one.stat().st_mtime_ns)
        private = re.search(r'"privateMemoryPerWI", i32 (\d+)', stages[-1].read_text(errors="replace") if stages else "")
        if not private:
            raise Failed("ocloc does not tell the private memory")
        lanes = int(re.search(r"_simd(\d+)_", listings[-1].name)[1])
        return {
            "registers": int(re.search(r"numGRF=(\d+)", text)[1]),
            "spills": (int(spill[1]) if spill else 0) + int(private[1]),
            "shared": None,
            "occupancy": lanes,
            "inverse_throughput": None,
            "loop": loops.hot_loop(loops.read_intel(text, lanes)),
        }


class Nvidia:
    """clang to PTX, ptxas to machine code, nvdisasm to text."""

    suffix, vendor = ".cl", "nvidia"
    # registers, bytes of shared memory and threads of a multiprocessor; it has four schedulers
    limits = {"sm_80": (65536, 164 * 1024, 2048), "sm_86": (65536, 100 * 1024, 1536)}

    def __init__(self, name, options):
        self.name = name
        self.clang, self.library = options.clang, options.libclc
        self.ptxas, self.nvdisasm = options.ptxas, options.nvdisasm

    def compile(self, path, about, folder):
        ptx, cubin = folder / "kernel.ptx", folder / "kernel.cubin"
        defines = [word for word in about["options"].split() if word.startswith("-D")]
        run([self.clang, "-target", "nvptx64-nvidia-nvcl", "-Xclang", "-target-cpu", "-Xclang", self.name, "-Xclang", "-target-feature",
             "-Xclang", "+ptx71", "-x", "cl", "-cl-std=CL1.2", "-O3", "-w", "-nogpulib", "-Xclang", "-finclude-default-header",
             "-Xclang", "-mlink-builtin-bitcode", "-Xclang", self.library, *defines, "-S", "-o", ptx, path])
        told = run([self.ptxas, f"-arch={self.name}", "-v", ptx, "-o", cubin]).stderr
        registers = int(re.search(r"Used (\d+) registers", told)[1])
        spills = sum(int(n) for n in re.findall(r"(\d+) bytes (?:stack frame|spill stores|spill loads)", told))
        shared = re.search(r"(\d+) bytes smem", told)
        text = run([self.nvdisasm, "-c", cubin]).stdout
        return {
            "registers": registers,
            "spills": spills,
            "shared": int(shared[1]) if shared else 0,
            "occupancy": self.occupancy(registers, int(shared[1]) if shared else 0, about["workgroup"]),
            "inverse_throughput": None,
            "loop": loops.hot_loop(loops.read_nvidia(text)),
        }

    def occupancy(self, registers, shared, threads):
        """Warps for each of four schedulers. A warp's registers come by 256, shared memory with 1 KiB of the system's."""
        most_registers, most_shared, most_threads = self.limits[self.name]
        warps = (threads + 31) // 32
        of_warp = -(-registers * 32 // 256) * 256
        groups = min(most_registers // (of_warp * warps), most_shared // (shared + 1024), most_threads // (warps * 32))
        return groups * warps / 4


TARGETS = {"VEGA10": Radv, "NAVI21": Radv, "GFX1100": Radv, "dg2": Ocloc, "tgllp": Ocloc, "sm_80": Nvidia, "sm_86": Nvidia}


def find_tool(given, name, places=()):
    """The path that was given, else what PATH has, else the first place that exists; a name that fails later otherwise."""
    found = given or shutil.which(name) or next((str(place) for place in places if pathlib.Path(place).exists()), None)
    return found or name


def compile_kernel(target, path, about):
    with tempfile.TemporaryDirectory() as folder:
        return target.compile(path, about, pathlib.Path(folder))
