"""Every screen answers, keeps what is typed, pages without gaps, and exports what it lists."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from typing import Any

import openpyxl
import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

import audit
import policy
import search
from admin_views.base.values import ATHENS, shown
from db import Base, Kind, Searchable, db, fields
from models import Appointment, Beneficiary, Municipality, Unit, Visit, Volunteer, today
from seed import builders
from tests.answers import SCREENS, add, assert_sound, errors_of, filled, form_fields, new_person, screens
from tests.world import CANARY, Browser, World, column_listed, fields_of, keys_listed
from vocabulary import Channel, Education, Role, Sex, Skill, TargetGroup

TAGS = re.compile(r"<[^>]+>")


def row_ids(html: str) -> list[int]:
    """Numbers of the rows of a list, in its order."""
    return keys_listed(html)


def listed(browser: Browser, name: str, **args: Any) -> list[int]:
    """The rows that a list shows on one page."""
    answer = browser.get(f"/admin/{name}/", query_string={"page_size": 100} | args)
    assert assert_sound(answer, args).status_code == 200, args
    return row_ids(answer.text)


def first_row(world: World, model: type[Base]) -> int:
    """A row of the screen."""
    return int(world.query(sa.select(sa.func.min(model.id)))[0])  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.SUPERVISOR, Role.ADMINISTRATOR], ids=lambda role: role.value)
def test_every_page_of_every_screen_answers(calm_world: World, role: Role) -> None:
    browser = calm_world.client(role.value)
    pages = [f"/admin/{m.__tablename__}/" for m in screens("read", role)]
    pages += [f"/admin/{m.__tablename__}/new/" for m in screens("create", role)]
    pages += [f"/admin/{m.__tablename__}/details/?id={first_row(calm_world, m)}" for m in screens("read", role)]
    pages += [f"/admin/{m.__tablename__}/edit/?id={first_row(calm_world, m)}" for m in screens("edit", role)]
    pages += [f"/admin/{m.__tablename__}/export/xlsx/" for m in screens("export", role)]
    assert len(pages) > 10
    for page in pages:
        if "/membership/edit/" not in page:
            answer = browser.get(page, buffered=True)
            assert assert_sound(answer, page).status_code == 200, f"{page}: {answer.status_code}"


# --- there and back ---------------------------------------------------------------------------------------------------

LASTING = (Role.ADMINISTRATOR, Role.COORDINATOR)


def test_what_a_form_sends_is_kept_shown_changed_and_deleted(world: World) -> None:
    walked = []
    for role in LASTING:
        browser = world.client(role.value)
        for model in screens("create", role):
            _there_and_back(world, browser, role, model)
            walked.append(model)
    assert {screen.model for screen in SCREENS} - set(walked) <= set(NEVER_MADE), "a screen was not walked"


MADE_OTHERWISE = ("access_grant", "case_note", "audit_entry", "municipality", "erasure")
NEVER_MADE = [s.model for s in SCREENS if s.model.__tablename__ in MADE_OTHERWISE]
"""Screens on which neither coordinator nor administrator makes rows."""


def _there_and_back(world: World, browser: Browser, role: Role, model: type[Base]) -> None:
    name, values = model.__tablename__, filled(world, model)
    answer = assert_sound(browser.submit(f"/admin/{name}/new/", **values), name)
    assert answer.status_code == 302, (
        name,
        errors_of(answer.text),
        re.findall(r"message-error.*?</div>", answer.text, re.S),
    )
    key = int(re.search(r"details/\?id=(\d+)", answer.headers["Location"])[1])  # type: ignore[index]
    _kept(world, model, key, values)
    assert key in listed(browser, name, sort=None), name
    _shown(world, browser, model, key)
    if model in screens("edit", role):
        _edited(world, browser, model, key, values)
    if model in screens("delete", role):
        gone = browser.post(f"/admin/{name}/delete/", id=key)
        assert gone.status_code == 302, f"{name}: {gone.status_code}"
        assert world.one(model, key) is None, f"{name} was not deleted"
        assert browser.get(f"/admin/{name}/details/?id={key}").status_code == 404


def _kept(world: World, model: type[Base], key: int, values: dict[str, Any]) -> None:
    row = world.one(model, key)
    for name in values.keys() & fields(model).keys():  # a password is kept as its hash
        sent, field, kept = values[name], fields(model)[name], getattr(row, name)
        if field.kind == Kind.CODES:
            assert [code.value for code in kept] == sent, name
        elif field.kind == Kind.FLAG:
            assert kept is (sent == "y"), name
        elif field.kind == Kind.LINK:
            assert str(kept or "") == sent, name
        elif field.kind == Kind.CODE:
            assert (kept.value if kept else "") == sent, name
        elif field.kind not in (Kind.COUNTRY,):
            assert shown(field, kept).replace(" ", "") in (sent.replace(" ", ""), _spaced(sent)), name


def _spaced(sent: str) -> str:
    return sent.removeprefix("+30")


def _shown(world: World, browser: Browser, model: type[Base], key: int) -> None:
    page = TAGS.sub(" ", browser.get(f"/admin/{model.__tablename__}/details/?id={key}").text)
    row = world.one(model, key)
    for name, field in fields(model).items():
        if (
            field.kind in (Kind.TEXT, Kind.LONG_TEXT, Kind.DATE, Kind.INSTANT, Kind.DECIMAL)
            and getattr(row, name) is not None
        ):
            assert shown(field, getattr(row, name)) in page, f"{name} is not on the page of {model.__tablename__}"


def _edited(world: World, browser: Browser, model: type[Base], key: int, values: dict[str, Any]) -> None:
    url = f"/admin/{model.__tablename__}/edit/?id={key}"
    form = browser.form(url)
    stays = form_fields(model, is_new=False)
    assert {name for name in form if name in fields(model)} >= {n for n in stays if n in values and values[n] != ""} - {
        name for name in stays if fields(model)[name].kind == Kind.FLAG
    }
    version = world.one(model, key).version
    assert browser.post(url, form).status_code == 302
    assert world.one(model, key).version == version, f"{model.__tablename__}: an untouched form changed the row"
    texts = [n for n in stays if fields(model)[n].kind == Kind.TEXT and not fields(model)[n].check]
    if texts:
        assert browser.submit(url, **{texts[0]: "Αλλαγμένο"}).status_code == 302
        assert getattr(world.one(model, key), texts[0]) == "Αλλαγμένο"
        assert world.one(model, key).version == version + 1


def test_saving_an_untouched_form_changes_no_row_of_the_cast(world: World) -> None:
    for role in LASTING:
        browser = world.client(role.value)
        for model in screens("edit", role):
            name = model.__tablename__
            for key in world.query(sa.select(model.id)):  # type: ignore[attr-defined]
                before = world.one(model, key).version
                answer = browser.submit(f"/admin/{name}/edit/?id={key}")
                assert assert_sound(answer, name).status_code == 302, (name, key, errors_of(answer.text))
                assert world.one(model, key).version == before, f"{name} {key} was changed"


# --- order and pages --------------------------------------------------------------------------------------------------


def test_pages_neither_repeat_nor_lose_a_row(world: World) -> None:
    town = Unit(id=world.rows["main"]["unit"])
    people = [builders.beneficiary(town, amka=None, last_name="Ίδιος", first_name="Ένας", area=None) for _ in range(60)]
    add(world, *people, *(builders.beneficiary(town, amka=None) for _ in range(60)))
    browser = world.client("coordinator")
    everybody = sorted(world.query(sa.select(Beneficiary.id)))
    assert len(everybody) == 122
    columns = next(s.list_columns for s in SCREENS if s.model is Beneficiary)
    for sort in [None, *range(len(columns))]:
        for desc in (None, 1):
            found = [
                key
                for page in range(3)
                for key in listed(browser, "beneficiary", page_size=50, page=page, sort=sort, desc=desc)
            ]
            assert sorted(found) == everybody, f"sort={sort} desc={desc}"


def test_every_sort_of_every_list_answers(calm_world: World) -> None:
    for role in (Role.COORDINATOR, Role.SUPERVISOR, Role.ADMINISTRATOR):
        browser = calm_world.client(role.value)
        for model in screens("read", role):
            every = sorted(listed(browser, model.__tablename__))
            for sort in range(len(next(screen.list_columns for screen in SCREENS if screen.model is model)) + 1):
                found = listed(browser, model.__tablename__, sort=sort, desc=1)
                if model.__tablename__ != "audit_entry":
                    assert sorted(found) == every, f"{model.__tablename__} by column {sort}"


GREEK = [
    "άβατος",
    "Άννα",
    "ΑΝΝΑΣ",
    "Βασίλης",
    "Γ",
    "Έλλη",
    "ελλήνας",
    "Ήλιος",
    "Ίρις",
    "ΙΩΝΑΣ",
    "Όλγα",
    "Ύδρα",
    "Ψ",
    "Ώρα",
]


def test_names_stand_in_greek_order(world: World) -> None:
    unit = Unit(id=world.rows["main"]["unit"])
    for name in reversed(GREEK):
        new_person(world, last_name=name, first_name="Ιξ", area="Πού")
        add(world, builders.event(unit, title=name, place="Πού"))
    browser = world.client("coordinator")
    columns = {s.model: s.list_columns for s in SCREENS}
    for model, column in ((Beneficiary, "last_name"), (Beneficiary, None)):
        sort = columns[model].index(column) if column else None
        found = listed(browser, "beneficiary", sort=sort, flt0_area_is="που")
        assert [world.one(model, key).last_name for key in found] == GREEK
    events = listed(browser, "event", sort=1, flt0_place_is="πού")
    assert len(events) == len(GREEK)
    assert column_listed(browser.get("/admin/event/?sort=1&flt0_place_is=πού").text, "Τίτλος") == GREEK
    back = browser.get("/admin/event/?sort=1&desc=1&flt0_place_is=πού").text
    assert column_listed(back, "Τίτλος") == GREEK[::-1]


def test_linked_names_stand_in_greek_order(world: World) -> None:
    unit = world.rows["main"]["unit"]
    for name in reversed(GREEK):
        staff = add(world, builders.user(Role.CASEWORKER, [Unit(id=unit)], full_name=name))
        add(world, builders.visit(Unit(id=unit), builders.User(id=staff), request="Σειρά"))
    browser = world.client("coordinator")
    columns = next(s.list_columns for s in SCREENS if s.model is Visit)
    page = browser.get(f"/admin/visit/?sort={columns.index('staff_id')}&flt0_request_is=σειρα").text
    assert column_listed(page, "Υπάλληλος") == GREEK
    offered = re.search(r'<select[^>]*name="staff_id".*?</select>', browser.get("/admin/visit/new/").text, re.S)
    assert offered
    names = [name for name in re.findall(r">([^<]+)</option>", offered[0]) if name in GREEK]
    assert names == GREEK


# --- filters and search -----------------------------------------------------------------------------------------------


@pytest.fixture
def desk(world: World) -> tuple[World, Browser, dict[str, int]]:
    """A few people and visits that differ in every kind of column."""
    unit = Unit(id=world.rows["main"]["unit"])
    born = {"ada": dt.date(1980, 1, 31), "bea": dt.date(1980, 2, 1)}
    known = {
        name: new_person(
            world,
            last_name=last,
            first_name="Δοκιμή",
            born_on=born.get(name),
            sex=sex,
            education=education,
            area=area,
            nationality=country,
            target_groups=groups,
            address="Φίλτρο",
        )
        for name, last, sex, education, area, country, groups in (
            ("ada", "Παπαδοπούλου", Sex.F, Education.ISCED_2, "Κέντρο", "GR", (TargetGroup.POV, TargetGroup.UNEMP)),
            ("bea", "Müller", Sex.F, None, "Ανατολή – Άνω", "DE", (TargetGroup.UNEMP,)),
            ("cleo", "Γκιόκας", Sex.M, Education.ISCED_2, None, "AL", ()),
        )
    }
    staff = builders.User(id=world.users["caseworker.main"])
    athens = dt.timezone(dt.timedelta(hours=2))
    known["before"] = add(
        world,
        builders.visit(
            unit, staff, request="Φίλτρο", at=dt.datetime(2026, 2, 13, 23, 59, tzinfo=athens), channel=Channel.PHONE
        ),
    )
    known["first"] = add(
        world, builders.visit(unit, staff, request="Φίλτρο", at=dt.datetime(2026, 2, 14, 0, 0, tzinfo=athens))
    )
    known["last"] = add(
        world, builders.visit(unit, staff, request="Φίλτρο", at=dt.datetime(2026, 2, 14, 23, 59, tzinfo=athens))
    )
    known["after"] = add(
        world, builders.visit(unit, staff, request="Φίλτρο", at=dt.datetime(2026, 2, 15, 0, 0, tzinfo=athens))
    )
    known["small"] = add(world, builders.event(unit, title="Μικρή", place="Φίλτρο", capacity=5))
    known["large"] = add(world, builders.event(unit, title="Μεγάλη", place="Φίλτρο", capacity=50))
    known["open"] = add(world, builders.event(unit, title="Ανοιχτή", place="Φίλτρο", capacity=None))
    return world, world.client("coordinator"), known


FILTERS: list[tuple[str, dict[str, str], str]] = [
    ("beneficiary", {"last_name_contains": "παπαδ"}, "ada"),
    ("beneficiary", {"last_name_contains": "ΠΑΠΑΔΌ"}, "ada"),
    ("beneficiary", {"last_name_is": "παπαδοπουλου"}, "ada"),
    ("beneficiary", {"last_name_is": "παπαδοπουλο"}, ""),
    ("beneficiary", {"last_name_contains": "Müller"}, "bea"),
    ("beneficiary", {"last_name_contains": "muller"}, "bea"),
    ("beneficiary", {"area_contains": "ανατολη ανω"}, "bea"),
    ("beneficiary", {"area_empty": "1"}, "cleo"),
    ("beneficiary", {"area_empty": "0"}, "ada bea"),
    ("beneficiary", {"born_on_is": "31/01/1980"}, "ada"),
    ("beneficiary", {"born_on_is": "31.1.1980"}, "ada"),
    ("beneficiary", {"born_on_from": "1/2/1980"}, "bea"),
    ("beneficiary", {"born_on_to": "31-1-1980"}, "ada"),
    ("beneficiary", {"born_on_between": "31/01/1980 to 01/02/1980"}, "ada bea"),
    ("beneficiary", {"born_on_between": "01/02/1980 - 31/12/1980"}, "bea"),
    ("beneficiary", {"born_on_empty": "1"}, "cleo"),
    ("beneficiary", {"sex_is": "F"}, "ada bea"),
    ("beneficiary", {"sex_is_not": "F"}, "cleo"),
    ("beneficiary", {"education_is": Education.ISCED_2.value}, "ada cleo"),
    ("beneficiary", {"education_empty": "1"}, "bea"),
    ("beneficiary", {"target_groups_contains": "UNEMP"}, "ada bea"),
    ("beneficiary", {"target_groups_contains": "POV"}, "ada"),
    ("beneficiary", {"nationality_is": "AL"}, "cleo"),
    ("beneficiary", {"sex_is": "F", "education_is": Education.ISCED_2.value}, "ada"),
    ("visit", {"at_is": "14/02/2026"}, "first last"),
    ("visit", {"at_from": "14/02/2026"}, "first last after"),
    ("visit", {"at_to": "14/02/2026"}, "before first last"),
    ("visit", {"at_between": "13/02/2026 to 14/02/2026"}, "before first last"),
    ("visit", {"channel_is": "PHONE"}, "before"),
    ("visit", {"beneficiary_id_empty": "1"}, "before first last after"),
    ("event", {"capacity_is": "5"}, "small"),
    ("event", {"capacity_from": "6"}, "large"),
    ("event", {"capacity_to": "50"}, "small large"),
    ("event", {"capacity_empty": "1"}, "open"),
]
OWN = {"beneficiary": "address_is", "visit": "request_is", "event": "place_is"}


def test_filters_return_exactly_their_rows(desk: tuple[World, Browser, dict[str, int]]) -> None:
    _world, browser, known = desk
    wrong = []
    for name, asked, expected in FILTERS:
        args = {f"flt{i}_{slug}": value for i, (slug, value) in enumerate([(OWN[name], "φιλτρο"), *asked.items()])}
        found = set(listed(browser, name, **args))
        if found != {known[key] for key in expected.split()}:
            wrong.append((name, asked, expected, [key for key, number in known.items() if number in found]))
    assert not wrong


def test_every_kind_of_filter_has_been_tried() -> None:
    tried = {fields(m)[_column(m, slug)].kind for m, slug in _tried()}
    made = {f.kind for m in (Beneficiary, Visit) for f in fields(m).values()} - {Kind.LINK, Kind.LONG_TEXT}
    assert made <= tried


def _tried() -> list[tuple[type[Base], str]]:
    models = {s.model.__tablename__: s.model for s in SCREENS}
    return [(models[name], slug) for name, asked, _expected in FILTERS for slug in asked]


def _column(model: type[Base], slug: str) -> str:
    return max((name for name in fields(model) if slug.startswith(f"{name}_")), key=len)


def test_linked_rows_are_filters_too(desk: tuple[World, Browser, dict[str, int]]) -> None:
    world, browser, known = desk
    roma = world.rows["roma"]["unit"]
    assert set(listed(browser, "visit", flt0_unit_id_is=roma)) == {world.rows["roma"]["visit"]}
    assert set(listed(browser, "visit", flt0_beneficiary_id_contains="kanarinidis")) == {world.rows["main"]["visit"]}
    mine = set(listed(browser, "visit", flt0_staff_id_is=world.users["caseworker.main"]))
    assert mine == {world.rows["main"]["visit"], *(known[k] for k in ("before", "first", "last", "after"))}


def test_fields_to_filter_by_stand_in_greek_order(calm_world: World) -> None:
    """By code point, capitals with an accent would come before all others."""
    labels = list(json.loads(calm_world.client("coordinator").get("/admin/beneficiary/filters/").text))
    assert labels == sorted(labels, key=search.fold) != sorted(labels)


def test_every_filter_on_offer_answers(calm_world: World) -> None:
    """Whatever a list offers, with a value of its kind."""
    tries = {"date": "14/02/2026", "daterange": "14/02/2026 to 15/02/2026"}
    for role in (Role.COORDINATOR, Role.SUPERVISOR):
        browser = calm_world.client(role.value)
        view = {v.endpoint: v for v in calm_world.app.extensions["admin"][0]._views}
        for model in screens("read", role):
            asked = {}
            for i, (arg, (_index, flt)) in enumerate(view[model.__tablename__].__dict__["every_filter_args"].items()):
                options = flt._choices if isinstance(flt._choices, list) else None
                asked[f"flt{i}_{arg}"] = str(options[0][0]) if options else tries.get(flt.data_type, "5")
            assert_sound(browser.get(f"/admin/{model.__tablename__}/", query_string=asked), asked)


SPELLINGS = [
    "Παπαδοπούλου",
    "παπαδοπουλου",
    "ΠΑΠΑΔΟΠΟΥΛΟΥ",
    "papadopoulou",
    "Papadopoyloy",
    "παπαδ",
    "papad δοκιμη",
    "δοκιμή παπαδοπούλου",
]


def test_search_finds_however_it_is_spelt(desk: tuple[World, Browser, dict[str, int]]) -> None:
    _world, browser, known = desk
    for spelling in SPELLINGS:
        assert known["ada"] in listed(browser, "beneficiary", search=spelling), spelling
        assert known["cleo"] not in listed(browser, "beneficiary", search=spelling), spelling
    for spelling in ("Γκιόκας", "giokas", "gkiokas", "ΓΚΙΟΚΑΣ", "γκιοκασ"):
        assert listed(browser, "beneficiary", search=spelling) == [known["cleo"]], spelling


def test_every_searchable_screen_searches(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    for model in screens("read"):
        if issubclass(model, Searchable):
            row = calm_world.one(model, first_row(calm_world, model))
            assert row.id in listed(browser, model.__tablename__, search=str(row).split(" (")[0]), model


def test_every_search_box_narrows_its_list(calm_world: World) -> None:
    """Nobody's name finds nobody, in rows that are found by whom they point at too; a box that does nothing would lie."""
    browser = calm_world.client("coordinator")
    for model in screens("read"):
        page = browser.get(f"/admin/{model.__tablename__}/")
        if 'id="search"' not in page.text:
            continue
        assert listed(browser, model.__tablename__, search="Ψζξψζ") == [], model


