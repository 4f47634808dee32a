"""Values of many groups that come mixed: each group counts as `Histogram.from_values` counts its values."""

import array
import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import historian
from historian import Histogram, buckets
from historian._core import Grouped, numbered

HELPERS = Path(__file__).parents[1] / "helpers"
TRIAL = HELPERS / "changing_groups.py"
#: More groups than are recorded in the order in which they come.
MANY = 5_000
#: Values of each kind of bucket, and of an octave of their own.
GOOD = [0.0, -0.0, 5e-324, 2.0**-32, 1e-3, 1.0, 1.5, 2.0, 1e6, 2.0**64, 1e300, 1.7976931348623157e308]
BAD = [math.nan, math.inf, -math.inf, -1.0, -5e-324]
WHOLE = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", ">u8")


def read(values, numbers, n_groups):
    """Return the histograms by number, and what was left out."""
    groups = Grouped()
    left_out = groups.record(values, numbers, n_groups)
    return held(groups), list(left_out)


def held(groups):
    found = groups.read()
    assert [number for number, _ in found] == sorted({number for number, _ in found})
    assert groups.read() == []
    return {number: Histogram._from_reading(reading, "s") for number, reading in found}


def expected(values, numbers):
    values, numbers = np.asarray(values, dtype=float), np.asarray(numbers)
    return {int(k): Histogram.from_values(values[numbers == k]) for k in np.unique(numbers)}


@pytest.mark.parametrize("n_groups", [7, MANY])
def test_edges_fall_into_the_buckets_of_single_records(n_groups):
    edges = np.array([buckets.upper(i) for i in range(-2048, 4095)])
    values = np.concatenate([edges, np.nextafter(edges, 0), np.nextafter(edges, np.inf), GOOD])
    numbers = np.arange(len(values)) % n_groups
    assert read(values, numbers, n_groups) == (expected(values, numbers), [0, 0, None, 0])


@given(st.lists(st.tuples(st.sampled_from(GOOD) | st.floats(0, 1e308), st.integers(0, 5)), max_size=60), st.booleans())
def test_a_group_is_the_histogram_of_its_values(pairs, many):
    values, numbers = [value for value, _ in pairs], [number for _, number in pairs]
    if many:
        numbers = [number * 800 for number in numbers]
    found, left_out = read(values, numbers, MANY if many else 6)
    assert (found, left_out) == (expected(values, numbers) if pairs else {}, [0, 0, None, 0])
    assert [found[k]._sum for k in found] == [h._sum for h in expected(values, numbers).values()]


@given(st.lists(st.tuples(st.sampled_from(GOOD + BAD), st.integers(-2, 3)), min_size=1, max_size=60))
def test_what_is_left_out_is_told(pairs):
    values, numbers = np.array(pairs, dtype=float).T
    numbers = numbers.astype(np.int64)
    bad = [i for i, (value, number) in enumerate(pairs) if number >= 0 and not 0 <= value < math.inf]
    groupless = sum(number < 0 for number in numbers)
    found, (n_bad, first, value, n_groupless) = read(values, numbers, 4)
    assert (n_bad, n_groupless) == (len(bad), groupless)
    if bad:
        assert (first, repr(value)) == (bad[0], repr(float(values[bad[0]])))
    kept = [i for i, (value, number) in enumerate(pairs) if number >= 0 and 0 <= value < math.inf]
    assert found == expected(values[kept], numbers[kept])


@pytest.mark.parametrize("n", [0, 1, 511, 512, 513, 1_024, 1_500])
@pytest.mark.parametrize("n_groups", [3, MANY])
def test_arrays_of_any_length(n, n_groups):
    values, numbers = np.arange(n) + 0.5, np.arange(n) * 7 % n_groups
    assert read(values, numbers, n_groups)[0] == expected(values, numbers)


