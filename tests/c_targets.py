"""Compilers and machines, real and emulated, for the C files of `export_c`; those that are missing are left out."""
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unknown-pragmas"]
ZIG = [sys.executable, "-m", "ziglang", "cc"]


class Target(NamedTuple):
    """A compiler with its flags, and what runs its programs."""

    compiler: list[str]
    runner: list[str]

    def missing(self):
        """What of it is not here, or None."""
        if self.compiler[:3] == ZIG[:3] and find_spec("ziglang") is None:
            return "ziglang"
        return next((tool for tool in (self.compiler[0], *self.runner[:1]) if shutil.which(tool) is None), None)

    def run(self, folder, program="net"):
        """The outcome of the test that comes with folder/net.c: (0, "the same bits") if all is well."""
        folder = Path(folder)
        program = folder / program
        subprocess.run([*self.compiler, *WARNINGS, folder / "net.c", folder / "net_test.c", "-o", program, "-lm"],
                       check=True, capture_output=True, text=True)
        done = subprocess.run([*self.runner, program], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout.strip()


def cortex_m(flags, board, stack):
    """A bare Cortex-M with newlib, whose output QEMU takes by semihosting."""
    start = str(Path(__file__).parent / "cortex_m.c")
    compiler = ["arm-none-eabi-gcc", "-mthumb", *flags, "--specs=rdimon.specs", f"-DSTACK={stack:#x}",
                "-Wl,--section-start=.vectors=0,-Ttext=0x10000,-Tdata=0x20000000", start]
    return Target(compiler, ["qemu-system-arm", "-M", board, "-nographic", "-monitor", "none", "-serial", "none",
                             "-semihosting-config", "enable=on,target=native", "-kernel"])


def zig(target, flags, emulator):
    return Target([*ZIG, "-target", target, *flags], [emulator] if emulator else [])


QUICK = {
    "gcc -O0": Target(["gcc", "-O0"], []),
    "gcc -O3": Target(["gcc", "-O3", "-march=native"], []),
    "clang -O0": Target(["clang", "-O0"], []),
    "clang -O3": Target(["clang", "-O3", "-march=native"], []),
    "Arm without FPU, gcc -Os": Target(["arm-linux-gnueabi-gcc", "-Os", "-mfloat-abi=soft", "-static"],
                                       ["qemu-arm-static"]),
    "Arm with FPU, gcc -O3": Target(["arm-linux-gnueabihf-gcc", "-O3", "-mcpu=cortex-a7", "-mfpu=neon-vfpv4",
                                     "-static"], ["qemu-arm-static"]),
    "riscv64, gcc -O2": Target(["riscv64-linux-gnu-gcc", "-O2", "-static"], ["qemu-riscv64-static"]),
    "Cortex-M4 with FPU, gcc -O2": cortex_m(["-O2", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
                                            "mps2-an386", 0x20400000)}

TARGETS = QUICK | {
    "gcc -O2": Target(["gcc", "-O2"], []),
    "clang -O2": Target(["clang", "-O2"], []),
    "Cortex-M3, gcc -Os": cortex_m(["-Os", "-mcpu=cortex-m3"], "mps2-an385", 0x20400000),
    "Cortex-M3, gcc -O0": cortex_m(["-O0", "-mcpu=cortex-m3"], "mps2-an385", 0x20400000),
    "Cortex-M7 with FPU for double, gcc -O3": cortex_m(
        ["-O3", "-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"], "mps2-an500", 0x20400000),
    "Arm without FPU, clang -O2": zig("arm-linux-musleabi", ["-O2"], "qemu-arm-static"),
    "Arm with FPU, clang -O3": zig("arm-linux-musleabihf", ["-O3", "-mcpu=cortex_a7"], "qemu-arm-static"),
    "riscv32 without FPU, clang -Os": zig("riscv32-linux-musl", ["-Os", "-mcpu=generic_rv32+m+a+c", "-mabi=ilp32"],
                                          "qemu-riscv32-static"),
    "riscv32 with FPU, clang -O2": zig("riscv32-linux-musl", ["-O2"], "qemu-riscv32-static"),
    "riscv64, clang -O3": zig("riscv64-linux-musl", ["-O3"], "qemu-riscv64-static"),
    "aarch64, clang -O3": zig("aarch64-linux-musl", ["-O3"], "qemu-aarch64-static"),
    "x86 of 32 bits, clang -O2": zig("x86-linux-musl", ["-O2", "-msse2", "-mfpmath=sse"], ""),
    "s390x (big-endian), clang -O2": zig("s390x-linux-musl", ["-O2"], "qemu-s390x-static"),
}
