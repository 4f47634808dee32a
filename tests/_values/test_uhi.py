"""Histograms for plotting libraries, by UHI's protocol, and for data frames."""

import copy
import importlib
import pickle
from typing import Any

import numpy
import pytest

from historian import Histogram, Profile, Registry, Snapshot, buckets

H = Histogram.from_values([0.010] * 90 + [0.0102] * 9 + [1.5], unit="ms")
ODD = {
    "usual": H,
    "empty": Histogram(),
    "one value": Histogram.from_values([3.0]),
    "zeros": Histogram.from_values([0.0, 0.0, 0.25]),
    "overflow": Histogram.from_values([3.0, 1e300]),
    "only overflow": Histogram.from_values([1e300]),
}


@pytest.mark.parametrize("h", ODD.values(), ids=ODD)
def test_bins_hold_all_values_and_have_finite_edges(h: Histogram) -> None:
    (axis,) = h.axes
    assert len(axis) == len(h.values()) == len(axis.edges) - 1 >= 1
    assert h.values().sum() == h.count
    assert numpy.isfinite(axis.edges).all() and (numpy.diff(axis.edges) > 0).all()
    assert (h.variances() == h.values()).all() and (h.counts() == h.values()).all()
    assert [pair for pair, count in zip(axis, h.values()) if count] == [
        (low, high if high < numpy.inf else h.max) for low, high in zip(h.lower.tolist(), h.upper.tolist())
    ]
    assert h.kind == "COUNT"


def test_the_axis_is_a_sequence() -> None:
    (axis,) = H.axes
    assert axis[0] == (buckets.lower(buckets.index(0.010)), buckets.upper(buckets.index(0.010)))
    assert axis[-1][1] == axis.edges[-1]
    with pytest.raises(IndexError):
        axis[len(axis)]
    assert axis == (H + H).axes[0] and axis != Histogram().axes[0] and axis != [1]
    assert not axis.traits.circular and not axis.traits.discrete
    assert axis.label == "value (ms)"


def test_counts_is_an_array_and_can_be_called() -> None:
    counts = H.counts
    assert counts.tolist() == [90, 9, 1] and counts.dtype == numpy.int64
    assert isinstance(counts, numpy.ndarray) and not counts.flags.writeable
    assert type(counts + 1) is type(counts * 0.5) is type(numpy.cumsum(counts)) is numpy.ndarray
    assert counts.sum() == 100 and isinstance(counts.max(), numpy.integer)
    assert repr(counts) == "array([90,  9,  1])"
    with pytest.raises(TypeError, match="a part of the counts cannot be called"):
        counts[1:]()
    again = pickle.loads(pickle.dumps(counts))
    assert type(again) is numpy.ndarray and again.tolist() == counts.tolist()
    assert copy.deepcopy(counts).tolist() == counts.tolist()


def test_there_is_no_conversion_to_an_array_by_mistake() -> None:
    assert not hasattr(H, "__array__") and not hasattr(H, "__array_interface__")


def test_the_protocol_is_satisfied() -> None:
    plottable = pytest.importorskip("uhi.typing.plottable")
    assert isinstance(H, plottable.PlottableHistogram)
    assert isinstance(H.axes[0], plottable.PlottableAxisGeneric)
    assert isinstance(H.axes[0].traits, plottable.PlottableTraits)
    ensured = importlib.import_module("uhi.numpy_plottable").ensure_plottable_histogram(H)
    assert ensured is H


