"""Pictures: their artists hold what the histogram says, and their axes say in which unit."""

import datetime
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import displayed
import numpy
import pytest

from historian import Histogram, History, Interval, Key, Recorder, Registry, compare, plot
from historian.buckets import upper
from historian.tail import all_of, seq

matplotlib = pytest.importorskip("matplotlib")
plt = pytest.importorskip("matplotlib.pyplot")

from matplotlib.collections import PolyCollection, QuadMesh  # noqa: E402
from matplotlib.dates import date2num  # noqa: E402
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Rectangle, StepPatch  # noqa: E402
from matplotlib.text import Text  # noqa: E402

from historian.plot._look import COLORS, OPEN, style_of  # noqa: E402
from historian.plot._ticks import LogTicks  # noqa: E402

RNG = numpy.random.default_rng(20_261_126)
H = Histogram.from_values(RNG.lognormal(-5, 0.8, 20_000))
MILLIS = Histogram.from_values(numpy.rint(RNG.lognormal(2, 0.8, 3_000)) + 1, unit="ms")
FEW = Histogram.from_values([0.01, 0.011, 0.02, 0.5])
ZEROS = Histogram.from_values([0.0] * 10 + [0.25] * 90)
HOSTILE = "_<b>$\\frac$ & $x$"

DRAWERS: dict[str, Any] = {
    "percentiles": plot.percentiles,
    "density": plot.density,
    "survival": plot.survival,
    "quantile": plot.fanout,
    "p_wait": lambda h, **options: plot.fanout(h, t=0.1, **options),
}

ODD: dict[str, Any] = {
    "empty": Histogram(),
    "none": {},
    "one value": Histogram.from_values([0.0123]),
    "equal values": Histogram.from_values([0.0123] * 1_000),
    "two modes": Histogram.from_values([0.001] * 900 + [0.5] * 100),
    "1e-9 to 1e6": Histogram.from_values(10.0 ** numpy.linspace(-9, 6, 500)),
    "zeros": ZEROS,
    "only zeros": Histogram.from_values([0.0] * 5),
    "overflow": Histogram.from_values([1e300, 3.0]),
    "only overflow": Histogram.from_values([1e300]),
    "synthetic": Histogram.from_values([0.001] * 20 + [0.5]).corrected(0.01),
    "bytes": Histogram.from_values([1_000.0, 5_000.0], unit="bytes"),
    "hostile unit": Histogram.from_values([1.0, 5.0], unit="$\\frac$ <b>"),
    "hostile names": {HOSTILE: H, "_": FEW, "": ZEROS, "\u6f22\u5b57\x00\n": FEW},
    "many": [Histogram.from_values([0.01 * k, 0.02 * k]) for k in range(1, 15)],
    "difference": H + FEW - H,
}


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def texts(ax: Any) -> list[str]:
    """Return all texts of axes, those of ticks and the legend, too."""
    ax.figure.canvas.draw()
    return [one.get_text() for one in ax.findobj(Text) if one.get_text() and one.get_visible()]


@pytest.mark.parametrize("name", DRAWERS)
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.filterwarnings("ignore:Glyph")  # of a font that lacks Chinese
def test_every_picture_of_every_histogram_can_be_drawn(name: str, odd: str) -> None:
    ax = plt.figure(figsize=(2.4, 1.8), dpi=50).add_subplot()
    drawn = DRAWERS[name](ODD[odd], ax=ax)
    assert drawn
    assert all(one.axes is ax for one in drawn)
    found = texts(ax)
    assert ax.get_xlabel() and ax.get_ylabel()
    assert all(math.isfinite(end) for end in (*ax.get_xlim(), *ax.get_ylim()))
    assert ("no data" in found) == (odd in ("empty", "none"))
    if odd == "hostile names":
        assert HOSTILE in found
    if odd == "many":
        assert "and 2 more" in found


@pytest.mark.parametrize("k", range(len(displayed.HOSTILE)))
@pytest.mark.filterwarnings("ignore:Glyph")
def test_hostile_names_leave_room_for_the_picture(k: int) -> None:
    """Names are short, on one line, and neither change the direction of writing nor are formulas."""
    name = displayed.HOSTILE[k]
    drawn = [plot.density({name: H, "other": FEW})[0], plot.tree({name: (H, {name: FEW})})[0]]
    drawn.append(plot.shift(compare(FEW, FEW, names=(name, name)))[0])
    for artist in drawn:
        figure = artist.axes.figure
        figure.draw_without_rendering()  # a layout that does not fit is a warning, so an error
        box = artist.axes.get_position()
        assert box.width > 0.4 and box.height > 0.4
        for text in figure.findobj(Text):
            assert all(line.isprintable() for line in text.get_text().split("\n"))


