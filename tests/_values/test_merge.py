"""`merge`: histograms and their bytes, mixed and in any number; an invalid item is reported with its position."""

import math
import pickle
import sys
import tracemalloc
import warnings
import zlib
from itertools import chain, repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from historian import Histogram, MergeWarning, Recorder, merge

values = st.floats(min_value=0, max_value=1.7e308)
histograms = st.lists(values, max_size=20).map(Histogram.from_values)
GOOD = Histogram.from_values([1.0, 2.0]).to_bytes()
MILLIS = Histogram.from_values([1.0], unit="ms")
BAD = GOOD[:-1] + bytes([GOOD[-1] ^ 1])


@given(st.lists(st.tuples(histograms, st.booleans()), max_size=8))
def test_bytes_merge_as_histograms_do(items):
    together = sum((h for h, _ in items), Histogram())
    mixed = merge([h.to_bytes() if as_bytes else h for h, as_bytes in items])
    assert mixed == merge(h for h, _ in items) == merge(h.to_bytes() for h, _ in items) == together
    assert mixed._sum == together._sum
    assert mixed.to_bytes() == together.to_bytes()


@given(st.lists(values, max_size=40), st.integers(1, 7))
def test_merging_parts_is_recording_all(data, parts):
    merged = merge(Histogram.from_values(data[k::parts]).to_bytes() for k in range(parts))
    whole = Histogram.from_values(data)
    assert merged.to_dict() == whole.to_dict()


def test_sums_are_exact_over_any_range():
    # one float64 would lose each of these, because the first is so much larger
    data = [1.7e308, 1.0, 2.0**-1074, 3.7e-300, 1e17, *[1.7e308] * 3]
    merged = merge(Histogram.from_values([value]).to_bytes() for value in data)
    assert merged == sum((Histogram.from_values([value]) for value in data), Histogram())
    assert merged._sum == sum(Histogram.from_values([value])._sum for value in data)
    assert (merged - merge(Histogram.from_values([value]) for value in data[5:] + data[:1])).sum == 1e17 + 1


def test_a_sum_carries_through_all_its_words():
    parts = [math.ldexp(2**53 - 1, k - 1074) for k in range(0, 53 * 39, 53)]  # all bits up to 2^2067 are 1
    ones = [Histogram.from_values([part]).to_bytes() for part in parts]
    least = Histogram.from_values([2.0**-1074]).to_bytes()
    assert merge(ones)._sum == (1 << 53 * 39) - 1
    assert merge([*ones, least])._sum == 1 << 53 * 39
    assert merge(chain(ones, repeat(least, 300)))._sum == (1 << 53 * 39) + 299
    largest = Histogram.from_values([1.7976931348623157e308]).to_bytes()  # 2^1024 - 2^971
    assert merge([largest, Histogram.from_values([2.0**971])])._sum == 1 << (1024 + 1074)


def test_merging_nothing_gives_an_empty_histogram():
    assert merge([]) == merge([Histogram()]) == merge([Histogram().to_bytes()]) == Histogram()
    assert merge(iter(())).unit == "s"


def test_the_arguments_stay_as_they_are():
    a, b = Histogram.from_values([1.0]), bytearray(GOOD)
    merge([a, b])
    assert a == Histogram.from_values([1.0]) and b == GOOD
    assert merge([a]) == a


def test_an_iterator_of_any_length_needs_no_more_memory():
    def peak(times):
        tracemalloc.start()
        assert merge(repeat(GOOD, times)).count == 2 * times
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    merge(repeat(GOOD, 10))
    assert peak(50_000) < peak(50) + 4096


# ---- units ----


def test_units_are_compared():
    for items in ([GOOD, MILLIS], [GOOD, MILLIS.to_bytes()], [Histogram.from_bytes(GOOD), MILLIS.to_bytes()]):
        for on_error in ("raise", "skip"):  # a valid histogram in another unit is never skipped
            with pytest.raises(ValueError, match=r"in 's' and 'ms'.* \(at position 1\)"):
                merge(items, on_error=on_error)


@pytest.mark.parametrize("as_bytes", [False, True])
def test_empty_histograms_in_the_default_unit_fit_any_unit(as_bytes):
    def each(*items):
        return [item.to_bytes() if as_bytes else item for item in items]

    assert merge(each(Histogram(), MILLIS, Histogram())) == MILLIS
    empty = Histogram.from_values([], unit="ms")
    assert merge(each(empty)).unit == merge(each(Histogram(), empty)).unit == "ms"
    with pytest.raises(ValueError, match="'ms' and 's'"):
        merge(each(empty, Histogram.from_bytes(GOOD)))


