"""Every text of the screens exists in Greek and in English, and no page mixes the two."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import flask_admin
import pytest
import sqlalchemy as sa
import wtforms
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask import Flask, g
from flask_admin import babel as flask_admin_babel
from flask_admin.helpers import set_current_view

import i18n
import policy
from admin_views import SCREENS
from admin_views.base.forms import OwnTranslations
from config import ROOT
from db import Base, Kind, fields
from i18n import Label
from models import Unit
from tests.conftest import SqliteHouse, make_app
from tests.world import CANARY, Browser, World
from vocabulary import Code, Role

GREEK, LATIN = re.compile(r"[Ͱ-Ͽἀ-῿]"), re.compile(r"[A-Za-z]{3,}")
MIXED = re.compile(r"[Ͱ-Ͽἀ-῿][A-Za-z]|[A-Za-z][Ͱ-Ͽἀ-῿]")
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]")
NAMES = {"axe", "core", "excel", "mail", "iban", "isced", "iso", "json", "mac", "pdf", "sha", "uuid", "wcag"}
EXAMPLES = {"onoma", "example", "eur", "usd", "cny", "red"}
LATIN_IN_GREEK = NAMES | EXAMPLES
"""Names that Greek writes in Latin letters, and the examples in messages."""
SAME_IN_BOTH = {"%(placeholder)s", "E-mail"}

Id = str | tuple[str, str]


def foreign_to_greek(text: str) -> list[str]:
    """Latin words that have no business in a Greek text, and words of both alphabets."""
    words = LATIN.findall(PLACEHOLDER.sub(" ", text))
    return [word for word in words if word.lower() not in LATIN_IN_GREEK] + MIXED.findall(text)


# --- catalogues -------------------------------------------------------------------------------------------------------


def extracted(folder: str | Path, mapping: list[tuple[str, str]], *keywords: str) -> set[Id]:
    """The messages in a folder's sources."""
    known = {**DEFAULT_KEYWORDS, **dict.fromkeys(keywords), "_ngettext": (1, 2)}
    return {found[2] for found in extract_from_dir(folder, mapping, keywords=known)}


def own_messages() -> set[Id]:
    """What `make translations` gathers."""
    with (ROOT / "translations" / "babel.cfg").open() as file:
        mapping, _options = parse_mapping_cfg(file)
    (command,) = (line for line in (ROOT / "Makefile").read_text().splitlines() if "pybabel -q extract" in line)
    keywords = re.findall(r"-k (\w+)", command)
    return extracted(ROOT, mapping, *keywords) | extracted(Path(wtforms.__file__).parent, mapping, *keywords)


def flask_admin_messages() -> set[Id]:
    """What Flask-Admin's own code and templates can say."""
    mapping = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
    return extracted(Path(flask_admin.__file__).parent, mapping, "_gettext", "lazy_gettext")


def catalogue(domain: str, language: str = "el") -> Catalog:
    with (ROOT / "translations" / language / "LC_MESSAGES" / f"{domain}.po").open("rb") as file:
        return read_po(file, locale="el")


def messages(domain: str) -> list[Message]:
    return [message for message in catalogue(domain) if message.id]


def forms(texts: Any) -> tuple[str, ...]:
    return texts if isinstance(texts, tuple) else (texts,)


SOURCES: dict[str, Callable[[], set[Id]]] = {"messages": own_messages, "admin": flask_admin_messages}


@pytest.mark.parametrize("domain", SOURCES)
def test_a_catalogue_holds_what_the_sources_say_and_nothing_else(domain: str) -> None:
    said, kept = SOURCES[domain](), {message.id for message in messages(domain)}
    assert len(said) > 100, "the extraction finds hardly anything"
    assert not said - kept, f"not in {domain}.po (make translations): {said - kept}"
    assert not kept - said, f"nothing says this any more (make translations): {kept - said}"
    assert not catalogue(domain).obsolete, f"obsolete in {domain}.po: {list(catalogue(domain).obsolete)}"


