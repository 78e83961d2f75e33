"""Oversight: the worklist of unusual acts, who looked at a person, what a user did, and the monthly sample."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Response, flash, redirect, request, url_for
from flask_admin import BaseView, expose

import audit
import exports
import oversight
import policy
from db import BadValue, db, fields, row_id
from i18n import _, language
from models import AuditEntry, AuditFinding, AuditSample, Beneficiary, Membership, Unit, User, now
from vocabulary import AuditAction

from .base import ATHENS, Gated, download, greek_date
from .base.forms import form_class
from .base.values import export_column
from .menu import OVERSIGHT

SETTLE_FORM = form_class(AuditFinding, ("comment",))
ON_A_PAGE = 100
EXPORTED = ("kind", "on", "actor_id", "acts", "comment", "by_id", "at")
DAYS = 31


class FindingView(Gated, BaseView):
    """What is unusual in the trail's last days, until somebody says what it was."""

    resource = "audit_finding"
    confirmed_routes = frozenset({"export"})

    def __init__(self) -> None:
        super().__init__(
            name=AuditFinding.labels, category=OVERSIGHT, endpoint=self.resource, url="/admin/audit_finding"
        )

    def routes(self) -> dict[str, str]:
        """What each route needs."""
        return {"index_view": "read", "settle": "create", "export": "export"}

    @expose("/")
    def index_view(self) -> Any:
        """The findings that wait, and what was said of others."""
        audit.note_reading(db.session, AuditAction.SEARCH, subject_type=self.resource)
        said = sa.select(AuditFinding).order_by(AuditFinding.id.desc()).limit(ON_A_PAGE)
        return self.render(
            "admin/oversight/findings.html",
            title=self.name,
            rows=oversight.findings(db.session),
            settled=list(db.session.scalars(said)),
            days=oversight.LOOKED_BACK,
            key_of=key_of,
        )

    @expose("/settle/", methods=("GET", "POST"))
    def settle(self) -> Any:
        """A supervisor's word on a finding, which takes it off the list."""
        key = request.args.get("key", "")
        found = next((each for each in oversight.findings(db.session) if each.key == key), None)
        if found is None:
            self.not_found(key, most=40)
        form = SETTLE_FORM(request.form or None)
        if request.method == "POST" and form.validate() and self._settled(found, form):
            flash(_("Your word was kept; the finding left the list."), "success")
            return redirect(url_for(".index_view"))
        return self.render("admin/oversight/settle.html", title=found.kind, found=found, form=form)

    def _settled(self, found: oversight.Finding, form: Any) -> bool:
        try:
            db.session.add(
                AuditFinding(
                    kind=found.kind, actor_id=found.actor_id, on=found.on, acts=found.acts, comment=form.comment.data,
                    by_id=self.scope.user_id,
                )
            )  # fmt: skip
            db.session.flush()
        except BadValue as error:
            db.session.rollback()
            form.comment.errors = [_(str(error))]
            return False
        return True

    @expose("/export/")
    def export(self) -> Response:
        """The worklist, and what was said of findings, as a workbook."""
        waiting = ([str(f.kind), f.on, f.actor, f.acts] for f in oversight.findings(db.session))
        rows = db.session.scalars(sa.select(AuditFinding).order_by(AuditFinding.id.desc()))
        said = ([str(r.kind), r.on, str(r.actor or ""), r.acts, r.comment, str(r.by), r.at] for r in rows)
        columns = [export_column(fields(AuditFinding)[name]) for name in EXPORTED]
        moment, title = now().astimezone(ATHENS), str(self.name)
        sheets = [exports.Sheet(_("Waiting"), columns[:4], waiting), exports.Sheet(_("Settled"), columns, said)]
        lines = [
            (_("Exported by"), f"{self.scope.name} ({self.scope.role_label})"),
            (_("Exported at"), f"{moment:%d/%m/%Y %H:%M}"),
        ]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "export.xlsx"
            written = exports.write_workbook(
                path, exports.Cover(title, lines), sheets, language=language(), author=self.scope.name or ""
            )
            audit.note(
                db.session, AuditAction.EXPORT, subject_type=self.resource, rows=written.rows, sha256=written.sha256
            )
            return download(path, exports.file_name(title, moment))


def key_of(row: AuditFinding) -> str:
    """How addresses name the finding that a row is about."""
    return oversight.Finding(row.kind, row.actor_id, "", row.on, row.acts).key


