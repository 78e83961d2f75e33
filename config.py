"""Settings from the environment; refuses to start half-configured."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
INSTANCE = ROOT / "instance"
MODES = ("development", "production")
FACTOR = ("required", "offered")


class Misconfigured(RuntimeError):
    """A setting is missing or makes no sense; the message names it."""


def load(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Flask's configuration.

    DATABASE_URL, KENTRO_OWNER_URL (PostgreSQL: the tables' owner, for commands), SECRET_KEY, HOST, PORT,
    KENTRO_MODE (development or production), KENTRO_IDLE_MINUTES (30),
    KENTRO_SESSION_HOURS (12), KENTRO_FRESH_MINUTES (15: for how long nobody is asked again who they are; 0: never),
    KENTRO_LOGIN_WINDOW_MINUTES (15), KENTRO_SECOND_FACTOR (required in production, offered in development),
    KENTRO_READINGS (how many times the allowances of auth/limits.py; 1 in production, in development 0: no limit),
    KENTRO_PROXIES (0: reverse proxies in front),
    KENTRO_KEY (seals protected values: 32 bytes in hexadecimal or base64; of several, by commas, the first seals),
    KENTRO_TRAIL_KEY (signs heads of the trail),
    KENTRO_SQLITE_SYNCHRONOUS (FULL: what was saved survives a power cut; NORMAL: faster, the last saves may not),
    KENTRO_MATCH_KEY (keys the hashes by which one person's records in two units are found; else made from SECRET_KEY).

    Raises:
        Misconfigured: a production without SECRET_KEY, KENTRO_KEY or DATABASE_URL, or a value of the wrong form.
    """
    mode = _one_of(environ, "KENTRO_MODE", MODES)
    production = mode == "production"
    return {
        "KENTRO_MODE": mode,
        "SECRET_KEY": _secret_key(environ, production),
        "KEYS": _keys(environ, production),
        "TRAIL_KEY": _hexadecimal(environ, "KENTRO_TRAIL_KEY"),
        "MATCH_KEY": _match_key(environ),
        "SQLITE_SYNCHRONOUS": _one_of(environ, "KENTRO_SQLITE_SYNCHRONOUS", ("FULL", "NORMAL")),
        "SQLALCHEMY_ENGINES": _engines(environ, production),
        "HOST": environ.get("HOST", "127.0.0.1"),
        "PORT": _whole(environ, "PORT", 8000),
        "PROXIES": _whole(environ, "KENTRO_PROXIES", 0),
        "IDLE_MINUTES": _whole(environ, "KENTRO_IDLE_MINUTES", 30),
        "LOGIN_WINDOW_MINUTES": _whole(environ, "KENTRO_LOGIN_WINDOW_MINUTES", 15),
        "SESSION_HOURS": _whole(environ, "KENTRO_SESSION_HOURS", 12),
        "FRESH_MINUTES": _whole(environ, "KENTRO_FRESH_MINUTES", 15),
        "SECOND_FACTOR": _one_of(environ, "KENTRO_SECOND_FACTOR", FACTOR if production else FACTOR[::-1]),
        "READINGS": _whole(environ, "KENTRO_READINGS", int(production)),
        "SESSION_COOKIE_NAME": "__Host-kentro" if production else "kentro",
        "SESSION_COOKIE_SECURE": production,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        # The server-side session decides how long a sign-in lasts; a token that expires earlier only loses typing.
        "WTF_CSRF_TIME_LIMIT": None,
        "MAX_CONTENT_LENGTH": 12 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 4 * 1024 * 1024,
        "FLASK_ADMIN_RAISE_ON_VIEW_EXCEPTION": False,
    }


def _engines(environ: Mapping[str, str], production: bool) -> dict[str, str]:
    """The application's database and, where KENTRO_OWNER_URL is set, the same as its owner."""
    engines = {"default": database_url(environ, production)}
    if owner := environ.get("KENTRO_OWNER_URL", ""):
        engines["owner"] = _with_driver("KENTRO_OWNER_URL", owner)
        if not all(url.startswith("postgresql") for url in engines.values()):
            raise Misconfigured("KENTRO_OWNER_URL is for PostgreSQL: a file has no roles.")
    return engines


def database_url(environ: Mapping[str, str], production: bool) -> str:
    """DATABASE_URL with psycopg 3 as PostgreSQL's driver; by default an SQLite file under instance/."""
    url = environ.get("DATABASE_URL", "")
    if url:
        return _with_driver("DATABASE_URL", url)
    if production:
        raise Misconfigured("DATABASE_URL is not set.")
    INSTANCE.mkdir(exist_ok=True)
    return f"sqlite:///{INSTANCE / 'kentro.sqlite'}"


def _with_driver(name: str, url: str) -> str:
    scheme, _, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        return f"postgresql+psycopg://{rest}"
    if scheme.split("+")[0] not in ("sqlite", "postgresql"):
        raise Misconfigured(f"{name} names neither SQLite nor PostgreSQL.")
    return url


def _secret_key(environ: Mapping[str, str], production: bool) -> str:
    key = environ.get("SECRET_KEY", "")
    if not key and not production:
        return kept_key(INSTANCE / "secret_key")
    if len(key) < 32:
        raise Misconfigured("SECRET_KEY is missing or shorter than 32 characters.")
    return key


def _match_key(environ: Mapping[str, str]) -> str | None:
    key = environ.get("KENTRO_MATCH_KEY") or None
    if key is not None and len(key) < 32:
        raise Misconfigured("KENTRO_MATCH_KEY is shorter than 32 characters.")
    return key


def _keys(environ: Mapping[str, str], production: bool) -> tuple[bytes, ...]:
    said = environ.get("KENTRO_KEY", "")
    if not said and production:
        raise Misconfigured("KENTRO_KEY is not set: without it what is protected can be neither kept nor read.")
    return tuple(_key(part.strip()) for part in (said or kept_key(INSTANCE / "kentro_key")).split(","))


def _key(said: str) -> bytes:
    """32 bytes, written as 64 hexadecimal digits or in base64."""
    try:
        key = bytes.fromhex(said) if len(said) == 64 else base64.b64decode(said.translate(_STANDARD), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise Misconfigured("KENTRO_KEY: each key is 32 bytes, as 64 hexadecimal digits or 44 of base64.")
    return key


_STANDARD = str.maketrans("-_", "+/")


def kept_key(path: Path, length: int = 32) -> str:
    """So many bytes in hexadecimal, made at their first use and kept where only the server's own account reads them."""
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(length))
    return path.read_text().strip()


def _one_of(environ: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    value = environ.get(name, values[0])
    if value not in values:
        raise Misconfigured(f"{name} is {value!r}; it is one of {', '.join(values)}.")
    return value


def _hexadecimal(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if value and not re.fullmatch("[0-9a-fA-F]{64}", value):
        raise Misconfigured(f"{name} is not 64 hexadecimal digits.")
    return value


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name, str(default))
    if not value.isdecimal():
        raise Misconfigured(f"{name} is {value!r}; it is a whole number.")
    return int(value)
