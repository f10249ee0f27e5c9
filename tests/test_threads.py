"""The thread pool under everything that a program may do to it: fork, threads of its own, a new size, its end.

What may hang runs in an interpreter of its own with a time limit.
"""
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from patience import PATIENCE

import mgconv
from mgconv import ops

pytestmark = pytest.mark.thread_unsafe(reason="the pool is the process's")

forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")

PROGRAM = """
import os, sys, threading, time
import numpy as np
import mgconv
from mgconv import ops
x = np.random.default_rng(0).standard_normal((8, 40, 40, 16)).astype("f4")
kernel = np.random.default_rng(1).standard_normal((3, 3, 16, 16)).astype("f4")
def work():
    return ops.max_pool(ops.conv(x, kernel, padding="same"), 2).tobytes()
mgconv.set_num_threads(3)
expected = work()
"""


def program(code, runs=1):
    """Run PROGRAM and then `code`, which exits with status 0."""
    for _ in range(runs):
        result = subprocess.run([sys.executable, "-c", PROGRAM + code], capture_output=True, text=True,
                                timeout=PATIENCE)
        assert result.returncode == 0, result.stderr
        assert "Error" not in result.stderr


@pytest.fixture(autouse=True)
def _restore():
    threads = mgconv.get_num_threads()
    yield
    mgconv.set_num_threads(threads)


def arrays():
    rng = np.random.default_rng(0)
    return (rng.standard_normal(shape).astype("f4") for shape in
            [(8, 40, 40, 16), (3, 3, 16, 24), (8, 40, 40, 24), (3, 3, 16, 1), (3, 3, 24, 16)])


def every_operation():
    """One call of each operation, large enough to be shared, as bytes."""
    x, kernel, dy, depthwise, turned = arrays()
    pooled = ops.max_pool(x, 2)
    results = [ops.conv(x, kernel, padding="same"), ops.conv_grad_input(dy, kernel, x.shape, padding="same"),
               ops.conv_grad_kernel(x, dy, kernel.shape, padding="same"), ops.bias_grad(dy),
               ops.conv_transpose(x, turned, strides=2, padding="same"),
               ops.depthwise_conv(x, depthwise, padding="same"),
               ops.depthwise_conv_grad_input(x, depthwise, x.shape, padding="same"),
               ops.depthwise_conv_grad_kernel(x, x, depthwise.shape, padding="same"), pooled,
               ops.max_pool_grad_input(x, pooled, pooled, 2), ops.average_pool(x, 3, 2),
               ops.average_pool_grad_input(pooled, x.shape, 2)]
    return [result.tobytes() for result in results]


def test_the_same_bits_for_any_number_of_threads():
    mgconv.set_num_threads(1)
    expected = every_operation()
    for threads in (2, 3, 8):
        mgconv.set_num_threads(threads)
        for _ in range(3):
            assert every_operation() == expected


def test_several_python_threads_at_once_while_the_pool_changes_its_size():
    expected, wrong, end = every_operation(), [], threading.Event()

    def run():
        for _ in range(4):
            if every_operation() != expected:
                wrong.append(threading.get_ident())

    def resize():
        while not end.is_set():
            for threads in (1, 2, 3, 5):
                mgconv.set_num_threads(threads)
    callers, resizer = [threading.Thread(target=run) for _ in range(4)], threading.Thread(target=resize)
    for thread in (resizer, *callers):
        thread.start()
    for thread in callers:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    end.set()
    resizer.join(PATIENCE)
    assert not resizer.is_alive()
    assert not wrong


@forking
def test_a_child_made_after_a_parallel_call_works_in_parallel():
    program("""
for size in (1, 2, 5):
    child = os.fork()
    if child == 0:
        good = work() == expected
        mgconv.set_num_threads(size)
        os._exit(0 if good and work() == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert work() == expected
""")


@forking
def test_multiprocessing_by_fork():
    program("""
import multiprocessing
def same(_):
    return work() == expected
with multiprocessing.get_context("fork").Pool(2) as pool:
    assert pool.map(same, range(6)) == [True] * 6
""")


@forking
def test_fork_while_other_threads_are_inside_parallel_calls():
    program("""
end = False
def run():
    while not end:
        assert work() == expected
def resize():
    while not end:
        mgconv.set_num_threads(2)
        mgconv.set_num_threads(3)
threads = [threading.Thread(target=f) for f in (run, run, resize)]
for thread in threads:
    thread.start()
for _ in range(25):
    child = os.fork()
    if child == 0:
        good = work() == expected
        mgconv.set_num_threads(4)
        os._exit(0 if good and work() == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
end = True
for thread in threads:
    thread.join()
""")


def test_exit_while_workers_spin():
    program("sys.exit(0)", runs=5)


def test_exit_while_a_daemon_thread_is_inside_a_parallel_call():
    program("""
def run():
    while True:
        work()
threading.Thread(target=run, daemon=True).start()
time.sleep(0.05)
""", runs=5)


def test_a_thread_that_ends_takes_its_scratch_memory_along():
    pytest.importorskip("resource")
    program("""
import resource
def grown(count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(count):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
grown(50)
more = grown(200) * (1 if sys.platform == "darwin" else 1024)
assert more < 4e6, more          # 20 kB a thread; its scratch memory is larger
""")