@pytest.mark.parametrize("n_groups", [100, MANY])
def test_blocks_follow_each_other(n_groups):
    """A block has 2**21 values."""
    n = 2**21 * 2 + 700
    rng = np.random.default_rng(1)
    values, numbers = rng.choice([0.25, 1.0, 2.0, 1e-12, 1e300], n), rng.integers(0, n_groups, n, dtype=np.int32)
    found, left_out = read(values, numbers, n_groups)
    assert left_out == [0, 0, None, 0]
    order = np.argsort(numbers, kind="stable")
    ends = np.cumsum(np.bincount(numbers, minlength=n_groups))
    for k in range(0, n_groups, n_groups // 20):
        start = ends[k - 1] if k else 0
        assert found[k] == Histogram.from_values(values[order[start : ends[k]]])
    assert sum(h.count for h in found.values()) == n
    values[-1] = math.nan
    assert read(values, numbers, n_groups)[1] == [1, n - 1, ANY_NAN, 0]


@pytest.mark.parametrize("sizes", [(2, 2), (2, 9), (9, 2), (3, MANY), (MANY, 3)])
def test_batches_add_up(sizes):
    rng, groups, values, numbers = np.random.default_rng(2), Grouped(), [], []
    for n_groups in sizes:
        values.append(rng.lognormal(0, 3, 3_000))
        numbers.append(rng.integers(0, n_groups, 3_000))
        assert groups.record(values[-1], numbers[-1], n_groups) == (0, 0, None, 0)
    assert held(groups) == expected(np.concatenate(values), np.concatenate(numbers))
    groups.record([1.0], [1], 2)
    assert held(groups) == expected([1.0], [1])


def test_only_one_thread_at_a_time():
    class Numbers:
        """Waits in a call of `record` that has not begun to record."""

        def __array__(self, dtype=None, copy=None):
            with pytest.raises(TypeError):
                groups.record(None, [], 1)
            groups.record([1.0], [0], 1)  # it has not begun
            return np.array([0])

        def __len__(self):
            return 1

    groups, errors, begun = Grouped(), [], threading.Event()
    groups.record([2.0], Numbers(), 1)
    assert held(groups) == expected([1.0, 2.0], [0, 0])
    ones, zeros = np.ones(2**21), np.zeros(2**21, np.int8)

    def record():
        begun.set()
        for _ in range(100):
            try:
                groups.record(ones, zeros, 1)
            except RuntimeError as error:
                errors.append(str(error))

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(errors) <= {"another thread uses these groups"}
    assert held(groups)[0] == Histogram.from_values([1.0], counts=[(200 - len(errors)) * 2**21])


@pytest.mark.parametrize("dtype", WHOLE)
def test_numbers_of_any_type(dtype):
    values, numbers = np.arange(1.0, 9.0), np.array([0, 1, 2, 0, 1, 2, 100, 0], dtype)
    assert read(values, numbers, 101)[0] == expected(values, numbers)
    if "i" in dtype:
        numbers[1] = -1
        found, left_out = read(values, numbers, 101)
        assert found == expected(np.delete(values, 1), np.delete(numbers, 1))
        assert left_out == [0, 0, None, 1]


@pytest.mark.parametrize("dtype", ["f4", ">f8", "f2", "g", "?", *WHOLE])
def test_values_of_any_type(dtype):
    values, numbers = np.array([1, 0, 2, 3, 4], dtype), [0, 1, 0, 1, 0]
    if dtype == "?":
        values = np.array([1, 0, 1, 1, 1], dtype)
    assert read(values, numbers, 2)[0] == expected(values, numbers)
    if dtype in ("i1", "i8", ">i4"):
        values[3] = -2
        assert read(values, numbers, 2)[1] == [1, 3, -2, 0]


def test_strides_and_read_only_arrays():
    values, numbers = np.arange(3_000.0), np.arange(3_000) % 9
    values.flags.writeable = numbers.flags.writeable = False
    for part in (slice(None, None, 2), slice(None, None, -3), slice(700, 5, -7), slice(5, 5)):
        assert read(values[part], numbers[part], 9)[0] == expected(values[part], numbers[part])
    table = np.zeros(50, dtype=[("label", "i2"), ("value", "f4"), ("other", "u1")])  # fields are not aligned
    table["value"], table["label"] = np.arange(50), np.arange(50) % 4
    assert read(table["value"], table["label"], 4)[0] == expected(table["value"], table["label"])
    assert read(memoryview(array.array("d", [1, 2])), array.array("h", [1, 0]), 2)[0] == expected([1, 2], [1, 0])


def test_lists_may_have_missing_values():
    class NAType:
        def __float__(self):
            raise AssertionError("it is not asked")

    for missing in (None, NAType()):
        assert read([1.0, missing, 2], [0, 1, 0], 2) == (expected([1, 2], [0, 0]), [1, 1, ANY_NAN, 0])


class _AnyNan:
    def __eq__(self, other):
        return isinstance(other, float) and other != other

    __hash__ = None


ANY_NAN = _AnyNan()


@pytest.mark.parametrize(
    ("values", "numbers", "error", "match"),
    [
        ([1.0, 2.0], [0], ValueError, "as many labels as values, not 1 and 2"),
        ([1.0], [0, 1], ValueError, "as many labels as values, not 2 and 1"),
        ([1.0, 2.0], np.array([0, 4]), ValueError, "the number at position 1 is 4, but there are only 4 groups"),
        ([1.0], np.array([2**63 - 1]), ValueError, "at position 0 is 9223372036854775807, but there are only 4"),
        (["1.0"], [0], TypeError, r"values\[0\] is '1.0'"),
        ([[1.0]], [0], TypeError, r"values\[0\] is a list"),
        ("1", [0], TypeError, "array-like of numbers, not str"),
        (5, [0], TypeError, "array-like of numbers, not int"),
        (np.ones((2, 2)), [0, 1], ValueError, "one dimension, not 2"),
        (np.array([1], "m8[s]"), [0], ValueError, "pass a unit of time"),
        (np.array(["a"]), [0], TypeError, "dtype <U1"),
        ([1.0], np.array([0.0]), TypeError, "whole numbers"),
        ([1.0], "a", TypeError, "whole numbers"),
    ],
)
def test_refusals(values, numbers, error, match):
    with pytest.raises(error, match=match):
        Grouped().record(values, numbers, 4)


def test_what_a_value_raises_passes():
    class Value:
        def __float__(self):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Grouped().record([1.0, Value()], [0, 0], 1)


@pytest.mark.skipif(sys.platform == "win32" or not shutil.which("cc"), reason="needs cc, and a POSIX system")
@pytest.mark.parametrize("sanitizer", [None, "address,undefined"])
def test_drill(tmp_path, sanitizer):
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    command = ["cc", "-std=gnu11", "-O2", "-g", "-I", str(Path(historian.__file__).parent / "_native")]
    command += [f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all"] if sanitizer else []
    binary, drill = str(tmp_path / "drill"), str(Path(__file__).parent / "drill_grouped.c")
    built = subprocess.run([*command, drill, "-o", binary, "-pthread", "-lm"], env=env, capture_output=True, text=True)
    if sanitizer and built.returncode:
        pytest.skip(f"cc has no sanitizer of that name here: {sanitizer}")
    assert built.returncode == 0, built.stderr
    done = subprocess.run([binary], env=env, capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_changing_arrays_are_read_once():
    """Half a second of it, for each way of recording.  What was checked is what is counted."""
    env = {**os.environ, "PYTHONPATH": str(Path(historian.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(TRIAL), "0.5"], env=env, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_other_threads_run_meanwhile():
    """The GIL is released.  With it, the thread below would get nowhere before the call ends."""
    values, numbers, turns, done = np.ones(2**21), np.zeros(2**21, np.int32), [], threading.Event()

    def turn():
        while not done.is_set():
            turns.append(time.perf_counter())
            time.sleep(0)

    other = threading.Thread(target=turn)
    other.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # nobody is asked to give the GIL up
    try:
        began = time.perf_counter()
        for _ in range(20):
            Grouped().record(values, numbers, 1)
        ended = time.perf_counter()
    finally:
        sys.setswitchinterval(interval)
        done.set()
        other.join()
    assert any(began < turn < ended for turn in turns)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGALRM")
@pytest.mark.parametrize("n_groups", [1, MANY])
def test_a_signal_interrupts_a_long_call(n_groups):
    """An array without strides repeats one value: the call would take several minutes."""
    values = np.broadcast_to(np.ones(1), (10**10,))
    numbers = np.broadcast_to(np.zeros(1, np.int8), (10**10,))

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            Grouped().record(values, numbers, n_groups)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert read([1.0, 2.0], [0, 0], n_groups)[0] == expected([1, 2], [0, 0])


@pytest.mark.skipif(sys.platform != "linux", reason="address space can be limited on Linux")
@pytest.mark.parametrize("n_groups", ["n", "1", "10**15"])
def test_no_memory(n_groups):
    """Counters of a million groups take about 1.6 GB; a table for 10**15 takes 8 PB."""
    code = f"""
        import resource
        import numpy as np
        from historian import Histogram
        from historian._core import Grouped
        n = 1_000_000
        values, numbers = np.ones(n), np.arange(n) % {n_groups}
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 300_000_000, -1))
        for _ in range(3):
            try:
                groups = Grouped()
                groups.record(values, numbers, {n_groups})
            except MemoryError:
                print("no memory")
            else:
                print("found", len(groups.read()))
        groups = Grouped()
        groups.record([1.0], [0], 1)
        assert len(groups.read()) == 1
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(Path(historian.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("found 1\n" if n_groups == "1" else "no memory\n") * 3


# ---- numbers for labels ----


def test_labels_are_numbered_as_they_come():
    numbers = {}
    made = np.frombuffer(numbered(["b", "a", "b", None, math.nan], numbers), np.int64)
    assert (made.tolist(), numbers) == ([0, 1, 0, 2, 2], {"b": 0, "a": 1, None: 2})
    assert np.frombuffer(numbered(iter(("c", "a")), numbers), np.int64).tolist() == [3, 1]


@settings(max_examples=50)
@given(st.lists(st.one_of(st.integers(0, 3), st.booleans(), st.floats(0, 3), st.sampled_from(["1", "", b"1", (1,)]))))
def test_labels_are_equal_as_keys_of_a_dictionary_are(labels):
    expected, numbers = {}, {}
    wanted = [expected.setdefault(label, len(expected)) for label in labels]
    assert np.frombuffer(numbered(labels, numbers), np.int64).tolist() == wanted
    assert [(type(label), label) for label in numbers] == [(type(label), label) for label in expected]


def test_labels_that_raise():
    class Label:
        def __hash__(self):
            return hash("a")

        def __eq__(self, other):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        numbered(["a", Label()], {})
    for label in ([], {}, np.ones(2)):
        with pytest.raises(TypeError, match="unhashable"):
            numbered(["a", label], {})
    with pytest.raises(TypeError):
        numbered(5, {})
    with pytest.raises(TypeError):
        numbered([], None)
