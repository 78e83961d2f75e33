"""The accessibility statement: open to everybody, whole in both languages, and silent on people."""

from __future__ import annotations

import re
from pathlib import Path

import flask_migrate
import pytest

from models import Municipality, Unit
from tests.conftest import make_app
from tests.test_translations import data_of, strangers
from tests.walls import system_session
from tests.world import CANARY, USERS, Browser, World

PARTS = {
    "el": ("Κατάσταση συμμόρφωσης", "Μη προσβάσιμο περιεχόμενο", "Κατάρτιση της δήλωσης", "Παρατηρήσεις και στοιχεία επικοινωνίας",
           "Διαδικασία επιβολής"),
    "en": ("Compliance status", "Non-accessible content", "Preparation of this statement", "Feedback and contact",
           "Enforcement procedure"),
}  # fmt: skip
"""The sections that the model statement prescribes (Implementing Decision (EU) 2018/1523), in its order."""


@pytest.mark.parametrize("language", PARTS)
def test_it_is_whole_in_both_languages(world: World, language: str) -> None:
    browser = world.client()
    browser.get("/login")
    assert browser.post(f"/language/{language}").status_code == 302
    page = browser.get("/accessibility")
    assert page.status_code == 200 and f'<html lang="{language}">' in page.text
    assert tuple(re.findall(r"<h2>(.*?)</h2>", page.text)) == PARTS[language]
    assert len(re.findall("<h1", page.text)) == 1
    assert "EN 301 549 V3.2.1" in page.text and "4727/2020" in page.text and "23/11/2026" in page.text
    said = page.text[page.text.index("<main") : page.text.index("</main>")]
    assert strangers(said, language, data_of(world)) == []


def contact(world: World) -> str:
    found = re.search(r"<address>.*?</address>", world.client().get("/accessibility").text, re.S)
    return found[0] if found else ""


def test_it_says_whom_to_tell(world: World) -> None:
    """The municipality; where that gives no telephone or e-mail, its first unit; else how to find them."""
    assert contact(world) == ""
    with system_session(world) as session:
        session.get_one(Unit, world.rows["roma"]["unit"]).email = "monada@example.gr"
    assert "mailto:monada@example.gr" in contact(world)
    with system_session(world) as session:
        session.get_one(Municipality, world.rows["shared"]["municipality"]).phone = "+302521057206"
    assert "tel:+302521057206" in contact(world) and "2521 057206" in contact(world) and "monada" not in contact(world)


def test_it_is_silent_on_people(calm_world: World) -> None:
    for name in (None, *USERS):
        page = calm_world.client(name).get("/accessibility")
        assert page.status_code == 200, name
        assert not [bird for bird in CANARY.values() if bird in page.text], name


def test_it_answers_from_an_empty_database(tmp_path: Path) -> None:
    app = make_app(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    with app.app_context():
        flask_migrate.upgrade()
    page = Browser(app.test_client()).get("/accessibility")
    assert page.status_code == 200 and PARTS["el"][0] in page.text and "<address>" not in page.text


def test_every_page_leads_to_it(calm_world: World) -> None:
    link = 'href="/accessibility"'
    stranger = calm_world.client()
    assert all(link in stranger.get(page).text for page in ("/login", "/nowhere", "/accessibility"))
    pages = ("/admin/", "/password", "/admin/beneficiary/", "/admin/beneficiary/new/",
             f"/admin/referral/letter/?id={calm_world.rows['main']['referral']}")  # fmt: skip
    reader = calm_world.client("caseworker.main")
    assert not [page for page in pages if link not in reader.get(page).text]
