"""Hypothesis draws the same examples on every run, so that a change is judged by what it changes.

HYPOTHESIS_PROFILE=default draws fresh ones: run that now and then, and keep what it finds as an @example.
"""
import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
