"""The trail, for supervisors: read, filtered, sampled, exported, marked as reviewed. Nothing here changes an entry."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import sqlalchemy as sa
from flask import flash, g, redirect, request, url_for
from flask_admin import expose
from flask_admin.actions import action
from flask_admin.helpers import get_redirect_target
from markupsafe import Markup, escape
from sqlalchemy import orm

import audit
import oversight
import policy
import search
from db import BadValue, Base, Record, db, fields, row_id
from i18n import Label, _, ngettext
from models import AuditEntry, AuditFinding, AuditReview, AuditSample, Beneficiary, Step, Unit, User, now
from vocabulary import AuditAction, Verdict

from .base import KentroView, greek_date, greek_datetime, told
from .base.filters import BY_NUMBER, CONTAINS, IS, WORDS, ColumnFilter, matches, name_of, yes_or_no
from .base.forms import form_class
from .menu import OVERSIGHT

SAMPLE, SAMPLED_DAYS = 20, 7
SHOWN, EXPORTED = 80, 300  # characters of what changed


def _about(column: Any, name: str) -> sa.ColumnElement[bool]:
    """Entries about the people of this name: as it is now, or as the trail itself once kept it."""
    own = orm.aliased(AuditEntry)
    known = sa.select(own.person_id).where(own.subject_type == Beneficiary.__tablename__)
    once = known.where(sa.func.greek_key(own.subject_label).contains(search.fold(name), autoescape=True))
    return AuditEntry.person_id.in_(sa.select(Beneficiary.id).where(matches(Beneficiary, name)).union(once))


def _of_state(column: Any, state: str) -> sa.ColumnElement[bool]:
    """Entries by what a supervisor last said of them; what no user did waits for nobody's word."""
    said = sa.select(AuditReview.verdict).where(AuditReview.entry_seq == AuditEntry.seq)
    last: sa.ColumnElement[Any] = said.order_by(AuditReview.id.desc()).limit(1).scalar_subquery()
    waits = last.is_(None) & AuditEntry.actor_id.is_not(None)
    return waits if state == NOT_REVIEWED else last == VERDICTS[state]


def _numbers(text: str) -> list[int]:
    found = [row_id(part) for part in text.split(",")]
    if len(found) > SAMPLE * 5 or None in found:
        raise ValueError(text)
    return [number for number in found if number]


def _named(text: str) -> str:
    name = text.replace("\0", "").strip()[:200]
    if not search.fold(name):
        raise ValueError(text)
    return name


def _kinds() -> list[tuple[str, str]]:
    known = [m.class_ for m in Base.registry.mappers if issubclass(m.class_, (Record, AuditEntry))]
    kinds = [(model.__tablename__, str(model.labels)) for model in known if not issubclass(model, Step)]
    return sorted(kinds, key=lambda pair: search.fold(pair[1]))


def _kind(table: str) -> str:
    return {key: key for key, _label in _kinds()}[table]


def _month(text: str) -> dt.date:
    return dt.datetime.strptime(text, "%Y-%m").date()


def _key(text: str) -> str:
    oversight.finding_of(text)
    return text


def _told_key(text: str) -> str:
    """A finding as people read it."""
    kind, actor_id, day = oversight.finding_of(text)
    return ", ".join(filter(None, (str(kind), name_of(User, str(actor_id)), greek_date(day))))


VERDICTS = {each.value: each for each in Verdict}
NOT_REVIEWED = "none"
STATES = [(NOT_REVIEWED, Label("Δεν ελέγχθηκε", "Not reviewed")), *((each.value, each.label) for each in Verdict)]
REVIEW = Label("Έλεγχος", "Review")
SAMPLES = ("entry_among", "sample_is")
"""Filters of entries that are reviewed one after the other."""
REVIEW_FORM = form_class(AuditReview, ("verdict", "comment"))
NUMBERED = {"actor_id_is": User, "unit_id_is": Unit, "person_id_is": Beneficiary}
"""Filters by a number that the trail keeps, and whose number it is."""
NOTHING = "—"
"""What stands where a field was emptied."""
NAMED = {"actor_id": "actor_name", "unit_id": "unit_name", "subject_id": "subject_label"}
"""Numbers that the trail keeps, and where the name stands that it keeps beside them."""


