"""What surrounds every page: where one is and as whom, menu, foot; rendered once for all pages that share it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import Flask, g, request
from markupsafe import Markup

import i18n
import policy
from auth.pages import to_do_first
from db import db
from models import Municipality, today
from vocabulary import Role

from .values import greek_date

OF_ONE = {
    "rights.person_view": "beneficiary",
    "rights.erase_view": "beneficiary",
    "oversight.person": "beneficiary",
    "oversight.user": "user",
}
"""Pages about one record, which lie under another screen than the menu's entry of that name."""
KEPT = 4096  # parts of frames in memory: readers x screens x parts, at some 2 kB each


class Frame(NamedTuple):
    """All that a part of the frame may depend on: pages that agree in it share its parts."""

    lang: str
    reader: str | None
    role: Role | None
    unit_ids: tuple[int, ...]
    unit_names: tuple[str, ...]
    endpoint: str
    brand: str
    municipality: str | None
    co_financing: str | None
    day: str
    has_menu: bool
    """Whoever must change the password first, or set up the second factor, can go nowhere else."""


def init_app(app: Flask) -> None:
    """Give every template its frame."""

    @lru_cache(KEPT)
    def part(name: str, frame: Frame) -> Markup:
        admin = app.extensions["admin"][0]
        template = app.jinja_env.get_template(f"frame/{name}.html")
        return Markup(template.render(frame=frame, menu=admin.menu(), home=admin.url))  # noqa: S704 (a template's output)

    @app.context_processor
    def context() -> dict[str, Any]:
        scope, municipality = policy.scope_in(db.session), _municipality()
        frame = Frame(
            lang=i18n.language(),
            reader=scope.name,
            role=scope.role,
            unit_ids=scope.unit_ids,
            unit_names=scope.unit_names,
            endpoint=OF_ONE.get(request.endpoint or "", (request.endpoint or "").partition(".")[0]),
            brand=(municipality and (municipality.centre_name or municipality.name)) or "Κέντρο",
            municipality=municipality.name if municipality else None,
            co_financing=municipality.co_financing if municipality else None,
            day=greek_date(today()),
            has_menu=(kept := g.get("kept")) is not None and to_do_first(kept) is None,
        )
        return {"frame": frame, "part": lambda name: part(name, frame)}


def _municipality() -> Any:
    if "municipality" not in g:
        columns = sa.select(Municipality.name, Municipality.centre_name, Municipality.co_financing)
        g.municipality = db.session.execute(columns).first()
    return g.municipality
