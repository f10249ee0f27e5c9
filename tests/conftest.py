"""Hypothesis draws the same examples on every run, so that a change is judged by what it changes.

HYPOTHESIS_PROFILE=fresh draws fresh ones: run that now and then, and keep what it finds as an @example.
"""
import os

from hypothesis import settings

# No deadline: no test may depend on the machine's speed.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("fresh", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
