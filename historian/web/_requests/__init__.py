"""Requests that a service answers, as its middleware measures them: their routes, durations and ends."""
