"""Equations become MathML while the site is built: reading them needs no script and no server."""

import html
import re

from latex2mathml.converter import convert

# What pymdownx.arithmatex leaves for a script to typeset.
INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.S)
DISPLAY = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.S)


def on_page_content(content, **_):
    """The page with its equations typeset."""
    content = INLINE.sub(lambda found: convert(html.unescape(found[1])), content)
    return DISPLAY.sub(lambda found: convert(html.unescape(found[1]), display="block"), content)