@pytest.mark.parametrize("name", DRAWERS)
def test_without_axes_a_new_figure_is_drawn(name: str) -> None:
    before = plt.get_fignums()
    artist = DRAWERS[name](H)[0]
    assert len(plt.get_fignums()) == len(before) + 1
    assert artist.axes.figure is plt.gcf()


@pytest.mark.parametrize("h", [H, MILLIS, FEW, ZEROS], ids=["H", "MILLIS", "FEW", "ZEROS"])
def test_percentiles_are_those_of_the_histogram(h: Histogram) -> None:
    line, *bands = plot.percentiles(h)
    p = line.get_xdata()
    assert (line.get_ydata() == h.percentile(p)).all()
    assert p[0] == 0 and p[-1] == pytest.approx(100 - 50 / h.count)  # of half a value
    assert line.get_ydata()[-1] == h.max
    assert all(isinstance(one, PolyCollection) for one in bands)
    assert line.axes.get_yscale() == "log"


def test_a_band_of_the_whole_curve_has_the_simultaneous_intervals() -> None:
    h = Histogram.from_values(numpy.random.default_rng(1).lognormal(0, 1, 5_000))
    line, band, *_ = plot.percentiles(h, simultaneous=True)
    middle = h.ci(line.get_xdata()[100] / 100, simultaneous=True)
    assert {middle.lower, middle.upper} <= set(band.get_paths()[0].vertices[:, 1])
    line, band, *_ = plot.survival(h, simultaneous=True)
    k = len(line.get_xdata()) // 2
    share = h.fanout(1).p_wait(line.get_xdata()[k], simultaneous=True)
    drawn = numpy.unique(band.get_paths()[0].vertices[:, 1])
    for bound in (share.lower, share.upper):
        assert min(abs(drawn / bound - 1)) < 1e-9
    assert "95 % band of the whole curve" in [text.get_text() for text in line.axes.get_legend().get_texts()]
    with pytest.raises(ValueError, match="simultaneous needs measured values"):
        plot.percentiles(h.corrected(0.5), simultaneous=True)
    for draw in (plot.percentiles, plot.survival):
        for given in (h, []):
            with pytest.raises(TypeError, match="simultaneous must be True or False, not 'no'"):
                draw(given, simultaneous="no")


@pytest.mark.filterwarnings("ignore:beyond the data")
def test_the_band_of_percentiles_is_the_confidence_interval_and_open_without_a_bound() -> None:
    h = Histogram.from_values([0.01 + 0.001 * k for k in range(50)])
    line, closed, beyond = plot.percentiles(h, confidence=0.9)
    p = line.get_xdata()
    interval = h.ci(p / 100, 0.9)
    is_open = numpy.isinf(interval.upper) | (interval.lower == 0)
    assert is_open.any() and not is_open.all()
    for artist in (closed, beyond):
        outline = numpy.concatenate([path.vertices for path in artist.get_paths()])
        corners = {(float(x), float(y)) for x, y in outline}
        for k in numpy.flatnonzero(is_open == (artist is beyond)):
            low = float(interval.lower[k]) or 1 / OPEN
            high = float(interval.upper[k]) if math.isfinite(interval.upper[k]) else OPEN
            assert {(float(p[k]), low), (float(p[k]), high)} <= corners
    assert beyond.get_hatch() and not closed.get_hatch()
    assert {"90 % interval", "90 % interval, open"} <= set(texts(line.axes))
    low, high = line.axes.get_ylim()
    assert 0.008 < low < 0.01 and 0.059 < high < 0.07  # the open band leaves the picture, and does not widen it


def test_the_axis_of_percentiles_gives_each_nine_the_same_width() -> None:
    ax = plot.percentiles(H)[0].axes
    places = ax.transData.transform([(p, 0.01) for p in (0, 90, 99, 99.9, 99.99)])[:, 0]
    assert numpy.diff(places) == pytest.approx([places[1] - places[0]] * 4, rel=1e-6)
    assert {"50", "90", "99", "99.9", "99.99"} <= set(texts(ax))


