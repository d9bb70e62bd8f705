"""What a cell of a notebook shows."""

from __future__ import annotations

import html


class Shown:
    """Its text, where a cell of a notebook ends in it.

    Example:
        >>> class Law(Shown):
        ...     def __str__(self):
        ...         return "n < 3"
        >>> Law()._repr_html_()
        '<pre>n &lt; 3</pre>'
    """

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"
