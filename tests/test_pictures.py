"""The pictures of the documentation: docs/pictures*.py draw answers of the package."""

import importlib
import math
import xml.etree.ElementTree
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from historian import Histogram

DOCS = Path(__file__).parents[1] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Return a function that imports a module of docs/."""
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module


@pytest.fixture
def pictures(drawn: Callable[[str], ModuleType]) -> ModuleType:
    return drawn("pictures")


def texts(root: xml.etree.ElementTree.Element) -> list[str]:
    return ["".join(found.itertext()) for found in root.iter(f"{SVG}text")]


def test_what_is_drawn_is_what_the_histogram_says(pictures: ModuleType) -> None:
    h = Histogram.from_values([0.001] * 9_800 + [0.010] * 100 + [0.5] * 100)
    picture = pictures.Picture(h, pictures.THEMES["dark"])  # 0.010 appears as its bucket's representative, 0.00997
    root = xml.etree.ElementTree.fromstring(picture.svg())
    assert texts(root)[:2] == ["1 look-up in 100 takes over 9.97 ms:", "63 % of users who need 100 wait longer"]
    assert {"63 % of users", "1 % of look-ups", "1 ms", "100 ms", "0.01 %"} <= set(texts(root))
    many, one = (float(dot.get("cy")) for dot in root.iter(f"{SVG}circle"))
    assert many == pytest.approx(picture.y(1 - 0.99**100), abs=0.1)  # 100 of which 1 % are slow
    assert one == pytest.approx(picture.y(0.01), abs=0.1)
    assert one - many == pytest.approx(math.log10(63.4) / 4 * (pictures.BOTTOM - pictures.TOP), abs=0.2)  # 4 decades


def test_a_hedge_that_collapses_is_drawn_up_to_there(drawn: Callable[[str], ModuleType]) -> None:
    pictures = drawn("pictures_load")

    class Smaller(pictures.LoadPicture):  # type: ignore[name-defined]
        LOAD, REQUESTS = (0.1, 0.2, 0.3, 0.7), 4_000

    service = pictures.service()
    loads = Smaller.simulated(service)
    assert [load.is_stable for load in loads["many"]] == [True, True, True, False]
    picture = Smaller(loads, 0.142, pictures.THEMES["light"])
    root = xml.etree.ElementTree.fromstring(picture.svg())
    assert texts(root)[1] == "and brings it down above 30 % load"
    without, hedged = (path.get("d", "").split("L") for path in root.iter(f"{SVG}path"))
    assert (len(without), len(hedged)) == (4, 3)
    p99 = loads["many"][2].response.quantile(0.99)
    assert hedged[-1].split() == [f"{picture.x(0.3):.1f}", f"{picture.y(p99):.1f}"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["tail", "blame", "load", "often", "power"])
def test_the_committed_pictures(pictures: ModuleType, name: str, theme: str) -> None:
    path = DOCS / f"{name}-{theme}.svg"
    root = xml.etree.ElementTree.parse(path).getroot()
    assert root.get("viewBox") == f"0 0 {pictures.WIDTH} {pictures.HEIGHT}"
    colors = {element.get("fill") or element.get("stroke") for element in root.iter()} - {None, "none"}
    assert colors <= set(pictures.THEMES[theme].values())
    assert path.stat().st_size < 30_000


def test_the_picture_of_traces(drawn: Callable[[str], ModuleType]) -> None:
    module = drawn("pictures_traces")
    picture = module.FanoutPicture(module.traces(), module.THEMES["light"])
    svg = picture.svg()
    assert svg == (DOCS / "traces-light.svg").read_text(encoding="utf-8"), "run: python docs/pictures_traces.py"
    root = xml.etree.ElementTree.fromstring(svg)
    caption = "20,000 traced requests of 8 calls; beyond these: value and bounds"
    assert {"independent", "measured", "60 %", caption} <= set(texts(root))
    independent, measured, beyond = (path.get("d", "").split() for path in root.iter(f"{SVG}path"))
    assert float(independent[-1]) == pytest.approx(
        picture.y(1 - (1 - 0.0101) ** 100), abs=1
    )  # 1.01 % of calls are slow
    assert float(measured[-1]) == float(beyond[1]) == pytest.approx(picture.y(0.0237), abs=0.2)  # of 8 calls


def test_the_picture_of_looks(drawn: Callable[[str], ModuleType]) -> None:
    module = drawn("pictures_often")

    class Smaller(module.OftenPicture):  # type: ignore[name-defined]
        LOOKS, RUNS = 200, 200

    single, anytime = (
        Smaller.missed(Smaller(module.THEMES["light"]), r) for r in (module.rank_interval, module.rank_sequence)
    )
    assert single == sorted(single) and anytime == sorted(anytime)  # once misled, always misled
    assert single[0] < 0.1 and single[-1] > 0.2 > 0.05 >= anytime[-1]


def test_the_picture_of_power(drawn: Callable[[str], ModuleType]) -> None:
    module = drawn("pictures_power")
    powers = {change: [0.1 + 0.03 * k for k in range(25)] for change in module.CHANGES}
    picture = module.PowerPicture(powers, module.THEMES["light"])
    root = xml.etree.ElementTree.fromstring(picture.svg())
    assert {"5 %", "10 %", "20 %", "80 %"} <= set(texts(root))
    first, *_ = (path.get("d", "").split("L") for path in root.iter(f"{SVG}path"))
    assert first[-1].split() == [f"{picture.x(module.MOST):.1f}", f"{picture.y(0.82):.1f}"]


def test_the_picture_of_blame(drawn: Callable[[str], ModuleType]) -> None:
    module = drawn("pictures_blame")
    blame = module.measure()
    picture = module.BlamePicture(blame, module.THEMES["light"])
    root = xml.etree.ElementTree.fromstring(picture.svg())
    widths = [float(bar.get("width", "")) for bar in root.iter(f"{SVG}rect")]
    assert widths[:2] == [pytest.approx(picture.x(cause.slowest) - module.LEFT, abs=0.1) for cause in blame]
    assert len(widths) == 6 and {"slowest", "necessary", "saved", "search", "orders"} <= set(texts(root))
