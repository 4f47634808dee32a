"""Names in narrow columns: no two different names look alike, and what fits stays as it is."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Key
from historian._show.names import _cut_apart, cut, shortened
from historian._show.table import text_width

ROUTES = [
    f"http.server.request{{method={method},route=/api/v1/{route}}}"
    for method in ("GET", "POST")
    for route in ("users", "orders", "carts/items")
]


def test_the_common_middle_is_left_out():
    assert shortened(ROUTES, 24) == [
        "http.server~GET~users}",
        "http.server~GET~orders}",
        "http~GET~carts/items}",
        "http.server~POST~users}",
        "http~POST~v1/orders}",
        "http~POST~carts/items}",
    ]


def test_names_that_fit_stay():
    assert shortened(["query", *ROUTES], 60) == ["query", *ROUTES]
    assert shortened(["query", *ROUTES], 24)[0] == "query"
    assert shortened([], 5) == []


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["a" * 30 + c for c in "xyz"], ["aaaaaa~aaaax", "aaaaaa~aaaay", "aaaaaa~aaaaz"]),  # they differ at the end
        ([c + "a" * 30 for c in "xy"], ["xaaaaa~aaaaa", "yaaaaa~aaaaa"]),  # at the start
        (["a" * 8 + c + "b" * 20 for c in "xy"], ["aaaaaaaax~bb", "aaaaaaaay~bb"]),  # within
        (["same" * 9], ["samesa~esame"]),
    ],
)
def test_one_long_word_is_cut_where_it_does_not_differ(names, short):
    assert shortened(names, 12) == short


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_long_word_leaves_room_for_what_is_around_it(width):
    names = [f"http.server{{method={method},route=/{'long' * 30}}}" for method in ("GET", "POST")]
    for method, short in zip(("GET", "POST"), shortened([*names, *ROUTES], width)):
        assert method in short and "longlonglong~longlonglong" in short and text_width(short) <= width


@pytest.mark.parametrize("width", [18, 24, 27, 40])
def test_a_number_that_all_names_hold_elsewhere_stays_where_it_tells_them_apart(width):
    base = "application.services.payments.gateway.handlers"
    names = [f"{base}.step_{k}{{zone=eu-central-1,tenant=a-long-tenant-name}}" for k in range(4)]
    assert [name.split("~")[1][0] for name in shortened(names, width)] == list("0123")
    names = [f"http.request{{shard={k},status={s},zone=eu-west-1}}" for k in (1, 2) for s in (200, 500)]
    assert all(f"{k},status={s}" in short for k, s, short in zip("1122", (200, 500) * 2, shortened(names, width)))


@given(
    st.lists(st.text("abc./{}=,", min_size=1, max_size=60), min_size=1, max_size=30, unique=True), st.integers(8, 40)
)
def test_different_names_stay_different_and_fit(names, width):
    short = shortened(names, width)
    assert len(set(short)) == len(names)
    assert max(map(text_width, short)) <= width


def test_the_same_names_get_the_same_text():
    assert len(set(shortened([ROUTES[0], ROUTES[1], ROUTES[0]], 20))) == 2


def test_wide_characters():
    assert text_width(shortened(["\u4e2d\u6587" * 40, "\u4e2d\u6587" * 40 + "x"], 11)[0]) <= 11
    assert cut("\u4e2d\u6587\u4e2d\u6587", 5) == "\u4e2d~\u6587"


def test_heaps_of_marks_take_columns():
    """Marks over a character take no column, but 3,000 of them would be as high as they like."""
    assert text_width("e\u0301\u0323\u0302\u0308x") == 2
    assert text_width("e" + "\u0301" * 6 + "x\u0301") == 4  # the fifth and the sixth mark have one each
    assert len(cut("e" + "\u0301" * 3_000, 12)) <= 12 + 2 * 4
    assert len(shortened(["e" + "\u0301" * 3_000, "x"], 12)[0]) <= 12 + 2 * 4


@pytest.mark.parametrize("width", [24, 80])
@pytest.mark.parametrize(
    "value",
    [
        lambda k: "/a" * 1_500 + str(k),
        lambda k: "/a" * 750 + str(k) + "/b" * 750,
        lambda k: str(k) + "\u4e2d" * 3_000,
        lambda k: "".join(random.Random(k).choices("0123456789abcdef/", k=3_000)),
    ],
)
def test_long_labels_stay_different_and_fit(value, width):
    """The values share thousands of parts, of which no combination is tried: the time grows with their number."""
    names = [str(Key("http", path=value(k))) for k in range(100)]
    short = shortened(names, width)
    assert len(set(short)) == len(names)
    assert max(map(text_width, short)) <= width


def same(a, b):
    """Return the length of the common beginning."""
    return next((k for k, (one, other) in enumerate(zip(a, b)) if one != other), min(len(a), len(b)))


@given(st.text("ab", min_size=9, max_size=40), st.lists(st.text("abc", min_size=1, max_size=40), max_size=4))
def test_the_stretch_left_out_is_the_best_one(text, others):
    """All places are tried here; the function itself tries those at which the cost can be least."""
    width, others = 8, [other for other in others if other != text]
    found = _cut_apart(text, others, width)
    if not others:
        return
    gap = len(text) - (width - 1)
    spans = []
    for other in others:
        start = same(text, other)
        spans.append((start, len(text) - same(text[start:][::-1], other[start:][::-1])))

    def cost(at):
        lost = [max(0, min(end, at + gap) - max(start, at)) for start, end in spans]
        return -sum(min(4, end - start - one) for (start, end), one in zip(spans, lost)), abs(at - width // 2)

    at = min(range(width), key=cost)
    assert found == f"{text[:at]}~{text[at + gap :]}"
