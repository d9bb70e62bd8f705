"""Docstrings of this house, as griffe reads Google's: example, params, wires and reference are sections."""

import re

import griffe

# Ours, one paragraph each; griffe would take "Params:" for the arguments of a function.
TITLES = {"Params": "Trained parameters", "Wires": "Wires", "Reference": "Reference"}
PARAGRAPHS = re.compile(rf"^({'|'.join(TITLES)}): *", re.M)
EXAMPLE = re.compile(r"^Example:$", re.M)


class HouseSections(griffe.Extension):
    """Rewrites each docstring before it is parsed."""

    def on_instance(self, *, obj, **_):
        if obj.docstring:
            text = EXAMPLE.sub("Examples:", obj.docstring.value)
            obj.docstring.value = PARAGRAPHS.sub(lambda found: f"\n**{TITLES[found[1]]}:** ", text)
