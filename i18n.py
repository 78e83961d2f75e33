"""Greek first, English second: the language of a request, and text that waits for it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from babel import Locale
from babel.support import NullTranslations, Translations
from flask import Flask, g
from flask_babel import Babel

from search import fold

CATALOGUES = Path(__file__).parent / "translations"
LANGUAGES = ("el", "en")
ZONE = "Europe/Athens"

__all__ = ["LANGUAGES", "ZONE", "Label", "_", "countries", "init_app", "language", "ngettext"]


class Label:
    """A name in both languages, rendered in the reader's when it is shown."""

    __slots__ = ("el", "en")

    def __init__(self, el: str, en: str) -> None:
        self.el, self.en = el, en

    def __str__(self) -> str:
        return self.en if language() == "en" else self.el

    def __html__(self) -> str:
        from markupsafe import escape

        return escape(str(self))

    def __repr__(self) -> str:
        return f"Label({self.el!r}, {self.en!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Label) and (self.el, self.en) == (other.el, other.en)

    def __hash__(self) -> int:
        return hash((self.el, self.en))


def language() -> str:
    """The language of the current request; Greek where there is none (seeds, commands, start-up)."""
    try:
        return g.get("language", "el")  # type: ignore[no-any-return]
    except RuntimeError:
        return "el"


@cache
def catalogue(lang: str) -> NullTranslations:
    """The texts of a language. Flask-Babel's own look-up asks for locale, domain and catalogue anew at every text."""
    return Translations.load(CATALOGUES, [lang], "messages")


def _(message: str, **variables: object) -> str:
    """A text in the reader's language."""
    text: str = catalogue(language()).gettext(message)
    return text % variables if variables else text


def ngettext(singular: str, plural: str, n: int, /, **variables: object) -> str:
    """A text that counts, in the reader's language."""
    return catalogue(language()).ngettext(singular, plural, n) % {"num": n, **variables}  # type: ignore[no-any-return]


def init_app(app: Flask) -> None:
    """Make flask-babel follow `language()` and Greek time, and templates speak by the catalogue kept here."""
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", ZONE)
    Babel(app, default_locale="el", default_timezone=ZONE, locale_selector=language)
    # Not Jinja's own way, which wraps every text anew: what these return is escaped like any other value.
    app.jinja_env.globals.update(_=_, gettext=_, ngettext=ngettext)


NOT_COUNTRIES = frozenset(["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"])


@cache
def countries(lang: str) -> tuple[tuple[str, str], ...]:
    """ISO 3166-1 alpha-2 codes and names (CLDR), Greece first, then alphabetically."""
    listed = Locale(lang).territories.items()
    names = ((code, name) for code, name in listed if len(code) == 2 and code.isalpha() and code not in NOT_COUNTRIES)
    return tuple(sorted(names, key=lambda pair: (pair[0] != "GR", fold(pair[1]))))