@pytest.mark.parametrize("domain", SOURCES)
def test_every_message_is_translated_and_keeps_its_placeholders(domain: str) -> None:
    plurals = catalogue(domain).num_plurals
    for message in messages(domain):
        originals, greek = forms(message.id), forms(message.string)
        assert not message.fuzzy, f"fuzzy: {message.id}"
        assert len(greek) == (plurals if message.pluralizable else 1) and all(greek), f"no Greek for {message.id}"
        for original, text in zip(originals, greek, strict=True):
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(original)), text


@pytest.mark.parametrize("domain", SOURCES)
def test_the_greek_is_greek(domain: str) -> None:
    for text in (text for message in messages(domain) for text in forms(message.string)):
        assert GREEK.search(text) or text in SAME_IN_BOTH, f"no Greek letter: {text}"
        assert not foreign_to_greek(text), f"{foreign_to_greek(text)} in: {text}"
        assert "?" not in text and '"' not in text, f"Greek asks with ; and quotes with «»: {text}"


# --- at run time ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare() -> Flask:
    """The application over an empty database."""
    return make_app("sqlite://")


def spoken(app: Flask, language: str, domain: str, ids: list[Id]) -> Iterator[tuple[Id, tuple[str, ...]]]:
    """What the application says for a message, in every number."""
    with app.test_request_context("/"):
        g.language = language
        set_current_view(app.extensions["admin"][0]._views[1])
        texts = flask_admin_babel.domain.get_translations() if domain == "admin" else i18n.catalogue(language)
        for id in ids:
            yield id, tuple(texts.ungettext(*id, n) for n in (1, 2)) if isinstance(id, tuple) else (texts.ugettext(id),)


@pytest.mark.parametrize("domain", SOURCES)
def test_every_message_reaches_the_reader_in_either_language(bare: Flask, domain: str) -> None:
    kept = {message.id: forms(message.string) for message in messages(domain)}
    for id, said in spoken(bare, "el", domain, list(kept)):
        assert said == kept[id], f"{said} instead of {kept[id]}: is the catalogue compiled (make setup)?"
    # Flask-Admin's own English does not say how to put a mistake right; ours stands in a small catalogue of its own.
    better = {m.id: forms(m.string) for m in catalogue("admin", "en") if m.id} if domain == "admin" else {}
    assert better.keys() <= kept.keys()
    for id, said in spoken(bare, "en", domain, list(kept)):
        assert said == better.get(id, forms(id))


def test_forms_speak_with_the_projects_own_messages(bare: Flask) -> None:
    singular, plural = (
        "Field cannot be longer than %(max)d character.",
        "Field cannot be longer than %(max)d characters.",
    )
    with bare.test_request_context("/"):
        g.language = "el"
        own = OwnTranslations()
        assert own.gettext("Not a valid choice.") == "Δεν είναι έγκυρη επιλογή."
        assert [own.ngettext(singular, plural, n) % {"max": n} for n in (1, 5)] == [
            "Γράψτε το πολύ 1 χαρακτήρα.", "Γράψτε το πολύ 5 χαρακτήρες."
        ]  # fmt: skip


# --- labels -----------------------------------------------------------------------------------------------------------


def labels() -> Iterator[tuple[str, Label]]:
    """Every label of columns, tables and codes, and every one written out in the sources."""
    for mapper in Base.registry.mappers:
        model = mapper.class_
        yield from ((model.__name__, label) for label in (model.label, model.labels))
        for name, field in fields(model).items():
            found = (field.label, field.group, field.help)
            yield from ((f"{model.__name__}.{name}", label) for label in found if label is not None)
    for listed in Code.__subclasses__():
        yield from ((f"{listed.__name__}.{code.name}", code.label) for code in listed)
    for path in ROOT.rglob("*.py"):
        if not path.relative_to(ROOT).parts[0].startswith((".", "tests")):
            yield from written_labels(path)


