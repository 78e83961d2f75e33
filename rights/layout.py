"""The copy of a person's file laid out, on paper and as a workbook."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import orm

import exports
import papers
from db import fields
from i18n import _
from models import AuditEntry, Beneficiary
from vocabulary import Role

from .erasing import would_touch
from .file import Part, Shown, Told
from .rules import GONE, RULES, Rule


def paper_of(copy: Told, shown: Shown, made_by: Role | None) -> papers.Paper:
    """The copy, to be printed."""
    sections = [papers.Section(title, pairs=pairs) for title, pairs in copy.groups]
    sections += [papers.Section(part.title, heads=part.heads, rows=part.rows) for part in copy.parts]
    nobody = [_("Nobody, as far as is recorded.")]
    for part in (copy.recipients, copy.looks):
        sections.append(papers.Section(part.title, [] if part.rows else nobody, heads=part.heads, rows=part.rows))
    sections += [papers.Section(title, texts) for title, texts in copy.texts]
    return papers.Paper(
        title=_("Copy of personal data"),
        head=_head(copy),
        sections=sections,
        foot=" · ".join((_("Confidential"), copy.person.registry_number, _at(copy, shown), str(made_by or ""))),
        moment=copy.moment,
    )


def sheets_of(copy: Told) -> list[exports.Sheet]:
    """The copy as tables, structured and machine-readable; every cell is text."""
    texts = [*[(t, line) for t, lines in copy.texts for line in lines]]
    pairs = [(group, label, value) for group, rows in copy.groups for label, value in rows]
    tables = [
        Part(str(Beneficiary.label), [_("Group"), _("Column"), _("Value")], [list(pair) for pair in pairs]),
        *(part for part in [*copy.parts, copy.recipients, copy.looks] if part.heads),
        Part(_("About this copy"), [_("Subject"), _("Text")], [list(pair) for pair in texts]),
    ]
    return [exports.Sheet(part.title, [exports.Column(head) for head in part.heads], part.rows) for part in tables]


def cover_of(copy: Told, shown: Shown) -> exports.Cover:
    """The workbook's first sheet."""
    lines = [
        (_("Municipality"), str(copy.municipality or "")),
        (str(Beneficiary.label), f"{copy.person} · {copy.person.registry_number}"),
        (_("Date"), _at(copy, shown)),
    ]
    return exports.Cover(_("Copy of personal data"), lines)


def _at(copy: Told, shown: Shown) -> str:
    return shown(fields(AuditEntry)["at"], copy.moment)


def _head(copy: Told) -> list[str]:
    """The controller, and how to reach it (article 13(1)(a))."""
    town = copy.municipality
    if town is None:
        return []
    reach = (town.address, town.postal_code, town.phone, town.email)
    return [" · ".join(filter(None, (town.name, town.centre_name))), " · ".join(filter(None, reach))]


def fates(session: orm.Session, people: Iterable[int]) -> list[tuple[str, int, str]]:
    """What an erasure would find of these people, in numbers alone: kind, number, what becomes of it."""
    return [
        # A household of nobody else has no rule of columns: it goes whole.
        (str(model.labels), number, _fate(RULES.get(model.__tablename__, GONE)))
        for model, number in would_touch(session, people).items()
        if number
    ]


def _fate(rule: Rule) -> str:
    if rule.is_deleted:
        return _("deleted")
    return _("kept for the figures, without names and free text") if rule.empty else _("kept for the figures")
