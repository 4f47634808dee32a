"""An object of every type that notebooks and terminals show: with values, without any, and with hostile names."""

import functools
import random

from historian import Comparison, Comparisons, Histogram, Key, Profile, Recorder, Registry, compare, interleave, merge
from historian.tail import first_of, retry
from historian.tail.dist import from_sf

HOSTILE = [
    "<script>alert('1')</script>",
    "\"><img src=x onerror='alert(1)'>",
    "]]></style></svg><b>",
    "<!-- & &amp; &#60; &lt; -->",
    "\x1b[2J\x1b]0;title\x07\r\n\0\x7f\x85",
    "\u202eevil\u2066\u200b\ufeff\u2028",
    "[bold red]markup[/bold red] [/]",
    "{x} %s \\N{BULLET} $(id) `id`",
    "a" * 3_000,
    "<" * 3_000,
    "e" + "\u0301" * 3_000,
    "\u4e2d" * 3_000,
    "\U0001f600" * 3_000,
    "",
    " \t ",
]


def lognormal(median, sigma, number, seed=1):
    """Return a seeded sample."""
    draw = random.Random(seed)
    return [median * draw.lognormvariate(0, sigma) for _ in range(number)]


#: Two modes: one in twenty is fifty times slower.
TWO_MODES = Histogram.from_values(lognormal(0.004, 0.4, 9_500) + lognormal(0.25, 0.25, 500))
OTHER = Histogram.from_values(lognormal(0.003, 0.4, 9_500, seed=2) + lognormal(0.25, 0.25, 200, seed=3))
ALL_BUCKETS = Histogram.from_values([2 ** (k / 64) for k in range(-2048, 4096)] + [0.0] * 9 + [1e30], unit="rows")


def blocks(median, seed, name, *, number=10):
    """Return a comparison as `interleave` does, of made-up times."""
    pairs = [
        (
            Histogram.from_values(lognormal(0.001, 0.2, 100, seed=seed + k)),
            Histogram.from_values(lognormal(median, 0.2, 100, seed=2 * seed + k)),
        )
        for k in range(number)
    ]
    return Comparison(merge(a for a, _ in pairs), merge(b for _, b in pairs), blocks=pairs, names=("first", name))


def registry(names, values=(0.010, 0.020, 0.5)):
    """Return a registry with a recorder for each name, and each name as a label."""
    made = Registry()
    for k, name in enumerate(names):
        made.recorder((name or "x")[:300], unit=("s", "ms", "bytes", "rows")[k % 4], label=name[:150]).record_many(
            values
        )
    return made


def with_values():
    """Return an object of each type, with values, by name."""
    recorder = Recorder("lookup")
    recorder.record_many(lognormal(0.003, 0.3, 1_000))
    full = registry([f"name-{k}" for k in range(6)])
    return {
        "histogram": TWO_MODES,
        "few": Histogram.from_values([0.01, 0.5]),
        "one value": Histogram.from_values([1.0]),
        "zeros": Histogram.from_values([0.0] * 20),
        "tiny": Histogram.from_values([1e-300, 1e-12, 1e-11]),
        "huge": Histogram.from_values([1e300, 1.7e308], unit="bytes"),
        "all buckets": ALL_BUCKETS,
        "difference": TWO_MODES + OTHER - OTHER,
        "corrected": Histogram.from_values([0.1, 1.0, 10.0]).corrected(0.25),
        "recorder": recorder,
        "registry": full,
        "snapshot": full.snapshot(),
        "profile": full.profile(),
        "large profile": Profile({f"{'x' * 70}{k}": Histogram.from_values([k + 1.0]) for k in range(500)}),
        "profile of many units": Profile({f"u{k}": Histogram.from_values([k], unit=f"u{k}") for k in range(100)}),
        "key": Key("query", table="users"),
        "estimate": TWO_MODES.ci(0.99),
        "share": TWO_MODES.fanout(100).p_wait(0.5),
        "open estimate": Histogram.from_values([1.0, 2.0]).ci(0.999),
        "estimates": TWO_MODES.ci([0.5, 0.9, 0.99]),
        "table of estimates": TWO_MODES.fanout([[1, 2], [30, 40]]).p_wait(0.3),
        "curve": TWO_MODES.fanout(range(1, 1001)).p_wait(0.3),
        "dist": TWO_MODES.dist(),
        "exact dist": from_sf(lambda t: 2.0**-t),
        "hedged": first_of(2, TWO_MODES.dist()),
        "retry": retry(TWO_MODES.dist(), timeout=0.001, retries=2),
        "fan-out": TWO_MODES.fanout(100),
        "huge fan-out": TWO_MODES.fanout(10**90),
        "objective": TWO_MODES.slo(0.1, 0.96),
        "objective without budget": TWO_MODES.slo(0.1, 1),
        "comparison": compare(TWO_MODES, OTHER),
        "comparison of zeros": compare(Histogram.from_values([0.0]), Histogram.from_values([0.0])),
        "blocks": blocks(0.0012, 7, "second"),
        "interleaved": interleave(lambda: sum(range(9)), lambda: sum(range(90)), calls=3, blocks=8, seed=1),
        "interleaved runs": interleave(lambda: 1, lambda: 2, lambda: 3, calls=3, blocks=8, seed=1),
    }


def without_values():
    """Return an object of each type, without values, by name."""
    empty = Histogram()
    return {
        "histogram": empty,
        "recorder": Recorder(),
        "registry": Registry(),
        "registry of idle recorders": registry(["idle"], values=()),
        "snapshot": Registry().snapshot(),
        "profile": Profile({}),
        "key": Key(""),
        "estimate": empty.ci(0.5),
        "estimates": empty.ci([0.5, 0.9]),
        "no estimates": TWO_MODES.ci([]),
        "dist": empty.dist(),
        "fan-out": empty.fanout(3),
        "objective": empty.slo(1.0, 0.9),
        "comparison": compare(empty, empty),
        "half a comparison": compare(TWO_MODES, empty),
        "comparisons": Comparisons(),
    }


@functools.cache
def with_hostile_names(name):
    """Return objects that hold a name wherever one can be given."""
    unit = name[:60] if name.strip() and name[:60].isprintable() else "s"
    h, recorder = Histogram.from_values(lognormal(0.003, 0.3, 200)), Recorder(name, unit=unit)
    recorder.record_many([1.0, 2.0, 1e25])
    return {
        "recorder": recorder,
        "histogram": recorder.snapshot(),
        "registry": registry(HOSTILE),
        "snapshot": registry([name]).snapshot(),
        "profile": Profile({name: h, "other": recorder.snapshot()}, notes=[name] * 30),
        "key": Key(name, **{name or "x": name}),
        "comparison": compare(h, h, names=(name, "<b>" + name)),
        "comparisons": Comparisons([blocks(0.0012, 7, name, number=8), blocks(0.001, 8, "'" + name, number=8)]),
        "fan-out": recorder.snapshot().fanout(3),
        "dist": recorder.snapshot().dist(),
        "objective": recorder.snapshot().slo(1.5, 0.5),
        "estimate": recorder.snapshot().ci(0.5),
        "estimates": recorder.snapshot().ci([0.5]),
    }
