"""Whatever is sent, the answer is a page with a message or the thing stored as it was typed; never a failure."""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from typing import Any

import sqlalchemy as sa

from db import Base, Kind, fields
from models import Appointment, Beneficiary, CaseNote, Event, Item, Referral, User, Visit, VolunteerHours, today
from policy import PERMISSIONS
from seed import builders
from tests.answers import (
    SCREENS,
    assert_sound,
    errors_of,
    filled,
    form_fields,
    naughty,
    new_person,
    said,
    screens,
)
from tests.texts import Sender, as_kept, free_texts, is_needed, may_refuse, packed, row_of, texts_of
from tests.world import Browser, World, by_hand, fields_of, keys_listed
from vocabulary import Role, Sex

NEW = "/admin/beneficiary/new/"
WRONG_AMKA = "The check digit of the AMKA is wrong: look at it again."
WRONG_AFM = "The check digit of the AFM is wrong: look at it again."
LONG = "μ" * 100_000
MEGABYTE = 1024 * 1024


def refused(browser: Browser, url: str, **changes: Any) -> dict[str, str]:
    """Send a form that must be refused and must keep everything that was typed; the messages beside its fields."""
    sent = browser.form(url) | changes
    del sent["csrf_token"]
    answer = assert_sound(browser.post(url, sent), changes)
    assert answer.status_code == 200, f"{changes} was taken"
    found, kept = errors_of(answer.text), fields_of(answer.text)
    assert found, f"no message beside a field for {str(changes)[:200]}"
    assert "error-summary" in answer.text
    lost = {n: (sent[n], kept.get(n)) for n in sent if n in kept or n in changes if kept.get(n) != sent[n]}
    choices = {n for n in lost if n in fields(_model(url)) and fields(_model(url))[n].kind in CHOSEN}
    assert set(lost) <= choices & set(changes), f"lost: {lost}"
    return found


CHOSEN = (Kind.CODE, Kind.CODES, Kind.COUNTRY, Kind.LINK)
"""A value that is not in a list has no place in its box."""


def _model(url: str) -> type[Base]:
    return next(s.model for s in SCREENS if s.model.__tablename__ == url.split("/")[2])


def count(world: World, model: type[Base]) -> int:
    return int(world.query(sa.select(sa.func.count()).select_from(model))[0])


def person(world: World, **changes: Any) -> dict[str, Any]:
    """A person's form, filled in."""
    return {"unit_id": str(world.rows["main"]["unit"]), "last_name": "Δοκιμή", "first_name": "Άτομο"} | changes


# --- ΑΜΚΑ, ΑΦΜ and what disagrees with them ---------------------------------------------------------------------------


def test_wrong_numbers_are_refused_beside_their_field(calm_world: World) -> None:
    browser, before = calm_world.client("coordinator"), count(calm_world, Beneficiary)
    right = builders.amka(dt.date(1980, 1, 31), Sex.F, 7)
    wrong = {
        "amka": [
            right[:-1] + str((int(right[-1]) + 1) % 10),
            "310180",
            "abc",
            "31018000000000",
            "32018000001",
            "0" * 10,
        ],
        "afm": ["123456789", "000000000", "12345", "abcdefghi", "1234567890"],
        "phone": ["123", "abc", "999999999999999999999", "+30123"],
        "email": ["nobody", "a@b", "a b@example.gr", "@example.gr", "α@"],
        "postal_code": ["6610", "abcde", "661000"],
    }
    for name, values in wrong.items():
        for value in values:
            found = refused(browser, NEW, **person(calm_world, **{name: value}))
            assert set(found) == {name}, (name, value, found)
    found = refused(browser, NEW, **person(calm_world, amka=wrong["amka"][0], afm="123456789"))
    assert found == {"amka": said(calm_world.app, WRONG_AMKA), "afm": said(calm_world.app, WRONG_AFM)}
    assert re.search("[α-ω]", found["amka"] + found["afm"]), "the messages are not Greek"
    assert count(calm_world, Beneficiary) == before


def test_a_number_is_taken_however_it_is_spaced(world: World) -> None:
    amka, afm = builders.amka(dt.date(1980, 1, 31), Sex.F, 8), builders.afm(77_001)
    spelt = {
        "amka": f" {amka[:6]} {amka[6:]}",
        "afm": f"{afm[:3]}.{afm[3:6]}.{afm[6:]} ",
        "mobile": "69 0000-0001",
        "postal_code": "661 00",
    }
    answer = world.client("coordinator").submit(NEW, **person(world, sex="F", born_on="31/1/1980", **spelt))
    assert answer.status_code == 302, errors_of(answer.text)
    row = world.query(sa.select(Beneficiary).order_by(Beneficiary.id.desc()))[0]
    assert (row.amka, row.afm, row.mobile, row.postal_code) == (amka, afm, "+306900000001", "66100")


def test_what_disagrees_with_the_amka_is_saved_and_warned_of(world: World) -> None:
    browser = world.client("coordinator")
    amka = builders.amka(dt.date(1980, 1, 31), Sex.F, 9)
    answer = browser.submit(NEW, **person(world, amka=amka, born_on="30/01/1980", sex="M"))
    assert answer.status_code == 302, errors_of(answer.text)
    page = browser.get(answer.headers["Location"]).text
    assert "message-warning" in page
    assert said(world.app, "The birth date does not agree with the AMKA: look at both again.") in page
    assert said(world.app, "The sex does not agree with the AMKA: look at both again.") in page
    kept = world.query(sa.select(Beneficiary).where(Beneficiary.amka == amka))[0]
    assert (kept.born_on, kept.sex) == (dt.date(1980, 1, 30), Sex.M)


