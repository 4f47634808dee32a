"""The texts in a directory's file: names, labels and units of recorders."""

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Key, Registry
from historian._files.header import decode, encode

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("db.query", {}, b"\x08\0db.query"),
        ("q", {"table": "users", "a": 1}, b"\x01\0q\x01\0a\x01\x001\x05\0table\x05\0users"),
        ("../../etc/passwd", {}, b"\x10\0../../etc/passwd"),
        ("é\0\n", {"": ""}, b"\x04\0\xc3\xa9\0\n\0\0\0\0"),
    ],
)
def test_names_in_the_file(directory, name, labels, expected):
    key = Key(name, **labels)
    assert encode(key) == expected
    assert decode(expected, b"s", 1).key == key
    rec = Registry(directory).recorder(name, **labels)
    rec.record(1.0)
    assert os.listdir(directory) == ["recorders"]  # no name leads out of the directory
    assert list(Registry(directory).snapshot()) == [key]


def test_long_names(directory):
    registry = Registry(directory)
    for name in ("x" * 1000 + "a", "x" * 1000 + "b", "y" * 2048):
        registry.recorder(name).record(1.0)
        registry.recorder("short").record(1.0)
    assert {key.name[-1]: h.count for key, h in registry.snapshot().items()} == {"a": 1, "b": 1, "y": 1, "t": 3}
    with pytest.raises(ValueError, match="the limit is 2,048: shorten them"):
        registry.recorder("y" * 2000, label="z" * 49)
    with pytest.raises(ValueError, match="Unicode"):
        registry.recorder("\ud800")
    assert len(registry.snapshot()) == 4


def test_the_longest_name_with_the_most_labels(directory):
    labels = {f"{i:02d}": str(i) for i in range(64)}
    key = Key("n" * (2048 - 64 * 2 - 10 - 54 * 2), **labels)
    Registry(directory).recorder(key.name, unit="u" * 255, **labels).record(1.0)
    assert list(Registry(directory).snapshot()) == [key]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(texts.filter(bool), st.dictionaries(texts, texts, max_size=4), texts.filter(lambda s: s and s.isprintable()))
def test_texts_round_trip(name, labels, unit):
    key = Key(name, **labels)
    again = decode(encode(key), unit.encode(), 1234567890123456789)
    assert (again.key, again.unit, again.created) == (key, unit, 1234567890123456789)


@given(st.tuples(texts.filter(bool), texts, texts), st.tuples(texts.filter(bool), texts, texts))
def test_different_keys_have_different_texts(a, b):
    one, two = Key(a[0], **{a[1]: a[2]}), Key(b[0], **{b[1]: b[2]})
    assert (encode(one) == encode(two)) == (one == two)
