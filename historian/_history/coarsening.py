"""Old intervals become longer ones: the same counts, in fewer intervals."""

from __future__ import annotations

from ..histogram import merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._values.key import Key
    from .reading import FileSource
    from .writing import FileLog

__all__ = ["coarsen"]


def coarsen(source: FileSource, log: FileLog, step: int) -> Iterator[None]:
    """Write the intervals of a source to a log as longer ones, and yield after each of them.

    They end where no interval crosses a whole multiple of `step`, so nothing is split.  Gaps within a step vanish.
    """
    group: list[int] = []
    for i, start in enumerate(source.starts):
        if group and start >= -(-source.ends[group[-1]] // step) * step:
            _write(source, log, group)
            group = []
            yield
        group.append(i)
    if group:
        _write(source, log, group)
        yield


def _write(source: FileSource, log: FileLog, group: list[int]) -> None:
    """Write intervals as one; as they are, if a key has another unit in some of them, or too many values in all."""
    parts = [source.blobs(i) for i in group]
    blobs: dict[Key, list[bytes]] = {}
    for part in parts:
        for key, blob in part.items():
            blobs.setdefault(key, []).append(blob)
    merged = _merged(blobs)
    if merged is not None:
        log.copy(source.starts[group[0]], source.ends[group[-1]], merged)
        return
    for i, part in zip(group, parts):
        log.copy(source.starts[i], source.ends[i], part)


def _merged(blobs: Mapping[Key, list[bytes]]) -> dict[Key, bytes] | None:
    try:
        return {key: found[0] if len(found) == 1 else merge(found).to_bytes() for key, found in blobs.items()}
    except (ValueError, OverflowError):
        return None