def _turn(change: dict[str, Any]) -> str:
    """A change in a few words: a state needs no name, for the sentence speaks of it, and what was empty no arrow."""
    turn = f"{change['old']} → " * bool(change["old"]) + (change["new"] or NOTHING)
    return turn if change.get("is_state") else f"{change['label']}: {turn}"


class AuditEntryView(KentroView):
    """Every act, as a sentence, with the difference."""

    model = AuditEntry
    menu = OVERSIGHT
    default_order = ("seq", True)
    order_shown = "at"
    wide = "sentence"
    page_size, page_size_options = 40, (20, 40, 100)  # sentences are longer than names, and a page stays as light
    made_columns = {
        "sentence": Label("Τι έγινε", "What happened"),
        "difference": Label("Τι άλλαξε", "What changed"),
        "review": REVIEW,
        "said": Label("Σχόλια και εξηγήσεις", "Comments and explanations"),
    }
    list_columns = ("at", "sentence", "difference", "unit_name", "review")
    exported_columns = ("sentence", "difference", "review", "said")
    list_template = "admin/audit_entry/list.html"
    details_template = "admin/audit_entry/details.html"

    made_filters = (
        ColumnFilter(AuditEntry, "person_contains", Beneficiary.label, CONTAINS, _about, _named, data_type=WORDS),
        ColumnFilter(
            AuditEntry, "subject_type_is", fields(AuditEntry)["subject_type"].label, IS,
            lambda c, v: AuditEntry.subject_type == v, _kind, _kinds,
        ),
        ColumnFilter(
            AuditEntry, "review_is", REVIEW, IS, _of_state, {key: key for key, _l in STATES}.__getitem__, STATES
        ),
        ColumnFilter(
            AuditEntry, "entry_among", Label("Τυχαίο δείγμα", "Random sample"), Label("από", "of"),
            lambda c, v: c.in_(v), _numbers, data_type=BY_NUMBER,
            name=lambda text: ngettext("%(n)s act", "%(n)s acts", len(_numbers(text)), n=len(_numbers(text))),
        ),
        ColumnFilter(
            AuditEntry, "sample_is", AuditSample.label, Label("του", "of"), lambda c, v: oversight.in_sample(v), _month,
            data_type=BY_NUMBER, name=lambda text: f"{_month(text):%m/%Y}",
        ),
        ColumnFilter(
            AuditEntry, "finding_is", AuditFinding.label, IS, lambda c, v: oversight.behind(db.session, v), _key,
            data_type=BY_NUMBER, name=lambda text: _told_key(text),
        ),
        yes_or_no(AuditEntry, "answered_is", Label("Εξηγήθηκε", "Explained"), lambda: oversight.is_answered(True)),
        yes_or_no(
            AuditEntry, "closed_is", Label("Ζητήθηκε εξήγηση και έκλεισε", "Explanation asked, and closed"),
            oversight.is_closed,
        ),
    )  # fmt: skip

    def get_filters(self) -> list[Any]:
        """The screen's own filters stand for those of the columns that they are about."""
        kept: Any = [flt for flt in super().get_filters() or [] if flt.on_column != "subject_type"]  # type: ignore[attr-defined]
        for flt in kept:
            if flt.slug in NUMBERED:
                flt._name = partial(name_of, NUMBERED[flt.slug])
                flt.keeps_number = NUMBERED[flt.slug] is Beneficiary
            # Links narrow by numbers; people know names, and are offered those.
            if flt.on_column in (*NAMED, "person_id"):
                flt.data_type = BY_NUMBER
        return kept  # type: ignore[no-any-return]

    def look_beside(self, rows: list[Any]) -> None:
        """What was said of the page's entries, in one query."""
        g.reviews = audit.reviews(db.session, [entry.seq for entry in rows])
        g.actors = {entry.id: (entry.actor_id, entry.actor_name) for entry in rows}

    def texts_of(self, query: Any, names: list[str], page: slice) -> list[tuple[int, Markup, Markup]]:
        """The name that a sentence begins with leads to what else its user did."""
        return [
            (seq, first, _led(others, *g.actors[seq])) for seq, first, others in super().texts_of(query, names, page)
        ]

    def _workbook(self, args: Any, names: list[str], rows: Any) -> Any:
        """Marks are few beside the entries: all that were made, in two queries."""
        query = sa.select(AuditReview).options(orm.joinedload(AuditReview.answer)).order_by(AuditReview.id)
        g.reviews, g.said = {}, defaultdict(list)
        for review in db.session.scalars(query):
            g.reviews[review.entry_seq] = review
            g.said[review.entry_seq] += filter(None, (review.comment, review.answer and f"→ {review.answer.answer}"))
        return super()._workbook(args, names, rows)

    def shown(self, row: Any, name: str) -> str:
        """What is made for reading; all else is shown as it is kept."""
        match name:
            case "sentence":
                return audit.sentence(row)
            case "difference":
                return self._difference(row, SHOWN)
            case "review":
                review = g.reviews.get(row.seq)
                return str(review.verdict) if review else ""
            case "said":
                return " · ".join(g.said[row.seq])
            case "unit_name":
                return self.scope.short_unit_names.get(row.unit_id) or super().shown(row, name)
            case "subject_type":
                return audit.kind_called(row.subject_type)
            case "person_id":
                return name_of(Beneficiary, row.person_id) or super().shown(row, name)
        return super().shown(row, name)

    def _cell(self, row: Any, name: str) -> Any:
        """Kinds are called in a workbook what they are called on pages."""
        if name == "difference":
            return self._difference(row, EXPORTED)
        return self.shown(row, name) if name == "subject_type" else super()._cell(row, name)

    def _difference(self, entry: AuditEntry, most: int) -> str:
        """Old and new value of the first few fields that changed, as far as there is room."""
        if entry.action not in (AuditAction.UPDATE, AuditAction.STATUS):
            return ""
        said = [_turn(each) for each in told(entry, self.scope)["changes"]]
        few = [text for text, so_far in zip(said, accumulate(map(len, said)), strict=True) if so_far <= most]
        few = few or [text[:most] for text in said[:1]]
        return "; ".join(few) + (" …" if few != said else "")

    def sections(self, row: Any) -> list[tuple[Any, list[tuple[Any, str]]]]:
        """The numbers of user, unit and record are kept for good; people read the names beside them."""
        told = {self.fields[number].label for number, name in NAMED.items() if getattr(row, name)}
        person = self.fields["person_id"].label
        return [
            (
                heading,
                [(Beneficiary.label if label == person else label, text) for label, text in pairs if label not in told],
            )
            for heading, pairs in super().sections(row)
        ]

    @expose("/details/")
    def details_view(self) -> Any:  # type: ignore[override]
        """One entry whole, and its reviews."""
        entry = self.get_one(request.args.get("id"))
        audit.note_reading(db.session, AuditAction.VIEW, entry)
        last = audit.reviews(db.session, [entry.seq]).get(entry.seq)
        verdict = last.verdict if last and entry.actor_id else Verdict.REVIEWED
        return self._page(entry, _review_form(entry, verdict=verdict))

    def _page(self, entry: AuditEntry, form: Any) -> Any:
        return self.render(
            self.details_template,
            model=entry,
            entry=told(entry, self.scope),
            particulars=audit.particulars(entry),
            title=audit.sentence(entry),
            subtitle=greek_datetime(entry.at),
            sections=self.sections(entry),
            reviews=list(db.session.query(AuditReview).filter_by(entry_seq=entry.seq).order_by(AuditReview.id)),
            review=form if self.may_review else None,
            record_url=self._record_url(entry),
            return_url=get_redirect_target() or url_for(".index_view"),
        )

    def _record_url(self, entry: AuditEntry) -> str | None:
        """Where the record stands that the entry is about, if it still does and the reader may see it."""
        views = self.admin._views  # type: ignore[union-attr]
        view = next((v for v in views if v.endpoint == entry.subject_type and v.is_accessible()), None)
        if view is None or entry.subject_id is None or db.session.get(view.model, entry.subject_id) is None:
            return None
        return url_for(f"{view.endpoint}.details_view", id=entry.subject_id)

    # --- reviewing ---

    @property
    def may_review(self) -> bool:
        """The user's role marks entries."""
        return policy.may(self.scope, "create", AuditReview.__tablename__)

    @expose("/review/", methods=("POST",))
    def review_view(self) -> Any:
        """A supervisor's mark and comment, beside the entry and never in it."""
        entry = self.get_one(request.args.get("id"))
        form = _review_form(entry, request.form)
        if not form.validate():
            return self._page(entry, form)
        try:
            self._mark(entry, form.verdict.data, form.comment.data)
        except BadValue as error:
            db.session.rollback()
            form[error.field or "comment"].errors = [_(str(error))]
            return self._page(entry, form)
        return redirect(self._after(entry, get_redirect_target()))

    def _after(self, entry: AuditEntry, back: str | None) -> str:
        """Of a sample, the next entry that nobody reviewed, or its list when none is left; else the entry again."""
        asked = [(name.partition("_")[2], value) for name, value in parse_qsl(urlsplit(back or "").query)]
        samples = ((self._filter_args[name][1], value) for name, value in asked if name in SAMPLES)
        drawn = next(((flt, value) for flt, value in samples if flt.validate(value)), None)
        if drawn is None:
            flash(_("Your mark was kept."), "success")
            return url_for(".details_view", id=entry.seq, url=back)
        flt, value = drawn
        unseen = flt.apply(sa.select(AuditEntry.seq), flt.clean(value)).where(_of_state(None, NOT_REVIEWED))
        left = sorted(db.session.scalars(unseen), key=lambda seq: (seq > entry.seq, -seq))
        if not left:
            flash(_("Your mark was kept. The whole sample is reviewed."), "success")
            return str(back)
        flash(_("Your mark was kept. Left in the sample: %(n)s.", n=len(left)), "success")
        return url_for(".details_view", id=left[0], url=back)

    @action("review", Label("Ελέγχθηκαν", "Mark as reviewed"))  # type: ignore[arg-type]
    def action_review(self, ids: Sequence[str]) -> None:
        """Mark the chosen entries as reviewed."""
        entries = list(dict.fromkeys(map(self.get_one, ids)))
        for entry in entries:
            self._mark(entry, Verdict.REVIEWED)
        flash(_("%(n)s entries were marked.", n=len(entries)), "success")

    def _mark(self, entry: AuditEntry, verdict: Verdict, comment: str | None = None) -> None:
        db.session.add(AuditReview(entry_seq=entry.seq, verdict=verdict, comment=comment, by_id=self.scope.user_id))
        db.session.flush()

    @expose("/sample/")
    def sample_view(self) -> Any:
        """Users' acts of the last days that nobody reviewed, drawn at random, at an address that keeps the draw."""
        recent = AuditEntry.at >= now() - dt.timedelta(days=SAMPLED_DAYS)
        unseen = sa.select(AuditEntry.seq).where(recent, _of_state(None, NOT_REVIEWED))
        drawn = sorted(db.session.scalars(unseen.order_by(sa.func.random()).limit(SAMPLE)))
        if not drawn:
            flash(_("There is nothing left to review in the last %(n)s days.", n=SAMPLED_DAYS), "info")
            return redirect(url_for(".index_view"))
        return redirect(url_for(".index_view", flt0_entry_among=",".join(map(str, drawn))))

    def routes(self) -> dict[str, str]:
        """Reading, export and marks; there is nothing else."""
        read = ("index_view", "filters_view", "details_view", "sample_view", "review_view", "action_view")
        return {**dict.fromkeys(read, "read"), "export": "export"}

    def is_action_allowed(self, name: str) -> bool:
        """The one bulk action writes beside the entries."""
        return name == "review" and self.may_review


def _review_form(entry: AuditEntry, *args: Any, **kwargs: Any) -> Any:
    """The form of a mark; what no user did, nobody could explain."""
    form = REVIEW_FORM(*args, **kwargs)
    if entry.actor_id is None:
        form.verdict.offer((Verdict.REVIEWED,))
    return form


def _led(cells: Markup, user_id: int | None, name: str | None) -> Markup:
    if user_id is None or not name:
        return cells
    link = Markup('<a href="{}">{}</a>').format(url_for("oversight.user", id=user_id), name)
    return Markup(str(cells).replace(str(escape(name)), str(link), 1))  # noqa: S704 (cells are escaped, and so is the link)
