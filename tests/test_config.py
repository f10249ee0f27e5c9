"""Threads and instruction sets: what may be asked for, what is refused, and what the environment decides."""
import os
import subprocess
import sys

import pytest
from patience import PATIENCE

import mgconv
from mgconv.native import runtime


def python(code, **environment):
    return subprocess.run([sys.executable, "-W", "error", "-c", code], env={**os.environ, **environment},
                          capture_output=True, text=True, timeout=PATIENCE)


@pytest.fixture(autouse=True)
def _restore():
    threads, isa = mgconv.get_num_threads(), runtime.get_isa()
    yield
    mgconv.set_num_threads(threads)
    runtime.set_isa(isa)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_are_as_set(threads):
    mgconv.set_num_threads(threads)
    assert mgconv.get_num_threads() == threads


@pytest.mark.parametrize(("threads", "error"), [(0, ValueError), (-1, ValueError), (1025, ValueError),
                                                (2**70, ValueError), (1.5, TypeError), ("2", TypeError),
                                                (None, TypeError)])
def test_nonsense_threads_are_refused(threads, error):
    before = mgconv.get_num_threads()
    with pytest.raises(error, match="`threads` must be"):
        mgconv.set_num_threads(threads)
    assert mgconv.get_num_threads() == before


def test_the_environment_sets_threads():
    code = "import mgconv; print(mgconv.get_num_threads())"
    for own, shared, threads in (("3", "", 3), ("3", "2", 3), ("3 ", "", 3), (" 0003", "", 3), ("99999", "", 1024),
                                 ("", "2", 2), ("", "2,4", 2), ("", " 2 ", 2)):
        assert python(code, MGCONV_NUM_THREADS=own, OMP_NUM_THREADS=shared).stdout == f"{threads}\n"
    cores = python(code, MGCONV_NUM_THREADS="", OMP_NUM_THREADS="").stdout
    for shared in ("none", "0", "-1", ","):           # another program's matter, and no reason to fail
        assert python(code, MGCONV_NUM_THREADS="", OMP_NUM_THREADS=shared).stdout == cores


@pytest.mark.parametrize("value", ["0", "-2", "two", "1.5", "9" * 5000])
def test_nonsense_in_the_environment_is_an_import_error(value):
    result = python("import mgconv", MGCONV_NUM_THREADS=value)
    assert result.returncode != 0
    assert "ImportError: MGCONV_NUM_THREADS must be a positive integer" in result.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity")
def test_default_threads_follow_the_affinity():
    code = ("import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
            "import mgconv; print(mgconv.get_num_threads())")
    assert python(code, MGCONV_NUM_THREADS="", OMP_NUM_THREADS="").stdout == "1\n"


@pytest.mark.parametrize("isa", runtime.available_isas())
def test_the_environment_sets_the_instruction_set(isa):
    assert python("from mgconv.native import runtime; print(runtime.get_isa())", MGCONV_ISA=isa).stdout == f"{isa}\n"


def test_the_best_instruction_set_is_the_default():
    code = "from mgconv.native import runtime; print(runtime.get_isa())"
    assert python(code, MGCONV_ISA="").stdout.strip() == runtime.available_isas()[-1]


def test_an_unknown_instruction_set_is_an_import_error_that_names_those_available():
    result = python("import mgconv", MGCONV_ISA="sse9")
    assert result.returncode != 0
    assert "ImportError" in result.stderr
    assert all(name in result.stderr for name in ["sse9", *runtime.available_isas()])


def test_set_isa_refuses_what_is_unknown():
    before = runtime.get_isa()
    with pytest.raises(ValueError, match="must be one of"):
        runtime.set_isa("nothing")
    assert runtime.get_isa() == before


def test_show_config_tells_what_runs(capsys):
    mgconv.show_config()
    out = capsys.readouterr().out
    for what in (mgconv.__version__, runtime.get_isa(), f"threads: {mgconv.get_num_threads()}", "compiler:"):
        assert what in out


def test_threadpoolctl_sees_and_limits_the_pool():
    pytest.importorskip("threadpoolctl")
    result = python("import threadpoolctl, mgconv\n"
                    "mgconv.set_num_threads(3)\n"
                    "[info] = [i for i in threadpoolctl.threadpool_info() if i['user_api'] == 'mgconv']\n"
                    "assert info['num_threads'] == 3 and info['version'] == mgconv.__version__, info\n"
                    "with threadpoolctl.threadpool_limits(1):\n"
                    "    assert mgconv.get_num_threads() == 1\n"
                    "assert mgconv.get_num_threads() == 3\n")
    assert result.returncode == 0, result.stderr
