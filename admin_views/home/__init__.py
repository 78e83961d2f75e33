"""The first page: what waits for this reader today, every number with the rows behind it."""

from __future__ import annotations

from typing import Any

from flask import request, url_for
from flask_admin import AdminIndexView, expose
from flask_babel import format_date

import policy
from db import db
from i18n import _

from ..base import Gated, KentroView
from .desk import Desk
from .month import asked
from .sections import PARTS

BEGUN = (
    "visit", "beneficiary", "appointment", "service_delivery", "referral", "application", "household", "user", "unit",
)  # fmt: skip


class HomeView(Gated, AdminIndexView):
    """The parts that policy.HOME gives the reader's role."""

    def create_blueprint(self, admin: Any) -> Any:
        """Flask-Admin's own scripts, jQuery among them, are on no page, and not served either."""
        blueprint = super().create_blueprint(admin)
        blueprint.static_folder = None
        return blueprint

    def may(self, action: str) -> bool:
        """Whoever signed in."""
        return self.scope.is_authenticated

    @expose("/")
    def index(self) -> Any:
        """The page."""
        desk = self._desk()
        parts = [PARTS[name] for name in policy.home_of(desk.scope)]
        shown = sorted((part.shown(desk) for part in parts if part.is_offered(desk)), key=_is_empty)
        return self.render(
            "admin/index.html",
            title=_("Today"),
            day=format_date(desk.day, "full"),
            parts=shown,
            quick=[{"label": _quick(name), "url": url_for(f"{name}.create_view")} for name in BEGUN if _begins(name)],
            search_url=url_for("beneficiary.index_view") if policy.may(desk.scope, "read", "beneficiary") else None,
            is_unplaced=desk.scope.role and policy.works_in_units(desk.scope.role) and not desk.scope.unit_ids,
        )

    def _desk(self) -> Desk:
        views = [view for view in self.admin._views if isinstance(view, KentroView)]  # type: ignore[union-attr]
        return Desk(self.scope, views, asked(request.args.get("month")))


def _is_empty(shown: dict[str, Any]) -> bool:
    """A list of nothing that leads nowhere else: what has something to say comes before it."""
    return shown["kind"] == "list" and not (shown["rows"] or shown["also"])


def _begins(name: str) -> bool:
    return policy.may(policy.scope_in(db.session), "create", name)


def _quick(name: str) -> str:
    return {
        "visit": _("New visit"),
        "beneficiary": _("New person"),
        "appointment": _("New appointment"),
        "service_delivery": _("New service"),
        "referral": _("New referral"),
        "application": _("New application"),
        "household": _("New household"),
        "user": _("New user"),
        "unit": _("New unit"),
    }[name]
