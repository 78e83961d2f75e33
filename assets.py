"""What browsers fetch beside pages: one stylesheet, one script, icons; under their fingerprints, kept for a year."""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from flask import Flask, Response, url_for
from flask_compress import Compress
from werkzeug.exceptions import NotFound

STATIC = Path(__file__).parent / "static"
BUNDLES = {
    "all.css": (
        "vendor/bootstrap-5.3.9/bootstrap.min.css",
        "vendor/tom-select-2.6.2/tom-select.bootstrap5.min.css",
        "kentro.css",
        "home.css",
        "letter.css",
    ),
    "all.js": ("vendor/tom-select-2.6.2/tom-select.popular.min.js", "kentro.js", "drafts.js"),
}
"""Sent as one file each, in this order, so that a first visit asks for little."""


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
    return b"\n".join((STATIC / part).read_bytes() for part in BUNDLES.get(name, (name,)))


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256(_content(name)).hexdigest()[:8]