class OversightView(Gated, BaseView):
    """The trail by person and by user, and the monthly sample."""

    resource = "audit_entry"

    def __init__(self) -> None:
        super().__init__(name=AuditSample.labels, category=OVERSIGHT, endpoint="oversight", url="/admin/oversight")

    def routes(self) -> dict[str, str]:
        """What each route needs."""
        return dict.fromkeys(("index", "draw", "person", "user"), "read")

    # --- the monthly sample ---

    @expose("/")
    def index(self) -> Any:
        """The samples that were drawn, and how far their review has come."""
        audit.note_reading(db.session, AuditAction.SEARCH, subject_type=AuditSample.__tablename__)
        return self.render(
            "admin/oversight/samples.html",
            title=self.name,
            rows=oversight.drawn(db.session),
            may_draw=policy.may(self.scope, "create", AuditSample.__tablename__),
        )

    @expose("/draw/", methods=("POST",))
    def draw(self) -> Any:
        """Draw the sample of the last month that is over, unless that was done."""
        if n := oversight.draw(db.session):
            flash(_("Drawn: %(n)s acts.", n=n), "success")
        elif any(month.first == oversight.last_month() for month in oversight.drawn(db.session)):
            flash(_("Nothing was drawn: last month's sample stands already."), "info")
        else:
            flash(_("Nothing was drawn: nothing happened last month."), "info")
        return redirect(url_for(".index"))

    # --- by person ---

    @expose("/person/")
    def person(self) -> Any:
        """Who looked at this person: every act, by whom, when, from which unit, through which grant."""
        person = self._one(Beneficiary)
        page = self.page_number()
        acts = oversight.acts_about(person.id)
        rows = list(db.session.scalars(acts.offset(page * ON_A_PAGE).limit(ON_A_PAGE + 1)))
        count = db.session.scalar(sa.select(sa.func.count()).where(AuditEntry.person_id == person.id)) or 0
        audit.note_reading(db.session, AuditAction.VIEW, person, page="looks")
        return self.render(
            "admin/oversight/person.html",
            title=_("Who looked at this person"),
            person=person,
            lookers=[(look, self._units_of(look.actor_id)) for look in oversight.lookers(db.session, person.id)],
            acts=[(entry, audit.sentence(entry), oversight.through(entry)) for entry in rows[:ON_A_PAGE]],
            named=[(entry, audit.sentence(entry), _asked(entry)) for entry in oversight.named(db.session, person)],
            count=count,
            page=page,
            last_page=max(count - 1, 0) // ON_A_PAGE,
            address=lambda page: url_for(".person", id=person.id, page=page),
        )

    def _units_of(self, user_id: int | None) -> str:
        """Where somebody works today; those who see every unit work in none."""
        mine = sa.select(Unit.name).join(Membership, Membership.unit_id == Unit.id).where(Membership.user_id == user_id)
        return ", ".join(db.session.scalars(mine.order_by(Unit.code)))

    # --- by user ---

    @expose("/user/")
    def user(self) -> Any:
        """What this user did: days and acts, each number leading to its entries."""
        user = self._one(User)
        last = _day(request.args.get("to")) or now().astimezone(ATHENS).date()
        first = last - dt.timedelta(days=DAYS - 1)
        days = oversight.days_of(db.session, user.id, first, last)
        audit.note_reading(db.session, AuditAction.VIEW, user, page="acts")
        actions = [action for action in AuditAction if any(day.acts[action] for day in days)]
        return self.render(
            "admin/oversight/user.html",
            title=_("What this user did"),
            user=user,
            subtitle=" · ".join(filter(None, (user.full_name, str(user.role), self._units_of(user.id)))),
            span=f"{greek_date(first)} – {greek_date(last)}",
            actions=actions,
            rows=[(day, [(day.acts[action], _entries(user, day, action)) for action in actions]) for day in days],
            whole=lambda day: _entries(user, day),
            before=url_for(".user", id=user.id, to=(first - dt.timedelta(days=1)).isoformat()),
            after=url_for(".user", id=user.id, to=(last + dt.timedelta(days=DAYS)).isoformat()),
            is_last=last >= now().astimezone(ATHENS).date(),
        )

    def _one(self, model: Any) -> Any:
        """The row that the address names; one that is not there is recorded as a refusal."""
        asked = request.args.get("id", "")
        row = db.session.get(model, row_id(asked)) if row_id(asked) else None
        if row is None:
            self.not_found(asked, model.__tablename__)
        return row


def _asked(entry: AuditEntry) -> str:
    details = audit.details_of(entry)
    return " · ".join(filter(None, (details.get("search"), *details.get("filters", ()))))


def _entries(user: User, day: oversight.Day, action: AuditAction | None = None) -> str:
    asked: dict[str, Any] = {"flt0_actor_id_is": user.id, "flt1_at_is": greek_date(day.on)}
    return url_for("audit_entry.index_view", **asked, **({"flt2_action_is": action.value} if action else {}))


def _day(asked: str | None) -> dt.date | None:
    try:
        day = dt.date.fromisoformat(asked or "")
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None
