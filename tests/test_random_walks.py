"""Random walks: whatever sequence of requests anybody makes, nobody sees or changes a row outside their scope.

After every request the database itself is asked what changed, and the answer is searched for what its reader may not
see. Who may do what is said by policy.TABLE, which tests/matrix.csv holds against the running application; who works
where, by the memberships in the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import policy
from admin_views.base.workbook import MIME_TYPE
from db import Base, Kind, db, fields, link_target
from models import Scoped, Visit
from tests.answers import filled
from tests.twins import hole_for, plain_installation
from tests.walls import NEVER, OWN_TRACES, SCREENS, workbook_rows
from tests.world import CANARY, SECRET, USERS, Browser, World, scoped_models
from vocabulary import Role

WALKS, STEPS = 25, 24
MODELS = {screen.model.__tablename__: screen.model for screen in SCREENS}
SCOPED = {model.__tablename__ for model in scoped_models()}
SEES_SECRETS = {Role.CASEWORKER, Role.MEDIATOR, Role.COORDINATOR}
COUNTERS = {"unit": {"last_registry_number", "last_household_number"}, "user": {"language", "version"}}
"""What changes of a row by other rights than those of an editor: a number is drawn, a language chosen."""
FORGERIES = ("unit", "links", "id", "version")
State = dict[str, dict[Any, dict[str, Any]]]


@dataclass(frozen=True)
class Step:
    """One request: who, what, on which table, about whose row, and what is forged in the form."""

    who: str
    what: str
    table: str
    whose: str
    nth: int
    forged: frozenset[str]
    number: int


READING = ("list", "search", "filter", "details", "look-up", "export", "letter", "home", "report")
WRITING = ("new", "new", "edit", "edit", "delete", "delete many", "move", "language", "inline")
DESKS = [name for name in USERS if "." in name]
"""Those who work in one unit: most steps are theirs."""

STEPS_OF_ALL = st.builds(
    Step,
    who=st.one_of(st.sampled_from(DESKS), st.sampled_from(DESKS), st.sampled_from(["anonymous", *USERS])),
    what=st.one_of(st.sampled_from(READING), st.sampled_from(WRITING)),
    table=st.one_of(st.sampled_from(sorted(SCOPED & MODELS.keys())), st.sampled_from(sorted(MODELS))),
    whose=st.sampled_from([*CANARY, *CANARY, "nobody"]),
    nth=st.integers(0, 3),
    forged=st.one_of(st.just(frozenset()), st.frozensets(st.sampled_from(FORGERIES), max_size=2)),
    number=st.integers(0, 10**6),
)


# --- walking ----------------------------------------------------------------------------------------------------------


@dataclass
class Walk:
    """The steps made so far in one world, by people who are signed in already."""

    world: World
    browsers: dict[str, Browser]
    checks: tuple[Callable[..., Iterator[str]], ...]
    state: State = field(default_factory=dict)

    def make(self, step: Step) -> list[str]:
        """Make a step; returns what it showed or changed that it must not."""
        self.state = self.state or state_of(self.world)
        sent = self._form(step) if step.what in ("new", "edit") else {}
        before = self.state = state_of(self.world) if sent else self.state
        actor = Actor.of(self.world, step.who, before)
        asked = {self._key(step), self._key(step, 1)}
        answer = self._ask(step, sent)
        text = str(workbook_rows(answer)) if answer.mimetype == MIME_TYPE else answer.text
        answer.close()
        after = self.state = state_of(self.world)
        seen = Seen(answer.status_code, f"{answer.headers.get('Location', '')}\n{text}", asked)
        return [problem for check in self.checks for problem in check(step, actor, seen, before, after)]

    def _ask(self, step: Step, sent: dict[str, Any]) -> Any:
        browser, url, key = self.browsers[step.who], f"/admin/{step.table}", self._key(step)
        names = sorted(fields(MODELS[step.table]))
        links = [name for name in names if fields(MODELS[step.table])[name].kind == Kind.LINK] or ["none"]
        match step.what:
            case "list":
                return browser.get(f"{url}/?sort={step.number % 9}&desc={step.nth % 2}&page={step.nth}&page_size=20")
            case "search":
                return browser.get(f"{url}/?search={quote(PREFIXES[step.nth % 2])}")
            case "filter":
                return browser.get(f"{url}/?flt0_{names[step.number % len(names)]}_is={key}&flt1_unit_id_is={step.nth}")
            case "details" | "letter":
                return browser.get(f"{url}/{step.what}/?id={key}")
            case "new":
                return browser.post(f"{url}/new/?{links[0]}={key}", sent)
            case "edit":
                return browser.post(f"{url}/edit/?id={key}", sent)
            case "delete":
                return browser.post(f"{url}/delete/?id={self._key(step, 1)}", id=key)
            case "delete many":
                return browser.post(f"{url}/action/", action="delete", rowid=[key, self._key(step, 1)])
            case "move":
                to = ["SENT", "DOCS", "ARRIVED", "ACCEPTED", "CANCELLED"][step.number % 5]
                return browser.post(f"{url}/move/?id={key}", to=to, note="Σημείωση")
            case "look-up":
                word = ["", PREFIXES[0], PREFIXES[1], "α"][step.nth]
                return browser.get(f"{url}/ajax/lookup/?name={links[step.number % len(links)]}&query={quote(word)}")
            case "export":
                return browser.get(f"{url}/export/xlsx/?search={quote(PREFIXES[step.nth % 2])}")
            case "report":
                return browser.post("/admin/report/", month="", unit=step.whose)
            case "language":
                return browser.post(f"/language/{['el', 'en'][step.nth % 2]}")
            case "inline":
                return browser.post(f"{url}/ajax/update/", list_form_pk=key, remarks="x")
        return browser.get("/admin/")

    def _key(self, step: Step, more: int = 0) -> Any:
        """The number of a row of that unit (or of none, where the table belongs to none)."""
        unit = self.world.rows.get(step.whose, {}).get("unit")
        keys = [key for key, row in self.state.get(step.table, {}).items() if row.get("unit_id", unit) == unit]
        return keys[(step.nth + more) % len(keys)] if keys and step.whose != "nobody" else NEVER

    def _form(self, step: Step) -> dict[str, Any]:
        """Sound values of the actor's own unit, some of them forged to point into the other."""
        own = next((code for code in CANARY if step.who.endswith(code)), "main")
        other, model = step.whose if step.whose in CANARY else "roma", MODELS[step.table]
        sent = (
            filled(self.world, model, own)
            if step.table != "user"
            else {"full_name": "Δοκιμή", "username": f"u{step.number}"}
        )
        if "." in step.who:  # what somebody writes can be told from what the other unit writes
            texts = (n for n, f in fields(model).items() if f.kind in (Kind.TEXT, Kind.LONG_TEXT) and not f.check)
            sent |= {name: f"{CANARY[own]} {step.number}" for name in texts if name in sent}
        if "links" in step.forged:
            targets = {n: link_target(model, n) for n, f in fields(model).items() if f.kind == Kind.LINK}
            scoped = {n: t.__tablename__ for n, t in targets.items() if issubclass(t, Scoped)}
            sent |= {name: str(self.world.rows[other][table]) for name, table in scoped.items()}
        if "unit" in step.forged:
            sent["unit_id"] = str(self.world.rows[other]["unit"])
        if "id" in step.forged:
            sent |= {"id": str(self._key(step)), "author_id": str(self.world.users[f"caseworker.{other}"])}
        version = (
            "7"
            if "version" in step.forged
            else str(self.state.get(step.table, {}).get(self._key(step), {}).get("version", 1))
        )
        return sent | {"version": version, "form_token": f"t{step.number}"}


