"""Runs SciPy's own tests of convolve, correlate, convolve2d and correlate2d with mgconv's in their place.

    python tools/scipy_tests.py [pytest options]

needs SciPy's tests (they come with its wheels) and pytest with hypothesis. This file is also the pytest plugin that
puts the functions in place.
"""
import sys

NAMES = ["convolve", "correlate", "convolve2d", "correlate2d"]
CLASSES = ["TestConvolve", "TestConvolve2d", "TestCorrelateReal", "TestCorrelateComplex", "TestCorrelate",
           "TestCorrelate2d"]


def pytest_configure(config):
    import scipy.signal

    import mgconv.signal
    from mgconv.signal.arrays import scipy_function

    try:                              # SciPy's tests look up in it which array libraries a function serves
        from scipy._lib._array_api import xp_capabilities_table as table
    except ImportError:
        table = {}
    for name in NAMES:
        theirs, ours = scipy_function(name), getattr(mgconv.signal, name)
        if theirs in table:
            table[ours] = table[theirs]
        setattr(scipy.signal, name, ours)


def main():
    import pytest
    sys.path.insert(0, __file__.rpartition("/")[0] or ".")
    module = "scipy.signal.tests.test_signaltools"
    wanted = " or ".join(CLASSES)
    sys.exit(pytest.main(["-p", "scipy_tests", "-c", "/dev/null", "-p", "no:cacheprovider", "-q", "--pyargs", module,
                          "-k", wanted, *sys.argv[1:]]))


if __name__ == "__main__":
    main()
