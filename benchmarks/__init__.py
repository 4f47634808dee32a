"""Benchmarks: ratios taken in one run, rounds interleaved.  ``python -m benchmarks`` runs them all."""
