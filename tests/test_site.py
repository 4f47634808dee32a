"""The documentation site: every public name, every example executed, and what a browser says of the built pages."""

import ast
import functools
import http.server
import importlib
import importlib.util
import inspect
import os
import posixpath
import re
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import browser
import displayed
import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import historian

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
#: Pages whose cells the build executes.
NOTEBOOKS = [page for page in PAGES if page.read_text(encoding="utf-8").startswith("---\njupytext:\n")]
SOURCES = (".md", ".rst")
FENCE = re.compile(r"^(?P<mark>`{3,}|~{3,}|:{3,})[ \t]*(?P<language>.*)$")
#: Blocks that are not examples of Python: commands of a shell, output, files of other programs, orders to Sphinx.
NO_PYTHON = {"sh", "text", "yaml", "ini", "nginx", "{image}", "{toctree}", "{include}"}

PACKAGE = Path(historian.__file__).parent


def exported(module: str) -> list[str]:
    """Return the ``__all__`` of a module, from its source: what engines need is not installed everywhere."""
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, module
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            found: list[str] = ast.literal_eval(node.value)
            return found
    raise AssertionError(f"{module} has no __all__")


def public_modules(name: str = "historian") -> list[str]:
    """Return the full names of a public module, and of the modules that its ``__all__`` names, at any depth."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    inner = [one for one in exported(name) if spec.submodule_search_locations and is_module(f"{name}.{one}")]
    return [name, *(found for one in inner for found in public_modules(f"{name}.{one}"))]


def is_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


MODULES = public_modules()


def public_names() -> set[str]:
    """Return the full names of all that ``__all__`` of the public modules names."""
    found = set(MODULES)
    for module in MODULES:
        found |= {f"{module}.{name}" for name in exported(module)}
    return found - {"historian"}


def described() -> set[str]:
    """Return the full names that the directives of docs/reference describe."""
    found = set()
    for path in (DOCS / "reference").glob("*.rst"):
        module = "historian"
        directive = re.compile(r"^\.\. (?:py:)?(\w+):: *([\w.]+)", re.MULTILINE)
        for kind, name in directive.findall(path.read_text(encoding="utf-8")):
            if kind in ("automodule", "currentmodule", "module"):
                module = name
            if kind == "module":
                found.add(name)
            if kind == "automodule":
                found.add(name)
                found |= {f"{name}.{one}" for one in exported(name)}
            elif kind.startswith("auto"):
                found.add(name if name.startswith("historian.") else f"{module}.{name}")
    return found


def test_the_reference_describes_every_public_name() -> None:
    assert {
        "historian.Recorder",
        "historian.tail.hedge",
        "historian.formats.opentelemetry.data_point",
    } <= public_names()
    assert public_names() - described() == set()
    assert described() - public_names() == set()


def fences(page: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the language of each block; blocks within blocks belong to the outer one."""
    mark = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        match = FENCE.match(line.strip())
        if not match:
            continue
        if not mark:
            mark = match["mark"]
            yield number, match["language"].split(" ")[0].strip()
        elif match["mark"].startswith(mark) and not match["language"]:
            mark = ""
    assert not mark, f"{page} has a block without an end"


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_example_is_executed(page: Path) -> None:
    """Sybil executes blocks of python and console, the build executes the cells of notebooks."""
    executed = {"python", "console"}
    if page in NOTEBOOKS:
        executed = {"{code-cell}"}
    found = list(fences(page))
    assert [(line, language) for line, language in found if language not in executed | NO_PYTHON] == []
    parsers = [PythonCodeBlockParser(), CodeBlockParser("console", lambda example: None)]
    run = {example.line for example in Sybil(parsers).parse(page).examples()}
    lines = [line for line, language in found if language in ("python", "console")]
    ends = [*lines[1:], 10**9]
    assert [line for line, end in zip(lines, ends) if not any(line <= one < end for one in run)] == []


