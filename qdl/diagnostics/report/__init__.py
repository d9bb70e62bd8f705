"""The page for one model.

``build`` asks section by section (``section``); ``structure``, ``training``, ``alternatives`` and ``states``
answer, ``pictures`` draws, ``page`` writes Markdown, HTML and JSON.
"""

from .build import trainability_report
from .page import TrainabilityReport
from .section import Section

__all__ = ["Section", "TrainabilityReport", "trainability_report"]
