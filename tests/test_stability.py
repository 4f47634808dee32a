"""What docs/stability.md promises and no other test holds: what is public, and that snapshots are read for ever."""

import inspect
import re
from pathlib import Path

import historian
import historian.snapshot
from historian import Histogram

DATA = Path(__file__).parent / "data"


def test_the_page_names_every_public_module() -> None:
    page = (Path(__file__).parents[1] / "docs" / "stability.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith("| Python |"))
    modules = [f"historian.{name}" for name in historian.__all__ if inspect.ismodule(getattr(historian, name))]
    assert re.findall(r"`(historian[.\w]*)`", row) == ["historian", *modules]


def test_a_snapshot_of_0_1_0() -> None:
    loaded = historian.snapshot.load(DATA / "snapshot-0.1.0.jsonl")
    named = [(key.name, dict(key.labels)) for key in loaded]
    assert named == [("query", {"table": "users"}), ('tags: ä, "b"', {}), ("idle", {})]
    query, tags, idle = loaded.values()
    # 2 ms = 2^(64/64) is the upper edge of bucket 63, 3.5 = 2^(115.67/64) lies in bucket 115; 0 and 2^70 are outside
    assert dict(zip(query.indices.tolist(), query.counts.tolist())) == {-2049: 1, 63: 1, 115: 2, 4096: 1}
    assert query == Histogram.from_values([0.0, 2.0, 3.5, 3.5, 2.0**70], unit="ms")
    assert tags == Histogram.from_values([0.25])
    assert idle.count == 0
    assert idle.unit == "bytes"
