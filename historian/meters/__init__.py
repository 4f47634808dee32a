"""Meters: what the platform and the tests of a service add to a latency.

Each is started explicitly, and records into recorders or returns histograms.
"""
