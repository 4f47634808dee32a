"""`Key`: printing, comparing, sorting, and labels of every name."""

import copy
import enum
import itertools
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from historian import Key
from historian._values.text import shown

#: Texts of the characters that printing must tell apart.
TEXTS = st.text(st.sampled_from('ab,={}"\\ n\n\x1b\u200b\ud800\u4e2d~'), max_size=6) | st.text(max_size=4)
KEYS = st.builds(lambda name, labels: Key(name, **labels), TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3))


class Colour(str, enum.Enum):
    RED = "red"


@given(st.lists(KEYS, min_size=2, max_size=8))
@example([Key("q", path="/a,query=x"), Key("q", path="/a", query="x")])
@example([Key("q{a=b}"), Key("q", a="b")])
@example([Key("q", a=""), Key("q", a='""')])
@example([Key("a\nb"), Key("a\\nb")])
@example([Key(""), Key('""')])
@example([Key("a"), Key("a ")])
def test_keys_print_alike_only_if_they_are_equal(keys):
    for one, other in itertools.combinations(keys, 2):
        assert (str(one) == str(other)) == (one == other)
    assert all(str(key).isprintable() for key in keys)


@given(st.lists(TEXTS, min_size=2, max_size=8))
def test_names_in_tables_are_alike_only_if_they_are_equal(names):
    for one, other in itertools.combinations(names, 2):
        assert (shown(one) == shown(other)) == (one == other)
    assert all(shown(name).isprintable() for name in names)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (Key("query", table="users"), "query{table=users}"),
        (Key("GET /users", code=200), "GET /users{code=200}"),
        (Key("tags: \u00e4", path="/a?b&c"), "tags: \u00e4{path=/a?b&c}"),
        (Key("q", path="/a,b=c"), 'q{path="/a,b=c"}'),
        (Key("q", path=""), 'q{path=""}'),
        (Key("q", path=" a"), 'q{path=" a"}'),
        (Key("q", path="a  b"), 'q{path="a  b"}'),
        (Key("q", path='say "x\\y"'), r'q{path="say \"x\\y\""}'),
        (Key("q", path="\x1b[2J\n\u202e"), r'q{path="\x1b[2J\n\u202e"}'),
        (Key("q", **{"a label": "x", "": "y"}), 'q{""=y,a label=x}'),
        (Key("a{b}"), '"a{b}"'),
        (Key(""), '""'),
        (Key("", code=200), "{code=200}"),
    ],
)
def test_the_exact_text(key, text):
    assert str(key) == text


@given(KEYS)
def test_it_is_built_as_it_prints(key):
    assert eval(repr(key)) == key
    assert pickle.loads(pickle.dumps(key)) == copy.deepcopy(key) == key


def test_labels_of_every_name():
    labels = ["self", "cls", "name", "unit", "labels", "class", "key", "a label"]
    key = Key("q", **dict.fromkeys(labels, "x"))
    assert dict(key.labels) == dict.fromkeys(labels, "x")
    assert eval(repr(key)) == key


def test_the_order_of_labels_does_not_matter():
    keys = [Key("q", **dict(pairs)) for pairs in itertools.permutations([("a", 1), ("b", 2), ("c", 3)])]
    assert len(set(keys)) == 1 and len(set(map(str, keys))) == 1
    assert sorted([Key("b"), Key("a", z="1"), Key("a"), Key("a", y="2")]) == [
        Key("a"), Key("a", y="2"), Key("a", z="1"), Key("b"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"), [(200, "200"), (True, "True"), (None, "None"), (1.0, "1.0"), (Colour.RED, "red"), ("", "")]
)
def test_values_are_made_strings_by_one_rule(value, text):
    """A string of a subclass is equal to its characters, so it must give the same key."""
    assert Key("q", a=value) == Key("q", a=text)
    assert type(Key("q", a=value).labels[0][1]) is str


def test_a_name_is_a_plain_string():
    assert type(Key(Colour.RED).name) is str and Key(Colour.RED) == Key("red")
    with pytest.raises(TypeError, match="name must be a string, not int"):
        Key(3)