@pytest.mark.parametrize("h", [H, MILLIS, FEW, ZEROS], ids=["H", "MILLIS", "FEW", "ZEROS"])
def test_the_survival_is_exact_at_the_edges_of_buckets(h: Histogram) -> None:
    line, band = plot.survival(h)
    t = line.get_xdata()
    assert (line.get_ydata() == h.sf(t)).all()
    assert set(h.lower) | set(h.upper[:-1]) | {h.max} == set(t)
    interval = h.dist().sf(t)
    assert set(band.get_paths()[0].vertices[: len(t), 1]) == set(numpy.maximum(interval.lower, 1 / OPEN))
    assert not band.get_hatch()  # a share has a lower bound: 0
    assert line.axes.get_xscale() == line.axes.get_yscale() == "log"


@pytest.mark.parametrize("h", [H, MILLIS, FEW], ids=["H", "MILLIS", "FEW"])
def test_the_density_adds_up_to_1_and_its_edges_are_those_of_buckets(h: Histogram) -> None:
    outline = plot.density(h)[0]
    assert isinstance(outline, StepPatch)
    share, edges, _ = outline.get_data()
    assert share.sum() == pytest.approx(1)
    assert len(share) <= 122
    for k, value in enumerate(share):
        assert value == pytest.approx(h.cdf(edges[k + 1]) - h.cdf(edges[k]), abs=1e-12)
    width = round(64 * math.log2(edges[1] / edges[0]))
    assert edges[0] == upper(round(64 * math.log2(edges[0])) - 1)
    assert width in (1, 2, 4, 8, 16, 32, 64)


def test_two_modes_are_seen_and_marks_tell_the_percentiles() -> None:
    outline, *marks = Histogram.from_values([0.001] * 900 + [0.5] * 100).plot()
    share = outline.get_data().values
    assert (share > 0).sum() == 2 and share[0] == 0.9 and share[-1] == 0.1
    labels = [one.get_text().strip() for one in marks if isinstance(one, Text)]
    assert labels == ["p50 1 ms", "p90 1 ms", "p99 497 ms", "max 500 ms"]
    heights = [one.get_position()[1] for one in marks if isinstance(one, Text)]
    assert len(set(heights)) == 4  # each label has a row of its own


def test_values_beyond_the_axis_are_counted_in_a_note() -> None:
    assert "10 of 100 values about 0, below the axis" in texts(plot.percentiles(ZEROS)[0].axes)
    beyond = texts(plot.density(Histogram.from_values([1e300, 3.0]))[0].axes)
    assert "1 value above 2**64, beyond the axis" in beyond


def test_fanout_curves_are_those_of_the_algebra() -> None:
    n = [1, 3, 10, 200]
    line = plot.fanout(H, n, t=0.05)[0]
    assert (line.get_xdata() == n).all()
    assert (line.get_ydata() == H.fanout(n).p_wait(0.05).value).all()
    line, band, *wider = plot.fanout(H, n, q=0.9, confidence=0.99)
    answers = H.fanout(n).quantile(0.9, 0.99)
    assert (line.get_ydata() == answers.value).all()
    assert {*answers.lower, *answers.upper[numpy.isfinite(answers.upper)]} <= set(band.get_paths()[0].vertices[:, 1])
    assert wider
    assert line.axes.get_ylabel() == "p90 of the waits"


def test_dependence_widens_the_band_of_a_fanout() -> None:
    n = numpy.array([1, 3, 10, 200])
    for dependence in ("positive", "any"):
        _, _, wider = plot.fanout(H, n, t=0.05, dependence=dependence)
        bounds = H.fanout(n).bounds(0.05, dependence)
        corners = wider.get_paths()[0].vertices[:, 1].tolist()
        assert {*bounds.lower.tolist(), *bounds.upper.tolist()} <= set(corners)
    assert len(plot.fanout(H, n, t=0.05, dependence="independent")) == 2
    _, _, wider = plot.fanout(H, [1, 2, 4], q=0.5)
    corners = wider.get_paths()[0].vertices[:, 1].tolist()
    assert min(corners) == H.ci(0.5).lower  # all calls alike
    assert max(corners) == H.ci(1 - 0.5 / 4).upper  # no two slow calls for the same user


