"""`Durations`: how long requests took, by method, route, status and error, as OpenTelemetry names them."""

from __future__ import annotations

from ..._live.exemplars import labels_of
from ..._live.family import Family
from ..._live.recorder import DISABLED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..._live.recorder import Recorder
    from ...registry import Registry

    _Pairs = tuple[tuple[str, str], ...]

__all__ = ["CLIENT_DISCONNECT", "Durations", "error_type"]

#: Name and labels of OpenTelemetry's semantic conventions for HTTP.
NAME = "http.server.request.duration"
LABELS = ("http.request.method", "http.route", "http.response.status_code", "error.type")

#: Methods of RFC 9110, RFC 5789 and the draft of QUERY.  Clients may send any other word: all of these are one label.
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
OTHER = "_OTHER"
UNKNOWN = (OTHER, "")  # label and error of a status outside of 100 to 599

#: The error of a request whose client went away before the end of the answer.
CLIENT_DISCONNECT = "client_disconnect"


class Durations:
    """Recorders of durations of requests, found by what is known when a request ends."""

    __slots__ = ("_family", "_methods", "_series", "_statuses", "has_exemplars")

    has_exemplars: bool  # whether each request is recorded with the ids of its span
    _family: Family
    _series: dict[tuple[str, ...], Recorder]  # those of the family, which forgets what is removed
    _methods: frozenset[str]
    _statuses: dict[int | str, tuple[str, str]]  # label and error by status; "" and 0 are those of no answer

    def __init__(self, registry: Registry | None, max_series: int, status_class: bool, exemplars: bool) -> None:
        if registry is not None and not hasattr(registry, "family"):
            raise TypeError(f"registry must be a Registry, not {type(registry).__name__}")
        chosen = registry if registry is not None else _default()
        self._family = chosen.family(NAME, labels=LABELS, unit="s", max_series=max_series)
        self.has_exemplars = exemplars and not DISABLED
        self.exemplar()  # raises here, not at the first request, if OpenTelemetry is not installed
        self._series = self._family._series
        self._methods = frozenset(METHODS)
        self._statuses = {0: ("", ""), "": ("", "")}
        for code in range(100, 600):
            label, error = f"{code // 100}xx" if status_class else str(code), str(code) if code >= 500 else ""
            self._statuses[code] = self._statuses[str(code)] = label, error

    def exemplar(self) -> _Pairs | None:
        """Return the ids of the current span, if exemplars are wanted and there is one that is sampled."""
        found = labels_of(True, False) if self.has_exemplars else None
        return found if isinstance(found, tuple) else None

    def record(
        self, nanoseconds: int, method: str, route: str, status: int | str, error: str, exemplar: _Pairs | None
    ) -> None:
        """Record a request that has ended.  Without another error, that of a status from 500 on is the status.

        Without the ids of the span that was current when its answer began, those of the current one are taken.
        """
        label, failure = self._statuses.get(status, UNKNOWN)
        labels = (method if method in self._methods else OTHER, route, label, error or failure)
        found = self._series.get(labels)
        if found is None:
            found = self._family._at_end(labels)
        if self.has_exemplars and (exemplar := exemplar or self.exemplar()) is not None:
            found.record(nanoseconds / 1e9, exemplar=dict(exemplar))
        else:
            found.record(nanoseconds / 1e9)


def _default() -> Registry:
    from ...registry import default_registry

    return default_registry


def error_type(error: BaseException) -> str:
    """Return the name of an exception's class, with its module unless it is Python's own.

    >>> import decimal
    >>> error_type(KeyError("x")), error_type(decimal.InvalidOperation())
    ('KeyError', 'decimal.InvalidOperation')
    """
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