def test_rows_are_found_by_the_person_they_point_at(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    found = [
        model for model in screens("read") if not issubclass(model, Searchable) and "beneficiary_id" in fields(model)
    ]
    for model in found:
        number = first_row(calm_world, model)
        person = getattr(calm_world.one(model, number), "beneficiary_id", None)
        if 'id="search"' in browser.get(f"/admin/{model.__tablename__}/").text and person:
            last_name = calm_world.one(Beneficiary, person).last_name
            assert number in listed(browser, model.__tablename__, search=last_name), model


# --- exports ----------------------------------------------------------------------------------------------------------

TRICKS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    '=HYPERLINK("http://example.gr","x")',
    "\t=1+1",
    "001234",
    "<r>x</r>",
    "_x0041_",
]


def sheets(answer: Any) -> tuple[list[list[Any]], list[list[Any]]]:
    """Cover and table of a workbook, as python-calamine reads them."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    cover, table = (book.get_sheet_by_name(name).to_python() for name in book.sheet_names)
    return cover, table


def test_an_export_holds_the_lists_rows_in_its_order(desk: tuple[World, Browser, dict[str, int]]) -> None:
    world, browser, _known = desk
    args = {"flt0_address_is": "φιλτρο", "sort": 1, "desc": 1}
    answer = browser.get("/admin/beneficiary/export/xlsx/", query_string=args, buffered=True)
    assert answer.status_code == 200
    cover, (header, *rows) = sheets(answer)
    assert header == [f.label.el for f in fields(Beneficiary).values()]
    numbers = [world.one(Beneficiary, key).registry_number for key in listed(browser, "beneficiary", **args)]
    assert len(numbers) == 3
    assert [row[header.index("Αρ. μητρώου")] for row in rows] == numbers
    told = dict(line[:2] for line in cover if len(line) > 1)
    assert any("φιλτρο" in str(value) for value in told.values()), told
    assert any("Χρήστης coordinator" in str(value) for value in told.values()), told
    assert any(str(value) == "Δήμος Παραδείγματος" for value in told.values()), told
    name = answer.headers["Content-Disposition"]
    assert "filename*=UTF-8''%CE%A9%CF%86%CE%B5%CE%BB%CE%BF%CF%8D%CE%BC%CE%B5%CE%BD%CE%BF%CE%B9" in name


def test_an_exports_cells_have_their_types(desk: tuple[World, Browser, dict[str, int]]) -> None:
    world, browser, known = desk
    _cover, (header, *rows) = sheets(
        browser.get("/admin/beneficiary/export/xlsx/?flt0_address_is=φιλτρο", buffered=True)
    )
    ada = next(row for row in rows if row[header.index("Επώνυμο")] == "Παπαδοπούλου")
    kept = world.one(Beneficiary, known["ada"])
    assert ada[header.index("Ημ/νία γέννησης")] == dt.date(1980, 1, 31)
    assert ada[header.index("ΑΦΜ")] == kept.afm
    assert ada[header.index("Φύλο")] == str(Sex.F)
    _cover, (header, *rows) = sheets(browser.get("/admin/event/export/xlsx/?flt0_place_is=φιλτρο", buffered=True))
    assert sorted(str(row[header.index("Θέσεις")]) for row in rows) == ["", "5.0", "50.0"]
    assert all(isinstance(row[header.index("Έναρξη")], dt.datetime) for row in rows)


def test_no_cell_is_a_formula(world: World) -> None:
    for text in TRICKS:
        new_person(world, last_name=text, first_name="Τύπος", area=text, address="Τύποι")
    answer = world.client("coordinator").get("/admin/beneficiary/export/xlsx/?flt0_address_is=τυποι", buffered=True)
    book = openpyxl.load_workbook(io.BytesIO(answer.data))
    cells = [cell for row in book.worksheets[1].iter_rows() for cell in row]
    assert {cell.value for cell in cells} >= {text.strip() for text in TRICKS}
    assert not [
        cell.value
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f" or cell.hyperlink
    ]


def test_an_export_of_a_senseless_filter_does_not_hand_out_everything(calm_world: World) -> None:
    answer = calm_world.client("coordinator").get("/admin/beneficiary/export/xlsx/?flt0_born_on_is=31/02/1980")
    assert answer.status_code == 400


def test_a_role_that_may_not_export_is_not_offered_it(calm_world: World) -> None:
    browser = calm_world.client("reception.main")
    assert "export/xlsx" not in browser.get("/admin/beneficiary/").text
    assert browser.get("/admin/beneficiary/export/xlsx/").status_code == 403


def test_codes_of_a_set_are_listed_by_their_names(world: World) -> None:
    unit = Unit(id=world.rows["main"]["unit"])
    key = add(world, builders.volunteer(unit, last_name="Συνόλου", skills=(Skill.LAW, Skill.DIGITAL)))
    browser = world.client("coordinator")
    assert listed(browser, "volunteer", flt0_skills_contains="LAW") == [key]
    assert f"{Skill.LAW}, {Skill.DIGITAL}" in browser.get(f"/admin/volunteer/details/?id={key}").text
    form = fields_of(browser.get(f"/admin/volunteer/edit/?id={key}").text)
    assert form["skills"] == ["LAW", "DIGITAL"]


def test_the_municipality_has_one_screen_and_stays(calm_world: World) -> None:
    browser = calm_world.client("administrator")
    assert browser.get("/admin/municipality/new/").status_code == 403
    assert browser.post("/admin/municipality/delete/", id=1).status_code == 403
    assert calm_world.query(sa.select(sa.func.count(Municipality.id))) == [1]
    assert calm_world.query(sa.select(sa.func.count(Volunteer.id))) == [2]


def test_a_page_past_the_end_is_the_last_one(calm_world: World) -> None:
    browser = calm_world.client("coordinator")
    assert listed(browser, "beneficiary", page=99) == listed(browser, "beneficiary") != []


def test_appointments_begin_with_today_and_their_names_lead_to_the_people(world: World) -> None:
    staff, unit = world.users["caseworker.main"], world.rows["main"]["unit"]
    person, noon = world.rows["main"]["beneficiary"], dt.time(12)
    days = {n: dt.datetime.combine(today() + dt.timedelta(days=n), noon, ATHENS) for n in (-400, -1, 0, 1, 400)}
    keys = {}
    for n, at in days.items():
        about = {"beneficiary_id": person} if n else {"caller": "Καλών"}
        keys[n] = add(world, Appointment(unit_id=unit, staff_id=staff, at=at, **about))
    browser = world.client("reception.main")
    page = browser.get("/admin/appointment/").text
    listed = [key for key in keys_listed(page) if key in keys.values()]
    assert listed == [keys[n] for n in (0, 1, 400, -1, -400)]
    assert page.count(f'<td><a href="../beneficiary/details/?id={person}">{CANARY["main"]} ') == 5
    by_time = keys_listed(browser.get("/admin/appointment/?sort=0").text)
    assert [key for key in by_time if key in keys.values()] == [keys[n] for n in sorted(keys)]


def test_a_person_stands_over_every_form_about_them(calm_world: World) -> None:
    browser, key = calm_world.client("coordinator"), calm_world.rows["main"]["beneficiary"]
    person = calm_world.one(Beneficiary, key)
    for address in (f"beneficiary/edit/?id={key}", f"visit/new/?beneficiary_id={key}"):
        (line,) = re.findall(r'<p class="person-line">.*?</p>', browser.get(f"/admin/{address}").text)
        assert person.described in line, address


def test_a_person_stays_in_sight_on_every_page_about_them(calm_world: World) -> None:
    browser, rows = calm_world.client("coordinator"), calm_world.rows["main"]
    person = calm_world.one(Beneficiary, rows["beneficiary"])
    for name in ("beneficiary", "visit", "referral", "appointment"):
        (line,) = re.findall(
            r'<p class="strip-person">(.*?)</p>', browser.get(f"/admin/{name}/details/?id={rows[name]}").text
        )
        assert line == f"{person} · {person.registry_number}", name
    assert "strip-person" not in browser.get(f"/admin/household/details/?id={rows['household']}").text


def test_from_an_appointment_a_visit_of_the_same_person_is_begun(calm_world: World) -> None:
    rows = calm_world.rows["main"]
    page = calm_world.client("reception.main").get(f"/admin/appointment/details/?id={rows['appointment']}").text
    assert f'href="/admin/visit/new/?beneficiary_id={rows["beneficiary"]}&amp;url=' in page


def test_the_way_above_a_page_leads_to_the_list_that_it_names(calm_world: World) -> None:
    """Whoever came from a person's page is led back there by the buttons, not by another page's name."""
    browser, rows = calm_world.client("caseworker.main"), calm_world.rows["main"]
    back = f"/admin/beneficiary/details/?id={rows['beneficiary']}"
    for page in ("details", "edit"):
        text = browser.get(f"/admin/household_member/{page}/?id={rows['household_member']}&url={back}").text
        (trail,) = re.findall(r'<nav class="breadcrumbs".*?</nav>', text, re.S)
        assert 'href="/admin/household_member/"' in trail and back not in trail, page
    kept = "/admin/visit/?search=x"
    assert f'<li><a href="{kept}">' in browser.get(f"/admin/visit/details/?id={rows['visit']}&url={kept}").text


def test_pages_about_one_person_lie_under_the_people(calm_world: World) -> None:
    key = calm_world.rows["main"]["beneficiary"]
    marked = r'<a href="([^"]*)" class="active" aria-current="true">'
    for name, page in (("coordinator", "rights/person"), ("supervisor", "oversight/person")):
        text = calm_world.client(name).get(f"/admin/{page}/?id={key}").text
        assert re.findall(marked, text) == ["/admin/beneficiary/"], page
    for name, page in (("coordinator", "rights"), ("supervisor", "oversight")):
        assert re.findall(marked, calm_world.client(name).get(f"/admin/{page}/").text) == [f"/admin/{page}/"]


def test_from_a_person_one_goes_to_their_household(calm_world: World) -> None:
    rows = calm_world.rows["main"]
    page = calm_world.client("caseworker.main").get(f"/admin/beneficiary/details/?id={rows['beneficiary']}").text
    members = page[page.index('id="child-household_member"') : page.index('id="child-visit"')]
    assert f'href="/admin/household/details/?id={rows["household"]}"' in members


def test_the_age_stands_beside_the_birth_date(world: World) -> None:
    key = world.rows["main"]["beneficiary"]
    day = today()
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        db.session.get_one(Beneficiary, key).born_on = dt.date(day.year - 30, 12, 31)
        audit.commit(db.session)
    browser, address = world.client("caseworker.main"), f"/admin/beneficiary/details/?id={key}"
    years = 30 if (day.month, day.day) == (12, 31) else 29
    assert re.search(rf"31/12/{day.year - 30} \(\D*{years}\b", browser.get(address).text)
    with world.app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        db.session.get_one(Beneficiary, key).restricted_on = day
        audit.commit(db.session)
    page = world.client("coordinator").get(address).text
    assert f"31/12/{day.year - 30}</dd>" in page
