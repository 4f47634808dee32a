"""Files of load generators that hold counts of values: each count is added at once."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import NamedTuple

from ..._values.key import Key
from ..._values.text import percent
from .benchmarks import read_benchmarks
from .choice import Together
from .fields import parsed_document
from .hdr import read_wrk2
from .layout import Layout
from .tally import InputError, Tally, clipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

__all__ = ["read_counted"]


class _Bin(NamedTuple):
    """Values that were counted together, and what is known of them, for ``--where`` and ``--by``."""

    value: float
    number: int  # how many
    keys: dict[str, str]


def read_counted(stream: BinaryIO, name: str, layout: Layout, tally: Tally, kind: str) -> None:
    """Count what a file of this kind holds.  Raises InputError if it does not hold what it should."""
    READERS[kind](stream, name, layout, tally)


def _read_document(
    bins: Callable[[Any], Iterator[_Bin]],
    note: Callable[[list[_Bin]], str],
    stream: BinaryIO,
    name: str,
    layout: Layout,
    tally: Tally,
) -> None:
    together = Together(layout.apart)
    try:
        root = parsed_document(stream, name)
        found = list(bins(root))
        if not found:
            raise ValueError("it has no counts of latencies")
        for one in found:
            if _add(one, layout, tally):
                together.add(one.keys.get(layout.apart))
    except (KeyError, TypeError, AttributeError) as error:
        tally.bad(name, f"it does not hold what this generator writes: {clipped(str(error))}")
    except ValueError as error:
        tally.bad(name, str(error))
    else:
        tally.note(f"{name}: {note(found)}")
        if together.is_several:
            tally.note(together.note(name))


def _add(one: _Bin, layout: Layout, tally: Tally) -> bool:
    """Add a bin; return whether anything was counted.  Raises ValueError."""
    if isinstance(one.number, bool) or not isinstance(one.number, int) or not 0 <= one.number < 2**62:
        raise ValueError(f"a count is {one.number!r}, not a whole number from 0 on")
    value = tally.checked(one.value, repr(one.value))
    group: Key | None = layout.otherwise
    if not layout.choice.is_all:
        layout.choice.known.update(dict.fromkeys(one.keys))
        group = layout.choice.group(one.keys.get, layout.otherwise)
    if group is None or not one.number:
        return False
    tally.add([value], group, [one.number])
    return True


def _fio(root: dict[str, Any]) -> Iterator[_Bin]:
    """Yield the bins of completion latencies; of each direction of each job."""
    for job in root["jobs"]:
        for direction in ("read", "write", "trim"):
            bins = job.get(direction, {}).get("clat_ns", {}).get("bins", {})
            for value, count in bins.items():
                yield _Bin(float(value), count, {"jobname": str(job.get("jobname", "")), "direction": direction})


def _locust(root: list[dict[str, Any]]) -> Iterator[_Bin]:
    for entry in root:
        for value, count in entry["response_times"].items():
            yield _Bin(float(value), count, {"name": str(entry.get("name", "")), "method": str(entry.get("method"))})


def _oha(root: dict[str, Any]) -> Iterator[_Bin]:
    for value, count in root["responseTimeHistogram"].items():
        yield _Bin(float(value), count, {})


def _jmeter(stream: BinaryIO, name: str, layout: Layout, tally: Tally) -> None:
    """Count the samples of JMeter's XML.  Those within others, the parts of a transaction, are left out."""
    from xml.parsers import expat

    depth, number = 0, 0

    def start(element: str, attributes: dict[str, str]) -> None:
        nonlocal depth, number
        depth += 1
        if depth != 2 or element not in ("sample", "httpSample"):
            return
        number += 1
        keys = {"label": attributes.get("lb", ""), "success": attributes.get("s", ""), **attributes}
        keys.update({"responseCode": attributes.get("rc", ""), "threadName": attributes.get("tn", "")})
        try:
            elapsed = tally.number(attributes["t"]) if "t" in attributes else _no_time()
            _add(_Bin(elapsed, 1, keys), layout, tally)
        except ValueError as error:
            tally.bad(f"{name}: sample {number}", str(error))

    def end(element: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.EntityDeclHandler = partial(_refuse_entities, name)
    try:
        while chunk := stream.read(1 << 16):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        tally.bad(f"{name}:{error.lineno}", f"not XML: {expat.ErrorString(error.code)}")


def _no_time() -> float:
    raise ValueError("it has no attribute t, the elapsed time")


def _refuse_entities(name: str, *declared: object) -> None:
    raise InputError(f"{name}: it declares entities, which the XML of JMeter does not")


def _said_of_fio(bins: list[_Bin]) -> str:
    return "counts of fio's bins: its values are within 0.8 %"


def _said_of_locust(bins: list[_Bin]) -> str:
    return "locust rounds to ms and two digits: within 5 % from 10 ms on"


def _said_of_oha(bins: list[_Bin]) -> str:
    """Return how far apart the bins are.  Versions of oha differ in which of its values a bin is named after."""
    values = sorted(one.value for one in bins if one.value > 0)
    widest = max((high / low - 1 for low, high in pairwise(values)), default=0.0)
    return f"counts of oha's bins, which are up to {percent(widest)} apart: percentiles are rough"


READERS: dict[str, Callable[[Any, str, Layout, Tally], None]] = {
    "benchmarks": read_benchmarks,
    "fio": partial(_read_document, _fio, _said_of_fio),
    "jmeter": _jmeter,
    "locust": partial(_read_document, _locust, _said_of_locust),
    "oha": partial(_read_document, _oha, _said_of_oha),
    "wrk2": read_wrk2,
}
