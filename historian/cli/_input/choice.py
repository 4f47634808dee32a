"""`Choice`: which rows, lines and recorders count (``--where``), and how they are grouped (``--by``)."""

from __future__ import annotations

import os

from ..._values.key import Key
from ..._values.text import quoted, token
from .._near import did_you_mean, listed
from .tally import ALL, InputError, clipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["EVERYTHING", "METRICS", "Choice", "Mixture", "Together"]

#: Values of a column, field or label that are remembered for suggestions.
REMEMBERED = 1_000

#: Columns and fields that tell several metrics apart: of k6, InfluxDB, Prometheus.
METRICS = ("metric_name", "metric", "__name__", "_measurement", "_field", "measurement")


class Choice:
    """What ``--where`` and ``--by`` ask for, and what was found.

    A key is a column of csv, a field of JSON, a label of a recorder, or ``name``, the name of a recorder, and of a file
    whose contents have no names.

    >>> choice = Choice({"path": {"/a"}}, ("code",))
    >>> choice.group({"path": "/a", "code": "200"}.get)
    Key('', code='200')
    >>> choice.group({"path": "/b", "code": "200"}.get) is None
    True
    """

    def __init__(self, where: Mapping[str, Iterable[str]] | None = None, by: tuple[str, ...] = ()) -> None:
        self.where = {key: frozenset(values) for key, values in (where or {}).items()}
        self.by = by
        self.named = False  # whether there were recorders, which have names
        self.known: dict[str, None] = {}  # keys that exist; the readers add them
        self._keys = tuple(dict.fromkeys((*self.where, *by)))
        self._seen: dict[str, dict[str, None]] = {key: {} for key in self._keys}  # values by key
        self._decided: dict[tuple[str | None, ...], Key] = {}  # the groups of values that were met before
        self._looked = False  # whether anything was offered
        self._found = False  # whether anything was chosen
        self._narrowed: dict[tuple[tuple[str, str], ...], Choice] = {}  # see `narrowed`

    def narrowed(self, where: tuple[tuple[str, str], ...]) -> Choice:
        """Return this choice, and in addition `where`, unless the user has chosen or grouped by metrics or that key."""
        asked = {*self.where, *self.by}
        chosen = {key for key, _ in where if key in asked or (key in METRICS and not asked.isdisjoint(METRICS))}
        more = tuple((key, value) for key, value in where if key not in chosen)
        if not more:
            return self
        if more not in self._narrowed:
            self._narrowed[more] = Choice({**self.where, **{key: {value} for key, value in more}}, self.by)
        return self._narrowed[more]

    @property
    def found(self) -> bool:
        """Whether anything was chosen."""
        return self._found

    @property
    def is_all(self) -> bool:
        """Whether everything counts, in one group."""
        return not (self.where or self.by)

    def group(self, value_of: Callable[[str], str | None], otherwise: Key = ALL) -> Key | None:
        """Return the group of a row, or None if the row does not count.

        `value_of` returns the value of a key, None if there is none; ``--where key=`` asks for that.  Without ``--by``
        the group is `otherwise`.
        """
        values = tuple(map(value_of, self._keys))
        if values in self._decided:
            return self._decided[values] or otherwise
        if not self._fits(values):
            return None
        self._found = True
        if not self.by:
            return otherwise
        group = Key("", **{key: value or "" for key, value in zip(self._keys, values) if key in self.by})
        if len(self._decided) < REMEMBERED:
            self._decided[values] = group
        return group

    def _fits(self, values: tuple[str | None, ...]) -> bool:
        """Return whether the values are those that ``--where`` asks for; remember them for suggestions."""
        self._looked = True
        fits = True
        for key, value in zip(self._keys, values):
            if value is not None and len(self._seen[key]) < REMEMBERED:
                self._seen[key][value] = None
            fits = fits and (key not in self.where or (value or "") in self.where[key])
        return fits

    def of_recorder(self, key: Key) -> Key | None:
        """Return the group of a recorder, or None if it does not count."""
        self.named = True
        if self.is_all:
            return key
        values = {"name": key.name, **dict(key.labels)}
        self.known.update(dict.fromkeys(values))
        return self.group(values.get, key)

    def of_file(self, file: str, otherwise: Key) -> Key | None:
        """Return the group of a file without columns, fields and labels, which has only a name; None if not chosen."""
        if self.is_all:
            return otherwise
        self.known["name"] = None
        return self.group({"name": self.file_name(file)}.get, otherwise)

    def file_name(self, file: str) -> str:
        """Return the name of a file: without its folder if ``--where`` asks for that."""
        asked = self.where.get("name", frozenset())
        return file if file in asked or os.path.basename(file) not in asked else os.path.basename(file)

    def check(self) -> None:
        """Raise InputError if a key was never there, or no row has the values that were asked for."""
        for one in self._narrowed.values():
            one.check()
        if not self._looked:
            return
        for key in (*self.where, *(self.by if self._found else ())):
            if not self._seen[key]:
                option = "--where" if key in self.where else "--by"
                if key in self.known:
                    if self._found and "" in self.where.get(key, ()):
                        continue  # what has no value was asked for
                    raise InputError(f"no value of {clipped(key)} for {option} is a text, a number, true or false")
                hint = did_you_mean(key, self.known) or (f"; there are {listed(self.known)}" if self.known else "")
                raise InputError(f"no column, field or label {clipped(key)} for {option}{hint}")
        if self._found:
            return
        for key, accepted in self.where.items():
            missing = [value for value in sorted(accepted) if value not in self._seen[key]]
            if len(missing) == len(accepted):
                seen = self._seen[key]
                hint = did_you_mean(missing[0], seen) or f"; there are {listed(seen)}"
                raise InputError(f"nothing has {printed(key, missing[0])}{hint}")
        raise InputError("nothing has all that --where asks for")

    def name_of(self, key: Key, otherwise: str = "") -> str:
        """Return the text that names a group: the value of a single ``--by``, else key=value of each.

        Different groups have different names.
        """
        if not self.by:
            return (quoted(otherwise) if otherwise.startswith('"') else otherwise) or str(key)
        values = dict(key.labels)
        if len(self.by) == 1:
            value = values[self.by[0]]
            return quoted(value) if value.startswith(("(no ", '"')) else value or f"(no {self.by[0]})"
        return ",".join(f"{token(one)}={token(values[one]) if values[one] else ''}" for one in self.by)


