"""What the benchmarks that compare calls in one process share."""
import importlib
import time

SLOW = 1.0            # seconds: a call that takes longer is timed twice and not again
SETTLED = 0.02        # seconds until the threads of the library timed before are asleep


def installed(name):
    """The module, or None after saying that it is left out."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed: left out")
        return None


def in_turn(calls, rounds=9, seconds=0.015):
    """Seconds a call, by name.

    The rounds alternate, so that a machine whose speed drifts slows all alike. The fastest round counts: what makes the
    others slower is mostly the machine's other work, and libraries that wait busily suffer from it the most. OpenMP's
    threads (PyTorch's) stay busy for about 10 ms after a call, on the processors of whatever runs next: so each round
    waits until they sleep, then begins with a few calls that do not count.
    """
    def timed(call, repeats):
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - start) / repeats

    once = {name: min(timed(call, 1) for _ in range(2)) for name, call in calls.items()}
    repeats = {name: max(1, int(seconds / max(value, 1e-7))) for name, value in once.items()}
    times = {name: [value] if value > SLOW else [] for name, value in once.items()}
    for _ in range(rounds):
        for name, call in calls.items():
            if once[name] <= SLOW:
                time.sleep(SETTLED)
                timed(call, 1 + repeats[name] // 5)
                times[name].append(timed(call, repeats[name]))
    return {name: min(found) for name, found in times.items()}
