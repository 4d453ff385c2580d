"""Benchmarks against peers: ``python -m benchmarks.planning --short``."""