def written_labels(path: Path) -> Iterator[tuple[str, Label]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Label":
            texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            if len(texts) == len(node.args):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", Label(*texts)


def test_every_label_has_both_languages() -> None:
    found = list(labels())
    assert len(found) > 600
    for place, label in found:
        assert label.el.strip() and label.en.strip(), f"{place}: half a label"
        assert GREEK.search(label.el) or label.el in SAME_IN_BOTH, f"{place}: no Greek in {label!r}"
        assert not foreign_to_greek(label.el), f"{place}: {foreign_to_greek(label.el)} in {label!r}"
        assert not GREEK.search(label.en), f"{place}: Greek letters in the English of {label!r}"


# --- pages ------------------------------------------------------------------------------------------------------------


class Pieces(HTMLParser):
    """What people read or hear of a page, piece by piece; what is marked as of another language is left out."""

    VOID = {"br", "hr", "img", "input", "link", "meta", "use", "wbr"}
    ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-confirm", "data-label")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        here = dict(attrs)
        if tag not in self.VOID:
            self.open.append((tag, here))
        if not self._is_left_out():
            self.found += [text for name in self.ATTRIBUTES if (text := here.get(name))]

    def handle_endtag(self, tag: str) -> None:
        if tag in (name for name, _attrs in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1][0] == "script" and data.strip():
            self.found += self._spoken_by_scripts(json.loads(data), self.open[-1][1])
        elif data.strip() and not self._is_left_out():
            self.found.append(" ".join(data.split()))

    def _is_left_out(self) -> bool:
        return any(tag in ("style", "textarea") or (tag != "html" and "lang" in attrs) for tag, attrs in self.open)

    def _spoken_by_scripts(self, kept: dict[str, Any], attrs: dict[str, str | None]) -> list[str]:
        if "data-filter-groups" not in attrs:
            return list(kept.values())
        operations = [flt for group in kept.values() for flt in group]
        options = [text for flt in operations for _value, text in flt["options"] or ()]
        return [*kept, *(flt["operation"] for flt in operations), *options]


def data_of(world: World) -> re.Pattern[str]:
    """Everything that people typed: the texts in the database, which are of no language of ours."""
    texts = set()
    for mapper in Base.registry.mappers:
        model = mapper.class_
        names = [n for n, f in fields(model).items() if f.kind in (Kind.TEXT, Kind.LONG_TEXT) and n != "subject_type"]
        texts |= {text for row in world.query(sa.select(model)) for n in names if (text := getattr(row, n))}
    units = world.query(sa.select(Unit).order_by(Unit.id))
    names = policy.Scope(unit_ids=tuple(u.id for u in units), unit_names=tuple(u.name for u in units)).short_unit_names
    texts |= {*names.values()}
    longest_first = sorted((text for text in texts if len(text) > 2), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(' '.join(text.split())) for text in longest_first)})(?!\w)")


def strangers(html: str, language: str, data: re.Pattern[str]) -> list[str]:
    """The pieces of a page that are of the other language."""
    foreign = GREEK.search if language == "en" else foreign_to_greek
    return [piece for piece in Pieces(html).found if foreign(data.sub(" ", piece))]


def pages(world: World, browser: Browser, unit: str) -> Iterator[tuple[str, str]]:
    """Every page that a user can open, forms sent wrong included, with its address."""
    rows = {**world.rows["shared"], **world.rows[unit], "user": world.users["coordinator"], "audit_entry": 1}
    person = f"/admin/beneficiary/edit/?id={rows['beneficiary']}"
    for address in ("/admin/", "/password", "/nowhere", "/logout", "/admin/report/", *NARROWED):
        yield address, browser.get(address).text
    yield "POST /password", browser.post("/password", current="x", new="y", again="z").text
    yield "POST /admin/report/", browser.post("/admin/report/", month="x", unit="y").text
    yield f"conflict {person}", browser.submit(person, version="0", last_name=CANARY[unit] * 2).text
    for name in (screen.model.__tablename__ for screen in SCREENS if hasattr(screen, "model")):
        yield from pages_of(f"/admin/{name}", browser, rows.get(name, 1))