# ---- items that are not histograms ----


@pytest.mark.parametrize("bad", [BAD, b"", b"x" * 1000, bytearray(BAD), memoryview(BAD)])
@pytest.mark.parametrize("position", [0, 1, 2])
def test_bad_bytes_are_reported_with_their_position(bad, position):
    items = [GOOD, GOOD]
    items.insert(position, bad)
    with pytest.raises(ValueError, match=rf"^position {position} is not a histogram: .*on_error='skip'"):
        merge(items)


def test_bad_bytes_can_be_skipped():
    with pytest.warns(MergeWarning) as caught:
        merged = merge([GOOD, BAD, b"", Histogram.from_bytes(GOOD), BAD], on_error="skip")
    assert merged == merge([GOOD, GOOD])
    (warning,) = (record.message for record in caught)
    assert (warning.skipped, warning.total, warning.position) == (3, 5, 1)
    assert warning.reason in str(warning)
    assert str(warning).startswith("skipped 3 of 5; the first, at position 1: its checksum is wrong")
    assert caught[0].filename == __file__
    assert str(pickle.loads(pickle.dumps(warning))) == str(warning)


def test_no_bad_bytes_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert merge([GOOD], on_error="skip").count == 2


def test_bad_counts_leave_no_trace():
    # The last bytes are changed, so that nearly all counts have been read when the error is found.
    h = Histogram.from_values(np.random.default_rng(1).lognormal(0, 1, 10_000))
    body = h.to_bytes()[:-4]
    bad = body[:-1] + bytes([body[-1] | 0x80])
    bad += zlib.crc32(bad).to_bytes(4, "little")
    other = Histogram.from_values([9.0], unit="us").to_bytes()[:-4]
    other = other[:-1] + bytes([other[-1] | 0x80])
    other += zlib.crc32(other).to_bytes(4, "little")
    with pytest.warns(MergeWarning, match="skipped 2 of 4.*counts"):
        assert merge([other, h, bad, GOOD], on_error="skip").to_bytes() == (h + Histogram.from_bytes(GOOD)).to_bytes()


@pytest.mark.parametrize("item", [1.0, "text", None, Recorder("x"), np.zeros(3), [GOOD] * 1000])
def test_items_that_are_neither_histograms_nor_bytes(item):
    for on_error in ("raise", "skip"):
        with pytest.raises(TypeError, match=f"histograms or their bytes, not of {type(item).__name__}") as caught:
            merge([GOOD, item], on_error=on_error)
        assert len(str(caught.value)) < 200  # the message does not contain the whole item
    with pytest.raises(TypeError, match="iterable"):
        merge(1)


def test_the_message_for_a_recorder_has_the_remedy():
    with pytest.raises(TypeError, match=r"\.snapshot\(\)"):
        merge([Recorder("x")])


def test_a_wrong_choice():
    with pytest.raises(ValueError, match="'raise' or 'skip', not 'ignore'"):
        merge([], on_error="ignore")


@pytest.mark.parametrize("as_bytes", [False, True])
def test_a_count_of_2_to_63(as_bytes):
    data = Histogram.from_values([1.0]).to_dict()
    big = Histogram.from_dict({**data, "counts": [2**62], "count": 2**62})
    item = big.to_bytes() if as_bytes else big
    assert merge([item, Histogram.from_dict({**data, "counts": [2**62 - 1], "count": 2**62 - 1})]).count == 2**63 - 1
    with pytest.raises(OverflowError, match=r"2\*\*63.* \(at position 1\)"):
        merge([item, item])


def test_an_error_of_the_iterable_is_raised():
    def items():
        yield GOOD
        raise RuntimeError("the network is down")

    with pytest.raises(RuntimeError, match="the network is down"):
        merge(items(), on_error="skip")


def test_references_are_released():
    item = bytearray(GOOD)
    before = sys.getrefcount(item)
    merge([item] * 100)
    for _ in range(100):
        with pytest.raises(ValueError, match="position 0"):
            merge([item[:-1]])
    assert sys.getrefcount(item) == before
    item.append(0)  # fails if a view is still open
