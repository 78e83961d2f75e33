"""Texts from lists of hostile lines: sent through a screen's own form, and looked for wherever they are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from db import Base, Kind, fields
from models import User
from tests.answers import assert_sound, errors_of, form_fields, link_row, tags
from tests.world import World, fields_of

ROOMY = 100
"""Characters of a field into which several lines are put at once."""


def texts_of(model: type[Base], *, is_new: bool) -> dict[str, int]:
    """Text columns on the form, with their lengths."""
    boxes = form_fields(model, is_new=is_new).items()
    return {name: field.length or 0 for name, field in boxes if field.kind in (Kind.TEXT, Kind.LONG_TEXT)}


def free_texts(model: type[Base]) -> list[str]:
    """Text fields that take any text."""
    return [box for box in texts_of(model, is_new=False) if not fields(model)[box].check]


def is_needed(model: type[Base], name: str) -> bool:
    """The form must not be sent without it."""
    return not model.__table__.c[name].nullable and fields(model)[name].kind not in (Kind.FLAG, Kind.CODES)


def row_of(world: World, model: type[Base]) -> int:
    """A row of the main unit."""
    return link_row(world, model, "main") if model is not User else world.users["caseworker.main"]


def may_refuse(text: str) -> bool:
    """Nothing, or what a database cannot keep."""
    return not text or "\0" in text


def packed(model: type[Base], boxes: list[str], lines: Sequence[str]) -> list[dict[str, str]]:
    """Every line in some field, as many as fit into each; into the shortest fields, one."""
    found, left = [], [line.strip() for line in lines if not may_refuse(line.strip())]
    while left:
        form = {}
        for box in boxes:
            fitting, room = left[:1], fields(model)[box].length or 0
            while left and room >= ROOMY and (len(" ".join(fitting)) < room or len(fitting) == 1):
                fitting.append(left.pop())
            left += [fitting.pop()] if len(fitting) > 2 else []
            form[box] = " ".join(fitting) or "Μ"
        found.append(form)
    return found


def as_kept(text: str | None) -> str:
    """Line ends as they are compared: browsers write them as they like."""
    return (text or "").replace("\r\n", "\n").replace("\r", "\n")


def shape(page: str) -> list[Any]:
    """The elements of a page."""
    return tags(re.sub(r'<span class="number">\d+</span>', "", without_messages(page)))


def without_messages(page: str) -> str:
    """The page without what it says once."""
    return re.sub(r'<div class="message.*?</div>\s*</div>|<div data-saved="[^"]*" hidden></div>', "", page, flags=re.S)


@dataclass
class Sender:
    """Sends texts through the form of a row that stands, again and again, and keeps what went wrong.

    Pages are made of the same values whatever the database, so on PostgreSQL it is enough to look now and then.
    """

    world: World
    model: type[Base]
    look_every: int = 1
    username: str = "coordinator"
    wrong: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.look_every *= 1 if self.world.dialect == "sqlite" else 10
        self.name, self.key = self.model.__tablename__, row_of(self.world, self.model)
        self.browser = self.world.client(self.username)
        self.edit, self.listed = f"/admin/{self.name}/edit/?id={self.key}", f"/admin/{self.name}/"
        self.details = f"/admin/{self.name}/details/?id={self.key}"

    def send(self, forms: Sequence[dict[str, str]]) -> list[Any]:
        """Send the forms one after another, look at what was kept and how it is shown, and return all that is wrong."""
        self.plain = self.browser.form(self.edit)
        self.token = self.browser.token
        for harmless in ("Μ", "Ν"):
            sent = dict.fromkeys(forms[0], harmless)
            assert self._post(sent).status_code == 302
        shapes = {page: shape(self.browser.get(page).text) for page in (self.edit, self.listed)}
        elements = self._elements()
        for number, form in enumerate(forms):
            sent = {box: text[: fields(self.model)[box].length].strip() for box, text in form.items()}
            if self._is_kept(sent) and number % self.look_every == 0:
                self._look(sent, shapes)
            if number % 150 == 149 or number == len(forms) - 1:
                # The page tells the record's history too, and with it the lines of the last 200 sendings.
                self.wrong += [(self.details, each) for each in self._elements() - elements]
        return self.wrong

    def _is_kept(self, sent: dict[str, str]) -> bool:
        answer = assert_sound(self._post(sent), sent)
        if answer.status_code != 302:
            bad = {box for box in sent if "\0" in sent[box] or (not sent[box] and is_needed(self.model, box))}
            if not bad or set(errors_of(answer.text)) != bad:
                self.wrong.append(("refused", sent, errors_of(answer.text)))
            return False
        row = self.world.one(self.model, self.key)
        self._compare("kept", sent, lambda box: getattr(row, box))
        return True

    def _post(self, sent: dict[str, str]) -> Any:
        self.browser.token = self.token  # of the same sign-in still: it need not be fetched anew after every saving
        return self.browser.post(self.edit, self.plain | self.version() | sent)

    def _look(self, sent: dict[str, str], shapes: dict[str, list[Any]]) -> None:
        page = self.browser.get(self.edit).text
        kept = fields_of(page)
        self._compare("form", sent, lambda box: kept[box])
        self.wrong += [(self.edit, sent)] if shape(page) != shapes[self.edit] else []
        self.wrong += [(self.listed, sent)] if shape(self.browser.get(self.listed).text) != shapes[self.listed] else []

    def _compare(self, where: str, sent: dict[str, str], kept: Callable[[str], str | None]) -> None:
        self.wrong += [
            (where, box, text, kept(box)) for box, text in sent.items() if as_kept(kept(box)) != as_kept(text)
        ]

    def _elements(self) -> set[tuple[str, ...]]:
        return set(tags(without_messages(self.browser.get(self.details).text)))

    def version(self) -> dict[str, str]:
        """The row's present version, so that the form need not be fetched before every sending."""
        return {"version": str(self.world.one(self.model, self.key).version)}
