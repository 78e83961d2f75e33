"""Explanations: what a supervisor asks of whoever did an act, and what they answer. Everybody sees their own alone."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import orm

import audit
import policy
from models import AuditAnswer, AuditEntry, AuditReview, NotAllowed, now
from vocabulary import Verdict


@dataclass(frozen=True)
class Question:
    """A question to its reader, with what they may know of the act: moment, sentence, and words that they searched."""

    id: int
    asked_at: dt.datetime
    comment: str
    act_at: dt.datetime
    act: str
    searched: str
    is_open: bool
    answer: AuditAnswer | None


def questions(session: orm.Session, *, only_open: bool = False) -> list[Question]:
    """What the session's user was asked to explain, newest first."""
    me = policy.scope_in(session).user_id
    asked = sa.select(AuditReview).where(AuditReview.asked_id == me).order_by(AuditReview.id.desc()).limit(200)
    rows = list(session.scalars(asked.options(orm.selectinload(AuditReview.answer))))
    if not rows:
        return []
    told = _told(session, {row.entry_seq for row in rows})
    newest = _newest(session, set(told))
    found = [
        Question(row.id, row.at, row.comment or "", *told[row.entry_seq], newest[row.entry_seq] == row.id, row.answer)
        for row in rows
    ]
    return [question for question in found if question.is_open or not only_open]


def _newest(session: orm.Session, seqs: set[int]) -> dict[int, int]:
    """The last mark on each entry, whoever may read it: one that follows closes the question."""
    newest = sa.func.max(AuditReview.id).label("last")
    last = sa.select(AuditReview.entry_seq, newest).where(AuditReview.entry_seq.in_(seqs))
    with policy.opened(session):
        return {row.entry_seq: row.last for row in session.execute(last.group_by(AuditReview.entry_seq))}


def _told(session: orm.Session, seqs: set[int]) -> dict[int, tuple[dt.datetime, str, str]]:
    """Moment, sentence and words searched of entries that their actor may not find in the trail: nothing that names a
    record of a unit that they work in no more."""
    scope = policy.scope_in(session)
    with policy.opened(session):
        entries = session.scalars(sa.select(AuditEntry).where(AuditEntry.seq.in_(seqs)))
        return {e.seq: _told_of(e, is_named=e.unit_id in (None, *scope.unit_ids)) for e in entries}


def _told_of(entry: AuditEntry, *, is_named: bool) -> tuple[dt.datetime, str, str]:
    searched = audit.details_of(entry).get("search") or ""
    return entry.at, audit.sentence(entry, named=is_named), searched if is_named else ""


def answer(session: orm.Session, review_id: int, text: str) -> None:
    """Answer a question, or put the answer otherwise while it is open.

    Raises:
        models.NotAllowed: the question is closed, or asks somebody else.
    """
    review = session.get(AuditReview, review_id)
    if review is None or _newest(session, {review.entry_seq})[review.entry_seq] != review_id:
        raise NotAllowed(AuditAnswer.CLOSED, "answer")
    row = session.scalar(sa.select(AuditAnswer).where(AuditAnswer.review_id == review_id))
    if row is None:
        row = AuditAnswer(review_id=review_id, by_id=policy.scope_in(session).user_id)
        session.add(row)
    row.answer, row.at = text, now()
    session.flush()


def is_answered(is_so: bool) -> sa.ColumnElement[bool]:
    """Entries whose last mark is a question that was answered, or that was not."""
    last = sa.select(sa.func.max(AuditReview.id)).where(AuditReview.entry_seq == AuditEntry.seq).scalar_subquery()
    given = sa.exists().where(AuditAnswer.review_id == last)
    return given if is_so else ~given


def is_closed() -> sa.ColumnElement[bool]:
    """Entries of which an explanation was asked, and whose last mark is none that asks for one."""
    last = sa.select(sa.func.max(AuditReview.id)).group_by(AuditReview.entry_seq)
    asked = sa.select(AuditReview.entry_seq).where(AuditReview.verdict == Verdict.QUESTION)
    settled = sa.select(AuditReview.entry_seq).where(AuditReview.id.in_(last), AuditReview.verdict != Verdict.QUESTION)
    return AuditEntry.seq.in_(asked) & AuditEntry.seq.in_(settled)
