"""Which leaf of a request tree makes requests slow: `Blame`, with a `Cause` for each leaf.

With S(t) the share of slow requests, and S'(t) that of the same tree in which all calls of one leaf take another time:

* necessary, 1 - S'/S with the leaf at 0: so many slow requests would not be slow if this leaf took no time.
* saved, 1 - S'/S with the leaf at its median, or with another distribution.
* slowest: in so many slow requests, the longest call is one of this leaf.  See `historian.tail.causes`.

A fault tree is analysed by the same kind of measure: the share of failures that are gone if one component never fails
is its diagnostic importance (Vesely, Davis, Denning & Saltos, Measures of Risk Importance and Their Applications,
NUREG/CR-3385, 1983).

The intervals use the bootstrap's standard error (Efron & Tibshirani, An Introduction to the Bootstrap, 1993).  For the
slowest they are normal for the log-odds.  What is gone, or what remains, is a weighted sum of slow calls.  The smaller
one of both has the gamma interval of Fay & Feuer (Statistics in Medicine 16, 1997, 791-801), with the quantiles of
Wilson & Hilferty (Proceedings of the National Academy of Sciences 17, 1931, 684-688).  If no sample differs, because no
slow value of a leaf was recorded, its unseen values count: with confidence 1 - a, at most a share 1 - (a/2)^(1/N) of
its calls is slow (Clopper & Pearson).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .._show.shown import in_html, in_rich, in_terminal
from .._stats.beyond import collected, warn_beyond
from .._stats.checks import check_number, check_share
from .._stats.estimate import Estimate, joint_method, no_data
from .._stats.normal import normal_quantile
from .._values.text import counted
from . import causes
from .columns import COLUMNS, column_of, edges
from .tree import calls, constant, leaves, rebuilt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._show.view import View

__all__ = ["Blame", "Cause", "blame"]

#: The smallest share of slow requests that is attributed: transforms lose 1e-13.
LEAST = 1e-9

#: Columns of a printed table.
WIDTH = 112

#: A share of fewer slow calls than this may lack the heaviest ones.
FEW = 10

#: Ratios up to here are 0, and those as close to 1 are 1: rounding errors.
NOISE = 1e-7


class Cause(NamedTuple):
    """What one leaf of a request tree has to do with slow requests.  Each share is one of the slow requests."""

    name: str
    leaf: Any  # the `Dist`
    slowest: Estimate  # share in which the longest call is one of this leaf; over all leaves, they add up to 1
    necessary: Estimate  # share that would not be slow if this leaf took no time, in [0, 1]
    saved: Estimate  # share that would not be slow with `instead`; negative if there would be more of them
    instead: Any  # the `Dist` that is tried: the leaf's median, or what was given
    becomes: Any  # the `Dist` of the request with it

    def __str__(self) -> str:
        return f"{self.name}: slowest {self.slowest}, necessary {self.necessary}, saved {self.saved}"


class Blame:
    """Which leaf makes requests slow: a sequence of `Cause`, the most important one first.  See `Dist.blame`.

    Shares do not add up to 1, except those of the slowest leaf: several leaves may be necessary for one slow request,
    or none.
    """

    __slots__ = ("causes", "q", "slow", "t", "tree")
    __module__ = "historian.tail"

    causes: tuple[Cause, ...]  # by `necessary`, descending
    t: float  # in `unit`, an edge of a bucket: requests that take longer are slow; NaN without data
    slow: Estimate  # share of all requests that are slow
    q: float  # the quantile that was asked for, or that t is
    tree: Any  # the `Dist` of all requests

    def __init__(self, causes: tuple[Cause, ...], t: float, slow: Estimate, q: float, tree: Any) -> None:
        self.causes, self.t, self.slow, self.q, self.tree = causes, t, slow, q, tree

    @property
    def unit(self) -> str:
        """The unit of `t`: a label."""
        unit: str = self.tree.unit
        return unit

    def __getitem__(self, which: Any) -> Cause:
        """Return a cause by its name, its leaf or its place.  Raises KeyError for another name or distribution."""
        if isinstance(which, int):
            return self.causes[which]
        for cause in self.causes:
            if which is cause.leaf or which == cause.name:
                return cause
        raise KeyError(f"{which!r} is no leaf: leaves are {', '.join(cause.name for cause in self.causes)}")

    def __iter__(self) -> Iterator[Cause]:
        return iter(self.causes)

    def __len__(self) -> int:
        return len(self.causes)

    def __str__(self) -> str:
        from .._show.terminal import text

        return text(self._view(), WIDTH)

    def __repr__(self) -> str:
        if not self.causes:
            return "<Blame: no data>"
        first, number = self.causes[0], counted(len(self.causes), "leaf", "leaves")
        return f"<Blame: {number}, most necessary: {first.name}, {first.necessary}>"

    def _view(self) -> View:
        from .views import blame_view

        return blame_view(self)

    _repr_html_, _repr_pretty_ = in_html, in_terminal

    def __rich__(self) -> object:
        """Return what rich prints."""
        return in_rich(self)


Cause.__module__ = "historian.tail"  # set here, because a NamedTuple cannot set it in its body


def blame(
    tree: Any, q: float | None, t: float | None, instead: Mapping[Any, Any] | None, names: Mapping[Any, str] | None
) -> Blame:
    """Answer `Dist.blame`; one warning for all times in it that are beyond the data."""
    found, text = collected(lambda: _blame(tree, q, t, instead, names))
    if text:
        warn_beyond(text, stacklevel=3)
    return found


def _blame(
    tree: Any, q: float | None, t: float | None, instead: Mapping[Any, Any] | None, names: Mapping[Any, str] | None
) -> Blame:
    if (q is None) == (t is None):
        raise TypeError(f"blame takes either a quantile q or a time t, not q={q!r} and t={t!r}")
    q = q if q is None else check_share("q", q)
    t = t if t is None else check_number("t", t, 0)
    parts = leaves(tree)
    others = _checked(parts, instead or {}, tree)
    called = _named(parts, names or {})
    if not tree.count or not all(other.count for other in others.values()):
        return Blame((), math.nan, no_data(0.0, 1.0), math.nan if q is None else q, tree)
    given, t = t, _threshold(tree, q, t)
    slow = tree.sf(t)
    if slow < LEAST:
        few = "no request is slow" if not slow else f"only a share of {slow:.2g} is slow, and {LEAST:g} is needed"
        raise ValueError(f"t must be less, not {given or t!r}: {few}; the largest time is {tree.max!r}")
    unseen = _unseen(tree, float(slow))
    longest = causes.slowest(tree, t, parts)
    without = causes.remaining(tree, t, {x: constant(x, 0.0) for x in parts})
    tried = {x: others[x] if x in others else constant(x, _median(x)) for x in parts}
    after = causes.remaining(tree, t, tried)
    found = []
    for k, x in enumerate(parts):
        rest = sum(unseen.values()) - unseen[x]
        shares = _share(tree, longest, k, unseen[x], rest), _gone(tree, without, k, unseen[x], rest, least=0.0)
        saved = _gone(tree, after, k, unseen[x], rest, least=1 - 1 / float(slow))
        found.append(Cause(called[x], x, *shares, saved, tried[x], rebuilt(tree, {x: tried[x]})))
    found.sort(key=lambda cause: (-cause.necessary, -cause.slowest))
    return Blame(tuple(found), t, slow, float(tree.cdf(t)) if q is None else q, tree)


def _threshold(tree: Any, q: float | None, t: float | None) -> float:
    """Return the edge of a bucket from which on requests are slow.

    For a quantile it is the lower edge of its bucket: what takes as long as the quantile, or longer, is slow.  For a
    time it is the upper edge of its bucket, as in `Dist.sf`.
    """
    if t is not None:
        found = column_of(t)
        if found >= COLUMNS - 1:
            raise ValueError(f"t must be at most 2**64, the last edge of a bucket, not {t!r}")
        return float(edges()[found])
    at = min(float(tree.quantile(q)), tree.max)
    column = column_of(at)
    if column == 0:
        raise ValueError(f"q must be larger, not {q!r}: such a share of all requests takes no time")
    if at == math.inf:
        raise ValueError(f"q must be less, not {q!r}: such a share of all requests never returns")
    return float(edges()[column - 1])


def _checked(parts: list[Any], instead: Mapping[Any, Any], tree: Any) -> dict[Any, Any]:
    """Return other distributions of leaves, or raise if one is none or in another unit."""
    for x, other in instead.items():
        if not any(x is part for part in parts):
            raise ValueError(
                f"instead must have leaves of the tree as keys, not {x!r}: pass the objects it was made of"
            )
        if not isinstance(other, type(tree)):
            hint = ": pass its .dist()" if hasattr(other, "dist") else ""
            raise TypeError(f"instead must map leaves to distributions, not to {other!r}{hint}")
        if other.unit != tree.unit:
            raise ValueError(f"instead must be in the tree's unit, {tree.unit!r}, not {other.unit!r}")
        if other._tree is not None:
            raise ValueError(f"instead must map leaves to leaves, not to a composed distribution: {other!r}")
    return dict(instead)


def _named(parts: list[Any], names: Mapping[Any, str]) -> dict[Any, str]:
    """Return the name of each leaf: the given one, or its number in the order in which leaves first appear."""
    for x in names:
        if not any(x is part for part in parts):
            raise ValueError(f"names must have leaves of the tree as keys, not {x!r}: pass the objects it was made of")
    found = {x: str(names.get(x, f"leaf {k}")) for k, x in enumerate(parts, 1)}
    if len(set(found.values())) < len(found):
        raise ValueError(f"names must differ from each other, not {', '.join(map(repr, found.values()))}")
    return found


def _median(x: Any) -> float:
    """Return the median of a leaf, or its largest time if half of all calls never return."""
    return min(float(x.quantile(0.5)), float(x.max))


def _unseen(tree: Any, slow: float) -> dict[Any, float]:
    """Return for each leaf which part of the slow requests calls could cause that are slower than any in its sample."""
    found = {}
    for x, n in calls(tree).items():
        a = 1 - x._confidence if x._confidence is not None else 1.0
        found[x] = n * -math.expm1(math.log(a / 2) / x.count) / slow if a < 1 else 0.0
    return found


def _share(tree: Any, shares: causes.Shares, k: int, unseen: float, rest: float) -> Estimate:
    """Return how often a leaf is the slowest."""
    value, low, high, error = (float(one[k]) for one in shares)
    if error > 0 and NOISE < value < 1 - NOISE:
        wide = _normal(tree) * error / (value * (1 - value))
        low, high = _moved(low, -wide), _moved(high, wide)
    if value <= NOISE:
        value, high = 0.0, max(high, unseen)
    if value >= 1 - NOISE:
        low = min(low, 1 - rest)
    return _estimate(tree, value, max(low, 0.0), min(high, 1.0))


def _moved(share: float, by: float) -> float:
    """Return the share whose log-odds are so much larger."""
    return 1 / (1 + (1 - share) / share * math.exp(-by)) if 0 < share < 1 and abs(by) < 700 else share


def _gone(tree: Any, shares: causes.Shares, k: int, unseen: float, rest: float, *, least: float) -> Estimate:
    """Return which share of the slow requests is gone if a leaf changes: between `least` and 1."""
    ratio, error = float(shares.values[k]), float(shares.errors[k])
    ratio = next((whole for whole in (0.0, 1.0) if abs(ratio - whole) <= NOISE), ratio)
    low = high = ratio
    if ratio == 0:
        high = rest
    elif ratio == 1:
        low = 1 - unseen
    elif error > NOISE:
        per_call = -math.log((1 - tree._confidence) / 2)  # what is unseen is so many times the weight of a call
        if 0.5 < ratio < 1:  # what is gone is the smaller part
            low, high = (1 - end for end in reversed(_weighted(tree, 1 - ratio, error, unseen / per_call)))
        else:
            low, high = _weighted(tree, ratio, error, rest / per_call)
    value = min(max(1 - ratio, least), 1.0)
    return _estimate(tree, value, min(max(1 - high, least), value), max(min(1 - low, 1.0), value))


def _weighted(tree: Any, share: float, error: float, weight: float) -> tuple[float, float]:
    """Return the interval of a share that comes from slow calls, each of which adds at most `weight` to it."""
    variance = error * error
    if share * share >= FEW * variance:
        weight = variance / share  # typically: the rarest calls do not matter
    z = _normal(tree)
    return _gamma(share, variance, -z), _gamma(share + weight, variance + weight * weight, z)


def _gamma(mean: float, variance: float, z: float) -> float:
    """Return the quantile of a gamma distribution for that of a normal one: Wilson & Hilferty."""
    part = variance / (9 * mean * mean)
    return float(mean * max(1 - part + z * math.sqrt(part), 0.0) ** 3)


def _normal(tree: Any) -> float:
    """Return the half width of an interval, in standard errors."""
    return normal_quantile((1 + tree._confidence) / 2)


def _estimate(tree: Any, value: float, low: float, high: float) -> Estimate:
    sampled = tree._confidence is not None
    why = "; ".join(dict.fromkeys([*(why for leaf in leaves(tree) for why in leaf._why), "independent calls assumed"]))
    method = joint_method("bootstrap" if sampled else "", "" if sampled else "bucket edges")
    return Estimate(value, low, high, why, confidence=tree._confidence, method=method)
