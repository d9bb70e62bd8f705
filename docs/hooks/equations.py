"""Equations become MathML while the site is built: reading them needs no script and no server."""

import html
import re

from latex2mathml.converter import convert

# What pymdownx.arithmatex leaves for a script to typeset.
INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.S)
DISPLAY = re.compile(r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>', re.S)
BAR = re.compile(r"<mo((?: \w+=[^ >]+)*)>(&#x0007C;|&#x02016;)</mo>")
FUNCTION = re.compile(r"<(mi|mo)>(?:log|ln|exp|cos|sin|tan|min|max)</\1>(?=<m(?:i|n|sub|sup)>)")


def on_page_content(content, **_):
    """The page with its equations typeset."""
    content = INLINE.sub(lambda found: typeset(found[1], "inline"), content)
    return DISPLAY.sub(lambda found: typeset(found[1], "block"), content)


def typeset(text, display):
    """LaTeX as MathML: no room around the bars of kets and norms, some after log, cos and the like."""
    math = convert(html.unescape(text), display=display)
    math = BAR.sub(r'<mo lspace="0em" rspace="0em"\1>\2</mo>', math)
    return FUNCTION.sub(r'\g<0><mspace width="0.17em"/>', math)