def test_an_amka_stands_once_in_a_unit_and_again_in_another(world: World) -> None:
    browser = world.client("coordinator")
    taken = world.one(Beneficiary, world.rows["main"]["beneficiary"]).amka
    found = refused(browser, NEW, **person(world, amka=taken))
    assert set(found) == {"amka"}
    assert found["amka"].startswith(said(world.app, "This value is already used in another record of the unit."))
    elsewhere = person(world, amka=taken, unit_id=str(world.rows["roma"]["unit"]))
    assert browser.submit(NEW, **elsewhere).status_code == 302


# --- addresses --------------------------------------------------------------------------------------------------------

ODD_IDS = (
    "", " ", "abc", "1,2", "-1", "0", "1.0", "1e0", "+1", " 1", "1 ", "01x", "9" * 20, "2147483648", "2147483647", "\0", "1\0",
    "'", "1' OR '1'='1", "1;DROP TABLE beneficiary", "１", "١", "²", "½", "None", "null", "true", "[]", "{}", "../1", "%00", "\ud7ff",
)  # fmt: skip


def test_who_holds_the_amka_is_named_and_linked_within_the_unit_alone(world: World) -> None:
    browser, amka = world.client("caseworker.main"), builders.amka(dt.date(1980, 5, 5), Sex.M, 77)
    holder = {code: new_person(world, code, last_name=f"Κάτοχος {code}") for code in ("main", "roma")}
    typed = filled(world, Beneficiary) | {"amka": amka, "born_on": "05/05/1980", "sex": "M"}
    write(world, Beneficiary, holder["roma"], amka=amka)
    assert browser.submit(NEW, **typed).status_code == 302, "somebody of another unit holds it: nothing is to be seen"
    taken = browser.submit(NEW, **filled(world, Beneficiary) | {"amka": amka})
    message = errors_of(taken.text)["amka"]
    assert f"/admin/beneficiary/details/?id={holder['roma'] + 1}" in message
    assert "Κάτοχος" not in message and f'id={holder["roma"]}"' not in message
    refused_edit = browser.submit(f"/admin/beneficiary/edit/?id={holder['main']}", amka=amka)
    assert f"/admin/beneficiary/details/?id={holder['roma'] + 1}" in errors_of(refused_edit.text)["amka"]


def test_a_namesake_is_named_with_a_way_to_the_record(world: World) -> None:
    browser = world.client("caseworker.main")
    other = new_person(world, last_name="Συνώνυμος", first_name="<Έλεγχος>")
    answer = browser.submit(NEW, **filled(world, Beneficiary) | {"last_name": "Συνώνυμος", "first_name": "<Έλεγχος>"})
    page = browser.get(answer.headers["Location"]).text
    [link] = re.findall(r'<a href="([^"]*)">Συνώνυμος &lt;Έλεγχος&gt; · MAIN-', page)
    assert link == f"/admin/beneficiary/details/?id={other}"


def test_a_name_of_two_alphabets_is_kept_and_told(world: World) -> None:
    browser = world.client("caseworker.main")
    for typed, is_told in (("Παπαδ\N{LATIN SMALL LETTER O}πουλος", True), ("Παπαδόπουλος", False)):
        answer = browser.submit(NEW, **filled(world, Beneficiary) | {"last_name": typed})
        assert answer.status_code == 302, typed
        text = "«%(name)s» has Greek and Latin letters: write it anew in one alphabet."
        assert (said(world.app, text, name=typed) in browser.get(answer.headers["Location"]).text) is is_told


def test_user_names_are_latin(world: World) -> None:
    browser, url = world.client("administrator"), "/admin/user/new/"
    sound = filled(world, User)
    for name in ("μαρία", "maria p", "maria@example", "maria/1", "ma\u0301ria"):
        found = errors_beside(browser, url, sound | {"username": name})
        told = "A user name has Latin letters without blanks, digits, dot, hyphen or underscore."
        assert found == {"username": said(world.app, told)}, name
    assert browser.submit(url, **sound | {"username": " Maria.P-1_a "}).status_code == 302
    assert world.query(sa.select(User.id).where(User.username == "maria.p-1_a"))


def errors_beside(browser: Browser, url: str, sent: dict[str, Any]) -> dict[str, str]:
    """As `refused`, of a form whose password is never sent back."""
    answer = assert_sound(browser.submit(url, **sent))
    assert answer.status_code == 200
    return errors_of(answer.text)


def test_what_is_missing_of_a_referral_is_said_at_once(world: World) -> None:
    browser = world.client("coordinator")
    sent = {
        "beneficiary_id": str(world.rows["main"]["beneficiary"]),
        "reason": "",
        "to_partner_id": "",
        "to_unit_id": "",
    }
    found = refused(browser, "/admin/referral/new/", **sent)
    whom = said(world.app, "Choose either a partner or a unit to refer to.")
    assert found == {"reason": said(world.app, "Fill this in."), "to_partner_id": whom}
    assert refused(browser, "/admin/referral/new/", **sent | {"reason": "Στέγαση"}) == {"to_partner_id": whom}


