"""Signing in and out: who asks, sessions kept on the server, a second factor, asking again, and limits."""

from __future__ import annotations

from flask import Flask, redirect, request, url_for
from flask_login import LoginManager
from flask_wtf.csrf import CSRFProtect

from .again import ask_again
from .asking import OPEN_FILES, SESSION, SignedIn, blueprint, close_request, end_sessions, load, open_request
from .codes import factor_of
from .limits import count_reading
from .pages import must_change_password, own_address
from .profile import living_sessions, note_ended, remove_factor

__all__ = [
    "OPEN_FILES",
    "SESSION",
    "SignedIn",
    "ask_again",
    "close_request",
    "count_reading",
    "end_sessions",
    "factor_of",
    "init_app",
    "living_sessions",
    "must_change_password",
    "note_ended",
    "open_request",
    "own_address",
    "remove_factor",
]

manager = LoginManager()
csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Sign-in, sessions and CSRF protection for the whole application."""
    csrf.init_app(app)
    manager.init_app(app)
    manager.session_protection = None
    manager.login_view = "auth.login"
    manager.user_loader(load)
    manager.unauthorized_handler(lambda: redirect(url_for("auth.login", next=request.full_path)))
    app.register_blueprint(blueprint)
