"""The header of a recorder's file, and the name of the file."""

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Key, Registry
from historian._files.header import Header, decode, encode, file_name

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="recorders in a directory need a POSIX system")


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("db.query", {}, "db.query.counters"),
        ("q", {"table": "users", "a": 1}, "q,a=1,table=users.counters"),
        ("../../etc/passwd", {}, "%2E.%2F..%2Fetc%2Fpasswd.counters"),
        (".hidden", {}, "%2Ehidden.counters"),
        ("..", {}, "%2E..counters"),
        ("/", {"x": "/../"}, "%2F,x=%2E.%2F..counters"),
        ("a,b=c", {}, "a%2Cb%3Dc.counters"),
        ("a", {"b": "c"}, "a,b=c.counters"),
        ("100%", {}, "100%25.counters"),
        ("é\0\n", {}, "%C3%A9%00%0A.counters"),
    ],
)
def test_names_of_files(directory, name, labels, expected):
    key = Key(name, **labels)
    if expected == "%2F,x=%2E.%2F..counters":
        expected = "%2F,x=%2F..%2F.counters"  # only a leading dot hides a file
    assert file_name(key) == expected
    rec = Registry(directory).recorder(name, **labels)
    rec.record(1.0)
    assert os.listdir(directory) == [expected] and os.path.dirname(rec.path) == directory
    assert list(Registry(directory).snapshot()) == [key]


def test_long_names(directory):
    registry = Registry(directory)
    a, b = registry.recorder("x" * 1000 + "a"), registry.recorder("x" * 1000 + "b")
    assert a.path != b.path and all(len(os.path.basename(rec.path)) <= 190 for rec in (a, b))
    a.record(1.0)
    assert {key.name[-1]: h.count for key, h in registry.snapshot().items()} == {"a": 1, "b": 0}
    assert len(os.listdir(directory)) == 2


def test_a_header_too_long_for_its_page():
    with pytest.raises(ValueError, match="take 3034 bytes, but a file's header has room for 3016: shorten"):
        encode(Header(Key("y" * 3000, label="z" * 20), "s"))  # 3000 + 1 for the unit, and 4 + 5 + 4 + 20
    with pytest.raises(ValueError, match="Unicode"):
        encode(Header(Key("\ud800"), "s"))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(texts.filter(bool), st.dictionaries(texts, texts, max_size=4), texts.filter(lambda s: s and s.isprintable()))
def test_headers_round_trip(name, labels, unit):
    header = Header(Key(name, **labels), unit, 1234567890123456789)
    page = encode(header)
    assert len(page) == 4096
    again = decode(page)
    assert (again.key, again.unit, again.created) == (header.key, header.unit, header.created)
    name = file_name(header.key)
    assert "/" not in name and not name.startswith(".") and name.isascii() and name.isprintable() and len(name) < 255


@given(st.tuples(texts.filter(bool), texts, texts), st.tuples(texts.filter(bool), texts, texts))
def test_different_keys_have_different_files(a, b):
    one, two = Key(a[0], **{a[1]: a[2]}), Key(b[0], **{b[1]: b[2]})
    assert (file_name(one) == file_name(two)) == (one == two)
