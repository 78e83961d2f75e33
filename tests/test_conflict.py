"""Two clerks, one record: what only the other changed is taken over, what both changed is shown beside, nothing is lost."""

from __future__ import annotations

import re

from tests.world import World, fields_of


def edit_of(world: World) -> str:
    return f"/admin/beneficiary/edit/?id={world.rows['main']['beneficiary']}"


def test_each_keeps_what_only_they_changed(world: World) -> None:
    mine, other, url = world.client("caseworker.main"), world.client("coordinator"), edit_of(world)
    opened = mine.form(url)
    assert opened["phone"] == ""
    said = {
        "area": "Νέα περιοχή",
        "phone": "2521057206",
        "remarks": "ένα\r\nδύο",
        "health_notes": "άλλο",
        "mobile": "6900000077",
    }
    assert other.submit(url, **said).status_code == 302
    answer = mine.post(url, {**opened, "mobile": "6900000088", "email": "mine@example.org"})
    assert answer.status_code == 200
    merged = fields_of(answer.text)
    assert merged["remarks"].replace("\r", "") == "ένα\nδύο"
    assert (merged["area"], merged["phone"], merged["health_notes"]) == ("Νέα περιοχή", "2521 057206", "άλλο")
    assert (merged["mobile"], merged["email"]) == ("6900000088", "mine@example.org")
    assert answer.text.count("6900 000077") == 1, "theirs stands beside the field that both changed"
    told = answer.text.partition("message-warning")[2].partition("</ul>")[0]
    named = set(re.findall(r'<a href="#(\w+)" data-focus-field="\1">', told))
    assert named == {"area", "phone", "remarks", "health_notes", "mobile"}, "what changed is named, with links to it"
    assert mine.post(url, merged).status_code == 302
    kept = world.one(*_person(world))
    assert (kept.area, kept.phone, kept.mobile, kept.email) == (
        "Νέα περιοχή", "+302521057206", "+306900000088", "mine@example.org"
    )  # fmt: skip


def test_the_same_token_with_other_content_is_another_record(world: World) -> None:
    browser = world.client("caseworker.main")
    form = browser.form("/admin/beneficiary/new/")
    for name in ("Πρώτος", "Δεύτερος", "Δεύτερος"):
        assert (
            browser.post("/admin/beneficiary/new/", {**form, "last_name": name, "first_name": "Δοκιμή"}).status_code
            == 302
        )
    page = browser.get("/admin/beneficiary/?search=Δοκιμή").text
    assert (page.count(">Πρώτος<"), page.count(">Δεύτερος<")) == (1, 1), "nobody lost, nobody twice"


def _person(world: World) -> tuple[type, int]:
    from models import Beneficiary

    return Beneficiary, world.rows["main"]["beneficiary"]
