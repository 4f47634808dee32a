"""The accuracy of `Dist.blame`: ``python -m benchmarks.accuracy_blame``.

Compares the shares of a tree with every operation with those of 100 million draws, in a minute or a few, and counts how
often the 95 % intervals hold the truth, in an hour.  ``python -m benchmarks.accuracy_blame draws`` or ``coverage`` runs
one of both, and a number behind it is that of draws, or of data sets.  Every simulation is seeded.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from historian import Histogram
from historian.tail import Blame, Dist, TailWarning, all_of, choice, first_of, hedge, k_of, retry, seq
from historian.tail.dist import from_sf

DRAWS, BATCH, REPORT = 100_000_000, 250_000, 10_000_000
DATA_SETS = 400
NORMAL = NormalDist()


class Lognormal(NamedTuple):
    """A lognormal distribution of times in seconds."""

    median: float
    sigma: float

    def exact(self) -> Dist:
        """Return it as a leaf that is known exactly."""
        return from_sf(lambda t: 1.0 if t == 0 else NORMAL.cdf(-math.log(t / self.median) / self.sigma))

    def draw(self, random: np.random.Generator, size: int | tuple[int, int]) -> NDArray[np.float32]:
        """Return times."""
        times = random.standard_normal(size, dtype=np.float32)
        times *= self.sigma
        np.exp(times, out=times)
        times *= self.median
        return times


# ---- against draws ----

LEAVES = {
    "auth": Lognormal(0.004, 0.6),
    "shard": Lognormal(0.010, 0.7),
    "index": Lognormal(0.006, 1.0),
    "cache": Lognormal(0.001, 0.5),
    "database": Lognormal(0.020, 0.8),
    "render": Lognormal(0.008, 0.9),
    "payment": Lognormal(0.015, 0.9),
    "replica": Lognormal(0.007, 1.0),
}
CALLS = {"auth": 1, "shard": 8, "index": 2, "cache": 1, "database": 1, "render": 2, "payment": 2, "replica": 3}
MISSES, HEDGE, TIMEOUT, BACKOFF = 0.2, 0.02, 0.08, 0.01


def tree_of(x: dict[str, Dist]) -> Dist:
    """Return a request tree with every operation."""
    return seq(
        x["auth"],
        all_of({x["shard"]: 8, x["index"]: 2}),
        choice({x["cache"]: 1 - MISSES, x["database"]: MISSES}),
        hedge(x["render"], after=HEDGE),
        retry(x["payment"], timeout=TIMEOUT, retries=1, backoff=BACKOFF),
        k_of(2, 3, x["replica"]),
    )


def times_of(x: dict[str, NDArray[np.float32]], is_miss: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the times of requests, from the times of their calls in rows."""
    first, second = x["payment"]
    times: NDArray[np.float64] = x["auth"][0] + np.maximum(x["shard"].max(axis=0), x["index"].max(axis=0))
    times = times + np.where(is_miss, x["database"][0], x["cache"][0])
    times += np.minimum(x["render"][0], HEDGE + x["render"][1])
    again = np.where(second <= TIMEOUT, TIMEOUT + BACKOFF + second, np.inf)
    times += np.where(first <= TIMEOUT, first, again)
    return times + np.sort(x["replica"], axis=0)[1]


