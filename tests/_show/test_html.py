"""Every `_repr_html_`: valid, escaped, without script, small, readable in both themes and without any values."""

import copy
import pickle
import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import justhtml
import pytest
from displayed import HOSTILE, with_hostile_names, with_values, without_values

from historian import Exemplar, Histogram, Profile, Recorder, Registry
from historian._show.terminal import text as in_terminal

FULL, EMPTY = with_values(), without_values()

TAGS = {"div", "p", "strong", "span", "table", "thead", "tbody", "tr", "th", "td", "wbr", "code"}
SVG = {"svg", "style", "path", "line", "text", "circle"}
ATTRIBUTES = {
    "aria-hidden", "aria-label", "class", "cx", "cy", "d", "fill", "height", "preserveAspectRatio", "r", "role",
    "scope", "stroke", "stroke-dasharray", "stroke-opacity", "style", "text-anchor", "viewBox", "width", "x", "x1",
    "x2", "y", "y1", "y2",
}  # fmt: skip
#: What JupyterLab, VS Code, Colab and documentation sites mark a dark page with.
DARK = ['[data-jp-theme-light="false"]', ".vscode-dark", "[theme=dark]", "[data-theme=dark]"]


def checked(html):
    """Return the elements of HTML that an HTML parser accepts without any error, and an XML parser, too."""
    justhtml.JustHTML(html, fragment=True, strict=True)
    elements = list(ElementTree.fromstring(f"<div>{html}</div>").iter())[1:]
    assert {element.tag for element in elements} <= TAGS | SVG
    assert {name for element in elements for name in element.attrib} <= ATTRIBUTES
    drawn = [inner for element in elements if element.tag == "svg" for inner in element.iter()]
    assert {element.tag for element in drawn} <= SVG
    assert {id(element) for element in elements if element.tag in SVG} == set(map(id, drawn))  # all within an <svg>
    assert len(html.encode()) <= 30_000
    return elements


def text_of(elements):
    """Return the text that is shown."""
    return "".join(f"{'' if one.tag == 'style' else one.text or ''}{one.tail or ''}" for one in elements)


def test_the_lines_of_a_key_end_between_its_labels():
    registry = Registry()
    registry.recorder("request", route="/users", status=200).record(0.5)
    html = registry._repr_html_()
    assert "request{<wbr/>route=/users,<wbr/>status=200}" in html
    assert "request{route=/users,status=200}" in text_of(checked(html))


@pytest.mark.parametrize("name", FULL)
def test_what_remains_without_svg_can_be_read(name):
    """In a notebook that it does not trust, Jupyter leaves out all tags of SVG, and the style sheet, but not texts."""
    html = re.sub("<style>.*?</style>", "", FULL[name]._repr_html_())
    left = re.sub(r"</?(?:svg|path|line|text|circle)\b[^>]*>", "", html)
    labels = re.findall(r"<text[^>]*>([^<]+)</text>", html)
    words = text_of(checked(left))
    assert re.search(r"\s+".join(map(re.escape, labels)), words)
    assert len(labels) > 2 or name != "histogram"


@pytest.mark.parametrize("name", FULL)
def test_valid_and_small(name):
    text = text_of(checked(FULL[name]._repr_html_()))
    assert "nan" not in text.lower().replace("nanosecond", "")


@pytest.mark.parametrize("name", EMPTY)
def test_readable_without_values(name):
    elements = checked(EMPTY[name]._repr_html_())
    assert re.search("nothing recorded yet|no data|none|\\w", text_of(elements)) or name == "key"
    assert "table" not in {element.tag for element in elements}
    assert "nan" not in text_of(elements).lower()


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_text(hostile):
    for name, shown in with_hostile_names(hostile).items():
        html = shown._repr_html_()
        text = text_of(checked(html))
        assert all(character.isprintable() or character == "\n" for character in html), name
        plain = hostile.isprintable() and 0 < len(hostile) < 40 and not re.search(r"\s\s|^\s|\"|\\", hostile)
        if plain and name in ("recorder", "key", "profile"):
            assert hostile in text, name