def test_fanout_refuses_two_questions_and_bad_numbers() -> None:
    with pytest.raises(ValueError, match="not both"):
        plot.fanout(H, t=1.0, q=0.5)
    with pytest.raises(ValueError, match="dependence must be"):
        plot.fanout(H, dependence="some")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one number of calls"):
        plot.fanout(H, [])
    assert plt.get_fignums() == []  # nothing was drawn


@pytest.mark.filterwarnings("ignore:beyond the data")
def test_a_shift_has_the_ratios_of_the_comparison() -> None:
    comparison = compare(H, FEW, names=("old", "$\\frac$<b>"))
    line, *_ = plot.shift(comparison)
    p = line.get_xdata()
    assert (line.get_ydata() == comparison.ratio(p / 100).value).all()
    assert line.axes.get_ylabel() == "$\\frac$<b> / old, ratio"
    assert p[0] == 0 and p[-1] == pytest.approx(75)  # one of four values is above
    line = plot.shift(compare(ZEROS, H))[0]
    assert 10 < (start := line.get_xdata()[0]) < 20
    assert f"below p{start:.3g} values are about 0, without a ratio" in texts(line.axes)
    assert "no data" in texts(plot.shift(compare(Histogram(), H))[0].axes)
    with pytest.raises(TypeError, match="pass a comparison"):
        plot.shift(H)  # type: ignore[arg-type]


def test_a_heatmap_has_a_column_for_each_histogram() -> None:
    found = [H, Histogram(), FEW]
    cells, p50, p99 = plot.heatmap(found, [0, 60, 120])
    assert isinstance(cells, QuadMesh)
    shares = cells.get_array().reshape(-1, 3)
    assert numpy.nansum(shares.filled(0), axis=0) == pytest.approx([1, 0, 1])
    assert cells.get_coordinates()[0, :, 0].tolist() == [0, 60, 120, 180]
    assert numpy.array_equal(p50.get_ydata()[:3], [one.percentile(50) for one in found], equal_nan=True)
    assert p99.get_ydata()[-1] == p99.get_ydata()[-2]
    assert cells.axes.get_xlabel() == "time (s)"


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_an_only_interval_with_a_date_lasts_a_minute(unit: str) -> None:
    cells = plot.heatmap([H], [numpy.datetime64("2026-11-27T10:00", unit)])[0]
    assert isinstance(cells, QuadMesh)
    start, end = date2num(numpy.array(["2026-11-27T10:00", "2026-11-27T10:01"], "datetime64[s]"))
    drawn = cells.get_coordinates()[0, :, 0].tolist()
    assert drawn == pytest.approx([start, end], rel=0, abs=1e-6)  # days: a tenth of a second


HISTORY = History(
    Interval(60 * 10**9 * k, 60 * 10**9 * (k + 1), {"x": one}) for k, one in enumerate([H, FEW, None, H]) if one
)


def test_a_history_has_its_times_and_its_gaps() -> None:
    cells, p50, _ = plot.heatmap(HISTORY)
    assert isinstance(cells, QuadMesh)
    assert cells.get_array().shape[1] == 4
    assert numpy.ma.getmaskarray(cells.get_array())[:, 2].all()
    assert cells.axes.get_xlabel() == "time (UTC)"
    assert numpy.isnan(p50.get_ydata()[2])  # type: ignore[attr-defined]
    assert HISTORY.heatmap(percentiles=[90])[1].get_ydata()[0] == H.percentile(90)  # type: ignore[attr-defined]
    assert "no data" in texts(plot.heatmap(History())[0].axes)
    with pytest.raises(ValueError, match="times must not be given for a history"):
        plot.heatmap(HISTORY, [1, 2, 3])


def test_percentiles_over_time_are_steps_with_gaps() -> None:
    line, *bands = plot.over_time(HISTORY, percentiles=90)
    series = HISTORY.percentile(90)
    at, value = line.get_xdata(), line.get_ydata()  # type: ignore[attr-defined]
    first, few, last = series.values
    numpy.testing.assert_equal(value, [first, first, few, few, numpy.nan, last, last, numpy.nan])
    assert at.tolist() == [60 * 10**9 * k for k in (0, 1, 1, 2, 2, 3, 4, 4)]
    assert any(getattr(one, "get_hatch", lambda: None)() for one in bands)  # of few values
    assert line.axes.get_xlabel() == "time (UTC)"
    assert "95 % interval" in texts(line.axes)
    same = HISTORY.plot(90)[0]
    numpy.testing.assert_equal(same.get_ydata(), value)  # type: ignore[attr-defined]