def test_there_is_no_half_piece(world: World) -> None:
    browser, row = world.client("coordinator"), world.rows["main"]
    item, url = row["item"], f"/admin/distribution/edit/?id={row['distribution']}"
    for measure, is_whole in (("τεμάχιο", True), ("Τεμάχια", True), ("κιλό", False)):
        write(world, Item, item, measure=measure)
        answer = browser.submit(url, quantity="1,5")
        assert (answer.status_code == 200) == is_whole, measure
        if is_whole:
            assert errors_of(answer.text) == {"quantity": said(world.app, "Pieces are whole numbers.")}
    write(world, Item, item, measure="τεμάχιο")
    form = browser.form(url)
    assert form["quantity"] == "1,5"
    assert browser.post(url, form | {"on": "13/02/2026"}).status_code == 302, "what stood before is not asked again"


def write(world: World, model: type[Base], key: int, **values: Any) -> None:
    """Straight into the database, as things stood before there was a rule."""
    with world.app.app_context(), by_hand().begin() as connection:
        connection.execute(sa.update(model.__table__).where(model.__table__.c.id == key).values(**values))


def test_odd_numbers_of_records_are_not_found(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for name in ("beneficiary", "referral"):
        for odd in ODD_IDS:
            for page in ("details", "edit"):
                answer = assert_sound(browser.get(f"/admin/{name}/{page}/", query_string={"id": odd}), (page, odd))
                assert answer.status_code in (302, 404), (name, page, odd, answer.status_code)
        for odd in ODD_IDS[:: 1 if name == "referral" else 5]:
            for url, sent in (
                (f"/admin/{name}/delete/", {"id": odd}),
                (f"/admin/{name}/action/", {"action": "delete", "rowid": odd}),
                (f"/admin/{name}/edit/?id=999999", {"id": odd}),
                ("/admin/referral/move/?id=999999", {"to": odd}),
                (f"/admin/referral/move/?id={odd[:20]}", {"to": "SENT"}),
            ):
                answer = assert_sound(browser.post(url, sent), (url, odd))
                assert answer.status_code in (302, 404), (url, odd, answer.status_code)
    assert browser.get("/admin/beneficiary/details/?id=1&id=2").status_code in (200, 404)
    assert browser.get("/admin/beneficiary/edit/?id=1&id=2").status_code in (200, 302, 404)
    assert count(calm_world, Beneficiary) == 2
    assert count(calm_world, Referral) == 2


def test_odd_lookups_find_nothing_or_little(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for odd in (*ODD_IDS, "%", "_", "\\", LONG[:3000]):
        for args in (
            {"name": odd},
            {"name": "beneficiary_id", "query": odd},
            {"name": "beneficiary_id", "offset": odd, "limit": odd},
        ):
            answer = assert_sound(browser.get("/admin/visit/ajax/lookup/", query_string=args), args)
            assert answer.status_code == (200 if args["name"] == "beneficiary_id" else 404), args
            assert answer.status_code == 404 or len(answer.json) <= 20
    for query in ("%", "_", "\\", "'"):
        assert (
            browser.get("/admin/visit/ajax/lookup/", query_string={"name": "beneficiary_id", "query": query}).json == []
        )
    for name in ("ethnic_roma_asked_by_id", "password_hash", "__class__", "unit", "id"):
        assert browser.get("/admin/beneficiary/ajax/lookup/", query_string={"name": name}).status_code in (200, 404)


ODD_LISTS: list[dict[str, Any]] = [
    *({"page": odd} for odd in ("-1", "0", "1", "999999999", "9" * 20, "abc", "1.5", "\0", "", "１")),
    *({"page_size": odd} for odd in ("-1", "0", "7", "100000", "9" * 20, "abc", "\0", "")),
    *({"sort": odd, "desc": other} for odd in ("-1", "0", "99", "9" * 20, "abc", "\0", "last_name") for other in ("1", "x", "-1")),
    *({"search": odd} for odd in ("\0", "%", "_", "\\", "'", "a\0b", "%%%", "\\%", LONG, "' OR 1=1 --", "((((", "\u202e", "\ud7ff", " ")),
    *({"url": odd} for odd in ("http://[", "//evil.example", "javascript:alert(1)", "\\\\evil.example", "\0", "http://evil.example", "]")),
    {"export_type": "csv"}, {"_external": "1"}, {"_scheme": "javascript", "_anchor": "\nalert(1)"}, {"_method": "POST"},
    {"self": "1"}, {"endpoint": "x"}, {"id": "1"}, {"name": "x"}, {"values": "y"}, {"_anchor": "<script>"},
    {"flt": "1"}, {"flt0": "1"}, {"flt_": "1"}, {"flt0_": "1"}, {"fltx_last_name_contains": "a"}, {"flt0_nothing_is": "1"},
    {"flt0_password_hash_is": "1"}, {"flt999999999999999999999_last_name_is": "a"}, {"flt-1_last_name_is": "a"},
    *({f"flt0_{slug}": odd} for slug in ("last_name_contains", "last_name_is", "remarks_contains")
      for odd in ("", "\0", "a\0b", "%", "_", "\\", "'", LONG[:3000])),
    *({f"flt0_{slug}": odd} for slug in ("born_on_is", "born_on_from", "born_on_to", "born_on_between")
      for odd in ("", "31/02/2026", "abc", "01/01/0001", "31/12/9999", "01/01/1980 to", "to", " to  to ", "31/12/9999 to 31/12/9999",
                  "9" * 20, "\0", "1 - 2 - 3")),
    *({f"flt0_{slug}": odd} for slug in ("sex_is", "sex_is_not", "target_groups_contains", "nationality_is", "born_on_empty", "unit_id_is",
                                         "caseworker_id_is")
      for odd in ("", "nothing", "9" * 20, "\0", "-1", "%", "1,2", "None", LONG[:5000])),
]  # fmt: skip


OWN = r"/(?!/)|#|\?|$|\./$|(?:new|details|edit|action|filters|export/xlsx)/(?:\?|$)"
"""Addresses of the application itself, and of a list's own pages."""


def test_odd_arguments_of_lists_are_brought_into_bounds(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for args in ODD_LISTS:
        answer = assert_sound(browser.get("/admin/beneficiary/", query_string=args), str(args)[:200])
        assert answer.status_code in (200, 400, 404), (str(args)[:200], answer.status_code)
        links = re.findall(r'(?:href|action|src)="([^"]*)"', answer.text)
        odd = [link for link in links if not re.match(OWN, html.unescape(link))]
        assert not odd, (str(args)[:200], odd)


def test_odd_filters_of_moments_and_numbers(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    tries = {
        "visit": ("at_is", "at_from", "at_to", "at_between"),
        "event": ("capacity_is", "capacity_from", "capacity_to", "starts_at_to"),
        "volunteer_hours": ("hours_is", "hours_from", "hours_to"),
    }
    for name, slugs in tries.items():
        for odd in (
            "31/12/9999",
            "01/01/0001",
            "31/12/2199",
            "9" * 20,
            "-1",
            "1e5",
            "NaN",
            "inf",
            "١",
            "1_0",
            "",
            "\0",
            "2,55555",
        ):
            args = {f"flt{i}_{slug}": odd for i, slug in enumerate(slugs)}
            assert_sound(browser.get(f"/admin/{name}/", query_string=args), (name, args))
            answer = browser.get(f"/admin/{name}/export/xlsx/", query_string=args, buffered=True)
            assert assert_sound(answer, (name, args)).status_code in (200, 400)


def test_wildcards_are_letters_like_others(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for odd in ("%", "_", "%%", "Κ%", "\\", "___"):
        page = browser.get("/admin/beneficiary/", query_string={"search": odd}).text
        if odd != "Κ%":
            assert not keys_listed(page), odd


# --- texts ------------------------------------------------------------------------------------------------------------


def test_a_text_fits_or_is_refused_with_a_message(world: World) -> None:
    browser = world.client("coordinator")
    for model in screens("edit"):
        name, boxes = model.__tablename__, texts_of(model, is_new=False)
        url = f"/admin/{name}/edit/?id={row_of(world, model)}"
        plain = {box: length for box, length in boxes.items() if not fields(model)[box].check}
        if boxes:
            assert set(refused(browser, url, **dict.fromkeys(boxes, LONG))) == set(boxes), name
        if plain:
            found = refused(browser, url, **{box: "μ" * (length + 1) for box, length in plain.items()})
            assert set(found.values()) == {said(world.app, "The text is too long.")}, name
            answer = browser.submit(url, **{box: "μ" * length for box, length in plain.items()})
            assert answer.status_code == 302, (name, errors_of(answer.text))
            row = world.one(model, row_of(world, model))
            assert {box: len(getattr(row, box)) for box in plain} == plain


def test_blanks_are_nothing(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for model in screens("create"):
        name = model.__tablename__
        needed = [n for n, f in form_fields(model, is_new=True).items() if is_needed(model, n) and f.kind not in CHOSEN]
        if needed:
            found = refused(browser, f"/admin/{name}/new/", **dict.fromkeys(needed, " \u00a0 "))
            assert set(needed) <= set(found), name
            assert {found[n] for n in needed} == {said(calm_world.app, "Fill this in.")}, name


def test_what_cannot_be_stored_is_refused(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for text in ("α\0β", "\0", "\0" * 1000):
        found = refused(browser, NEW, **person(calm_world, last_name=text, remarks=text))
        assert set(found) == {"last_name", "remarks"}
        assert set(found.values()) == {said(calm_world.app, "The text holds characters that cannot be stored.")}
    for hidden in ("form_token", "version"):
        assert_sound(browser.submit(NEW, **person(calm_world, last_name="", **{hidden: "\0" * 10 + LONG})), hidden)


def test_naughty_texts_are_kept_as_typed_and_shown_as_text(world: World) -> None:
    """On one screen, every line whole and alone in several fields; the field's length decides how much of it is sent."""
    boxes, lines = free_texts(Beneficiary), naughty()
    forms = []
    for shift in (0, len(boxes) // 2):
        for start in range(0, len(lines), len(boxes)):
            some = [*lines[start : start + len(boxes)], *["Μ"] * len(boxes)][: len(boxes)]
            forms.append(dict(zip(boxes, some[shift:] + some[:shift], strict=True)))
    _send_all(world, Beneficiary, forms, look_every=3)


def test_blanks_and_nulls_of_the_list_are_refused_where_a_textis_needed(calm_world: World) -> None:
    for line in naughty():
        if may_refuse(line.strip()):
            found = refused(
                calm_world.client("coordinator"), NEW, **person(calm_world, last_name=line, first_name=line)
            )
            assert set(found) == {"last_name", "first_name"}, line


MOST = 25


def test_naughty_texts_on_every_screen(world: World) -> None:
    """The same forms, lists and pages serve every screen, so here many lines travel together.

    Where there is little room, only a share of them: the next one on every further screen, so that none is left out.
    """
    begin = 0
    for model in screens("edit"):
        if boxes := free_texts(model):
            forms = packed(model, boxes, naughty())
            turned = forms[begin % len(forms) :] + forms[: begin % len(forms)]
            begin += MOST
            _send_all(world, model, turned[:MOST], look_every=2)


def _send_all(world: World, model: type[Base], forms: list[dict[str, str]], look_every: int) -> None:
    wrong = Sender(world, model, look_every).send(forms)
    assert not wrong, f"{model.__tablename__}: {len(wrong)} of {len(forms)}: {wrong[:4]}"


def test_naughty_texts_in_checked_fields_are_taken_or_explained(world: World) -> None:
    browser = world.client("coordinator")
    key = world.rows["main"]["beneficiary"]
    edit = f"/admin/beneficiary/edit/?id={key}"
    boxes = [box for box in texts_of(Beneficiary, is_new=False) if fields(Beneficiary)[box].check]
    form, lines = browser.form(edit), naughty()
    for start in range(0, len(lines), len(boxes)):
        sent = dict(zip(boxes, lines[start:] + lines, strict=False))
        version = {"version": str(world.one(Beneficiary, key).version)}
        answer = assert_sound(browser.post(edit, form | version | sent), sent)
        if answer.status_code == 200:
            assert set(errors_of(answer.text)) <= set(boxes), sent
            kept = fields_of(answer.text)
            assert {box: as_kept(kept[box]) for box in boxes} == {box: as_kept(text) for box, text in sent.items()}


def test_naughty_texts_make_new_rows_too(world: World) -> None:
    browser = world.client("coordinator")
    for model in screens("create"):
        name = model.__tablename__
        boxes = [box for box in texts_of(model, is_new=True) if not fields(model)[box].check]
        values = filled(world, model)
        for line in ("<script>alert(1)</script>", "'; DROP TABLE beneficiary; --", "{{ 7 * 7 }}", "\u202eτεστ", "=1+1"):
            sent = {box: f"{line[: (fields(model)[box].length or 99) - 3]}{len(name)}" for box in boxes}
            answer = assert_sound(browser.submit(f"/admin/{name}/new/", **values | sent), (name, line))
            assert answer.status_code in (200, 302)
            if answer.status_code == 302:
                page = browser.get(answer.headers["Location"]).text
                assert "<script>alert" not in page
    assert count(world, Beneficiary) > 2


# --- dates, numbers, choices ------------------------------------------------------------------------------------------

BAD_DATES = (
    "31/02/2026", "30/2/24", "29/02/2025", "00/01/2026", "01/13/2026", "1/1/0001", "31/12/9999", "01/01/1849", "abc", "2026", "1121980",
    "25 Μαρτίου 1980", "25/03/1980 10:00", "25/03-1980", "1980/03/25", "25//1980", "-1/1/1980", "\0", "25/03/1980x", "²/1/1980", LONG,
)  # fmt: skip
NO_DAYS = ("31/02/2026", "30/2/24", "29/02/2025", "00/01/2026", "01/13/2026")
NO_SUCH_DAY = "There is no such day: look at day and month again."
NO_DATE = "Not a date: write day/month/year, as in 25/03/1980."
GOOD_DATES = {
    "25/03/1980": "25/03/1980", "5/3/1980": "05/03/1980", "25-3-1980": "25/03/1980", "25.03.1980": "25/03/1980",
    "25031980": "25/03/1980", "1980-03-25": "25/03/1980", " 25/03/1980 ": "25/03/1980", "29/02/2024": "29/02/2024",
}  # fmt: skip


def test_dates_in_every_spelling(world: World) -> None:
    browser = world.client("coordinator")
    edit = f"/admin/beneficiary/edit/?id={world.rows['main']['beneficiary']}"
    for bad in BAD_DATES:
        found = refused(browser, edit, born_on=bad, permit_expires_on=bad)
        assert set(found) == {"born_on", "permit_expires_on"}, bad
        (told,) = set(found.values())
        assert told == said(world.app, NO_SUCH_DAY if bad in NO_DAYS else NO_DATE), bad
    for good, shown in GOOD_DATES.items():
        assert browser.submit(edit, unemployed_since=good).status_code == 302, good
        assert browser.form(edit)["unemployed_since"] == shown, good
    tomorrow = f"{today() + dt.timedelta(days=1):%d/%m/%Y}"
    assert set(refused(browser, edit, born_on=tomorrow)) == {"born_on"}


def test_a_birth_has_been_and_not_too_long_ago(world: World) -> None:
    browser = world.client("coordinator")
    edit = f"/admin/beneficiary/edit/?id={world.rows['main']['beneficiary']}"
    later = today() + dt.timedelta(days=40)
    for typed, year in (("2/5/45", 1945), ("020545", 1945), ("2/5/01", 2001), (f"{later:%d/%m/%y}", later.year - 100)):
        assert browser.submit(edit, born_on=typed).status_code == 302, typed
        assert browser.form(edit)["born_on"].endswith(f"/{year}"), typed
    assert browser.submit(edit, permit_expires_on="2/5/45").status_code == 302
    assert browser.form(edit)["permit_expires_on"] == "02/05/2045", "what is no birth may lie ahead"
    oldest = today().year - 120
    told = said(world.app, "Look at the year again: nobody is that old.")
    assert refused(browser, edit, born_on=f"31/12/{oldest - 1}") == {"born_on": told}
    assert browser.submit(edit, born_on=f"01/01/{oldest}").status_code == 302


def test_moments_in_every_spelling(world: World) -> None:
    browser = world.client("coordinator")
    edit = f"/admin/appointment/edit/?id={world.rows['main']['appointment']}"
    for bad in ("31/02/2026 10:00", "25/03/2026 24:00", "25/03/2026 10:60", "25/03/2026 10:30x", "10:30", "25/03/2026 ten",
                "29/03/2026 03:30", "01/01/9999 10:00", "25/03/2026 10:30 11:30", "\0", "9" * 30):  # fmt: skip
        assert set(refused(browser, edit, at=bad)) == {"at"}, bad
    for good, shown in {
        "25/03/2026 10:30": "25/03/2026 10:30", "5.3.2026 9:05": "05/03/2026 09:05", "2026-03-25T10:30": "25/03/2026 10:30",
        "25/10/2026 03:30": "25/10/2026 03:30", "26/11/26 10.15": "26/11/2026 10:15", "26.11.26 1015": "26/11/2026 10:15",
        "26/11/2026 9.05": "26/11/2026 09:05", "26112026  0:00": "26/11/2026 00:00",
    }.items():  # fmt: skip
        assert browser.submit(edit, at=good).status_code == 302, good
        assert browser.form(edit)["at"] == shown, good
    for day in ("25/03/2026", "25/03/26 ", "2026-03-25"):
        asked = said(world.app, "Write the hour too, as in 25/03/2026 10:30.")
        assert refused(browser, edit, at=day) == {"at": asked}, day


BAD_NUMBERS = (
    "abc",
    "1e5",
    "NaN",
    "inf",
    "-inf",
    "1_000",
    "0x10",
    "1,2,3",
    "1.000,5",
    "--1",
    "9" * 20,
    "\0",
    "1 0",
    "½",
    "٣,٥x",
    LONG,
)


def test_numbers_in_every_spelling(world: World) -> None:
    browser = world.client("coordinator")
    event = f"/admin/event/edit/?id={world.rows['main']['event']}"
    hours = f"/admin/volunteer_hours/edit/?id={world.rows['main']['volunteer_hours']}"
    for bad in (*BAD_NUMBERS, "1.5", "1,5", "2147483648"):
        assert refused(browser, event, capacity=bad) == {"capacity": said(world.app, "Not a whole number.")}, bad
    for bad in (*BAD_NUMBERS, "1,234"):
        assert refused(browser, hours, hours=bad) == {"hours": said(world.app, "Not a number: write it as in 2,5.")}, (
            bad
        )
    for good, shown in {"7": "7", " 12 ": "12", "+3": "3", "": ""}.items():
        assert browser.submit(event, capacity=good).status_code == 302, good
        assert browser.form(event)["capacity"] == shown, good
    for good, shown in {"2,5": "2,5", "2.5": "2,5", "3": "3", " 1,25 ": "1,25", "2,": "2"}.items():
        assert browser.submit(hours, hours=good).status_code == 302, good
        assert float(browser.form(hours)["hours"].replace(",", ".")) == float(shown.replace(",", ".")), good


def test_values_that_the_database_refuses_are_refused_with_a_message(world: World) -> None:
    browser = world.client("coordinator")
    main = world.rows["main"]
    for url, changes in (
        (f"/admin/event/edit/?id={main['event']}", {"capacity": "0"}),
        (f"/admin/event/edit/?id={main['event']}", {"capacity": "-5"}),
        (f"/admin/event/edit/?id={main['event']}", {"starts_at": "25/03/2026 10:00", "ends_at": "25/03/2026 09:00"}),
        (f"/admin/volunteer_hours/edit/?id={main['volunteer_hours']}", {"hours": "-1"}),
        (f"/admin/volunteer_hours/edit/?id={main['volunteer_hours']}", {"hours": "24,01"}),
        (f"/admin/service_delivery/edit/?id={main['service_delivery']}", {"minutes": "-1"}),
        (f"/admin/service_delivery/edit/?id={main['service_delivery']}", {"minutes": "1441"}),
        (f"/admin/distribution/edit/?id={main['distribution']}", {"quantity": "0"}),
        (f"/admin/distribution/edit/?id={main['distribution']}", {"quantity": "-1"}),
        (f"/admin/distribution/edit/?id={main['distribution']}", {"quantity": "999999999"}),
        (f"/admin/stock_movement/edit/?id={main['stock_movement']}", {"quantity": "0"}),
        (
            f"/admin/beneficiary/edit/?id={main['beneficiary']}",
            {"registered_on": "25/03/2026", "closed_on": "24/03/2026"},
        ),
        (f"/admin/referral/edit/?id={main['referral']}", {"to_unit_id": str(world.rows["roma"]["unit"])}),
        (f"/admin/referral/edit/?id={main['referral']}", {"to_partner_id": ""}),
    ):
        sent = browser.form(url) | changes
        answer = assert_sound(browser.post(url, sent), (url, changes))
        assert answer.status_code == 200, f"{url} took {changes}"
        assert "message-error" in answer.text or errors_of(answer.text), (url, changes)
        assert fields_of(answer.text) | {"csrf_token": ""} == sent | {"csrf_token": ""}, (url, changes)


def test_choices_outside_the_list_are_refused(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    odd = ("NOTHING", "None", "\0", "Άνδρας", "m", "9" * 20, LONG)
    for value in odd:
        found = refused(
            browser, NEW, **person(calm_world, sex=value, education=value, nationality=value, caseworker_id=value)
        )
        assert set(found) == {"sex", "education", "nationality", "caseworker_id"}, value
        assert set(found.values()) == {said(calm_world.app, "Choose from the list.")}
        assert set(refused(browser, NEW, **person(calm_world, target_groups=[value, "POV"]))) == {"target_groups"}
        assert set(refused(browser, NEW, **person(calm_world, unit_id=value))) == {"unit_id"}
    for group in ("ROMA", "AMEA", "GBV"):
        assert set(refused(browser, NEW, **person(calm_world, target_groups=[group]))) == {"target_groups"}


def test_a_refused_choice_is_not_replaced_by_another_one(calm_world: World) -> None:
    """The box must show that nothing is chosen, not the first of the list."""
    browser = calm_world.client("coordinator")
    answer = browser.submit(NEW, **person(calm_world, sex="NOTHING"))
    assert fields_of(answer.text)["sex"] == ""


def test_lists_and_repeated_parameters(world: World) -> None:
    browser, before = world.client("coordinator"), count(world, Beneficiary)
    answer = browser.submit(
        NEW, **person(world, last_name=["Πρώτος", "Δεύτερος"], born_on=["1/1/1980", "x"], sex=["F", "M"])
    )
    assert_sound(answer)
    assert answer.status_code == 302, errors_of(answer.text)
    row = world.query(sa.select(Beneficiary).order_by(Beneficiary.id.desc()))[0]
    assert (row.last_name, row.born_on, row.sex) == ("Πρώτος", dt.date(1980, 1, 1), Sex.F)
    odd = {
        "last_name[]": "x",
        "last_name[0]": "x",
        "last_name.x": "x",
        "__class__": "x",
        "self": "x",
        "obj": "x",
        "": "x",
    }
    assert assert_sound(browser.post(NEW, browser.form(NEW) | person(world) | odd)).status_code == 302
    assert count(world, Beneficiary) == before + 2
    files = {"last_name": (io.BytesIO(b"x"), "x.txt"), "csrf_token": browser.token}
    assert_sound(browser.client.post(NEW, data=files, content_type="multipart/form-data"))
    assert_sound(browser.client.post(NEW, json={"last_name": "x", "csrf_token": browser.token}))
    assert count(world, Beneficiary) == before + 2


# --- what no form offers ----------------------------------------------------------------------------------------------

UNASKED = {
    "id": "999", "version": "77", "registry_number": "ΨΕΥΔΟ-1", "code": "ΨΕΥΔΟ-1", "status": "DONE", "author_id": "1", "by_id": "1",
    "password_hash": "x", "role": "administrator", "search_key": "x", "sort_key": "x", "sent_on": "01/01/2020",
    "submitted_on": "01/01/2020", "ethnic_roma_asked_by_id": "1", "disability_asked_by_id": "1", "last_registry_number": "900",
    "municipality_id": "1", "password_changed_at": "01/01/2020 10:00", "seq": "1", "memberships": "1", "unit": "2", "steps": "1",
}  # fmt: skip


def test_columns_that_are_not_on_the_form_cannot_be_set(world: World) -> None:
    for role in (Role.COORDINATOR, Role.ADMINISTRATOR):
        browser = world.client(role.value)
        for model in screens("edit", role):
            offered = set(form_fields(model, is_new=False))
            extra = {name: value for name, value in UNASKED.items() if name not in offered and name != "version"}
            extra |= {"unit_id": str(world.rows["roma"]["unit"])} if "unit_id" not in offered else {}
            key = world.rows["main"]["unit"] if model.__tablename__ == "unit" else row_of(world, model)
            before = _state(world.one(model, key))
            answer = assert_sound(browser.submit(f"/admin/{model.__tablename__}/edit/?id={key}", **extra), model)
            assert answer.status_code == 302, (model, errors_of(answer.text))
            assert _state(world.one(model, key)) == before, model


def _state(row: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if name in sa.inspect(type(row)).columns}


def test_new_rows_take_no_unasked_columns(world: World) -> None:
    browser = world.client("coordinator")
    for model in screens("create"):
        offered = set(form_fields(model, is_new=True))
        extra = {name: value for name, value in UNASKED.items() if name not in offered}
        answer = browser.submit(f"/admin/{model.__tablename__}/new/", **filled(world, model) | extra)
        assert answer.status_code == 302, (model, errors_of(answer.text))
        row = world.query(sa.select(model).order_by(model.id.desc()).limit(1))[0]  # type: ignore[attr-defined]
        assert row.version == 1
        assert row.id != 999
        assert {"ΨΕΥΔΟ-1", "x"}.isdisjoint(str(v) for k, v in _state(row).items() if k not in offered), model
        if "status" in _state(row):
            assert row.status == type(row).status.property.columns[0].info["field"].default()


def test_an_author_cannot_be_forged(world: World) -> None:
    browser = world.client("caseworker.main")
    values = {
        "beneficiary_id": str(world.rows["main"]["beneficiary"]),
        "body": "Σημείωση",
        "author_id": str(world.users["coordinator"]),
    }
    assert browser.submit("/admin/case_note/new/", **values).status_code == 302
    note = world.query(sa.select(CaseNote).order_by(CaseNote.id.desc()))[0]
    assert note.author_id == world.users["caseworker.main"]


# --- methods, tokens, sizes -------------------------------------------------------------------------------------------


def test_wrong_methods_are_refused(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for url in (
        "/admin/beneficiary/delete/",
        "/admin/beneficiary/action/",
        "/admin/referral/move/?id=1",
        "/logout",
        "/admin/visit/ajax/update/",
    ):
        assert assert_sound(browser.get(url)).status_code == 405, url
    for url in (
        "/admin/beneficiary/",
        "/admin/beneficiary/details/?id=1",
        "/admin/beneficiary/export/xlsx/",
        "/healthz",
    ):
        assert assert_sound(browser.post(url)).status_code == 405, url
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        answer = browser.client.open(
            "/admin/beneficiary/edit/?id=1", method=method, headers={"X-CSRFToken": browser.token}
        )
        assert assert_sound(answer).status_code in (400, 405), method


def test_nothing_is_done_without_the_token(world: World) -> None:
    browser = world.client("coordinator")
    form = browser.form(NEW) | person(world)
    before = {m: count(world, m) for m in (Beneficiary, Visit, Event)}
    key = world.rows["main"]["visit"]
    for token in (
        {},
        {"csrf_token": ""},
        {"csrf_token": "wrong"},
        {"csrf_token": "\0"},
        {"csrf_token": browser.token + "x"},
    ):
        for url, sent in (
            (NEW, {k: v for k, v in form.items() if k != "csrf_token"}),
            ("/admin/visit/delete/", {"id": str(key)}),
            ("/admin/visit/action/", {"action": "delete", "rowid": str(key)}),
            (f"/admin/referral/move/?id={world.rows['main']['referral']}", {"to": "SENT"}),
            ("/logout", {}),
            ("/login", {"username": "coordinator", "password": "x"}),
            ("/language/en", {}),
        ):
            answer = assert_sound(browser.client.post(url, data=sent | token), (url, token))
            assert answer.status_code == 400, (url, token)
            assert (
                said(
                    world.app, "The form had expired and nothing was saved. Go back, reload the page and send it again."
                )
                in answer.text
            )
    assert {m: count(world, m) for m in before} == before
    assert str(world.one(Referral, world.rows["main"]["referral"]).status.value) == "DRAFT"
    assert browser.get("/admin/").status_code == 200


def test_too_large_a_body_is_refused(calm_world: World) -> None:
    browser, before = calm_world.client("coordinator"), count(calm_world, Beneficiary)
    form = browser.form(NEW) | person(calm_world)
    field = b'--x\r\nContent-Disposition: form-data; name="remarks"\r\n\r\n%s\r\n--x--\r\n'
    for body, kind in (
        (b"remarks=" + b"x" * 13 * MEGABYTE, "application/x-www-form-urlencoded"),
        (field % (b"x" * 5 * MEGABYTE), "multipart/form-data; boundary=x"),
        (field % (b"x" * 13 * MEGABYTE), "multipart/form-data; boundary=x"),
    ):
        answer = assert_sound(browser.client.post(NEW, data=body, content_type=kind), (len(body), kind))
        assert answer.status_code == 413, (len(body), kind)
        assert said(calm_world.app, "This is too large.") in answer.text
    many = browser.client.post(NEW, data=form | {f"f{i}": "x" for i in range(50_000)})
    assert assert_sound(many).status_code in (200, 302, 400, 413)
    assert count(calm_world, Beneficiary) in (before, before + 1)


def test_pages_that_are_not_there(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for url in ("/nothing", "/admin/nothing/", "/admin/beneficiary/nothing/", "/admin/beneficiary/export/csv/", "/admin/beneficiary/export/\0/",
                "/static/../app.py", "/static/%2e%2e/app.py", "/admin/beneficiary/export/xlsx%00/", "/language/xx", "/\u0389", "/admin/" + "a" * 5000):  # fmt: skip
        answer = assert_sound(browser.get(url), url)
        assert answer.status_code in (404, 405), (url, answer.status_code)


def test_a_person_paired_with_another_unit_is_said_beside_the_field(world: World) -> None:
    browser = world.client("coordinator")
    values = filled(world, Visit) | {"beneficiary_id": str(world.rows["roma"]["beneficiary"])}
    assert set(refused(browser, "/admin/visit/new/", **values)) == {"beneficiary_id"}


def test_the_walked_screens_are_all_there_are() -> None:
    granted = {
        resource
        for (resource, action), roles in PERMISSIONS.items()
        if action == "create" and Role.COORDINATOR in roles
    }
    walked = {model.__tablename__ for model in screens("create")}
    assert granted - walked <= {
        "referral_step",
        "application_step",
        "attachment",
        "access_grant",
        "access",
        "audit_answer",
    }
    assert {Appointment, VolunteerHours, Referral} <= set(screens("create"))