def longest_of(x: dict[str, NDArray[np.float32]], is_miss: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the number of the leaf with the longest call of each request, of calls that were made."""
    made = {name: one.max(axis=0) for name, one in x.items()}
    made["cache"], made["database"] = np.where(is_miss, 0, x["cache"][0]), np.where(is_miss, x["database"][0], 0)
    made["render"] = np.where(x["render"][0] > HEDGE, made["render"], x["render"][0])
    made["payment"] = np.where(x["payment"][0] > TIMEOUT, made["payment"], x["payment"][0])
    return np.argmax(np.stack(list(made.values())), axis=0)


def against_draws(draws: int) -> None:
    """Print each share beside that of draws."""
    exact = {name: one.exact() for name, one in LEAVES.items()}
    found = tree_of(exact).blame(0.99, names={x: name for name, x in exact.items()})
    medians = {name: one.median for name, one in LEAVES.items()}
    random = np.random.default_rng(5)
    total, slow, tried = 0, 0, 0
    kinds = {kind: np.zeros(len(LEAVES)) for kind in ("slowest", "necessary", "saved")}
    while total < draws:
        times = {name: one.draw(random, (CALLS[name], BATCH)) for name, one in LEAVES.items()}
        is_miss = random.random(BATCH, dtype=np.float32) < MISSES
        late = times_of(times, is_miss) > found.t
        some = {name: one[:, late] for name, one in times.items()}
        kinds["slowest"] += np.bincount(longest_of(some, is_miss[late]), minlength=len(LEAVES))
        for k, name in enumerate(LEAVES):
            kept = times_of({**some, name: np.zeros_like(some[name])}, is_miss[late]) > found.t
            kinds["necessary"][k] += len(kept) - kept.sum()
        if (
            not total // BATCH % 10
        ):  # one batch of ten: a median can make a fast request slow, so all of them are needed
            tried += int(late.sum())
            for k, name in enumerate(LEAVES):
                kept = times_of({**times, name: np.full_like(times[name], medians[name])}, is_miss) > found.t
                kinds["saved"][k] += late.sum() - kept.sum()
        total, slow = total + BATCH, slow + int(late.sum())
        if not total % REPORT or total >= draws:
            print(f"{total:,} draws, {slow:,} slow; above {found.t:.4g} s: {slow / total:.6f}, {found.slow.value:.6f}")
            report(found, {kind: counts / (tried if kind == "saved" else slow) for kind, counts in kinds.items()})


def report(found: Blame, drawn: dict[str, NDArray[np.float64]]) -> None:
    """Print each share that was found, that of draws, and their difference."""
    worst = dict.fromkeys(drawn, 0.0)
    print(f"{'':10} " + " ".join(f"{kind:>21}" for kind in drawn))
    for k, name in enumerate(LEAVES):
        cells = []
        for kind, shares in drawn.items():
            value = getattr(found[name], kind).value
            worst[kind] = max(worst[kind], abs(value - shares[k]))
            cells.append(f"{value:.4f} {shares[k]:.4f} {value - shares[k]:+.4f}")
        print(f"{name:10} " + " ".join(f"{cell:>21}" for cell in cells))
    print("largest difference:", ", ".join(f"{kind} {one:.5f}" for kind, one in worst.items()), flush=True)


# ---- coverage ----


class Situation(NamedTuple):
    """A tree, its leaves, the number of values of each, and the quantile from which on requests are slow."""

    tree: Callable[..., Dist]
    leaves: tuple[Lognormal, ...]
    values: int
    q: float


SITUATIONS = {
    "chain of three": Situation(
        seq, (Lognormal(0.010, 0.5), Lognormal(0.008, 0.9), Lognormal(0.020, 0.3)), 10_000, 0.99
    ),
    "fan-out of 10 in a chain": Situation(
        lambda a, b: seq(a, all_of(10, b)), (Lognormal(0.010, 1.0), Lognormal(0.005, 0.6)), 10_000, 0.99
    ),
    "quorum, first, either": Situation(
        lambda a, b, c: seq(k_of(2, 3, a), first_of(2, b), choice({b: 0.7, c: 0.3})),
        (Lognormal(0.010, 0.8), Lognormal(0.010, 1.0), Lognormal(0.050, 0.8)),
        10_000,
        0.99,
    ),
    "hedge and retry": Situation(
        lambda a, b: seq(hedge(a, after=0.03), retry(b, timeout=0.1, retries=1)),
        (Lognormal(0.010, 1.0), Lognormal(0.015, 0.8)),
        10_000,
        0.99,
    ),
    "chain, few values": Situation(seq, (Lognormal(0.010, 0.5), Lognormal(0.008, 0.9)), 1_000, 0.99),
    "chain, far tail": Situation(seq, (Lognormal(0.010, 0.5), Lognormal(0.008, 0.9)), 10_000, 0.999),
}


def coverage(sets: int) -> None:
    """Print how often the interval of each share holds the truth, in percent, for the leaves of each situation."""
    print(f"{sets} data sets\n| tree | slowest | necessary | saved |\n|---|---|---|---|", flush=True)
    for name, one in SITUATIONS.items():
        exact = [leaf.exact() for leaf in one.leaves]
        truth = one.tree(*exact).blame(one.q)
        random, held = np.random.default_rng(8), np.zeros((len(exact), 3))
        for done in range(sets):
            drawn = [Histogram.from_values(leaf.draw(random, one.values)).dist() for leaf in one.leaves]
            tree = one.tree(*drawn)
            # Their own medians, known to few percent, would be another question than the true ones.
            found = tree.blame(t=truth.t, instead={x: truth[y].instead for x, y in zip(drawn, exact)})
            for k, (x, y) in enumerate(zip(drawn, exact)):
                for kind, what in enumerate(("slowest", "necessary", "saved")):
                    share, true = getattr(found[x], what), getattr(truth[y], what).value
                    held[k, kind] += share.lower <= true <= share.upper
            if not (done + 1) % 10:
                print(f"{name}: of {done + 1}", held.T.astype(int).tolist(), file=sys.stderr, flush=True)
        percent = [", ".join(f"{share:.0f}" for share in column) for column in (100 * held / sets).T]
        print(f"| {name} | {' | '.join(percent)} |", flush=True)


def main(arguments: list[str]) -> None:
    """Run the parts that are named, by default both."""
    names = [one for one in arguments if not one.isdigit()] or ["draws", "coverage"]
    number = next((int(one) for one in arguments if one.isdigit()), None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TailWarning)
        if "draws" in names:
            against_draws(number or DRAWS)
        if "coverage" in names:
            coverage(number or DATA_SETS)


if __name__ == "__main__":
    main(sys.argv[1:])
