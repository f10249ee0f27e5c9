"""Checks src_c on one machine for all the platforms of the wheels: `python tools/check_c.py [NAME ...]`: all if none.

    msvc     what Microsoft's compiler would see: Clang's MSVC mode, and no word or header that MSVC lacks
    cross    every file compiled for every platform without optimising, any warning an error
    run      tests/c linked for each platform that this machine runs or emulates (aarch64 and riscv64 by qemu-user,
             Windows by wine, WebAssembly by Node), with the same bits on all of them where the tests print bits
    emulate  the same on an x86-64 machine without AVX-512, whose instructions AVX2's stand in for

Zig's C compiler does it all (`pip install ziglang`), but for WebAssembly, which Emscripten compiles. Debian has the
emulators, `apt-get install qemu-user-static wine libsimde-dev`, the last for AVX-512, and `emscripten node-acorn`, with
Node 18 or newer.
"""
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from build_tables import ROOT, build_tables, instruction_sets

SETUP = build_tables()
EMULATED = {**instruction_sets("X86"), "avx512": ([*SETUP["EMULATED_AVX512"], "-idirafter", "/usr/include"], [])}
FLAGS = [*SETUP["GNU_FLAGS"], "-Wpedantic", "-Wvla", "-Werror", "-Wno-unused-command-line-argument"]

# Platforms by Zig's names, and what else runs their programs.
TARGETS = {
    "x86_64-linux-gnu.2.28": [],
    "x86_64-linux-musl": [],
    "aarch64-linux-gnu.2.28": None,          # the emulator would need its C library
    "aarch64-linux-musl": ["qemu-aarch64-static"],
    "riscv64-linux-musl": ["qemu-riscv64-static"],
    "x86_64-macos": None,
    "aarch64-macos": None,
    "x86_64-windows-gnu": ["wine"],
    "aarch64-windows-gnu": None,
    "wasm32-emscripten": ["node", "--no-experimental-fetch"],      # old Emscriptens read their own file by another way
}

EMSCRIPTEN = ["emcc", "-pthread"]
LINK = {"windows": [], "emscripten": ["-sPROXY_TO_PTHREAD", "-sPTHREAD_POOL_SIZE=8", "-sEXIT_RUNTIME",
                                      "-sINITIAL_MEMORY=256MB"]}
os.environ.setdefault("NODE_PATH", "/usr/share/nodejs")            # where Debian's Emscripten has what it needs

MSVC_LACKS_HEADERS = {"pthread.h", "stdatomic.h", "complex.h", "unistd.h", "alloca.h"}
MSVC_LACKS = re.compile(r"__attribute__|__builtin_|__atomic_|__sync_|__asm__|\basm\b|\b(__)?typeof(__)?\b|__int128|"
                        r"_Complex|_Atomic|__thread\b|\(\{|\[\s*static\b|#\s*pragma\s+(GCC|clang|omp)|_Pragma|"
                        r"\bM_PI\b|\bssize_t\b|__label__|\b(?<!long )long(?! long| double)")    # 32 bits there


def zig():
    try:
        import ziglang
    except ImportError:
        sys.exit("This check needs Zig's C compiler: pip install ziglang")
    return Path(ziglang.__file__).parent / "zig"


def sources(sets):
    """(source, instruction set or None, flags) of every object that an extension with those sets is made of."""
    for name, (gnu, _) in sets.items():
        for source in SETUP["KERNELS"]:
            yield source, name, [*gnu, f"-DMG_ISA={name}"]
    for source in (*SETUP["COMMON"], *SETUP["PLAIN"]):
        yield source, None, ["-DMG_EMULATE_AVX512=1"] * (sets is EMULATED)


def in_parallel(function, jobs):
    """All results; prints what failed and returns None for it."""
    def attempt(job):
        try:
            return function(job)
        except subprocess.CalledProcessError as error:
            print(f"FAILED {' '.join(map(str, error.cmd))}\n{error.stdout}{error.stderr}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(attempt, jobs))


def compiler_for(target):
    return EMSCRIPTEN if "emscripten" in target else [zig(), "cc", "-target", target]


def command(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True, cwd=ROOT)


def check_msvc():
    """Each source as MSVC sees it: its own half of the #ifs, its headers, no extension of GCC's."""
    compiler = zig()
    shared = ["-fms-compatibility-version=19.40", "-ffreestanding", "-nostdinc", "-isystem", "tools/msvc",
              "-isystem", str(compiler.parent / "lib/include"), "-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic",
              "-Wvla", "-Wno-language-extension-token", "-Wno-unused-function", "-Werror"]

    def check(job):
        arch, (source, _, flags) = job
        line = [compiler, "clang", f"--target={arch}-pc-windows-msvc", *shared, *flags, f"src_c/{source}"]
        command(*line, "-fsyntax-only")
        file, number, wrong = "", 0, []
        for text in command(*line, "-E", "-fdirectives-only").stdout.splitlines():
            if marker := re.match(r'# (\d+) "(.*?)"', text):
                number, file = int(marker[1]) - 1, marker[2]
                if Path(file).name in MSVC_LACKS_HEADERS:
                    wrong.append(f"src_c/{source}: includes <{Path(file).name}>")
            else:
                number += 1
                if file.startswith("src_c/") and MSVC_LACKS.search(text):
                    wrong.append(f"{file}:{number}: MSVC lacks this: {text.strip()}")
        return wrong

    jobs = [(arch, source) for arch in ("x86_64", "aarch64") for source in sources(sets_of(arch))]
    found = in_parallel(check, jobs)
    wrong = sorted({line for lines in found if lines for line in lines})
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"msvc: {len(jobs)} compilations, {len(wrong)} words or headers that MSVC lacks")
    return None not in found and not wrong


