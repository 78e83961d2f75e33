"""Who may enter a view: said once, for screens, reports and the first page alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NoReturn

from flask import abort, redirect, request, url_for

import audit
import policy
from auth import ask_again, count_reading, own_address
from db import db
from vocabulary import AuditAction


class Gated:
    """A view that says which resource it is over, and which action each of its routes needs."""

    resource: str
    confirmed_routes: ClassVar[frozenset[str]] = frozenset()
    """Routes that open only to whoever said lately who they are: user changes, grants (ASVS 5.0, 7.5.3)."""

    @property
    def scope(self) -> policy.Scope:
        """Whose request this is."""
        return policy.scope_in(db.session)

    def may(self, action: str) -> bool:
        """The user's role may do this here."""
        return policy.may(self.scope, action, self.resource)

    def routes(self) -> dict[str, str]:
        """What each route of the view needs; one that is not named is refused."""
        return {"index": "read"}

    def closed(self, title: str, subtitle: str = "") -> Any:
        """Instead of what it would take from a record whose processing is restricted (article 18): that it is."""
        return self.render("admin/rights/closed.html", title=title, subtitle=subtitle), 403  # type: ignore[attr-defined]

    def must_confirm(self, route: str) -> bool:
        """The reader has to have said lately who they are."""
        return route in self.confirmed_routes

    def page_before(self, route: str) -> str | None:
        """Where one comes back to after saying who one is, where the route itself leads to a file and no page."""
        narrowed: dict[str, Any] = request.args.to_dict()
        return url_for(".index_view", **narrowed) if route == "export" else None

    def not_found(self, asked: Any, resource: str = "", most: int = 20) -> NoReturn:
        """The same 404 for what is not there and for what is not for this reader, recorded as a refusal."""
        said = str(asked)[:most].replace("\0", "?")
        audit.note(db.session, AuditAction.REFUSED, subject_type=resource or self.resource, id=said)
        abort(404)

    def page_number(self) -> int:
        """The page of a list that the address asks for, counted from 0; the first where it makes no sense."""
        asked = request.args.get("page", "")
        return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 0

    def is_accessible(self) -> bool:
        """Shown in the menu, and answered at all, only to whom the view is for."""
        return self.may("read")

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        """Strangers sign in, which by itself leads to the first page; others are refused."""
        if self.scope.is_authenticated:
            abort(403)
        asked = request.full_path if request.endpoint != "admin.index" else None
        return redirect(url_for("auth.login", next=asked))


def gate(views: Callable[[], Iterable[Any]]) -> Callable[[], Any]:
    """One gate before every view: the route's action must be one that the role may do there."""

    def _gate() -> Any:
        asked = request.values.get("url")
        if asked and own_address(asked) is None:
            abort(404)
        endpoint, _dot, route = (request.endpoint or "").partition(".")
        view = next((v for v in views() if v.endpoint == endpoint), None)
        if view is None or not view.scope.is_authenticated or route == "static":
            return None
        if route not in view.routes() or not view.may(view.routes()[route]):
            abort(403)
        count_reading(route)
        return ask_again(view.page_before(route)) if view.must_confirm(route) else None

    return _gate
