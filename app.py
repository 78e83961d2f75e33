"""create_app(): wiring only."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Flask, current_app, redirect, render_template, request, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFError
from jinja2.ext import Extension
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.middleware.proxy_fix import ProxyFix

import admin_views
import assets
import audit
import auth
import cli
import config
import db
import i18n
import identifiers
import models
import policy
import vault
from admin_views.base import greek_date, greek_datetime
from i18n import _

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""On every answer, whatever it is (ASVS 5.0, 3.4)."""
CAUSES, PLACES = 5, 12
"""How much of an unforeseen failure the log tells: what led to what, and the last calls before it."""


class Unindented(Extension):
    """Templates without the indentation of their tags, taken out once, when they are compiled."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The template as it is compiled."""
        return re.sub(r"(?m)^[ \t]+(?=<)", "", source)


class Signed(SecureCookieSessionInterface):
    """Flask's own signed cookie, whose signer is made once instead of twice a request."""

    kept: Any = None

    def get_signing_serializer(self, app: Flask) -> Any:
        """The signer of this application."""
        self.kept = self.kept or super().get_signing_serializer(app)
        return self.kept


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """The application; `settings` go over those of the environment."""
    app = Flask(__name__, instance_path=str(config.INSTANCE))
    # What stands in templates for eyes is not sent.
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True, "extensions": [Unindented]}
    app.config.update(config.load())
    app.config.update(settings or {})
    app.session_interface = Signed()
    app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": True, "separators": (",", ":")}
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]  # by code point, accented capitals would come first
    db.init_app(app)
    i18n.init_app(app)
    Migrate(app, db.db, directory=str(config.ROOT / "migrations"), render_as_batch=True)
    # First of all, so that whatever refuses a request afterwards knows who asked, and in which language.
    app.before_request(auth.open_request)
    auth.init_app(app)
    app.before_request(auth.must_change_password)
    with app.app_context():
        admin_views.init_app(app)
    cli.init_app(app)
    assets.init_app(app)
    _pages(app)
    _errors(app)
    app.after_request(_headers)
    app.after_request(auth.close_request)
    if app.config["PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=app.config["PROXIES"], x_proto=app.config["PROXIES"])  # type: ignore[method-assign]
    return app


def _pages(app: Flask) -> None:
    @app.get("/")
    def home() -> Any:
        return redirect(url_for("admin.index"))

    @app.get("/accessibility")
    def accessibility() -> Any:
        return render_template("accessibility.html", contact=_contact())

    @app.get("/healthz")
    def healthz() -> Any:
        db.db.session.execute(sa.select(sa.func.count(models.Municipality.id)))
        return {"status": "ok"}

    app.add_template_filter(greek_date)
    app.add_template_filter(greek_datetime)
    app.add_template_filter(identifiers.phone_display, "phone")


def _contact() -> models.Municipality | models.Unit | None:
    """Whom to tell of a barrier: the municipality, or else its first unit that can be called or written to."""
    session = db.db.session
    houses = (*session.scalars(sa.select(models.Municipality)), *session.scalars(sa.select(models.Unit).order_by("id")))
    return next((house for house in houses if house.phone or house.email), None)


def _errors(app: Flask) -> None:
    @app.errorhandler(CSRFError)
    def expired(error: CSRFError) -> Any:
        told = _("The form had expired and nothing was saved. Go back, reload the page and send it again.")
        # There, too, lies the draft of what was typed.
        has_form = "GET" in ((request.url_rule and request.url_rule.methods) or ())
        back = {"back_url": request.full_path, "back_label": _("Back to the form")} if has_form else {}
        return _error_page(400, told, **back)

    @app.errorhandler(policy.Refused)
    def refused(error: policy.Refused) -> Any:
        return _error_page(403, _("This is not open to you."))

    @app.errorhandler(vault.Sealed)
    def sealed(error: vault.Sealed) -> Any:
        app.logger.error("%s Asked for by %s.", error, request.endpoint)
        told = _(
            "A protected value cannot be opened: it was changed from outside, or its key is missing. "
            "Tell whoever runs the server."
        )
        return _error_page(500, told)

    @app.errorhandler(HTTPException)
    def known(error: HTTPException) -> Any:
        texts = {
            403: _("This is not open to you."),
            404: _("There is no such page or record."),
            405: _("This cannot be done here."),
            413: _("This is too large."),
            429: _("Too much was asked for in a short time. Wait a minute and try again."),
        }
        return _error_page(error.code or 500, texts.get(error.code or 500, _("This request is not valid.")))

    @app.errorhandler(InternalServerError)
    @app.errorhandler(Exception)
    def unknown(error: Exception) -> Any:
        _log(app, error)
        return _error_page(500, _("Something went wrong here, not with you. Nothing of this request was saved."))


def _log(app: Flask, error: Exception) -> None:
    """What kind of failure and where. Never its text, which may quote a person's values, or be two lines and seem two
    entries (ASVS 5.0, 16.2.5 and 16.4.1); but for that of the trail, which was written for here.
    """
    error = getattr(error, "original_exception", None) or error
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < CAUSES:
        kinds.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    told = f" {str(error)!r}" if isinstance(error, audit.Unrecorded) else ""
    places = "".join(traceback.format_tb(error.__traceback__)[-PLACES:])
    app.logger.error("%s at %s%s\n%s", " because of ".join(kinds), request.endpoint, told, places)


def _error_page(code: int, text: str, **more: Any) -> tuple[str, int]:
    db.db.session.rollback()
    try:
        title = _("Page not found") if code == 404 else _("Not possible")
        return render_template("error.html", code=code, title=title, text=text, **more), code
    except sa.exc.SQLAlchemyError:
        # The page's own frame asks the database, which is what failed: a page that asks nothing says so.
        db.db.session.rollback()
        broken = _("Something went wrong here, not with you. Nothing of this request was saved.")
        page = current_app.jinja_env.get_template("broken.html")
        return page.render(code=500, text=broken, lang=i18n.language(), css=assets.asset("all.css")), 500


def _is_kept() -> bool:
    names = request.view_args or {}
    return assets.is_current(names.get("name") or names.get("filename", ""), request.args.get("v"))


def _headers(response: Any) -> Any:
    if response.status_code == 308:
        # Of an address without its last slash. Werkzeug repeats the Host that the request named, whatever it was.
        address = urlsplit(response.location)._replace(scheme="", netloc="")
        here = redirect("/" + address.geturl().lstrip("/"), 308)
        response.location, response.data = here.location, here.data
    said = {name for name, _value in response.headers}
    response.headers.extend({name: value for name, value in HEADERS.items() if name not in said})
    if response.status_code < 400 and request.endpoint in auth.OPEN_FILES and _is_kept():
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers["Cache-Control"] = "no-store"
    if response.status_code == 429:
        response.headers["Retry-After"] = "60"
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    return response
