"""Configuration of the documentation site; ``nox -s docs`` builds it."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.addnodes import desc_signature

import historian

if TYPE_CHECKING:
    from sphinx.addnodes import desc_content
    from sphinx.application import Sphinx

SOURCE = "https://github.com/latency-historian/historian"

project = "historian"
copyright = "the historian authors, Apache-2.0"
version = release = historian.__version__
html_title = f"historian {release}"

extensions = ["myst_nb", "sphinx.ext.autodoc"]
exclude_patterns: list[str] = []
default_role = "py:obj"  # docstrings write `name`
highlight_language = "python"

myst_enable_extensions = ["tasklist"]
myst_heading_anchors = 3

# Every notebook runs at each build.  A warning or an error within one is an error of the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 90  # seconds for one cell
nb_execution_show_tb = True
nb_output_stderr = "warn"
nb_merge_streams = True
os.environ["MATPLOTLIBRC"] = str(Path(__file__).parent)  # how pictures look in notebooks

autodoc_mock_imports = ["pyspark", "ray"]  # they are heavy, and only the signatures of our functions are needed
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": True}
add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 88

html_theme = "furo"
pygments_dark_style = "github-dark"  # the default one underlines names of modules, as if they were links
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_show_sphinx = False
html_theme_options = {
    "source_repository": SOURCE,
    "source_branch": "main",
    "source_directory": "docs/",
}

#: A link of Markdown to a path that begins with ``..``.
UPWARDS = re.compile(r"\]\((\.\./[^)\s#]*)")


def link_to_repository(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let links that leave docs/, which work in the repository, lead there from the site, too."""

    def replace(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(docname), match[1]))
        return match[0] if path.startswith("docs/") else f"]({SOURCE}/blob/main/{path}"

    source[0] = UPWARDS.sub(replace, source[0])


#: Private names of types in signatures, and what a reader knows them as.
TYPES = {
    "_Drawn": "History | TimeSeries | Mapping | Iterable",
    "_Duration": "timedelta | timedelta64 | str | float",
    "_Dependence": 'Literal["independent", "positive", "any"]',
    "_F": "Callable",
    "Fitted": "Scalability",
    "_Floats": "NDArray",
    "_Given": "ArrayLike",
    "_HistogramDict": "dict",
    "_Numbers": "ArrayLike",
    "_P": "...",
    "_P.args": "Any",
    "_P.kwargs": "Any",
    "_Application": "ASGIApplication",
    "_Real": "float",
    "_Part": "str | Traced",
    "_Partial": 'Literal["raise", "drop", "keep"]',
    "_Reals": "ArrayLike",
    "_Recorders": "Registry",
    "_Registry": "Registry",
    "_Scalar": "float",
    "_Table": "Mapping | ArrayLike",
    "_Source": "Collector",
    "_Time": "datetime | datetime64 | str | float",
    "_Timed": "History",
    "_Until": 'Literal["decided"] | float | Callable',
    "_Window": "int | str | timedelta",
    "_Whole": "int",
    "_Wholes": "ArrayLike",
    "_Windows": "Iterable[Histogram] | History",
    "BaseHistogram": "Histogram",
}


def name_types(app: Sphinx, domain: str, kind: str, content: desc_content) -> None:
    """Replace the private names of types in signatures."""
    for signature in content.parent.findall(desc_signature):
        for text in list(signature.findall(nodes.Text)):
            if str(text) in TYPES:
                text.parent.replace(text, nodes.Text(TYPES[str(text)]))


#: A number and what belongs to it.
QUANTITY = re.compile(r"(?<=\d) (?=(?:%|[mun]?s|[kKMG]i?B|min|h|bytes|times|values|calls)(?!\w))")


def keep_units(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let no line end between a number and its unit, except in code."""
    for text in list(doctree.findall(nodes.Text)):
        kept = QUANTITY.sub("\u00a0", text)
        if kept != text and not isinstance(text.parent, nodes.literal | nodes.FixedTextElement | nodes.raw):
            text.parent.replace(text, nodes.Text(kept))


def leave_out_numbers(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Leave out what namedtuple says of each field: its number."""
    if lines and lines[0].startswith("Alias for field number"):
        lines.clear()


def setup(app: Sphinx) -> None:
    """Connect what changes sources and signatures."""
    app.connect("autodoc-process-docstring", leave_out_numbers)
    app.connect("doctree-resolved", keep_units)
    app.connect("source-read", link_to_repository)
    app.connect("object-description-transform", name_types)
