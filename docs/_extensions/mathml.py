"""Formulas as MathML, made while the pages are built.

Every current browser shows MathML by itself, so that a page needs no script, no font and no
request to another host. The translation from LaTeX is docutils' own.
"""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

_log = logging.getLogger(__name__)


def mathml(node: nodes.math | nodes.math_block) -> str:
    """One formula; a warning and its LaTeX source where it cannot be translated."""
    block = isinstance(node, nodes.math_block)
    source = node.astext()
    if block and r"\\" in source and r"\begin" not in source:
        source = rf"\begin{{aligned}}{source}\end{{aligned}}"  # what Sphinx does with several lines
    try:
        return tex2mathml(source, as_block=block)
    except SyntaxError as error:
        _log.warning("formula cannot become MathML: %s: %s", error, source, location=node)
        return f"<code>{source}</code>"


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula within a line."""
    translator.body.append(mathml(node))
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on lines of its own."""
    translator.body.append(f'<div class="formula">{mathml(node)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer, to be chosen by ``html_math_renderer = "mathml"``."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