def test_blocks_that_nothing_runs_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx\n```\n\n```py\nx\n```\n\n````{code-block} python\n```python\n```\n````\n")
    assert list(fences(page)) == [(1, "python"), (5, "py"), (9, "{code-block}")]
    with pytest.raises(AssertionError, match="code-block"):
        test_every_example_is_executed(page)


def test_the_reference_holds_no_code_of_its_own() -> None:
    """Its examples are those of the docstrings, which are executed."""
    for path in DOCS.rglob("*.rst"):
        assert not re.search(r"code|>>>|literalinclude|::\n\n", path.read_text(encoding="utf-8")), path


# ---- the built site ----


@pytest.fixture(scope="module")
def site() -> Path:
    """Return the folder of the built site."""
    built = os.environ.get("DOCS_SITE")
    if not built:
        pytest.skip("the site is not built: nox -s docs builds it, and runs this test")
    return Path(built)


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Serve the built site on this machine, and return its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[browser.Browser]:
    """Start Chromium."""
    if browser.find() is None:
        pytest.skip("there is no Chromium: on Debian, apt-get install chromium")
    with browser.Browser() as found:
        yield found


def test_the_built_reference_has_every_name_and_its_members(site: Path) -> None:
    inventory = (site / "objects.inv").read_bytes()
    text = zlib.decompress(inventory.split(b"\n", 4)[4]).decode()
    built = {line.split(" ")[0] for line in text.splitlines() if " py:" in line}
    wanted = public_names()
    for name in public_names():
        module, _, last = name.rpartition(".")
        if module.startswith("historian.engines"):  # which are not installed here
            continue
        value = getattr(importlib.import_module(module), last)
        if inspect.isclass(value) and not issubclass(value, Warning | Exception):
            own = [base for base in value.__mro__ if base.__module__.startswith("historian")]
            wanted |= {f"{name}.{member}" for base in own for member in vars(base) if not member.startswith("_")}
    assert "historian.Recorder.record" in wanted
    assert wanted - built == set()


def test_signatures_name_no_private_type(site: Path) -> None:
    """docs/conf.py gives each a public name."""
    for page in (site / "reference").glob("*.html"):
        text = re.sub("<code.*?</code>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.findall(r'class="pre">(_[A-Z]\w*|BaseHistogram)<', text), page


def test_every_notebook_was_executed(site: Path) -> None:
    assert {notebook.parent.name for notebook in NOTEBOOKS} == {"docs", "notebooks"}
    assert len(NOTEBOOKS) == 7  # six notebooks, and the page of pictures
    for notebook in NOTEBOOKS:
        page = (site / notebook.relative_to(DOCS).with_suffix(".html")).read_text(encoding="utf-8")
        cells = sum(language == "{code-cell}" for _, language in fences(notebook))
        assert page.count('<div class="cell docutils container">') >= cells > 3, notebook
        assert "cell_output" in page, notebook
        assert "Traceback (most recent call last)" not in page, notebook


def test_every_page_can_be_reached_from_the_start_page(site: Path) -> None:
    sources = [
        path.relative_to(DOCS).with_suffix(".html").as_posix() for path in DOCS.rglob("*") if path.suffix in SOURCES
    ]
    reached, waiting = {"index.html"}, ["index.html"]
    while waiting:
        page = waiting.pop()
        for link in re.findall(r'href="([^"#?]+\.html)', (site / page).read_text(encoding="utf-8")):
            found = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
            if "//" not in link and found not in reached:
                assert (site / found).exists(), f"{page} links to {found}"
                reached.add(found)
                waiting.append(found)
    assert len(sources) > 30
    assert set(sources) - reached == set()


LOOKED_AT = [
    "index.html", "tutorial.html", "plots.html", "how-to/live-page.html",
    "notebooks/fanout.html", "notebooks/faster.html", "notebooks/instrument.html",
    "reference/histogram.html", "reference/tail.html",
]  # fmt: skip

#: The images without a text that says what they show; the name of a file says nothing.
UNTOLD = "[...document.images].filter(i => !i.alt || i.alt.includes('/')).map(i => i.src)"


@pytest.mark.parametrize("page", LOOKED_AT)
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_finds_nothing_wrong(chromium: browser.Browser, address: str, page: str, width: int) -> None:
    backgrounds = []
    for dark in (False, True):
        found = chromium.look(f"{address}/{page}", width, dark=dark)
        assert found.errors == []
        assert found.missing == []
        assert found.needed <= width, "it scrolls sideways"
        assert chromium.evaluate(UNTOLD) == []
        backgrounds.append(found.background)
        assert chromium.faint(3) == []
        # The reader may choose the other theme, whatever the system prefers: the button of furo sets this attribute.
        chromium.evaluate(f"document.body.dataset.theme = '{'light' if dark else 'dark'}'")
        backgrounds.append(chromium.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert chromium.faint(3) == []
    light, dark_chosen, dark, light_chosen = backgrounds
    assert light == light_chosen != dark == dark_chosen


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_notebooks_show_fits_and_can_be_read(
    chromium: browser.Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    """Every object, with values, without any, and with hostile names, in a page with a theme as JupyterLab marks it."""
    shown = [*displayed.with_values().values(), *displayed.without_values().values()]
    for name in displayed.HOSTILE:
        shown += displayed.with_hostile_names(name).values()
    colours = "color: #e0e0e0; background: #111" if dark else "color: #212121; background: #fff"
    mark = f'data-jp-theme-light="{str(not dark).lower()}"'
    body = "".join(one._repr_html_() for one in shown)
    page = tmp_path / "page.html"
    page.write_text(f'<!doctype html><meta charset="utf-8"><body {mark} style="{colours}">{body}', encoding="utf-8")
    for prefers_dark in (False, True):  # which the page does not follow
        found = chromium.look(page.as_uri(), width, dark=prefers_dark)
        assert found.errors == []
        assert found.needed <= width, "it scrolls sideways"
        assert chromium.faint(3) == []


def test_a_browser_finds_what_is_wrong(chromium: browser.Browser, address: str, site: Path, tmp_path: Path) -> None:
    bad = "<body style='width: 2000px'><img src='none.png'><script>nothing.there()</script>"
    page = chromium.look(f"data:text/html,{bad}", 390)
    assert page.needed >= 2000
    assert any("nothing is not defined" in error for error in page.errors)
    for style in ("color: rgb(153, 153, 153)", "opacity: 0.4", "background: rgb(80, 80, 80)"):
        chromium.look(f"data:text/html,<body style='background: white; color: black'><p style='{style}'>faint", 390)
        assert chromium.faint(2.5) == []
        assert [text.split()[1] for text in chromium.faint(3)] == ["faint"], style
    missing = chromium.look(f"{address}/no-such-page.html", 390)
    assert any("404" in error for error in missing.errors)