def compile_for(target, sets, folder, extra=(), options=()):
    """The object files of src_c, and of the `extra` sources, for one platform; a None for each that failed."""
    def compile_one(job):
        source, name, flags = job
        path = Path(folder) / f"{target}-{name}-{Path(source).stem}.o"
        command(*compiler_for(target), *FLAGS, *flags, *options, "-Isrc_c", "-c", str(source), "-o", str(path))
        return path
    jobs = [(f"src_c/{source}", name, flags) for source, name, flags in sources(sets)]
    return in_parallel(compile_one, jobs + [(source, "test", []) for source in extra])


def sets_of(target):
    """The instruction sets of a platform, and their flags."""
    return instruction_sets(SETUP["MACHINES"].get(target.split("-")[0], "PLAIN"))


def check_cross():
    good = True
    for target in TARGETS:
        if not shutil.which(str(compiler_for(target)[0])):
            print(f"cross: {target}: needs Emscripten")
            continue
        with tempfile.TemporaryDirectory() as folder:
            objects = compile_for(target, sets_of(target), folder, options=["-O0", "-fno-sanitize=all"])
        print(f"cross: {target}: {len(objects) - objects.count(None)} of {len(objects)} files")
        good &= None not in objects
    return good


def runner(target):
    """The command that runs programs for `target` here, or None."""
    arch, system = target.split("-")[:2]
    if (arch, system) == (platform.machine(), sys.platform):
        return []
    emulator = TARGETS[target]
    return emulator if emulator and shutil.which(emulator[0]) and shutil.which(str(compiler_for(target)[0])) else None


def run_tests(target, run, sets):
    """Whether tests/c passes with those instruction sets, and what it printed."""
    tests = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests/c").glob("*.c"))
    with tempfile.TemporaryDirectory() as folder:
        objects = compile_for(target, sets, folder, tests)
        if None in objects:
            return False, ""
        system = target.split("-")[1]
        program = Path(folder) / {"windows": "tests.exe", "emscripten": "tests.js"}.get(system, "tests")
        command(*compiler_for(target), *map(str, objects), "-o", str(program), *LINK.get(system, ["-lm", "-lpthread"]))
        done = subprocess.run([*run, program], capture_output=True, text=True, cwd=ROOT,
                              env={**os.environ, "WINEDEBUG": "-all"}, timeout=600)
    print(f"run: {target}: {'passed' if done.returncode == 0 else 'FAILED'}\n{done.stdout}{done.stderr}", end="")
    return done.returncode == 0, done.stdout.replace("\r", "")


def run_everywhere(jobs):
    """Runs tests/c for each (target, emulator, instruction sets); whether all passed and printed the same bits."""
    good, bits = True, {}
    for target, run, sets in jobs:
        passed, printed = run_tests(target, run, sets)
        good &= passed
        for line in re.findall(r"^bits .*$", printed, re.M):
            subject, value = line.rsplit(" ", 1)
            bits.setdefault(subject, {}).setdefault(value, []).append(target)
    for subject, values in bits.items():
        if len(values) > 1:
            print(f"run: {subject} differ: {values}")
            good = False
    return good


def check_run():
    runners = {target: runner(target) for target in TARGETS}
    for target in (target for target, run in runners.items() if run is None):
        print(f"run: {target}: nothing here runs it")
    return run_everywhere((target, run, sets_of(target)) for target, run in runners.items() if run is not None)


def check_emulate():
    target = "x86_64-linux-gnu.2.28"
    if runner(target) is None or not Path("/usr/include/simde").exists():
        print("emulate: needs x86-64 Linux and SIMDe (libsimde-dev)")
        return True
    return run_everywhere([(target, [], EMULATED)])


CHECKS = {"msvc": check_msvc, "cross": check_cross, "run": check_run, "emulate": check_emulate}

if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    wanted = sys.argv[1:] or list(CHECKS)
    if not set(wanted) <= set(CHECKS):
        sys.exit(__doc__)
    passed = [CHECKS[name]() for name in wanted]
    sys.exit(not all(passed))