PREFIXES = tuple(name[:-3] for name in CANARY.values())
"""Find the rows of one unit, whose marker stands in the answer only when they are found."""


def state_of(world: World) -> State:
    """Every row of every table by its number, but for the trail and sign-ins."""
    found: State = {}
    with world.app.app_context(), db.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in OWN_TRACES:
                rows = connection.execute(sa.select(table)).mappings()
                found[table.name] = {row[next(iter(table.primary_key)).name]: dict(row) for row in rows}
    return found


@dataclass(frozen=True)
class Actor:
    """Who acts, as the database has it at that moment."""

    key: int | None
    role: Role | None
    unit_ids: frozenset[int]

    @classmethod
    def of(cls, world: World, who: str, state: State) -> Actor:
        """The actor of a step."""
        key = world.users.get(who)
        if key is None:
            return cls(None, None, frozenset())
        role = state["user"][key]["role"]
        every = frozenset(state["unit"])
        mine = frozenset(row["unit_id"] for row in state["membership"].values() if row["user_id"] == key)
        return cls(key, role, every if role in policy.EVERY_UNIT else mine)

    def may(self, action: str, table: str) -> bool:
        """Its role may."""
        return self.role in policy.PERMISSIONS.get((table, action), ())


@dataclass(frozen=True)
class Seen:
    """What an answer told."""

    status: int
    text: str
    asked: set[Any]
    """Numbers that the request itself named: pages repeat their own address."""


# --- what must hold after every step ----------------------------------------------------------------------------------


def only_own_shown(step: Step, actor: Actor, seen: Seen, before: State, after: State) -> Iterator[str]:
    """No marker of a unit where the reader does not work, no number of its rows, no secret where the role has none."""
    if seen.status >= 500:
        yield f"{seen.status}"
    units = {row["code"]: key for key, row in after["unit"].items()}
    for code, marker in CANARY.items():
        if units[code] not in actor.unit_ids and marker in seen.text:
            yield f"shows «{marker}»"
    if actor.role not in SEES_SECRETS and SECRET in seen.text:
        yield f"shows «{SECRET}»"
    for table, number in re.findall(r"/admin/(\w+)/(?:details|edit)/\?id=(\d+)", seen.text):
        row = (after.get(table, {}) | before.get(table, {})).get(int(number))
        is_echo = table == step.table and int(number) in seen.asked
        if table in SCOPED and row and row["unit_id"] not in actor.unit_ids and not is_echo:
            yield f"links to {table} {number}"


