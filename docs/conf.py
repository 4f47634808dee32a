"""Configuration of the documentation site; ``nox -s docs`` builds it."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

import historian

if TYPE_CHECKING:
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

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# Every notebook runs at each build.  A warning or an error within one is an error of the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 90  # seconds for one cell
nb_execution_show_tb = True
nb_output_stderr = "warn"
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": True}
add_module_names = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 88

html_theme = "furo"
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


def setup(app: Sphinx) -> None:
    """Connect what changes the sources."""
    app.connect("source-read", link_to_repository)
