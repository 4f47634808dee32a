"""Which names and labels a recorder may have: one rule, in memory and in a directory."""

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, Key, Registry


@pytest.fixture(params=["memory", "directory"])
def registry(request, tmp_path):
    if request.param == "directory" and sys.platform == "win32":
        pytest.skip("recorders in a directory need a POSIX system")
    return Registry(tmp_path / "d" if request.param == "directory" else None)


REFUSED = {
    "no name": ("", {}, "name must not be empty"),
    "a lone surrogate": ("a\ud800", {}, r"name is not valid Unicode, it has '\\ud800' at position 1: replace"),
    "an undecodable byte": ("q", {"path": os.fsdecode(b"\xff/")}, r"value of label 'path' is not valid Unicode"),
    "a label's name": ("q", {"\udcff": "x"}, "label name is not valid Unicode"),
    "long": ("x" * 2049, {}, "of recorder 'x{40}' take 2,049 bytes of UTF-8, the limit is 2,048: shorten them"),
    "long in bytes": ("q", {"a": "\N{GRINNING FACE}" * 512}, "take 2,050 bytes"),  # 1 + 1 + 4 * 512
    "long together": ("q" * 1000, {"a": "x" * 500, "b": "y" * 547}, "take 2,049 bytes"),  # 1000 + 1 + 500 + 1 + 547
    "many labels": ("q", {f"l{i}": "" for i in range(65)}, "has 65 labels, the limit is 64: use fewer"),
}


@pytest.mark.parametrize(("name", "labels", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_at_once(registry, name, labels, message):
    with pytest.raises(ValueError, match=message):
        registry.recorder(name, **labels)
    histogram = Histogram.from_values([1.0])
    with pytest.raises(ValueError, match=message):
        registry.merge({Key("before"): histogram, Key(name, **labels): histogram})
    assert registry.snapshot() == {}  # nothing was created, "before" neither


@pytest.mark.parametrize(
    ("name", "labels", "unit"),
    [
        ("x" * 2048, {}, "s"),
        ("\N{GRINNING FACE}" * 512, {}, "s"),
        ("n" * 1984, {chr(48 + i): "" for i in range(64)}, "u" * 255),
        ("q", {"": "", "\0": "\n", "a=b,c": "{}"}, "s"),
        ("/", {"..": "/../.."}, "s"),
    ],
)
def test_at_the_limit(registry, name, labels, unit):
    registry.recorder(name, unit=unit, **labels).record(1.0)
    assert registry.snapshot() == {Key(name, **labels): Histogram.from_values([1.0], unit=unit)}


names = st.text(st.characters(), max_size=30)


@pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")
@given(names, st.dictionaries(names, names, max_size=4))
def test_memory_and_directory_agree(tmp_path_factory, name, labels):
    outcomes = []
    for registry in (Registry(), Registry(tmp_path_factory.mktemp("agree") / "d")):
        try:
            registry.recorder(name, labels=labels).record(1.0)
        except ValueError as error:
            outcomes.append(str(error))
        else:
            outcomes.append({key: h.count for key, h in registry.snapshot().items()})
    assert outcomes[0] == outcomes[1]