def only_own_changed(step: Step, actor: Actor, seen: Seen, before: State, after: State) -> Iterator[str]:
    """A row that came, went or changed is one that the actor's role may so change, in the actor's unit."""
    for table in after:
        for key in before[table].keys() | after[table].keys():
            old, new = before[table].get(key), after[table].get(key)
            if old != new:
                yield from _wrongs(actor, table, key, old, new, after)


def _wrongs(actor: Actor, table: str, key: Any, old: Any, new: Any, after: State) -> Iterator[str]:
    action = "create" if old is None else "delete" if new is None else "edit"
    if action == "edit" and {name for name in new if new[name] != old[name]} <= COUNTERS.get(table, set()):
        own = key == actor.key if table == "user" else key in actor.unit_ids
        if not own:
            yield f"counted in {table} {key}"
        return
    moved = action == "edit" and actor.may("move", table)
    cascaded = action == "delete" and table in CASCADED and actor.may("delete", CASCADED[table])
    if not (actor.may(action, table) or moved or cascaded):
        yield f"{action} of {table} {key} by {actor.role}"
    if table in SCOPED:
        for row in filter(None, (old, new)):
            if row["unit_id"] not in actor.unit_ids:
                yield f"{action} of {table} {key} in unit {row['unit_id']}"
        yield from (f"{table} {key} points at {name}" for name in _astray(table, new or {}, after))


CASCADED = {"household_member": "household", "referral_step": "referral", "application_step": "application",
            "membership": "user"}  # fmt: skip


def _astray(table: str, row: dict[str, Any], state: State) -> Iterator[str]:
    """Links of a row that lead to a row of another unit."""
    for column in Base.metadata.tables[table].c:
        for key in column.foreign_keys:
            target = key.column.table.name
            linked = state[target].get(row.get(column.name)) if target in SCOPED else None
            if linked and linked["unit_id"] != row["unit_id"]:
                yield f"{column.name} {row[column.name]}"


# --- the walks --------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(house_of_walks: tuple[Any, World, dict[str, Browser]]) -> tuple[World, dict[str, Browser]]:
    """The world as it was filled, and everybody in it. Walks of one test follow each other in it."""
    house, world, browsers = house_of_walks
    house.reset()
    return world, browsers


@pytest.fixture(scope="module")
def house_of_walks(house: Any) -> Iterator[tuple[Any, World, dict[str, Browser]]]:
    """A house of its own in which everybody is signed in."""
    twin = house.twin("walks")
    world = plain_installation(twin)
    browsers = {name: world.client(name) for name in USERS} | {"anonymous": world.client()}
    twin.keep()
    yield twin, world, browsers
    twin.dispose()


def walked(signed_in: Any, steps: list[Step], *checks: Any) -> list[str]:
    """What went wrong on a walk."""
    walk = Walk(*signed_in, checks)
    return [f"{step}: {problem}" for step in steps for problem in walk.make(step)]


def walks(check: Callable[[list[Step]], None]) -> None:
    """Many walks, the same ones every time."""
    chosen = {"max_examples": WALKS, "deadline": None, "derandomize": True, "database": None}
    # Without shrinking: a walk is short enough to be read, and another one starts from another database.
    many = settings(**chosen, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    many(given(st.lists(STEPS_OF_ALL, min_size=STEPS, max_size=STEPS))(check))()


def test_nobody_sees_or_changes_what_is_not_theirs(signed_in: Any) -> None:
    made: list[int] = []

    def check(steps: list[Step]) -> None:
        problems = walked(signed_in, steps, only_own_shown, only_own_changed, counting)
        assert not problems, problems

    def counting(step: Step, actor: Actor, seen: Seen, before: State, after: State) -> Iterator[str]:
        made.append(before != after)
        return iter(())

    walks(check)
    assert sum(made) > 4, "walks on which nothing changes prove nothing"


# --- planted flaws: what these checks are for, they see ---------------------------------------------------------------
# On SQLite alone: on PostgreSQL row-level security may stand behind the wall that is taken out.


def planted(signed_in: Any, monkeypatch: pytest.MonkeyPatch, check: Any) -> list[str]:
    """What the check finds where visits are behind no wall."""
    monkeypatch.setattr(policy, "_criteria", hole_for(Visit))
    found: list[str] = []

    def look(steps: list[Step]) -> None:
        if not found:
            found.extend(walked(signed_in, steps, check))

    walks(look)
    return found


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_a_table_without_its_wall_is_seen(signed_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = planted(signed_in, monkeypatch, only_own_shown)
    assert found
    assert all("shows" in each or "links to visit" in each for each in found)


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_a_write_past_the_guard_is_seen(signed_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_check_unit", lambda session, scope, row: None)
    found = planted(signed_in, monkeypatch, only_own_changed)
    assert any(" of visit " in each and "in unit" in each for each in found)