def pages_of(at: str, browser: Browser, key: int) -> Iterator[tuple[str, str]]:
    """A screen's pages, as far as they open."""
    listed, new = browser.get(f"{at}/"), browser.get(f"{at}/new/")
    yield f"{at}/", listed.text
    if listed.status_code == 200:
        yield f"{at}/filters/", offered_filters(browser, at, listed.text)
        yield f"{at}/details/", browser.get(f"{at}/details/?id={key}").text
        yield f"{at}/edit/", browser.get(f"{at}/edit/?id={key}").text
        yield f"{at}/new/", new.text
    if new.status_code == 200:
        yield f"POST {at}/new/", browser.post(f"{at}/new/", dict.fromkeys(Filled(new.text).names, "")).text


def offered_filters(browser: Browser, at: str, page: str) -> str:
    """What the list's filter panel is filled with, as a page of the list's language."""
    (head,) = re.findall(r"<html[^>]*>", page)
    return f"{head}<script data-filter-groups>{browser.get(f'{at}/filters/').text}</script>"


NARROWED = (
    f"/admin/beneficiary/?search={CANARY['main']}&flt0_sex_is=F&flt1_born_on_from=01/01/1950",
    "/admin/visit/?search=99&page=7",
)


class Filled(HTMLParser):
    """The names of a page's form fields."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = dict(attrs).get("name")
        if tag in ("input", "select", "textarea") and name and name not in ("csrf_token", "url", "next"):
            self.names.append(name)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A cast of its own, since readers change their language here. Texts are the same over every kind of database."""
    house = SqliteHouse(tmp_path_factory.mktemp("translations"))
    return World(house.app, house.dialect, house.rows, house.users)


def test_a_foreign_word_on_a_page_is_noticed() -> None:
    data = re.compile("Καναρινίδης|Smith")
    page = '<html lang="el"><p title="{0}">{0} Καναρινίδης Smith</p><b lang="en">{0}</b>'
    assert strangers(page.format("Delete"), "el", data) == ["Delete", "Delete Καναρινίδης Smith"]
    assert strangers(page.format("Διαγραφή"), "en", data) == ["Διαγραφή", "Διαγραφή Καναρινίδης Smith"]
    assert not strangers(page.format("Διαγραφή"), "el", data) + strangers(page.format("Delete"), "en", data)
    script = '<script type="application/json" id="texts">{"from": "From"}</script>'
    assert strangers(script, "el", data) == ["From"]


@pytest.mark.parametrize("language", ["el", "en"])
@pytest.mark.parametrize("role", [*Role, None], ids=lambda role: role.value if role else "nobody")
def test_no_page_mixes_languages(town: World, role: Role | None, language: str) -> None:
    unit = "roma" if role == Role.MEDIATOR else "main"
    single = role in (Role.RECEPTION, Role.CASEWORKER, Role.MEDIATOR)
    browser = town.client(f"{role.value}.{unit}" if single else role and role.value)
    assert browser.post(f"/language/{language}").status_code == 302
    opened = pages(town, browser, unit) if role else pages_before_sign_in(browser)
    read = [(address, html) for address, html in opened if "<html" in html]
    assert len(read) >= (40 if role else 4)
    found: dict[str, str] = {}
    data = data_of(town)
    for address, html in read:
        assert f'<html lang="{language}">' in html, address
        for piece in strangers(html, language, data):
            found.setdefault(piece, address)
    assert not found, "\n".join(f"{address}: {piece}" for piece, address in found.items())


def pages_before_sign_in(browser: Browser) -> Iterator[tuple[str, str]]:
    yield "/login", browser.get("/login").text
    yield "POST /login", browser.post("/login", username="nobody", password="x").text
    yield "/nowhere", browser.get("/nowhere").text
    yield "no token", browser.client.post("/login", data={"username": "nobody"}).text
