"""Latency histograms: record for the cost of a method call, merge without loss, ask for any percentile.

==============================  ======================================================================
to                              use
==============================  ======================================================================
record, from any thread         `Recorder`, or `recorder` to get one by name; ``with rec.time():``, ``@rec.timed``
ask                             `Histogram`: ``rec.snapshot().quantile(0.99)``
combine                         ``a + b``, `merge`
group a column, a data frame    ``historian.group(df, by="route", value="latency")``: `group`, `Groups`
send, store                     `Histogram.to_bytes`, ``Histogram.from_bytes(data)``
keep many by name, print them   `Registry`: ``print(registry.profile())``
find one by its labels, fast    `Family`: ``registry.family("http", labels=("method", "route"))["GET", "/users"]``
count in many processes         ``Registry(directory)``, or ``HISTORIAN_DIR=directory`` and `recorder`
save a snapshot to a file       `historian.snapshot`
write down when it was slow     ``registry.history(every=10.0, path="shop.history")``, `Recording`
ask when it was slow            `History`: ``history.resample("1m").percentile(99)``, `Interval`, `TimeSeries`
know if an error budget lasts   ``history.forecast(0.5, target=0.999)``, `Forecast`
go from a p99 to a trace        ``rec.record(value, exemplar={"trace_id": ...})``, `Histogram.exemplars`
know how sure a percentile is   ``histogram.ci(0.99)``
go from one call to many        ``histogram.fanout(100).p_wait(0.5)``
model a request tree            ``histogram.dist()`` and the functions of `historian.tail`
know what load does to it       `historian.queueing`: hedges and retries on busy servers, laws of scalability
compare, by ratios              ``historian.compare(a, b)``; `interleave` runs functions in turn
plan a test                     ``historian.plan(pilot, 1.1, q=0.99)``: how many values see 10 %; `plan`, `Plan`
see since when it is slower     ``historian.changes(histograms)`` of consecutive intervals: `changes`, `Change`
draw                            ``histogram.plot()``, `historian.plot`
let Prometheus scrape           `historian.formats.prometheus`, `historian.web`
look up bucket edges            `historian.buckets`
know what the runtime costs     `historian.meters`: event loop, garbage collection, GIL, hiccups, executors
record from Cython              ``cimport historian._core``, `get_include`
==============================  ======================================================================

>>> import historian
>>> latency = historian.Recorder("lookup")
>>> latency.record_many([0.010] * 99 + [1.0])           # seconds; one in a hundred is slow
>>> h = latency.snapshot()
>>> h.percentile(50), h.max                             # the maximum is exact, a percentile is within 0.5415 %
(0.01, 1.0)
>>> round(h.fanout(100).p_wait(0.5), 3)                 # share of users over 0.5 s, if each waits for 100 calls
0.634
"""

from . import buckets

try:
    from ._core import Timer, get_include
except ModuleNotFoundError as _missing:
    raise ImportError(
        "historian's core is not compiled for this Python: run pip install . in the root of the checkout"
    ) from _missing
except ImportError as _refused:
    if "subinterpreters" not in str(_refused) and "one interpreter per process" not in str(_refused):
        raise
    raise ImportError(
        "only one interpreter of a process can import historian here (several from Python 3.12 on, with a GIL): set "
        "WSGIApplicationGroup %{GLOBAL} for mod_wsgi; use a ProcessPoolExecutor or ThreadPoolExecutor for others"
    ) from _refused
from ._live.recorder import Recorder
from ._values.exemplar import Exemplar
from .histogram import Histogram, MergeWarning, merge
from .registry import (
    CorruptFileError,
    CorruptFileWarning,
    Family,
    FamilyWarning,
    Key,
    Registry,
    RegistryWarning,
    Snapshot,
    Timing,
    default_registry,
    recorder,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import engines, formats, meters, plot, queueing, snapshot, tail, web
    from ._compare.change import Change
    from ._compare.changes import changes
    from ._compare.comparison import Comparison, compare
    from ._compare.comparisons import Comparisons
    from ._compare.interleave import interleave
    from ._compare.planning import Plan, plan
    from ._history.forecast import Forecast
    from ._history.series import TimeSeries
    from ._live.awaited import TimedWarning
    from ._show.profile import Profile
    from .groups import Groups, group
    from .history import History, Interval
    from .recording import Recording

__version__ = "0.1.0"

__all__ = [
    "Change",
    "Comparison",
    "Comparisons",
    "CorruptFileError",
    "CorruptFileWarning",
    "Exemplar",
    "Family",
    "FamilyWarning",
    "Forecast",
    "Groups",
    "Histogram",
    "History",
    "Interval",
    "Key",
    "MergeWarning",
    "Plan",
    "Profile",
    "Recorder",
    "Recording",
    "Registry",
    "RegistryWarning",
    "Snapshot",
    "TimeSeries",
    "TimedWarning",
    "Timer",
    "Timing",
    "buckets",
    "changes",
    "compare",
    "default_registry",
    "engines",
    "formats",
    "get_include",
    "group",
    "interleave",
    "merge",
    "meters",
    "plan",
    "plot",
    "queueing",
    "recorder",
    "snapshot",
    "tail",
    "web",
]


#: Modules of the names that few programs need.  `__getattr__` imports them on first use.
_HOMES = {
    "Change": "_compare.change",
    "Comparison": "_compare.comparison",
    "Comparisons": "_compare.comparisons",
    "Forecast": "_history.forecast",
    "Groups": "groups",
    "History": "history",
    "Interval": "history",
    "Plan": "_compare.planning",
    "Profile": "_show.profile",
    "TimeSeries": "_history.series",
    "Recording": "recording",
    "TimedWarning": "_live.awaited",
    "changes": "_compare.changes",
    "compare": "_compare.comparison",
    "interleave": "_compare.interleave",
    "engines": "engines",
    "formats": "formats",
    "group": "groups",
    "meters": "meters",
    "plan": "_compare.planning",
    "plot": "plot",
    "queueing": "queueing",
    "snapshot": "snapshot",
    "tail": "tail",
    "web": "web",
}


if not TYPE_CHECKING:  # otherwise a type checker would accept every misspelt name

    def __getattr__(name: str) -> object:
        """Import the module of a name in `_HOMES` when the name is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        module = import_module(f".{_HOMES[name]}", __name__)
        found = globals()[name] = getattr(module, name, module)
        return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
