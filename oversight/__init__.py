"""Oversight of the trail: who looked at a person, what a user did, what was unusual, a monthly sample, explanations.

Named queries over the trail, bounded in time; nothing here changes an entry (docs/decisions/0023-oversight.md).
"""

from .acts import Day, Look, acts_about, days_of, lookers, named, through, typed
from .findings import LOOKED_BACK, Finding, behind, finding_of, findings
from .questions import Question, answer, is_answered, is_closed, questions
from .sample import Month, draw, drawn, in_sample, last_month

__all__ = [
    "LOOKED_BACK",
    "Day",
    "Finding",
    "Look",
    "Month",
    "Question",
    "acts_about",
    "answer",
    "behind",
    "days_of",
    "draw",
    "drawn",
    "finding_of",
    "findings",
    "in_sample",
    "is_answered",
    "is_closed",
    "last_month",
    "lookers",
    "named",
    "questions",
    "through",
    "typed",
]
