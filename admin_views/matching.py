"""One person in two units: the pairs that agree in something, side by side, and what was decided of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from flask import url_for
from flask_admin import expose

import audit
import matching
from db import db
from i18n import _
from models import Beneficiary, PersonDecision
from vocabulary import AuditAction

from .base import KentroView
from .base.values import shown
from .menu import PEOPLE

ON_A_PAGE = 50
COMPARED = (
    "last_name", "first_name", "father_name", "mother_name", "sex", "born_on", "amka", "afm", "paaypa", "id_document",
    "nationality", "phone", "mobile", "address", "area", "registered_on", "closed_on",
)  # fmt: skip
"""What tells people apart. Protected data have no part in it."""


class PersonDecisionView(KentroView):
    """Decisions on two records, and the pairs that wait for one."""

    model = PersonDecision
    menu = PEOPLE
    default_order = ("at", True)
    list_columns = ("first_id", "second_id", "verdict", "reason", "by_id", "at")
    list_template = "admin/person_decision/list.html"
    create_template = "admin/person_decision/create.html"

    def routes(self) -> dict[str, str]:
        """Whoever decides sees the pairs; a decision is taken anew, never rewritten."""
        kept = {name: action for name, action in super().routes().items() if name != "edit_view"}
        return {**kept, "pairs_view": "create"}

    def _columns(self, query: Any, names: list[str], page: slice) -> Iterable[tuple[int, Iterable[str]]]:
        """Whole rows: names, which is all that other lists read of a link, are the same in both records."""
        return self._rows(query, names, page)

    def shown(self, row: Any, name: str) -> str:
        """Of each record also its number and unit."""
        if name not in ("first_id", "second_id"):
            return super().shown(row, name)
        person = getattr(row, name.removesuffix("_id"))
        return f"{person} · {person.registry_number} · {self.scope.short_unit_names.get(person.unit_id, person.unit)}"

    def nothing_here(self) -> str:
        """Where decisions begin."""
        return _("No decision yet. Begin with the pairs that agree in something.")

    @expose("/pairs/")
    def pairs_view(self) -> Any:
        """Pairs of records, of two units or of one, that agree in a number or in name and date of birth."""
        found = matching.pairs(db.session)
        last = max(len(found) - 1, 0) // ON_A_PAGE
        page = min(self.page_number(), last)
        pairs = found[page * ON_A_PAGE : (page + 1) * ON_A_PAGE]
        people = self._people({key for pair in pairs for key in pair[:2]})
        audit.note_reading(db.session, AuditAction.SEARCH, subject_type=self.model.__tablename__, rows=len(pairs))
        return self.render(
            "admin/person_decision/pairs.html",
            title=_("Records that may be one person"),
            count=len(found),
            rows=[(people[a], people[b], agree, self._decide_url(a, b)) for a, b, agree in pairs],
            page=page,
            last_page=last,
            address=lambda page: url_for(".pairs_view", page=page),
        )

    def _people(self, keys: set[int]) -> dict[int, Beneficiary]:
        return {row.id: row for row in db.session.scalars(sa.select(Beneficiary).where(Beneficiary.id.in_(keys)))}

    def _decide_url(self, first_id: int, second_id: int) -> str:
        return url_for(".create_view", first_id=first_id, second_id=second_id, url=url_for(".pairs_view"))

    def render(self, template: str, **kwargs: Any) -> str:
        """Over the form of a decision stand both records, side by side."""
        form = kwargs.get("form")
        if form is not None and template == self.create_template and form.first_id.data and form.second_id.data:
            kwargs["compared"] = self._compared(form.first_id.data, form.second_id.data)
        return super().render(template, **kwargs)

    def _compared(self, *keys: int) -> dict[str, Any] | None:
        found = self._people(set(keys))
        if len(found) < 2:
            return None
        two = [found[key] for key in keys]
        for person in two:
            audit.note_reading(db.session, AuditAction.VIEW, person)
        columns = self.view_of(Beneficiary).fields
        cells = [(columns[name], [getattr(person, name) for person in two]) for name in COMPARED]
        return {
            "people": two,
            "agree": next(iter(matching.agreements(db.session, *keys).values()), ()),
            "rows": [
                (field.label, [shown(field, value) for value in pair], pair[0] is not None and pair[0] == pair[1])
                for field, pair in cells
                if pair != [None, None]
            ],
        }
