"""Traced requests as a sample: how many there are, how exact their times are, and what answers say of them."""

from __future__ import annotations

from typing import NamedTuple

from .._stats.bounded import mean_interval

__all__ = ["Requests"]


class Requests(NamedTuple):
    """A sample of traced requests."""

    size: int  # number of requests, from 0
    known: int  # independent requests that would tell as much: fewer if the calls' own distributions are less known
    error: float  # largest relative error of a time: 0 if times were traced, that of a bucket if histograms gave them
    unit: str  # label
    why: str  # the dependence that was used, and the sources of uncertainty

    def interval(self, total: float, squares: float, confidence: float) -> tuple[float, float]:
        """Return the interval of the mean of a number in 0..1 of each request, given their sum and sum of squares."""
        part = self.known / self.size
        return mean_interval(total * part, squares * part, self.known, confidence)