def test_series_over_time() -> None:
    lines = [one for one in plot.over_time(HISTORY) if isinstance(one, Line2D)]
    assert len(lines) == 2
    assert {"p50", "p99"} <= set(texts(lines[0].axes))
    (rate,) = HISTORY.rate().plot()
    assert rate.axes.get_ylabel() == "calls per second"
    routes = {HOSTILE: HISTORY.percentile(50), "b": HISTORY.percentile(99)}
    assert HOSTILE in texts(plot.over_time(routes)[0].axes)
    assert "p50" in texts(plot.over_time([HISTORY.percentile(50)])[0].axes)
    for empty in (History(), [], {}, HISTORY.select("y")):
        assert "no data" in texts(plot.over_time(empty)[0].axes)
    one = plot.over_time(HISTORY[:1])[0].axes
    both = plot.over_time(HISTORY[3:], ax=one)[0].axes if len(HISTORY) > 3 else one
    assert both is one


@pytest.mark.parametrize("given", [H, [H], "p99", 5, {"a": H}])
def test_what_is_no_series_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match=r"pass a history, or series such as history.percentile\(99\), not"):
        plot.over_time(given)


def test_series_of_different_units_are_refused() -> None:
    with pytest.raises(ValueError, match="one unit, not 's' and '1/s': draw them apart"):
        plot.over_time([HISTORY.percentile(50), HISTORY.rate()])


def test_times_of_a_heatmap() -> None:
    noon = datetime.datetime(2026, 11, 26, 12)
    dated = {noon + datetime.timedelta(minutes=k): h for k, h in enumerate([H, FEW])}
    cells = plot.heatmap(dated)[0]
    assert "12:00" in texts(cells.axes)
    assert plot.heatmap([H])[0].axes.get_xlabel() == "interval"
    assert "no data" in texts(plot.heatmap([])[0].axes)
    assert "no data" in texts(plot.heatmap([Histogram.from_values([0.0])])[0].axes)
    for times, message in (([1], "starts of 2"), ([2, 1], "must ascend"), ([1, 2, 3, 4], "starts of 2")):
        with pytest.raises(ValueError, match=message):
            plot.heatmap([H, FEW], times)
    with pytest.raises(ValueError, match="for a mapping"):
        plot.heatmap(dated, [1, 2])


def test_a_tree_shows_what_causes_the_tail() -> None:
    auth, look_up = (Histogram.from_values([0.001] * (1_000 - slow) + [0.1] * slow) for slow in (10, 2))
    fan = (lambda x: all_of(10, x), {"look-up": look_up})
    artists = plot.tree({HOSTILE: (seq, {"auth": auth, "fan": fan})})
    found = texts(artists[0].axes)
    assert {HOSTILE, "auth", "fan", "look-up"} <= set(found)
    # 1 - 0.99 * 0.998**10 = 2.96 % of the requests are slow, 1 % without the look-ups and 1.98 % without auth.
    tails = [text.split("\n")[-1] for text in found if text.startswith("p50")]
    assert tails[0].startswith("p99") and tails[1:] == ["tail 33 %", "tail 66 %", "tail 66 %"]
    assert "the share that the part makes slow by taking longer than its p50" in found[-1]
    bars = [artist.get_width() for artist in artists if isinstance(artist, Rectangle)][1::2]
    assert bars == pytest.approx([0.8, 0.8 * 0.331, 0.8 * 0.662, 0.8 * 0.662], abs=0.005)


def test_a_tree_of_measured_times_shows_each_part_by_itself_and_says_so() -> None:
    auth, look_up = MILLIS.dist(), MILLIS.dist()
    fan = all_of(100, look_up)
    page = {HOSTILE: (seq(auth, fan), {"auth": auth, "fan": (fan, {"look-up": MILLIS})})}
    found = texts(plot.tree(page)[0].axes)
    assert {HOSTILE, "auth", "fan", "look-up"} <= set(found)
    assert "p50 and p99 of each part by itself,\nnot its share of the tail" in found
    for part in (look_up, MILLIS):  # a distribution interpolates in its buckets
        assert f"p50 {part.quantile(0.5):.3g} ms\np99 {part.quantile(0.99):.3g} ms" in found
    assert "no data" in texts(plot.tree({})[0].axes)
    assert "no data" in texts(plot.tree({"idle": Histogram()})[0].axes)
    with pytest.raises(TypeError, match="part 'x' must be a distribution"):
        plot.tree({"x": 3})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="parts must be in one unit"):
        plot.tree({"x": H, "y": MILLIS})


