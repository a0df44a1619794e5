"""How Sphinx makes the site of the documentation from this repository: `make docs`."""

from sphinx.application import Sphinx

from hilum import __version__

project = "hilum"
author = copyright = "the hilum project"  # noqa: A001  Sphinx's name
version = release = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**"]
exclude_patterns = ["docs/conf.py"]
suppress_warnings = [
    "misc.highlighting_failure",  # mermaid, which GitHub draws
    "toc.not_included",  # a page that is only linked to is found all the same
]

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "signature"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"hilum {version}"
html_extra_path = ["site"]
html_copy_source = False
html_show_sphinx = False


def setup(app: Sphinx) -> None:
    """Lead a link to the folder of the decisions, which GitHub lists, to their page."""

    def lead(_: Sphinx, __: str, text: list[str]) -> None:
        text[0] = text[0].replace("](docs/decisions/)", "](docs/decisions/index.md)")

    app.connect("source-read", lead)
