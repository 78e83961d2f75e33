"""Referrals, their timeline, and the letter that goes with them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import abort, g, request, url_for
from flask_admin import expose
from flask_babel import format_date, refresh

import audit
import policy
from db import db, fields
from i18n import Label, _
from identifiers import phone_display
from models import Beneficiary, PartnerContact, Referral, Unit, today
from vocabulary import AuditAction

from .base import Ahead, KentroView, Warn
from .menu import SERVICES


class ReferralView(KentroView):
    """Referrals to partners and to other units."""

    model = Referral
    menu = SERVICES
    default_order = ("due_on", True)
    ahead = Ahead(
        lambda: Referral.status.in_(Referral.waiting),
        Label("πρώτα όσες εκκρεμούν, κατά προθεσμία", "those that wait first, the soonest due on top"),
    )
    warns = {
        "due_on": Warn(
            Label("Εκπρόθεσμη", "Overdue"),
            ("due_on", "status"),
            lambda row: row.due_on is not None and row.due_on < today() and row.status in Referral.waiting,
        )
    }
    made_columns = {"recipient": Label("Προς", "To")}
    made_of = {"recipient": ("to_partner_id", "to_unit_id")}
    list_columns = ("beneficiary_id", "recipient", "reason", "status", "sent_on", "due_on", "unit_id")
    locked_columns = ("beneficiary_id",)
    later_columns = ("outcome",)

    def shown(self, row: Any, name: str) -> str:
        """Partner or unit: it is one of the two."""
        return str(row.to_partner or row.to_unit or "") if name == "recipient" else super().shown(row, name)

    def validate_form(self, form: Any) -> bool:
        """That somebody must receive it is said together with what else is missing."""
        is_sound = super().validate_form(form)
        boxes = [form._fields[name] for name in ("to_partner_id", "to_unit_id") if name in form._fields]
        if form.errors and boxes and not any(box.data or box.errors for box in boxes):
            boxes[0].errors = [_(Referral.ONE_DESTINATION)]
        return bool(is_sound)

    def may_delete(self, row: Any) -> bool:
        """Not of what a unit has received."""
        return super().may_delete(row) and not row.is_received

    def links(self, row: Any) -> list[dict[str, str]]:
        """The letter, unless nobody works on the person's data."""
        if row.beneficiary.restricted_on:
            return []
        return [{"label": _("Referral letter"), "url": url_for(".letter_view", id=row.id)}]

    def routes(self) -> dict[str, str]:
        """Whoever reads the referral may print its letter."""
        return {**super().routes(), "letter_view": "read"}

    @expose("/letter/")
    def letter_view(self) -> Any:
        """The referral as a letter of one page, in Greek whoever prints it: those who receive it are Greek services.

        It names the person, a telephone and what is asked, and nothing else (Regulation 2016/679, article 5(1)(c)).
        """
        row = self.get_one(request.args.get("id"))
        if row.beneficiary is None:
            abort(404)
        if row.beneficiary.restricted_on:
            return self.closed(str(row))
        audit.note_reading(db.session, AuditAction.VIEW, row, paper="letter")
        g.language = "el"
        refresh()
        return self.render(
            "admin/referral/letter.html",
            title=_("Referral letter"),
            model=row,
            contact=self._contact(row),
            written_on=format_date(row.sent_on or today(), "long"),
            return_url=url_for(".details_view", id=row.id),
        )

    def _contact(self, row: Referral) -> PartnerContact | None:
        """The one whom the partner's page names first."""
        known = sa.select(PartnerContact).where(PartnerContact.partner_id == row.to_partner_id)
        return db.session.scalar(known.order_by(PartnerContact.id).limit(1))

    def telephone_of(self, row: Beneficiary | Unit) -> str:
        """Where a person or a unit is called, as Greeks write it, if the reader sees it."""
        columns = fields(type(row))
        seen = (name for name in ("mobile", "phone") if name in columns and policy.sees(self.scope, columns[name]))
        return next((phone_display(number) for name in seen if (number := getattr(row, name))), "")