def test_what_is_drawn_and_into_what() -> None:
    registry = Registry()
    registry.recorder("query", table="users").record_many([0.01, 0.02])
    assert "query{table=users}" in texts(plot.survival(registry.snapshot())[0].axes)
    assert "query{table=users}" in texts(plot.survival(registry.profile())[0].axes)
    assert {"1", "2"} <= set(texts(plot.survival([H, FEW])[0].axes))
    assert "idle" not in texts(plot.survival({Key("idle"): Histogram(), Key("busy"): H})[0].axes)
    for what, message in ((Recorder(), r"not Recorder: pass its snapshot\(\)"), (3, "not int"), ("text", "not str")):
        with pytest.raises(TypeError, match=message):
            plot.density(what)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be in one unit, not 's' and 'ms'"):
        plot.density([H, MILLIS])
    with pytest.raises(TypeError, match="ax must be axes of matplotlib"):
        H.plot(ax=[plt.figure().add_subplot()])  # type: ignore[arg-type]


def test_a_second_drawing_into_the_same_axes_widens_them_and_has_another_style() -> None:
    first = plot.percentiles(FEW)[0]
    narrow = first.axes.get_ylim()
    second = plot.percentiles(Histogram.from_values([0.0001, 90.0]), ax=first.axes)[0]
    wide = second.axes.get_ylim()
    assert wide[0] < narrow[0] and narrow[1] < wide[1]
    assert first.get_color() != second.get_color()


def test_axes_have_units() -> None:
    ax = plot.percentiles(H)[0].axes
    assert ax.get_ylabel() == "time"
    assert {"10 ms", "100 ms"} <= set(texts(ax))
    assert plot.percentiles(ODD["bytes"])[0].axes.get_ylabel() == "value (bytes)"
    assert plot.percentiles(Histogram.from_values([3.0], unit="min"))[0].axes.get_ylabel() == "time (min)"
    ax = plot.survival(H)[0].axes
    assert {"100 %", "1 %", "0.01 %"} <= set(texts(ax))
    assert {"1", "100", "10,000"} <= set(texts(plot.fanout(H)[0].axes))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1e-9, 1e6, [1e-8, 1e-6, 1e-4, 1e-2, 1, 100, 10_000, 1e6]),
        (0.9, 110, [1, 2, 5, 10, 20, 50, 100]),
        (1.0, 1.3, [1.0, 1.1, 1.2, 1.3]),
        (0.0, 1.0, []),
    ],
)
def test_ticks_of_a_logarithmic_axis(low: float, high: float, ticks: list[float]) -> None:
    assert LogTicks().tick_values(low, high) == pytest.approx(ticks)


def test_colours_stand_out_on_white_and_on_black_and_styles_differ() -> None:
    def luminance(color: str) -> float:  # WCAG 2, relative luminance
        parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for color in COLORS:
        assert 1.05 / (luminance(color) + 0.05) >= 3 and (luminance(color) + 0.05) / 0.05 >= 3
    assert len({(one.color, str(one.line)) for one in map(style_of, range(36))}) == 36


def test_nothing_is_loaded_before_it_is_needed_and_the_extra_is_named() -> None:
    code = (
        "import sys, historian\n"
        "assert 'historian.plot' not in sys.modules\n"
        "from historian import plot\n"
        "assert 'matplotlib' not in sys.modules and 'numpy' not in sys.modules\n"
        "sys.modules['matplotlib'] = None\n"
        "h = historian.Histogram.from_values([1.0])\n"
        "for draw in (h.plot, lambda: plot.percentiles(h), lambda: plot.tree({'a': h})):\n"
        "    try:\n"
        "        draw()\n"
        "    except ImportError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "historian.plot needs matplotlib: run pip install 'latency-historian[plot]'\n" * 3
