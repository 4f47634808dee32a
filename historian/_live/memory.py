"""Recorders in this process' memory, as a registry reads and drains them; for those of a file see `directories`."""

from __future__ import annotations

import os
import time

from .snapshots import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .._core import _Taken
    from .._values.key import Key
    from ..formats._lines import Source
    from ..histogram import Histogram
    from .recorder import Recorder

__all__ = ["Identity", "drain_memory", "read_memory"]


class Identity:
    """Identifies the recorders of one registry in this process' memory."""

    __slots__ = ("_id",)

    def __init__(self) -> None:
        self._id = (0, "")  # process id, and random digits

    def of(self, found: Recorder) -> str:
        """Return the id of a recorder until its next drain."""
        if self._id[0] != os.getpid():  # a forked process counts on by itself
            self._id = os.getpid(), os.urandom(12).hex()
        return f"{self._id[1]}-{found._drains}"


def read_memory(recorders: Mapping[Key, Recorder], identity: Identity) -> Snapshot:
    """Return the histograms of all recorders, in the order of their creation."""
    now = time.time()
    histograms: dict[Key, Histogram] = {}
    sources: dict[Key, Source] = {}
    starts: dict[Key, float] = {}
    for key, found in list(recorders.items()):
        source = ""
        while source != identity.of(found):  # if another thread drains, read again
            source, starts[key] = identity.of(found), found._start
            histograms[key] = found.snapshot()
        sources[key] = source, now
    return Snapshot(histograms, sources=sources, starts=starts)


def drain_memory(
    recorders: Mapping[Key, Recorder], identity: Identity, chosen: Collection[Key] | None, taken: list[_Taken]
) -> Snapshot:
    """Drain all recorders, or those chosen; return what they held.  What is taken out is also added to `taken`."""
    private = [(key, one) for key, one in list(recorders.items()) if chosen is None or key in chosen]
    sources = {key: (identity.of(found), time.time()) for key, found in private}
    return Snapshot({key: found._drained(taken) for key, found in private}, sources=sources)
