"""The low-code claim, proved: a table of ten columns costs at most 25 lines, and arrives with everything.

The lines below are what a newcomer writes: a class in models.py, its row in policy.TABLE, a file in admin_views/ and
its place in admin_views.SCREENS (the migration is generated). They are put in place in a process of their own.
"""

from __future__ import annotations
import __future__

import io
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import psycopg
import pytest

MODEL = '''
class Complaint(Searchable, OfPerson, Record):
    """What a person complained of."""
    label, labels = Label("Παράπονο", "Complaint"), Label("Παράπονα", "Complaints")
    subject: Mapped[str] = text("Θέμα", "Subject", 80, required=True, search=True)
    story: Mapped[str | None] = long_text("Περιγραφή", "Story", sensitivity=SPECIAL)
    made_on: Mapped[dt.date] = day("Υποβλήθηκε", "Made on", required=True, default=today)
    heard_at: Mapped[dt.datetime | None] = instant("Ακρόαση", "Heard at")
    channel: Mapped[Channel] = choice(Channel, "Τρόπος", "Channel", required=True)
    groups: Mapped[tuple[TargetGroup, ...]] = choices(ORDINARY_GROUPS, "Ομάδες", "Groups")
    times: Mapped[int | None] = whole("Φορές", "Times")
    damage: Mapped[Decimal | None] = decimal("Ζημία (ευρώ)", "Damage (euros)")
    is_urgent: Mapped[bool] = flag("Επείγον", "Urgent")
    service_id: Mapped[int | None] = link("service.id", "Υπηρεσία", "Service")
    service: Mapped[Service | None] = relationship()
    def __str__(self) -> str:
        return self.subject
'''
POLICY = "complaint - rcedx r rcedx r -"
VIEW = '''
from models import Complaint
from .base import KentroView
from .menu import PEOPLE
class ComplaintView(KentroView):
    """Complaints."""
    model, menu = Complaint, PEOPLE
    list_columns = ("made_on", "subject", "beneficiary_id", "channel", "is_urgent", "damage")
'''
SCREEN = "complaints.ComplaintView"
LABELS = {
    "el": ("Παράπονα", "Θέμα", "Υποβλήθηκε", "Τρόπος", "Επείγον", "Ζημία (ευρώ)"),
    "en": ("Complaints", "Subject", "Made on", "Channel", "Urgent", "Damage (euros)"),
}


def test_ten_columns_cost_at_most_25_lines() -> None:
    assert MODEL.count(": Mapped[") - MODEL.count("relationship()") == 10, "ten columns"
    lines = [line for part in (MODEL, POLICY, VIEW, SCREEN) for line in part.splitlines() if line.strip()]
    assert len(lines) <= 25, len(lines)
    assert max(map(len, lines)) <= 120, "lines as the house writes them"


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_and_arrive_with_everything(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path / 'kentro.sqlite'}"
    if dialect == "postgresql":
        server = request.getfixturevalue("postgres")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("CREATE DATABASE lowcode OWNER kentro")
        url = server.replace("/postgres?", "/lowcode?")
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:XDG_RUNTIME_DIR", "-m", "tests.test_lowcode", url],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == [
        "listed",
        "created",
        "edited",
        "searched",
        "filtered",
        "exported",
        "audited",
        "scoped",
        "translated",
    ]


# --- in the other process ---------------------------------------------------------------------------------------------


def add_table() -> Any:
    """The newcomer's lines, in their places."""
    import admin_views
    import models
    import policy

    code = compile(MODEL, "models.py", "exec", flags=__future__.annotations.compiler_flag)
    exec(code, models.__dict__)
    policy.TABLE += POLICY + "\n"
    policy.PERMISSIONS = policy._permissions()
    module = types.ModuleType("admin_views.complaints")
    module.__package__ = "admin_views"
    exec(VIEW, module.__dict__)
    admin_views.SCREENS = (*admin_views.SCREENS, eval(SCREEN, {"complaints": module}))
    return models.Complaint  # type: ignore[attr-defined]


def prove(url: str) -> None:
    """Every promise, one after the other."""
    model = add_table()
    import authorizer
    import row_security
    from db import db
    from tests import world as cast
    from tests.conftest import make_app

    app = make_app(url)
    rows, users = cast.build(app)
    owner = row_security.owner_engine
    with (
        app.app_context(),
        owner().begin() as connection,
        authorizer.lifted(connection),
        row_security.lowered(connection),
    ):
        model.__table__.create(connection)
    world = cast.World(app, "any", rows, users)
    browser, foreigner = world.client("caseworker.main"), world.client("caseworker.roma")
    key = _created(world, browser, model)
    _edited(world, browser, key)
    _found(browser)
    _exported(browser)
    _audited(world, browser, key)
    _scoped(world, foreigner, key)
    _translated(browser, key)
    with app.app_context():
        db.engine.dispose()


