"""Benchmarks: ratios measured in one run, with interleaved rounds.  ``python -m benchmarks`` runs all of them."""
