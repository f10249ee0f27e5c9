"""Settings of the process: threads, random seed, and a report of what runs."""
from mgconv.native import runtime

_seed = None


def get_num_threads():
    """The number of threads that compiled loops may use."""
    return runtime.get_num_threads()


def set_num_threads(threads):
    """Let compiled loops use `threads` threads from now on. Results do not depend on it.

    Parameters
    ----------
    threads : int
        At least 1.

    Raises
    ------
    ValueError
        If `threads` is less than 1.
    """
    if threads < 1:
        raise ValueError(f"`threads` must be at least 1. Received: threads={threads}.")
    runtime.set_num_threads(threads)


def set_random_seed(seed):
    """Make every later random choice of the package (initial weights, shuffling) follow from `seed`."""
    global _seed
    _seed = seed


def show_config():
    """Print the version, instruction sets and threads in use."""
    print(f"instruction set: {runtime.get_isa()} (available: {', '.join(runtime.available_isas())})")
    print(f"threads: {runtime.get_num_threads()}")