def test_a_validator_that_refuses():
    """The checks find what they are there for."""
    for bad in ("<p><div></div></p>", "<b>", "<table><tr><b></table>", "<p>&nbsp</p>", '<p class="a" class="b"></p>'):
        with pytest.raises((justhtml.StrictModeError, ElementTree.ParseError)):
            checked(bad)
    for bad in ("<script>1</script>", '<p onclick="1">1</p>', "<style>p{}</style>", "<path/>"):
        with pytest.raises(AssertionError):
            checked(bad)


def test_both_themes():
    html = FULL["histogram"]._repr_html_()
    (style,) = re.findall("<style>(.*?)</style>", html)
    assert "@media (prefers-color-scheme:dark){.hsn{" in style
    light, dark = (
        re.search(rf"{re.escape(place)} \.hsn[^{{]*\{{(.*?)\}}", style)[1] for place in ('"true"]', '"false"]')
    )
    assert light != dark
    for place in DARK:
        assert re.search(rf"{re.escape(place)} \.hsn[,{{]", style)
        assert re.search(rf"{re.escape(place.replace('dark', 'light').replace('false', 'true'))} \.hsn[,{{]", style)
    for colours in (light, dark):
        for colour in re.findall("#(\\w{6})", colours):
            red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (0, 2, 4))
            linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in (red, green, blue)]
            light_of = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
            # The contrast of WCAG 2, with white and with black: pictures need 3, on the other ground 2 at least.
            assert 1.05 / (light_of + 0.05) >= (3 if colours == light else 2)
            assert (light_of + 0.05) / 0.05 >= (3 if colours == light else 5)
    fixed = re.sub("<style>.*?</style>", "", html)
    assert not re.search(r'(fill|stroke|color)="(?!currentColor|none)', fixed)


def test_the_picture_of_a_histogram():
    """Two modes are two hills with a valley, and p50, p90, p99 and the maximum are marked where they are."""
    elements = checked(FULL["histogram"]._repr_html_())
    labels = [(element.text, float(element.get("x")[:-1])) for element in elements if element.get("class") == "hsn-t"]
    assert [name for name, _ in labels] == ["p50", "p90", "p99", "max"]
    assert [x for _, x in labels] == sorted(x for _, x in labels) and labels[-1][1] == 100
    ticks = [element.text for element in elements if element.get("class") == "hsn-f" and element.tag == "text"]
    assert ticks == ["1 ms", "10 ms", "100 ms"]
    (path,) = (element.get("d") for element in elements if element.get("class") == "hsn-a")
    steps = [(int(x), 100 - int(y)) for x, y in re.findall(r"H(\d+)V(\d+)", path)]
    heights = [y for (x, y), (after, _) in pairwise(steps) for _ in range(x, after)]
    first, valley = heights.index(100), heights.index(0)
    assert first < valley and max(heights[valley:]) > 20
    p50 = next(x for name, x in labels if name == "p50")
    assert abs(100 * first / len(heights) - p50) < 6


def test_a_picture_is_told_to_those_who_do_not_see_it():
    elements = checked(FULL["fan-out"]._repr_html_())
    labels = [element.get("aria-label") for element in elements if element.get("role") == "img"]
    assert labels and all(labels)
    assert re.fullmatch(r"density on a logarithmic axis: p50 \S+ ms, p90 \S+ ms, p99 \S+ ms, max \S+ ms", labels[0])


def test_display_picks_it_up():
    """IPython's formatter, which notebooks use, finds both forms of each."""
    formatters = pytest.importorskip("IPython.core.formatters")
    found = formatters.DisplayFormatter()
    found.active_types = ["text/plain", "text/html"]
    for name, shown in {**FULL, **{f"no {key}": value for key, value in EMPTY.items()}}.items():
        data, _ = found.format(shown)
        assert data["text/html"] == shown._repr_html_(), name
        assert "text/plain" in data, name


def test_a_subclass_is_shown():
    from historian import Histogram

    class Mine(Histogram):
        pass

    assert checked(Mine.from_values([1.0])._repr_html_())


