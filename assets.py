"""What browsers fetch beside pages: one stylesheet, one script, icons; under their fingerprints, kept for a year."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from functools import cache
from pathlib import Path

from flask import Flask, Response, url_for
from flask_compress import Compress
from werkzeug.exceptions import NotFound

from i18n import LANGUAGES, catalogue
from identifiers import N_

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("vendor/tom-select-2.6.2/tom-select.popular.min.js", "kentro.js", "drafts.js")
BUNDLES = {
    "all.css": (
        "vendor/bootstrap-5.3.9/bootstrap.min.css",
        "vendor/tom-select-2.6.2/tom-select.bootstrap5.min.css",
        "kentro.css",
        "home.css",
        "letter.css",
    ),
    **dict.fromkeys((f"{language}.js" for language in LANGUAGES), SCRIPTS),
}
"""Sent as one file each, in this order, so that a first visit asks for little."""
SAID = {
    "noResults": N_("Nothing found"),
    "loading": N_("Searching…"),
    "failed": N_("The search failed. Try again."),
    "remove": N_("Remove"),
    "datePlaceholder": N_("dd/mm/yyyy"),
    "from": N_("From"),
    "to": N_("To"),
    "value": N_("Value"),
    "choose": N_("Choose…"),
    "preparing": N_("The file is being prepared…"),
    "receiving": N_("The file is being received…"),
    "received": N_("The file “%(name)s” is in your downloads."),
    "notReceived": N_("The file could not be made. Try again in a while."),
    "interrupted": N_("The connection was lost before the file had arrived. Try again."),
    "signedOut": N_("Your session has ended."),
    "signIn": N_("Sign in"),
    "selectAll": N_("Select all on this page"),
    "draftFound": N_("A draft of %(when)s was found."),
    "draftFoundOf": N_("A draft of %(when)s was found: %(whose)s."),
    "restore": N_("Restore"),
    "discard": N_("Discard"),
    "restored": N_("The draft is back in the form. It is not saved yet."),
    "discarded": N_("The draft was discarded."),
    "notHeard": N_(
        "The server does not answer and nothing was saved. "
        "What you typed stays here, and as a draft on this computer: try again in a while."
    ),
}
"""What the scripts say, in the language of the page; sent with them once, and not with every page."""


def init_app(app: Flask) -> None:
    """Serve the bundles, and tell templates their addresses."""
    # Only what holds no secrets: pages carry tokens beside what people typed, and are not compressed (BREACH).
    app.config["COMPRESS_MIMETYPES"] = ["text/css", "text/javascript", "image/svg+xml"]
    Compress(app)
    app.add_url_rule("/assets/<name>", "asset", _serve)
    app.add_template_global(asset)


def asset(name: str) -> str:
    """The address of a static file or bundle with its fingerprint: a changed file has another address."""
    if name in BUNDLES:
        return url_for("asset", name=name, v=_fingerprint(name))
    return url_for("static", filename=name, v=_fingerprint(name))


def is_current(name: str, fingerprint: str | None) -> bool:
    """The file is there, and is what stood under this address when the page was made."""
    return fingerprint is not None and fingerprint == _fingerprint(name)


def _serve(name: str) -> Response:
    if name not in BUNDLES:
        raise NotFound
    return Response(_content(name), mimetype=mimetypes.guess_type(name)[0])


@cache
def _content(name: str) -> bytes:
    parts = [(STATIC / part).read_bytes() for part in BUNDLES.get(name, (name,))]
    language = name.removesuffix(".js")
    return b"\n".join([_said(language), *parts] if language in LANGUAGES else parts)


def _said(language: str) -> bytes:
    texts = {name: catalogue(language).gettext(text) for name, text in SAID.items()}
    return f"const texts = {json.dumps(texts, ensure_ascii=False)};".encode()


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256(_content(name)).hexdigest()[:8]
