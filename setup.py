"""The compiled part of mgconv: every mgconv/native/*.pyx, and src_c once for each instruction set.

Files in src_c named below as KERNELS are templates: each is compiled once for every instruction set of the target
machine, into a folder of its own, with MG_ISA naming the set. All of them are linked into `mgconv.native.runtime`,
which also owns the thread pool and the choice made at import; the other modules reach them through it.

The wheel uses CPython's limited API (cp311-abi3). MGCONV_FULL_API=1 builds against the full API instead, to measure
what the limited one costs; free-threaded interpreters have no limited API yet. MGCONV_EMULATE_AVX512=1 builds the
kernels for AVX-512 so that a processor with AVX2 runs them: slow, for tests alone. MGCONV_DEBUG=1 builds what ends the
process when scratch memory is taken twice, or held where a user's function runs: for tests alone too.
"""
import filecmp
import os
import platform
import re
import shutil
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

SRC = Path("src_c")
# compiled once an instruction set
KERNELS = ["activation.c", "column.c", "conv_outer.c", "conv_rows.c", "delay.c", "fft.c", "filter.c", "norm.c",
           "optimizer.c", "pointwise.c", "pooling.c", "traits.c", "winograd.c", "fft_conv.c"]
# compiled once
COMMON = ["cpu.c", "delay_weights.c", "dispatch.c", "fft_tables.c", "random.c", "stream.c", "threads.c"]

PLAIN = ["plain_i8.c", "plain_f32.c", "plain_f64.c"]          # mgconv/plain/*.h, in the extension of that name

# Flags of GCC and Clang, and of Microsoft's compiler, for each header src_c/simd_*.h.
FLAGS = {
    "scalar": ([], []),
    "sse2": (["-Os"], []),          # few processors need it: it may be slower and must be small
    "avx2": (["-mavx2", "-mfma"], ["/arch:AVX2"]),
    "avx512": (["-mavx2", "-mfma", "-mavx512f", "-mavx512vl", "-mavx512bw", "-mavx512dq"], ["/arch:AVX512"]),
    "neon": ([], []),
    "wasm": (["-msimd128"], []),
}
MACHINES = {"arm64": "ARM64", "aarch64": "ARM64", "x86_64": "X86", "amd64": "X86", "wasm32": "WASM"}     # others: PLAIN
LISTED = r"MG_(\w+)\(X\(\w+, (\w+)"      # in src_c/sets.h: machine and header
EMULATED_AVX512 = ["-mavx2", "-mfma", "-O1", "-Wno-psabi", "-include", "tools/simde/avx512.h"]     # -O2 takes minutes

# Nothing unwinds through C that CPython calls: its tables would be 60 KB. Clang tells that a loop of one round, or of
# unknown length, is not unrolled; GCC passes over the word.
GNU_FLAGS = ["-O2", "-g0", "-std=gnu11", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
             "-fno-asynchronous-unwind-tables", "-fvisibility=hidden", "-Wall", "-Wextra",
             "-Wno-pass-failed"]
if os.environ.get("MGCONV_WERROR"):
    GNU_FLAGS.append("-Werror")
MSVC_FLAGS = ["/O2", "/std:c11", "/fp:precise", "/W3"]

DEBUG = [("MG_DEBUG", "1")] if os.environ.get("MGCONV_DEBUG") else []
EMULATE_AVX512 = bool(os.environ.get("MGCONV_EMULATE_AVX512"))
if EMULATE_AVX512:
    FLAGS["avx512"] = (EMULATED_AVX512, [])

MEMORYVIEW = "mgconv.native._memoryview"      # Cython's own code for memoryviews, 100 KB: once, not in every module

LIMITED_API = not (sysconfig.get_config_var("Py_GIL_DISABLED") or os.environ.get("MGCONV_FULL_API"))

if sys.platform == "darwin":
    # A Python made for both processors compiles for both at once, which one set of flags cannot do:
    # then only for this one.
    os.environ.setdefault("ARCHFLAGS", f"-arch {platform.machine()}")


def instruction_sets(plat_name):
    """The sets to compile for, and their flags: by the wheel's target, since any wheel may be cross-compiled."""
    target = (os.environ.get("ARCHFLAGS") or plat_name).lower()
    machine = next((machine for name, machine in MACHINES.items() if name in target), "PLAIN")
    listed = re.findall(LISTED, (SRC / "sets.h").read_text())
    return {isa: FLAGS[isa] for on, isa in listed if on == machine}


def used_by(source):
    """The files that `source` may include; bodies are named after their family (conv_rows.c: conv_*_body.h), or are
    everybody's."""
    families = source.removesuffix(".c").split("_")[0], "transpose"
    return [str(SRC / source), *(str(path) for path in SRC.glob("*.h")
                                 if not path.name.endswith("_body.h") or path.name.startswith(families))]