def _created(world: Any, browser: Any, model: Any) -> int:
    import sqlalchemy as sa

    page = browser.get("/admin/complaint/")
    assert page.status_code == 200 and all(
        label in page.text + browser.get("/admin/complaint/filters/").text for label in LABELS["el"]
    )
    assert '/admin/complaint/"' in browser.get("/admin/").text, "it stands in the menu"
    print("listed")
    person = str(world.rows["main"]["beneficiary"])
    fields = {"beneficiary_id": person, "subject": "Καθυστέρηση απάντησης", "story": "Περίμενε μήνες", "times": "3",
              "channel": "PHONE", "damage": "12,50", "heard_at": "05/03/2026 10:30", "is_urgent": "y"}  # fmt: skip
    for wrong in (
        {"times": "πολλές"},
        {"subject": ""},
        {"damage": "1,234"},
        {"made_on": "31/02/2026"},
        {"subject": "x" * 81},
    ):
        answer = browser.submit("/admin/complaint/new/", **{**fields, **wrong})
        assert answer.status_code == 200 and "field-error" in answer.text, wrong
    assert world.query(sa.select(model)) == []
    assert browser.submit("/admin/complaint/new/", **fields).status_code == 302
    (row,) = world.query(sa.select(model))
    assert (row.subject, str(row.damage), row.times, row.is_urgent) == ("Καθυστέρηση απάντησης", "12.5", 3, True)
    assert row.unit_id == world.rows["main"]["unit"], "it stands in the person's unit"
    assert f"{row.heard_at:%H:%M}" == "08:30", "Athens time in, UTC kept"
    print("created")
    return int(row.id)


def _edited(world: Any, browser: Any, key: int) -> None:
    edit = f"/admin/complaint/edit/?id={key}"
    stale = browser.form(edit)
    assert browser.submit(edit, damage="20").status_code == 302
    late = browser.post(edit, {**stale, "damage": "30"})
    assert late.status_code == 200, "of two edits the later notices the earlier"
    details = browser.get(f"/admin/complaint/details/?id={key}").text
    assert "20" in details and "05/03/2026 10:30" in details and "Περίμενε μήνες" in details
    print("edited")


def _found(browser: Any) -> None:
    for query in ("καθυστερηση", "ΑΠΑΝΤΗΣΗΣ", "kathysterisi"):
        assert "Καθυστέρηση" in browser.get(f"/admin/complaint/?search={query}").text, query
    assert "Καθυστέρηση" not in browser.get("/admin/complaint/?search=αλλο").text
    print("searched")
    for filters, is_found in {
        "flt0_is_urgent_is=1": True, "flt0_is_urgent_is=0": False, "flt0_channel_is=PHONE": True,
        "flt0_damage_from=20": True, "flt0_damage_from=21": False,
        "flt0_heard_at_is=05/03/2026": True, "flt0_heard_at_to=04/03/2026": False,
        "flt0_beneficiary_id_contains=καναρινιδησ": True, "flt0_story_contains=μηνεσ": True, "flt0_times_is=4": False,
    }.items():  # fmt: skip
        assert ("Καθυστέρηση" in browser.get(f"/admin/complaint/?{filters}").text) is is_found, filters
    print("filtered")


def _exported(browser: Any) -> None:
    from python_calamine import CalamineWorkbook

    answer = browser.get("/admin/complaint/export/xlsx/?flt0_is_urgent_is=1")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.data))
    answer.close()
    cells = [cell for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row]
    assert {"Θέμα", "Ζημία (ευρώ)", "Καθυστέρηση απάντησης", 20.0, "Περίμενε μήνες"} <= set(cells)
    print("exported")


def _audited(world: Any, browser: Any, key: int) -> None:
    import sqlalchemy as sa

    import audit
    from models import AuditEntry

    entries = world.query(sa.select(AuditEntry).where(AuditEntry.subject_type == "complaint").order_by(AuditEntry.seq))
    actions = {entry.action.value for entry in entries}
    assert {"create", "update", "view", "search", "export"} <= actions
    changed = next(entry for entry in entries if entry.action.value == "update")
    assert audit.changes_of(changed) == {"damage": ["12.5", "20"]}
    assert changed.person_id == world.rows["main"]["beneficiary"] and changed.subject_id == key
    assert not any("Περίμενε" in (entry.changes or "") for entry in entries), (
        "the protected text stays out of the trail"
    )
    assert "12,5" in browser.get(f"/admin/complaint/details/?id={key}").text.split('id="history"')[1]
    print("audited")


def _scoped(world: Any, foreigner: Any, key: int) -> None:
    assert "Καθυστέρηση" not in foreigner.get("/admin/complaint/").text
    for route in ("details", "edit"):
        assert foreigner.get(f"/admin/complaint/{route}/?id={key}").status_code == 404
    assert foreigner.post("/admin/complaint/delete/", id=key).status_code == 404
    person = str(world.rows["main"]["beneficiary"])
    answer = foreigner.submit("/admin/complaint/new/", beneficiary_id=person, subject="Ξένο", channel="PHONE")
    assert answer.status_code != 302, "nothing is hung on a person of another unit"
    assert world.client("reception.main").get("/admin/complaint/").status_code == 403
    supervisor = world.client("supervisor")
    assert "Περίμενε μήνες" not in supervisor.get(f"/admin/complaint/details/?id={key}").text
    print("scoped")


def _translated(browser: Any, key: int) -> None:
    browser.post("/language/en")
    page = browser.get("/admin/complaint/").text
    assert all(label in page for label in LABELS["en"]) and "Θέμα" not in page
    form = browser.get(f"/admin/complaint/edit/?id={key}").text
    assert all(label in form for label in ("Story", "Heard at", "Groups", "Times")) and "Περιγραφή" not in form
    print("translated")


if __name__ == "__main__":
    prove(sys.argv[1])
