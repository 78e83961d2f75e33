"""People: the beneficiary's file, whole."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from flask import abort, request, url_for
from flask_admin import expose
from markupsafe import Markup

import audit
import identifiers
import policy
import reports
import search
from db import db, fields, row_id
from i18n import Label, _
from models import (
    PLACE,
    Application,
    Appointment,
    Beneficiary,
    CaseNote,
    Consent,
    DataRequest,
    Distribution,
    EventAttendance,
    Household,
    HouseholdMember,
    LegalHold,
    Referral,
    ServiceDelivery,
    Visit,
)
from vocabulary import AuditAction, HouseholdRelation

from .base import Child, CodeField, KentroView, aged
from .base.fields import TickField
from .base.filters import BETWEEN, DAYS, ColumnFilter, days_between
from .base.listing import RESTRICTED
from .menu import PEOPLE

SERVED = ColumnFilter(
    Beneficiary, "served_between", Label("Εξυπηρετήθηκε", "Served"), BETWEEN,
    lambda column, days: reports.served(reports.Period.from_to(*days)), days_between, data_type=DAYS,
)  # fmt: skip


NAMES = ("last_name", "first_name", "father_name", "mother_name")
MOST_NAMESAKES = 50

OPEN = ("last_name", "first_name", "registry_number", "unit_id", "restricted_on")
"""What every reader of the list sees of a record that is restricted."""
NUMBERS = {"amka": r"\d{11}", "afm": r"\d{9}", "mobile": r"69\d{8}", "phone": r"2\d{9}"}
"""How numbers that are searched for are told apart."""
SOUGHT = ("last_name", "first_name", *NUMBERS)
"""What is filled in of the words of a search that found nobody."""


class BeneficiaryView(KentroView):
    """Beneficiaries."""

    model = Beneficiary
    menu = PEOPLE
    list_columns = ("last_name", "first_name", "father_name", "registry_number", "born_on", "mobile", "registered_on")
    children = (
        Child(
            HouseholdMember,
            "beneficiary_id",
            ("beneficiary_id", "relation", "household_id", "is_hosted"),
            first=HouseholdMember.relation == HouseholdRelation.HEAD,
            leads_to="beneficiary_id",
            led=("household_id",),
            begins=(Household, Label("Νέο νοικοκυριό", "New household")),
            where=lambda row: HouseholdMember.household_id.in_(
                sa.select(HouseholdMember.household_id).where(HouseholdMember.beneficiary_id == row.id)
            ),
        ),
        Child(Visit, "beneficiary_id", ("at", "channel", "request", "action", "staff_id"), newest="at"),
        Child(Appointment, "beneficiary_id", ("at", "purpose", "status", "staff_id"), newest="at"),
        Child(ServiceDelivery, "beneficiary_id", ("on", "service_id", "minutes", "staff_id"), newest="on"),
        Child(Referral, "beneficiary_id", ("recipient", "reason", "status", "due_on")),
        Child(Application, "beneficiary_id", ("programme_id", "status", "submission_number", "renewal_on")),
        Child(EventAttendance, "beneficiary_id", ("event_id", "held_on", "attendance"), leads_to="event_id"),
        Child(Distribution, "beneficiary_id", ("on", "item_id", "quantity"), newest="on"),
        Child(CaseNote, "beneficiary_id", ("on", "author_id", "confidence", "body"), newest="on"),
        Child(Consent, "beneficiary_id", ("kind", "given_on", "how", "withdrawn_on"), newest="given_on"),
        Child(DataRequest, "beneficiary_id", ("kind", "received_on", "due_on", "answered_on", "outcome")),
        Child(LegalHold, "beneficiary_id", ("reason", "since", "until")),
    )

    made_filters = (SERVED,)
    hint = Label("όνομα, αρ. μητρώου, ΑΜΚΑ, ΑΦΜ, τηλέφωνο", "name, registry no., AMKA, AFM, telephone")
    advice = Label("Δοκιμάστε ΑΜΚΑ, τηλέφωνο ή άλλη γραφή.", "Try the AMKA, a telephone or another spelling.")

    # --- restriction (Regulation 2016/679, article 18) ---

    def is_closed(self, row: Any) -> bool:
        """The record is restricted, and the reader is not who keeps the rights of people."""
        return row.restricted_on is not None and not policy.keeps_rights(self.scope)

    @expose("/details/")
    def details_view(self) -> Any:
        """The file; of one that is restricted, only that it is."""
        row = self.get_one(request.args.get("id"))
        if not self.is_closed(row):
            return super().details_view()
        audit.note_reading(db.session, AuditAction.VIEW, row)
        return self.render("admin/rights/closed.html", title=str(row), subtitle=self.subtitle(row))

    def edit_form(self, obj: Any = None) -> Any:
        """Nobody edits what is restricted; who may not read it does not see the form either."""
        if obj is not None and self.is_closed(obj):
            abort(403)
        return super().edit_form(obj)

    def _reading(self, name: str) -> tuple[Any, Any]:
        """In lists a restricted record has a name and a number, beside which stands why it has no more."""
        column, tell = super()._reading(name)
        if name == "registry_number":
            column += sa.case((Beneficiary.restricted_on.is_not(None), f" · {RESTRICTED}"), else_="")
        return column if name in OPEN else self._blank_where_closed(column), tell

    def _sorted_by(self, name: str) -> Any:
        """In their order too, what a list does not show is nothing; its own order is by name."""
        order = super()._sorted_by(name)
        return order if name in (*OPEN, "sort_key") else self._blank_where_closed(order)

    def _blank_where_closed(self, column: Any) -> Any:
        shown = policy.in_use(self.scope)
        return column if shown is sa.true() else sa.case((shown, column))

    def get_filters(self) -> Any:
        """And filters pass by a restricted record, whatever they ask for of what is not shown."""
        filters = super().get_filters()
        for flt in filters or ():
            if flt.on_column not in OPEN:
                flt.within = lambda: policy.in_use(self.scope)
        return filters

    def _cell(self, row: Any, name: str) -> Any:
        """In exports too."""
        return None if name not in OPEN and self.is_closed(row) else super()._cell(row, name)

    @property
    def hidden(self) -> frozenset[str]:
        """Who was served when is told by services and referrals too: for those who read the reports on them."""
        return super().hidden | (frozenset() if policy.may(self.scope, "read", "report") else {SERVED.slug})

    def subtitle(self, row: Any) -> str:
        """Registry number, parentage and unit; of a restricted record no parentage."""
        is_told = row.father_name and not self.is_closed(row)
        father = _("father: %(father)s", father=row.father_name) if is_told else ""
        return " · ".join(filter(None, (row.registry_number, father, str(row.unit))))

    def said(self, row: Any, name: str) -> str:
        """Beside the birth date the age; of an anonymous record only the year is true."""
        text = super().said(row, name)
        has_age = name == "born_on" and row.born_on and not (row.restricted_on or row.erased_on)
        return f"{text} ({aged(row.born_on)})" if has_age else text

    def links(self, row: Any) -> list[dict[str, str]]:
        """What is begun most often with a person in front of one."""
        here = self.get_url(".details_view", id=row.id)
        begun = {
            "visit": _("New visit"),
            "appointment": _("New appointment"),
            "service_delivery": _("New service"),
            "referral": _("New referral"),
            "application": _("New application"),
        }
        offered = [
            {"label": label, "url": url_for(f"{name}.create_view", beneficiary_id=row.id, url=here)}
            for name, label in begun.items()
            if policy.may(self.scope, "create", name) and self.may_change(row)
        ]
        about = {
            "rights": (_("Rights of the person"), "rights.person_view", not row.erased_on),
            "audit_entry": (_("Who looked at this person"), "oversight.person", True),
        }
        led = [
            {"label": label, "url": url_for(endpoint, id=row.id)}
            for resource, (label, endpoint, holds) in about.items()
            if holds and policy.may(self.scope, "read", resource)
        ]
        return [*offered, *led]

    def trail_url(self, row: Any) -> str:
        """All acts about the person, those on what hangs on it too."""
        return url_for("audit_entry.index_view", flt0_person_id_is=row.id)

    def warnings(self, row: Any, changed: set[str]) -> list[str]:
        """What the ΑΜΚΑ says otherwise, and who may be the same person."""
        told = row.amka and changed & {"amka", "born_on", "sex"}
        found = identifiers.amka_warnings(row.amka, row.born_on, row.sex.value) if told else []
        mixed = [text for name in NAMES if name in changed and search.is_mixed(text := getattr(row, name) or "")]
        return [
            *map(_, found),
            *(_("«%(name)s» has Greek and Latin letters: write it anew in one alphabet.", name=text) for text in mixed),
            *(self._namesakes(row) if changed & {"last_name", "first_name"} else ()),
        ]

    def _namesakes(self, row: Any) -> list[str]:
        same = sa.select(Beneficiary).where(Beneficiary.sort_key == row.sort_key, Beneficiary.unit_id == row.unit_id)
        others = db.session.scalars(same.where(Beneficiary.id != row.id).limit(3))
        said = Markup(_("Somebody of the same name is registered too: %(number)s."))  # noqa: S704 (the catalogue's own)
        return [said % {"number": self.lead_to(other)} for other in others]

    def validate_form(self, form: Any) -> bool:
        """Who is registered already is registered again only when the clerk says that it is somebody else."""
        is_sound = bool(super().validate_form(form))
        twin = self._twin(form) if is_sound and "is_another" in form._fields else None
        if twin is None or self._sent(form) is not None:
            form._fields.pop("is_another", None)
            return is_sound
        form._fields.move_to_end("is_another", last=False)
        if not form.is_another.data:
            said = Markup(_("Registered already: %(person)s. Go on there, or tick that this is another person."))  # noqa: S704 (the catalogue's own)
            form.is_another.errors = [said % {"person": self.lead_to(twin)}]
        return bool(form.is_another.data)

    def _twin(self, form: Any) -> Any:
        """Somebody of the unit whose whole name agrees, and date of birth or father's name too."""
        said = {name: box.data for name, box in form._fields.items()}
        household, father = self._household(), search.fold(said.get("father_name") or "")
        name = search.fold(Beneficiary.called(said.get("last_name"), said.get("first_name")))[:200]
        same = sa.select(Beneficiary).where(
            Beneficiary.sort_key == name,
            Beneficiary.unit_id == (household.unit_id if household else said.get("unit_id")),
            policy.in_use(self.scope),
        )
        for other in db.session.scalars(same.order_by(Beneficiary.id).limit(MOST_NAMESAKES)):
            born_alike = other.born_on is not None and other.born_on == said.get("born_on")
            if born_alike or (father and father == search.fold(other.father_name or "")):
                return other
        return None

    def get_create_form(self) -> Any:
        """A person may be registered straight into a household."""
        label = fields(HouseholdMember)["relation"].label
        relation = CodeField(label, codes=tuple(HouseholdRelation), default=HouseholdRelation.CHILD)
        is_another = TickField(Label("Είναι άλλο άτομο", "It is another person"))
        own = {"relation": relation, "is_another": is_another}
        return type("NewBeneficiaryForm", (super().get_create_form(),), own)

    def address_of_new(self, search: str | None) -> str:
        """Surname first, as lists show it; numbers by their look."""
        words = (search or "").split()
        names = [word for word in words if word.isalpha()]
        typed = {"last_name": " ".join(names[:1]), "first_name": " ".join(names[1:])}
        for name, look in NUMBERS.items():
            typed[name] = next((word for word in words if re.fullmatch(look, word, re.ASCII)), "")
        asked = urlencode({name: text for name, text in typed.items() if text})
        return f"new/?{asked}" if asked else "new/"

    def create_form(self, obj: Any = None) -> Any:
        """What a search did not find is filled in. From a household's page, address and surname are the household's."""
        form, household = super().create_form(obj), self._household()
        for name in SOUGHT if request.method == "GET" else ():
            if name in form and request.args.get(name):
                form[name].data = request.args[name].replace("\0", "")[:100]
        if request.method == "GET":
            form._fields.pop("is_another", None)
        if household is None:
            form._fields.pop("relation", None)
        elif request.method == "GET":
            form.unit_id.data, form.last_name.data = household.unit_id, household.name
            for name in PLACE:
                form[name].data = getattr(household, name)
            if not household.members:
                form.relation.data = HouseholdRelation.HEAD
        return form

    def new_title(self) -> str:
        """Into which household."""
        household = self._household()
        return _("New member of: %(household)s", household=household) if household else super().new_title()

    def _household(self) -> Household | None:
        key = row_id(request.args.get("household_id"))
        allowed = policy.may(self.scope, "create", "household_member")
        return db.session.get(Household, key) if key and allowed else None

    def on_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """A person registered from a household's page is of its unit."""
        household = self._household() if is_created else None
        if household is not None:
            model.unit_id = household.unit_id

    def after_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        """And becomes its member."""
        household = self._household() if is_created else None
        if household is not None:
            relation = getattr(form.relation, "data", None) or HouseholdRelation.OTHERREL
            db.session.add(HouseholdMember(household=household, beneficiary_id=model.id, relation=relation))