class BuildExt(build_ext):
    """Compiles with one set of flags for all, and a kernel template once for every instruction set."""

    def run(self):
        handed = self.build_lib
        if self.editable_mode:      # in folders that will be gone; in the usual ones lies what has not changed since
            usual = build(self.distribution)
            usual.ensure_finalized()
            self.build_lib, self.build_temp = usual.build_lib, usual.build_temp
        super().run()
        self.build_lib = handed

    def get_ext_filename(self, fullname):
        """NAME.abi3.so: CPython 3.15 calls it NAME.abi3-x86_64-linux-gnu.so, which those before it do not import."""
        return re.sub(r"\.abi3-[^.]+(?=\.\w+$)", ".abi3", super().get_ext_filename(fullname))

    def build_extensions(self):
        msvc = self.compiler.compiler_type == "msvc"
        for ext in self.extensions:
            # Cython's loops only hand out work, so small is as fast there (measured: within 2 %) and saves 250 KB.
            # But GCC's small copies are `rep movs`, which takes long to begin: padded maps lose up to a third.
            small = [] if ext.name.endswith(".plain") else ["-Os", "-fno-builtin-memcpy", "-fno-builtin-memset"]
            ext.extra_compile_args = MSVC_FLAGS if msvc else [*GNU_FLAGS, *small]
            if sys.platform == "linux":
                ext.extra_link_args = ["-Wl,-z,noseparate-code"]      # else each file is padded by 4 KB or more
            if ext.name.endswith(".runtime"):
                ext.libraries += [] if msvc else ["m"]
                sets = instruction_sets(self.plat_name)
                ext.define_macros += DEBUG + ([("MG_EMULATE_AVX512", "1")] if EMULATE_AVX512 else [])
                ext.extra_objects = self.compile_kernels(sets, msvc)
        super().build_extensions()

    def build_extension(self, ext):
        """In each fresh environment of pip's Cython writes the same C again, which then keeps its date."""
        source, seen = ext.sources[0], Path(self.build_temp) / ext.sources[0]
        if seen.exists() and filecmp.cmp(source, seen, shallow=False):
            shutil.copystat(seen, source)
        super().build_extension(ext)
        seen.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, seen)

    def compile_kernels(self, sets, msvc):
        if msvc and not self.compiler.initialized:       # else several threads would do it at once
            self.compiler.initialize(self.plat_name)

        def compile_one(job):
            isa, source = job
            built = Path(self.build_temp) / isa / SRC / source
            built = str(built.with_suffix(self.compiler.obj_extension))
            if not (self.force or newer_group([__file__, *used_by(source)], built, "newer")):
                return [built]
            flags = (MSVC_FLAGS if msvc else GNU_FLAGS) + sets[isa][msvc]
            return self.compiler.compile(
                [str(SRC / source)], output_dir=str(Path(self.build_temp) / isa), include_dirs=[str(SRC)],
                macros=[("MG_ISA", isa)], extra_postargs=flags)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            jobs = [(isa, source) for isa in sets for source in KERNELS]
            return [compiled for objects in pool.map(compile_one, jobs) for compiled in objects]


def extensions():
    headers = sorted(str(path) for path in SRC.glob("*.h"))
    limited = {"define_macros": [("Py_LIMITED_API", "0x030B0000")], "py_limited_api": True} if LIMITED_API else {}
    yield Extension(MEMORYVIEW, [MEMORYVIEW.replace(".", "/") + ".c"], **limited)
    headers += sorted(str(path) for path in Path("mgconv/plain").glob("*.h"))
    sources = {"runtime": COMMON, "plain": PLAIN}
    for source in sorted(Path("mgconv/native").glob("*.pyx")):
        yield Extension(
            f"mgconv.native.{source.stem}",
            [str(source)] + [str(SRC / name) for name in sources.get(source.stem, [])],
            depends=["setup.py", *headers] + [str(SRC / name) for name in KERNELS if source.stem == "runtime"],
            include_dirs=[str(SRC)],
            **limited,
        )


setup(
    ext_modules=cythonize(list(extensions()), shared_utility_qualified_name=MEMORYVIEW, compiler_directives={
        "language_level": 3, "boundscheck": False, "wraparound": False, "cdivision": True, "initializedcheck": False,
        "embedsignature": True, "freethreading_compatible": True,
        # Nobody pickles plans nor asks their functions for signatures (there are stubs): that saves 150 KB.
        "auto_pickle": False, "binding": False}),
    cmdclass={"build_ext": BuildExt},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED_API else {},
)
