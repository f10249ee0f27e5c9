"""Hypothesis draws the same examples on every run, so that a change is judged by what it changes.

HYPOTHESIS_PROFILE=fresh draws fresh ones: run that now and then, and keep what it finds as an @example.
"""
import os

import pytest
from hypothesis import settings

from mgconv.native import runtime

# No deadline: no test may depend on the machine's speed.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("fresh", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(autouse=True, scope="session")
def _one_blas_thread():
    """NumPy's threads wait for one another, which takes long where other programs want the cores."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        yield
        return
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(autouse=True)
def _instruction_set():
    """The one in use before: a test that runs in several threads at once may leave another."""
    before = runtime.get_isa()
    yield
    runtime.set_isa(before)