#: The choice of all, in one group.
EVERYTHING = Choice()


class Mixture:
    """Notices that one column of numbers holds several metrics, which one histogram would mix.

    >>> mixture = Mixture("metric", "k6.json")
    >>> mixture.add("http_reqs"); mixture.add("http_req_duration")
    Traceback (most recent call last):
    historian.cli._input.tally.InputError: k6.json: several metrics would be mixed, 'http_reqs' and \
'http_req_duration': choose one with --where metric=http_reqs, or take each with --by metric
    """

    def __init__(self, key: str, where: str) -> None:
        self._key = key
        self._where = where
        self._first: str | None = None

    def add(self, metric: str) -> None:
        """Note the metric of a number.  Raises InputError for the second one."""
        if self._first is None:
            self._first = metric
        elif metric != self._first:
            raise InputError(
                f"{self._where}: several metrics would be mixed, {clipped(self._first)} and {clipped(metric)}: "
                f"choose one with --where {printed(self._key, self._first)}, or take each with --by {self._key}"
            )


class Together:
    """Notices that several things are counted together, such as the benchmarks of a file, which is no mistake.

    >>> together = Together("benchmarks.name")
    >>> together.add("a"); together.add("a"); together.is_several
    False
    >>> together.add("b"); together.note("run.json")
    'run.json: several are counted together: --by benchmarks.name takes each'
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._first: str | None = None
        self.is_several = False

    def add(self, value: str | None) -> None:
        """Note the thing that a number belongs to."""
        if self._first is None:
            self._first = value
        elif value is not None and value != self._first:
            self.is_several = True

    def note(self, where: str) -> str:
        """Return what readers of the numbers should know."""
        return f"{where}: several are counted together: --by {self._key} takes each"


def printed(key: str, value: str) -> str:
    """Return key=value for a message, clipped if it is long, in quotes if a shell needs them."""
    text = f"{key}={value}"
    plain = len(text) <= 60 and text.isprintable() and not any(c in " '\"\\$&|;<>*?`(){}[]" for c in text)
    return text if plain else clipped(text)
