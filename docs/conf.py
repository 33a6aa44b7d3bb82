"""Sphinx: Markdown pages by MyST, Japanese by gettext catalogues, formulas as MathML.

English goes to ``docs/_build/html``, Japanese to ``docs/_build/html/ja``. ``make docs`` builds
both::

    sphinx-build -W --keep-going docs docs/_build/html
    sphinx-build -W --keep-going -D language=ja docs docs/_build/html/ja
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "src"), str(HERE / "_extensions")]

from suimon import __version__  # noqa: E402  the path above comes first

project = "suimon"
author = "the suimon authors"
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "mathml"]
exclude_patterns = ["_build", "_generated"]
suppress_warnings = ["ref.python"]  # attributes of different classes may have one name
if tags.has("guides"):  # noqa: F821  Sphinx gives it: leave out the slow pages made from docstrings
    exclude_patterns.append("reference/*")
    suppress_warnings.append("toc.excluded")
templates_path = ["_templates"]

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

language = "en"
locale_dirs = ["locale"]
gettext_compact = False
gettext_location = False  # line numbers would change a catalogue at every edit
gettext_uuid = False

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings give types with their shapes and ranges
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # a NamedTuple's fields are described by its members already

html_theme = "furo"
html_title = f"suimon {release}"
html_static_path = ["_static"]
html_css_files = ["suimon.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/search.html",
        "sidebar/language.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