def test_what_is_shown_can_be_copied_and_pickled():
    for name in ("comparison", "blocks", "interleaved runs"):
        for copied in (pickle.loads(pickle.dumps(FULL[name])), copy.copy(FULL[name])):
            assert type(copied) is type(FULL[name])
            assert copied._repr_html_() == FULL[name]._repr_html_(), name


def test_a_registry_in_a_directory(tmp_path):
    registry = Registry(tmp_path / "<b>")
    registry.recorder("query").record_many([1.0, 2.0])
    text = text_of(checked(registry._repr_html_()))
    assert f"Registry of 1 recorder in {tmp_path}/<b>" in text and "query" in text
    assert text_of(checked(registry.recorder("query")._repr_html_())).count("Recorder query") == 1


# ---- exemplars ----

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def rows(html):
    """Return the cells of the last table, without the places where a line may end."""
    table = re.findall("<table>(.*?)</table>", html, re.DOTALL)[-1].replace("<wbr/>", "")
    return [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", line) for line in re.findall("<tr>(.*?)</tr>", table)]


def marked(values, unit="s", **labels):
    h = Histogram.from_values(values, unit=unit)
    return h._with([Exemplar(value, {"n": k, **labels}, 1.7e9 + k) for k, value in enumerate(values)])


def test_the_slowest_five_of_a_histogram():
    h = marked([0.001 * 4**k for k in range(8)], trace_id=TRACE)
    html = h._repr_html_()
    checked(html)
    assert rows(html) == [
        ["slowest traces", "labels", "recorded (UTC)"],
        ["16.4 s", f"n=7 trace_id={TRACE}", "2023-11-14 22:13:27"],
        ["4.10 s", f"n=6 trace_id={TRACE}", "2023-11-14 22:13:26"],
        ["1.02 s", f"n=5 trace_id={TRACE}", "2023-11-14 22:13:25"],
        ["256 ms", f"n=4 trace_id={TRACE}", "2023-11-14 22:13:24"],
        ["64.0 ms", f"n=3 trace_id={TRACE}", "2023-11-14 22:13:23"],
    ]
    assert f"trace_id={TRACE}" in in_terminal(h._view(), 79)
    assert "traces" not in Histogram.from_values([1.0])._repr_html_()


def test_a_profile_has_the_slowest_of_all_times_first():
    profile = Profile({"a": marked([0.5, 2.0]), "b": marked([900.0], "ms"), "c": marked([7.0], "rows")})
    assert rows(profile._repr_html_()) == [
        ["slowest traces", "operation", "labels", "recorded (UTC)"],
        ["2.00 s", "a", "n=1", "2023-11-14 22:13:21"],
        ["900 ms", "b", "n=0", "2023-11-14 22:13:20"],
        ["500 ms", "a", "n=0", "2023-11-14 22:13:20"],
        ["7.00 rows", "c", "n=0", "2023-11-14 22:13:20"],
    ]
    assert rows(Profile({"c": marked([7.0], "rows")})._repr_html_())[0][0] == "largest traces"
    assert "traces" not in str(profile)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_labels_are_text(hostile):
    label = "".join(c for c in hostile[:120] if c.isprintable())
    registry, rec = Registry(), Recorder()
    for one in (rec, registry.recorder("x", label=hostile[:300])):
        one.record(1.5, exemplar={"label": label})
    for shown in (rec, rec.snapshot(), registry, registry.profile(), registry.snapshot()):
        html = shown._repr_html_()
        found = text_of(checked(html))
        assert all(character.isprintable() or character == "\n" for character in html)
        if 0 < len(label) < 40 and label.isascii():
            assert f"label={label}" in found
        in_terminal(shown._view(), 60)


def test_a_full_profile_stays_small():
    registry = Registry()
    for k in range(40):
        for exponent in range(10):
            registry.recorder("recorder " * 20, k=k).record(2.0**exponent, exemplar={"label": "<" * 123})
    checked(registry._repr_html_())
