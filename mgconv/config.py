"""Settings of the process: threads, random seed, and a report of what runs."""
import operator
import os
import sys

import numpy as np

try:
    from mgconv.native import runtime
except ImportError as error:
    from importlib.util import find_spec
    if find_spec("mgconv.native.runtime"):          # there, but not to be had, and says why
        raise
    from mgconv._support.unbuilt import advice
    raise ImportError(advice(os.path.dirname(__file__))) from error

_generator = None             # made at first use, unless `set_random_seed` came before


def _usable_cores():
    """The cores that this process may really use: by its affinity, and by the quota of its Linux control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for quota_file, period_file in (("/sys/fs/cgroup/cpu.max", None),
                                    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us")):
        try:
            with open(quota_file) as f:
                words = f.read().split()
            if period_file:
                with open(period_file) as f:
                    words += f.read().split()
            quota, period = float(words[0]), float(words[1])
        except (OSError, ValueError, IndexError):      # no such group, or "max": no quota
            continue
        if quota > 0 and period > 0:
            cores = min(cores, max(1, round(quota / period)))
    return cores


def _threads_at_start():
    own = os.environ.get("MGCONV_NUM_THREADS", "").strip()
    if own:
        threads = _thread_count(own)
        if not threads:
            raise ImportError(f"MGCONV_NUM_THREADS must be a positive integer. Received: {own[:40]!r}.")
        return threads
    shared = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()      # one number for each level of nesting
    return _thread_count(shared) or _usable_cores()


def _thread_count(text):
    """The number that `text` stands for, 0 for none that makes sense."""
    return min(int(text), 1024) if text.isdecimal() and len(text) < 10 else 0


def get_num_threads() -> int:
    """The number of threads that compiled loops may use, the calling one included.

    At import it is ``MGCONV_NUM_THREADS`` if that is set, else ``OMP_NUM_THREADS``, which joblib and Dask set in their
    workers, else the number of cores that the process may use.

    Examples
    --------
    >>> import mgconv
    >>> mgconv.get_num_threads() >= 1
    True
    """
    return runtime.get_num_threads()


def set_num_threads(threads: int) -> None:
    """Let compiled loops use `threads` threads from now on.

    Results do not depend on it: every operation gives the same bits for any number of threads.

    Parameters
    ----------
    threads : int
        From 1 (everything runs on the calling thread) to 1024.

    Raises
    ------
    TypeError
        If `threads` is not an integer.
    ValueError
        If `threads` is out of range.

    Examples
    --------
    >>> import mgconv
    >>> before = mgconv.get_num_threads()
    >>> mgconv.set_num_threads(1)
    >>> mgconv.get_num_threads()
    1
    >>> mgconv.set_num_threads(before)
    """
    try:
        threads = operator.index(threads)
    except TypeError:
        raise TypeError(f"`threads` must be an integer. Received: threads={threads!r}.") from None
    if not 1 <= threads <= 1024:
        raise ValueError(f"`threads` must be from 1 to 1024. Received: threads={threads}.")
    runtime.set_num_threads(threads)


def set_random_seed(seed: int) -> None:
    """Make every later random choice of the package (initial weights, shuffling, dropout) follow from `seed`.

    The same program then gives the same bits, whatever the number of threads. NumPy's own global generator and
    Python's `random` are left alone.

    Parameters
    ----------
    seed : int
        At least 0.

    Raises
    ------
    ValueError
        If `seed` is negative.
    TypeError
        If `seed` is no integer.
    """
    global _generator
    seed = operator.index(seed)
    if seed < 0:
        raise ValueError(f"`seed` must be at least 0. Received: seed={seed}.")
    _generator = np.random.default_rng(seed)


def random_generator(seed=None):
    """The generator that random choices draw from: the package's own, or a fresh one made from `seed`."""
    global _generator
    if seed is not None:
        return np.random.default_rng(seed)
    if _generator is None:
        _generator = np.random.default_rng()
    return _generator


def show_config() -> None:
    """Print what runs: version, instruction sets chosen and available, threads, compiler.

    Examples
    --------
    >>> import mgconv
    >>> mgconv.show_config()  # doctest: +ELLIPSIS
    mgconv ...
    instruction set: ... (available: ...)
    threads: ...
    compiler: ...
    """
    from mgconv import __version__
    print(f"mgconv {__version__}")
    print(f"instruction set: {runtime.get_isa()} (available: {', '.join(runtime.available_isas())})")
    print(f"threads: {runtime.get_num_threads()}")
    print(f"compiler: {runtime.compiler()}")


def register_threadpoolctl():
    """Let threadpoolctl see and limit mgconv's threads, as it does those of BLAS libraries.

    This happens by itself if threadpoolctl was imported before mgconv; otherwise call this once. (To import it for all
    would take longer than the rest of mgconv.)

    Raises
    ------
    ImportError
        If threadpoolctl is not installed.
    """
    import threadpoolctl

    class Controller(threadpoolctl.LibController):
        user_api = "mgconv"
        internal_api = "mgconv"
        filename_prefixes = (os.path.splitext(os.path.basename(str(runtime.__file__)))[0],)
        check_symbols = ("mg_get_num_threads", "mg_set_num_threads")

        def get_num_threads(self):
            return runtime.get_num_threads()

        def set_num_threads(self, num_threads):
            runtime.set_num_threads(num_threads)

        def get_version(self):
            from mgconv import __version__
            return __version__

    threadpoolctl.register(Controller)


runtime.set_num_threads(_threads_at_start())
if "threadpoolctl" in sys.modules:
    register_threadpoolctl()
