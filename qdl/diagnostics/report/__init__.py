"""The page for one model: ``ask`` says what is asked, ``training``, ``alternatives``, ``states`` and
``structure`` answer section by section, ``pictures`` draws, ``page`` writes Markdown, HTML and JSON.
"""

from .build import trainability_report
from .page import TrainabilityReport
from .section import Section

__all__ = ["Section", "TrainabilityReport", "trainability_report"]
