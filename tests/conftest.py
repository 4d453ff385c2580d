"""Settings of all tests; see README.md in this folder for where a test goes."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, Phase, settings

# Small problems are faster on one thread, and the test runner already uses every core. NumPy reads these
# when it is loaded, by the first test module.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# Imports and test data are many objects and little garbage.
gc.set_threshold(10_000, 20, 20)

# Compiled kernels are slow at first call, so there are no deadlines; the same examples run everywhere, so
# a failure is never a flake. HYPOTHESIS_PROFILE=search looks at many more, and at new ones every time.
_QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much]
settings.register_profile(
    "default", deadline=None, derandomize=True, max_examples=40, suppress_health_check=_QUIET
)
settings.register_profile(
    "search", deadline=None, max_examples=1000, suppress_health_check=_QUIET, print_blob=True
)
# For mutation testing, where most runs fail: the first failure is enough, it is not made small.
settings.register_profile(
    "mutation",
    settings.get_profile("default"),
    max_examples=25,
    phases=(Phase.explicit, Phase.generate),
    report_multiple_bugs=False,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure(config: pytest.Config) -> None:
    """Learners that were compiled by an earlier run are used again (JAX knows them by program and versions).

    Each worker has a folder of its own, as JAX writes its files in place. Nothing else imports JAX here: it
    reads the environment when it is loaded."""
    if hasattr(config, "cache"):
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(config.cache.mkdir("jax") / worker))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def pytest_collection_finish() -> None:
    """What the test modules have imported stays: the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()