@pytest.mark.parametrize("h", ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the imports of mplhep
def test_mplhep_draws(h: Histogram) -> None:
    mplhep = pytest.importorskip("mplhep")
    from matplotlib.figure import Figure

    ax = Figure().add_subplot()
    (drawn,) = mplhep.histplot(h, ax=ax, flow="none")
    values, edges, _ = drawn.stairs.get_data()
    assert (values == h.values()).all() and (edges == h.axes[0].edges).all()


@pytest.mark.parametrize("h", ODD.values(), ids=ODD)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_hist_draws(h: Histogram) -> None:
    pytest.importorskip("boost_histogram", minversion="1.8")  # without which hist takes no histogram of others
    hist = pytest.importorskip("hist")
    from matplotlib.figure import Figure

    theirs = hist.Hist(h)
    assert (theirs.values() == h.values()).all()
    assert theirs.axes[0].label == f"value ({h.unit})"
    (drawn,) = theirs.plot(ax=Figure().add_subplot())
    assert (drawn.stairs.get_data().values == h.values()).all()


def test_buckets_as_a_data_frame() -> None:
    frame = H.to_frame()
    assert list(frame) == ["index", "lower", "upper", "count"]
    assert frame["count"].tolist() == [90, 9, 1] and type(frame["count"]) is numpy.ndarray
    assert frame["upper"].tolist() == H.upper.tolist()


def of_registry() -> Snapshot:
    registry = Registry()
    registry.recorder("get", route="/users", count="x").record_many([0.25, 0.5])
    registry.recorder("get", route="\u6f22\x00").record(0.5)
    registry.recorder("size", unit="bytes").record(9.0)
    registry.recorder("idle")
    return registry.snapshot()


def test_a_snapshot_as_a_data_frame() -> None:
    snapshot = of_registry()
    frame = snapshot.to_frame([50, 99.9])
    assert list(frame) == ["name", "label_count", "route", "unit", "count", "sum", "mean", "min", "p50", "p99.9", "max"]
    rows = {name: k for k, name in enumerate(zip(frame["name"], frame["route"], frame["label_count"]))}
    first, idle = rows["get", "/users", "x"], rows["idle", "", ""]
    assert ("get", "\u6f22\x00", "") in rows
    assert [frame[name][first] for name in ("unit", "count", "sum", "min", "p50", "p99.9", "max")] == [
        "s", 2, 0.75, 0.25, 0.25, 0.5, 0.5,
    ]  # fmt: skip
    assert frame["count"][idle] == 0 and frame["sum"][idle] == 0 and numpy.isnan(frame["p50"][idle])
    assert {name: len(column) for name, column in Snapshot().to_frame().items()} == dict.fromkeys(
        ["name", "unit", "count", "sum", "mean", "min", "p50", "p90", "p99", "p99.9", "p99.99", "max"], 0
    )


FRAMES = {
    "pandas": lambda: pytest.importorskip("pandas").DataFrame,
    "polars": lambda: pytest.importorskip("polars").DataFrame,
    "pyarrow": lambda: pytest.importorskip("pyarrow").table,
}


@pytest.mark.parametrize("library", FRAMES)
def test_libraries_of_data_frames_take_the_columns(library: str) -> None:
    frame_of: Any = FRAMES[library]()
    snapshot = of_registry()
    for columns in (
        H.to_frame(),
        snapshot.to_frame(),
        Snapshot().to_frame(),
        Histogram().to_frame(),
        Profile(snapshot).to_frame(),
        Profile({}).to_frame(),
    ):
        frame = frame_of(columns)
        for name, column in columns.items():
            read = frame[name].to_numpy()
            if isinstance(column, list):
                assert list(read) == column
            else:
                assert read.dtype == column.dtype and numpy.array_equal(read, column, equal_nan=True)


def test_a_profile_as_a_data_frame_has_the_rows_of_its_tables() -> None:
    """Times come first, in whichever unit, then sizes; in each table, the largest sum is first."""
    histograms = {
        "size": Histogram.from_values([1e9], unit="bytes"),
        "short": Histogram.from_values([900.0], unit="ms"),
        "idle": Histogram(),
        "long": Histogram.from_values([0.5, 0.5]),
        "n" * 3_000: Histogram.from_values([0.1]),
    }
    profile = Profile(histograms)
    frame = profile.to_frame([50])
    assert frame["name"] == ["long", "short", "n" * 3_000, "size"]
    printed = [line[:4] for line in str(profile).splitlines() if line and not line.startswith(("operation", "-"))]
    assert printed == [name[:4] for name in frame["name"]]
    assert frame["unit"] == ["s", "ms", "s", "bytes"]
    assert frame["p50"].tolist() == [0.5, 900.0, 0.1, 1e9]
    assert list(frame) == ["name", "unit", "count", "sum", "mean", "min", "p50", "max"]
    assert frame["sum"].tolist() == [1.0, 900.0, 0.1, 1e9]


def test_a_profile_has_the_columns_of_its_snapshot() -> None:
    snapshot = of_registry()
    frame, theirs = Profile(snapshot).to_frame(), snapshot.to_frame()
    assert list(frame) == list(theirs)
    assert sorted(zip(frame["name"], frame["route"], frame["max"])) == sorted(
        row for row in zip(theirs["name"], theirs["route"], theirs["max"]) if row[0] != "idle"
    )
    assert Profile({}).to_frame().keys() == Snapshot().to_frame().keys()


def test_names_that_are_no_valid_unicode_get_into_a_frame() -> None:
    frame = Profile({"a\ud800b": H, "\u202e<b>": H}).to_frame()
    assert sorted(frame["name"]) == ["a\\ud800b", "\u202e<b>"]
    pytest.importorskip("polars").DataFrame(frame)
