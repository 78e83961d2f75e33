"""Every line through every field of the real forms: kept and shown as it was typed, or refused beside its field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from markupsafe import Markup

import models
from admin_views.base.listing import Listing
from db import Base, Kind, fields
from policy import PERMISSIONS
from tests.answers import SCREENS, errors_of, form_fields
from tests.texts import Sender, as_kept, free_texts, may_refuse, row_of, texts_of
from tests.world import World, fields_of
from vocabulary import Role

from . import corpus
from .answers import elements, faults
from .findings import Finding, Outcome
from .site import Ground

EDITORS = {Role.COORDINATOR: "coordinator", Role.CASEWORKER: "caseworker.main", Role.ADMINISTRATOR: "administrator"}
TYPED = (Kind.TEXT, Kind.LONG_TEXT, Kind.DATE, Kind.INSTANT, Kind.INTEGER, Kind.DECIMAL)
PACK = 12
"""Lines to a field of a form that is refused anyway."""
LOOKED_AT = 10  # every so many forms, the form is opened again and the list too


def attack(ground: Ground, jobs: int) -> Outcome:
    """All screens, each over a copy of its own."""
    outcome, work = Outcome("lines in forms"), [*edited()]
    with ProcessPoolExecutor(jobs) as pool:
        parts = [pool.submit(_screen, ground, model.__tablename__, editor) for model, editor in work]
        planted = pool.submit(_planted, ground)
        done = [part.result() for part in parts]
        outcome.expect({"unescaped", "changed", "failed"}, planted.result())
    outcome.found = [finding for _n, _pairs, found in done for finding in found]
    boxes = sum(len(form_fields(model, is_new=False)) for model, _editor in work)
    outcome.asked = [
        f"{len(corpus.lines()):,} lines", f"{len(work)} screens", f"{boxes} fields",
        f"{sum(part[0] for part in done):,} forms sent", f"{sum(part[1] for part in done):,} pairs of line and field",
    ]  # fmt: skip
    return outcome


def edited() -> Iterator[tuple[type[Base], str]]:
    """Every screen with a form, and somebody who may edit there."""
    for screen in SCREENS:
        may = PERMISSIONS.get((screen.model.__tablename__, "edit"), ())
        editor = next((name for role, name in EDITORS.items() if role in may), None)
        if editor and form_fields(screen.model, is_new=False):
            yield screen.model, editor


def _screen(ground: Ground, table: str, editor: str) -> tuple[int, int, list[Finding]]:
    """Forms sent, pairs of line and field, and what was wrong."""
    model, texts = _model(table), corpus.lines()
    world = ground.world(f"fields_{table}")
    free, kept = free_texts(model), [line for line in texts if not may_refuse(line.strip())]
    forms = corpus.laid(model, free, kept) if free else []
    found = _stored(world, model, editor, forms)
    number, pairs, refused = _refused(world, model, editor, texts)
    stored = sum(len(corpus.fitting(model, box, kept)) for box in free)
    return len(forms) + number, stored + pairs, found + refused


def _model(table: str) -> type[Base]:
    return next(screen.model for screen in SCREENS if screen.model.__tablename__ == table)


# --- kept -------------------------------------------------------------------------------------------------------------


def _stored(world: World, model: type[Base], editor: str, forms: list[dict[str, str]]) -> list[Finding]:
    if not forms:
        return []
    sender = Sender(world, model, LOOKED_AT, editor)
    try:
        wrong = sender.send(forms)
    except AssertionError as error:
        wrong = [*sender.wrong, ("failed", str(error))]
    return [Finding("high", sender.edit, str(each)[:300]) for each in wrong]


# --- refused ----------------------------------------------------------------------------------------------------------


def _refused(world: World, model: type[Base], editor: str, texts: Sequence[str]) -> tuple[int, int, list[Finding]]:
    """Every line, uncut, in every field of whatever kind: what is refused says why, and keeps what was typed."""
    browser, url = world.client(editor), f"/admin/{model.__tablename__}/edit/?id={row_of(world, model)}"
    boxes, plain, found = form_fields(model, is_new=False), browser.form(url), []
    known = _known(browser, url, plain, boxes)
    forms = list(_mixed(model, boxes, texts))
    for sent in forms:
        version = {"version": str(world.one(model, row_of(world, model)).version)}
        answer = browser.post(url, plain | version | sent)
        found += faults(answer, [*sent.values()], known)
        if answer.status_code == 200:
            found += [Finding("medium", url, what) for what in _unlike(answer.text, boxes, sent)]
    return len(forms), len(boxes) * len(texts), found


def _mixed(model: type[Base], boxes: dict[str, Any], texts: Sequence[str]) -> Iterator[dict[str, str]]:
    """Checked fields of a person one line at a time; what is refused at any rate, several."""
    pack = 1 if model is models.Beneficiary else PACK
    chunks = ["\n".join(texts[start : start + pack]) for start in range(0, len(texts), pack)]
    single = texts_of(model, is_new=False)
    for number in range(len(chunks)):
        turn = {box: chunks[(number + shift) % len(chunks)] for shift, box in enumerate(boxes)}
        yield {
            box: text.replace("\n", " ") if box in single and fields(model)[box].check else text
            for box, text in turn.items()
        }


def _known(browser: Any, url: str, plain: dict[str, Any], boxes: dict[str, Any]) -> set[tuple[str, str]]:
    """The elements of the form, with and without messages."""
    pages = [browser.get(url).text]
    pages += [browser.post(url, plain | dict.fromkeys(boxes, text)).text for text in ("Μ" * 20_000, "", "\0", "Μ")]
    return elements(pages)


def _unlike(page: str, boxes: dict[str, Any], sent: dict[str, str]) -> Iterator[str]:
    errors, kept = errors_of(page), fields_of(page)
    if not errors and "message-error" not in page:
        yield f"refused without a word: {str(sent)[:200]}"
    if set(errors) - set(boxes):
        yield f"complains of what was not sent: {set(errors) - set(boxes)}"
    for box, text in sent.items():
        if boxes[box].kind in TYPED and box in kept and _plain(kept[box]) != _plain(text):
            yield f"{box} came back otherwise: {text[:80]!r} → {kept[box][:80]!r}"


def _plain(text: str) -> str:
    return as_kept(text).strip()


# --- planted flaws ----------------------------------------------------------------------------------------------------


def _planted(ground: Ground) -> set[str]:
    """Three faults, one after another, put into the application of this process: what is then said of each."""
    seen = set()
    texts = [line for line in corpus.lines() if "<" in line and not may_refuse(line.strip())][:40]
    forms = corpus.laid(models.Household, free_texts(models.Household), texts)
    for name, spoil in (("unescaped", _unescaped), ("changed", _changed), ("failed", _failing)):
        world = ground.world(f"planted_{name}")
        undo = spoil(world)
        found = _stored(world, models.Household, "coordinator", forms)
        undo()
        hints = {"unescaped": "/details/", "changed": "'kept'", "failed": "500"}
        if any(hints[name] in f"{each.where} {each.what}" for each in found):
            seen.add(name)
    return seen


def _unescaped(world: World) -> Any:
    real = Listing.shown
    Listing.shown = lambda view, row, name: Markup(real(view, row, name))  # type: ignore[method-assign]
    return lambda: setattr(Listing, "shown", real)


def _changed(world: World) -> Any:
    import sqlalchemy as sa

    def cut(row: Any, value: Any, old: Any, event: Any) -> Any:
        return value[:-1] if value and len(value) > 5 else value

    sa.event.listen(models.Household.remarks, "set", cut, retval=True)
    return lambda: sa.event.remove(models.Household.remarks, "set", cut)


def _failing(world: World) -> Any:
    from flask import abort, request

    world.app.before_request(lambda: abort(500) if "<script" in request.form.get("remarks", "") else None)
    return lambda: None
