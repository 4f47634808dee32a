"""The axes of pictures: new ones, limits, and ticks that have the unit of a value, a percentile or a share."""

from __future__ import annotations

from .._show.scale import TIME
from .._values.base import MAX_FLOAT
from .._values.text import printable
from ._look import grid
from ._nines import from_nines, to_nines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = [
    "Panel",
    "mark_text",
    "name_axis",
    "nines_axis",
    "number_axis",
    "panel",
    "share_axis",
    "share_text",
    "value_axis",
]

MISSING = "historian.plot needs matplotlib: run pip install 'latency-historian[plot]'"

#: Units of time that ticks are written in: those whose ratios are powers of 10.
DECIMAL = ("s", "ms", "us", "ns")


ROOM = 0.06  # of the axes, between the curves and the frame


class Panel:
    """Axes to draw into, and the limits that they need."""

    def __init__(self, ax: Axes) -> None:
        self.ax = ax
        self.is_fresh = not ax.has_data()  # whether nothing is drawn yet
        ax.set_autoscale_on(False)
        grid(ax)

    def limit_x(self, low: float, high: float, *, is_log: bool = True) -> None:
        """Show at least this range, and what is shown already."""
        low, high = _wider(low, high) if is_log else (low, high)
        if not self.is_fresh:
            least, most = sorted(self.ax.get_xlim())
            low, high = min(low, least), max(high, most)
        self.ax.set_xlim(low, high)

    def limit_y(self, low: float, high: float, *, is_log: bool = True) -> None:
        """Show at least this range, and what is shown already."""
        low, high = _wider(low, high) if is_log else (low, high)
        if not self.is_fresh:
            least, most = sorted(self.ax.get_ylim())
            low, high = min(low, least), max(high, most)
        self.ax.set_ylim(low, high)


def require_matplotlib() -> None:
    """Raise ImportError, which names the extra, unless matplotlib can be imported."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise ImportError(MISSING) from None


def panel(ax: Axes | None, *, size: tuple[float, float] | None = None) -> Panel:
    """Return the panel of given axes, or of those of a new figure, of a `size` in inches.

    Raises ImportError without matplotlib, and TypeError for an object that is not axes of matplotlib.
    """
    require_matplotlib()
    if ax is None:
        import matplotlib.pyplot as plt

        return Panel(plt.subplots(figsize=size, layout="constrained")[1])
    if not hasattr(ax, "fill_between") or not hasattr(ax, "transAxes"):
        raise TypeError(f"ax must be axes of matplotlib, such as plt.gca(), not {type(ax).__name__}")
    return Panel(ax)


def _wider(low: float, high: float) -> tuple[float, float]:
    """Return a range on a logarithmic axis with room at both ends; a single value gets a factor of 2."""
    factor = max((high / low) ** ROOM, 1.02) if high > low * 1.05 else 2.0
    return low / factor, min(high * factor, MAX_FLOAT)


def value_axis(axis: Axis, unit: str, what: str = "") -> None:
    """Label an axis of values in `unit`: logarithmic, with the unit of a time at each tick."""
    from ._ticks import LogTicks

    set_scale(axis, "log")
    is_time = unit in TIME
    axis.set_major_locator(LogTicks())
    axis.set_major_formatter(lambda value, _: value_text(value, unit))
    _no_minor_ticks(axis)
    name = what or ("time" if is_time else "value")
    if unit not in DECIMAL:
        name += f" ({printable(unit)})"
    name_axis(axis, name)


def share_axis(axis: Axis, name: str, *, is_log: bool = True) -> None:
    """Label an axis of shares, in percent."""
    from ._ticks import LogTicks

    if is_log:
        set_scale(axis, "log")
        axis.set_major_locator(LogTicks())
        _no_minor_ticks(axis)
    # Room for marks may lie above 100 %.
    axis.set_major_formatter(lambda share, _: share_text(share) if share <= 1 + 1e-9 else "")
    name_axis(axis, name)


def number_axis(axis: Axis, name: str) -> None:
    """Label a logarithmic axis of numbers without a unit."""
    from ._ticks import LogTicks

    set_scale(axis, "log")
    axis.set_major_locator(LogTicks())
    axis.set_major_formatter(lambda value, _: number_text(value))
    _no_minor_ticks(axis)
    name_axis(axis, name)


def nines_axis(axis: Axis) -> None:
    """Label an axis of percentiles, 0..100, on which 90, 99, 99.9, ... have equal distances."""
    from ._ticks import NinesTicks

    set_scale(axis, "function", functions=(to_nines, from_nines))
    axis.set_major_locator(NinesTicks())
    axis.set_major_formatter(lambda p, _: f"{p:.12g}")
    _no_minor_ticks(axis)
    name_axis(axis, "percentile")


def name_axis(axis: Axis, name: str) -> None:
    """Set the label of an axis; dollar signs in it begin no formula."""
    axis.label.set_parse_math(False)
    axis.set_label_text(name)


def set_scale(axis: Axis, scale: str, **options: Any) -> None:
    """Set the scale of an axis unless it has this scale: setting it forgets the limits."""
    if axis.get_scale() != scale:
        getattr(axis.axes, f"set_{axis.axis_name}scale")(scale, **options)  # type: ignore[attr-defined]


def _no_minor_ticks(axis: Axis) -> None:
    from matplotlib.ticker import NullLocator

    axis.set_minor_locator(NullLocator())


def value_text(value: float, unit: str) -> str:
    """Return the text of a tick.

    >>> value_text(0.05, "s"), value_text(1500.0, "s"), value_text(3.0, "bytes")
    ('50 ms', '1,500 s', '3')
    """
    if unit not in DECIMAL:
        return number_text(value)
    sizes = {name: TIME[name][0] / TIME[unit][0] for name in DECIMAL}  # in `unit`
    name = next((name for name, size in sizes.items() if value >= size * (1 - 1e-9)), "ns")
    return f"{number_text(value / sizes[name])} {name}"


def mark_text(value: float, unit: str) -> str:
    """Return a value with three digits and its unit, in the manner of ticks.

    >>> mark_text(0.0123456, "s"), mark_text(12345.0, "bytes")
    ('12.3 ms', '12,300 bytes')
    """
    text = value_text(float(f"{value:.3g}"), unit)
    return text if unit in DECIMAL else f"{text} {printable(unit)}"


def number_text(value: float) -> str:
    """Return a number with at most six digits.

    >>> number_text(1000.0), number_text(0.25), number_text(1e9)
    ('1,000', '0.25', '1e9')
    """
    if value and not 1e-4 <= abs(value) < 1e6:
        mantissa, _, exponent = f"{value:.6g}".partition("e")
        if exponent:
            return f"{mantissa}e{int(exponent)}"
        digits = int(f"{value:.5e}"[-3:])
        return f"{value / 10.0**digits:.6g}e{digits}"
    return f"{value:,.6g}"


def share_text(share: float) -> str:
    """Return a share in percent.

    >>> share_text(0.001), share_text(1.0)
    ('0.1 %', '100 %')
    """
    return f"{number_text(100 * share)} %"
