"""Every line in every kind of parameter: addresses, their arguments, and the forms beside the screens' own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import policy
from db import Kind, fields
from tests.world import Browser, World
from vocabulary import Role

from . import corpus, planted
from .answers import elements, faults
from .findings import Finding, Outcome
from .site import Ground

READERS = {
    Role.COORDINATOR: "coordinator", Role.SUPERVISOR: "supervisor", Role.ADMINISTRATOR: "administrator",
    Role.CASEWORKER: "caseworker.main",
}  # fmt: skip
"""Between them they may do everything; a screen is asked by the first who may."""
FILTERS = 15  # in one address; the twentieth and later ones are not read
EVERY_LINE = {
    "list": 1, "filters": 1, "look-up": 1, "look-up name": 1, "details_view": 1, "edit_view": 1, "create_view": 1,
    "send edit_view": 1, "send create_view": 1, "sign-in page": 1,
}  # fmt: skip
"""Kinds of which some screen hears each line, and how many do; of others, each hears every so many lines."""
EVERY, WHERE_PASSWORDS_ARE_HASHED = 10, 60
PARSED = 8  # every so many pages are taken apart
HARMLESS = ("", "Μ", "1", "0,x", "01/01/2026")
LEFT_OUT = ("auth.logout", "auth.end_others", "static", "admin.static", "healthz", "home", "accessibility", "planted")


@dataclass
class Slot:
    """One request that takes lines: who sends it where, and in which parameters they go."""

    group: str
    reader: str
    url: str
    names: Sequence[str]
    method: str = "GET"

    def send(self, browser: Browser, values: Sequence[bytes]) -> Any:
        """The answer to these values; `§` in the address stands for the first."""
        url, said = self.url, list(zip(self.names, values, strict=True))
        if "§" in url:
            url, said = url.replace("§", quote_from_bytes(values[0], safe="")), said[1:]
        if self.method == "GET":
            return browser.get(f"{url}{'&' if '?' in url else '?'}{urlencode(said)}")
        token = [("csrf_token", browser.token)]
        answer = browser.client.post(
            url, data=urlencode(token + said), content_type="application/x-www-form-urlencoded"
        )
        browser._remember(answer)
        return answer


def attack(ground: Ground, jobs: int) -> Outcome:
    """All slots; those of a group share the lines out among them."""
    outcome = Outcome("lines in parameters")
    groups = sorted({slot.group for slot in slots(ground.world("parameters"))})
    with ProcessPoolExecutor(jobs) as pool:
        done = dict(zip(groups, pool.map(_group, itertools.repeat(ground), groups), strict=True))
    planted_found = done.pop("planted")[3]
    seen = {each.where.split("/")[2] for each in planted_found}
    outcome.expect({"echo", "leave", "broken"}, seen)
    outcome.found = [each for *_counts, found in done.values() for each in found]
    count = [sum(part[n] for part in done.values()) for n in range(3)]
    outcome.asked = [f"{count[0]:,} parameters", f"{count[1]:,} requests", f"{count[2]:,} pairs of line and parameter"]
    return outcome


def _group(ground: Ground, name: str) -> tuple[int, int, int, list[Finding]]:
    """Parameters, requests, pairs and findings of a group of slots, over a copy of its own."""
    world, lines = ground.world(f"group_{re.sub('[^a-z_]', '_', name)}"), corpus.raw_lines()
    mine, browsers, found = [slot for slot in slots(world) if slot.group == name], {}, []
    for slot in mine:
        browsers.setdefault(slot.reader, world.client(slot.reader or None))
    known = {each for slot in mine for each in _known(slot, browsers[slot.reader])}
    number = pairs = 0
    for number in range(_times(name, len(lines))):
        slot = mine[number % len(mine)]
        values = [lines[(number * 7 + shift * 211) % len(lines)] for shift in range(len(slot.names))]
        answer = slot.send(browsers[slot.reader], values)
        found += faults(
            answer, [each.decode("utf-8", "replace") for each in values], None if number % PARSED else known
        )
        pairs += len(values)
        answer.close()
    return sum(len(slot.names) for slot in mine), number + 1, pairs, list(dict.fromkeys(found))


def _times(group: str, lines: int) -> int:
    if group in EVERY_LINE:
        return lines * EVERY_LINE[group]
    return lines // (WHERE_PASSWORDS_ARE_HASHED if group in ("sign-in", "confirm", "password") else EVERY)


def _known(slot: Slot, browser: Browser) -> set[tuple[str, str]]:
    browser.get("/password" if slot.reader else "/login")
    pages = [slot.send(browser, [text.encode()] * len(slot.names)) for text in HARMLESS]
    found = elements(page.text for page in pages if page.mimetype == "text/html")
    for page in pages:
        page.close()
    return found


# --- what can be asked ------------------------------------------------------------------------------------------------


def slots(world: World) -> Iterator[Slot]:
    """From the routes and the screens' declarations; a route that is neither named here nor left out is an error."""
    screens = {view.endpoint: view for view in world.app.extensions["admin"][0]._views if hasattr(view, "model")}
    for rule in world.app.url_map.iter_rules():
        endpoint, _dot, route = rule.endpoint.rpartition(".")
        if rule.endpoint.startswith(LEFT_OUT):
            continue
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            if endpoint in screens:
                yield from _of_screen(screens[endpoint], route, method)
            else:
                yield from OTHERS[rule.endpoint, method]
    yield from (Slot("planted", "coordinator", f"{planted.PREFIX}/{name}/", [box]) for name, box in PLANTED)


PLANTED = (("echo", "text"), ("leave", "next"), ("broken", "text"))


def _of_screen(view: Any, route: str, method: str) -> Iterator[Slot]:
    table, model = view.model.__tablename__, view.model
    action = view.routes().get(route)
    may = policy.PERMISSIONS.get((table, action), ()) if action else ()
    reader = next((name for role, name in READERS.items() if role in may), None)
    if reader is None:
        return
    url, links = f"/admin/{table}", [name for name, column in fields(model).items() if column.kind == Kind.LINK]
    path = f"{url}/{'new' if route == 'create_view' else route.removesuffix('_view')}/"
    if route == "index_view":
        yield Slot("list", reader, f"{url}/", ["search", "sort", "desc", "page", "page_size"])
        names = [flt.slug for flt in view._filters or ()]
        for start in range(0, len(names), FILTERS):
            some = [f"flt{n}_{slug}" for n, slug in enumerate(names[start : start + FILTERS])]
            yield Slot("filters", reader, f"{url}/", some)
    elif route == "export":
        yield Slot("export", reader, f"{url}/export/§/", ["export_type", "search"])
    elif route == "ajax_lookup":
        yield Slot("look-up name", reader, f"{url}/ajax/lookup/", ["name", "query"])
        yield from (Slot("look-up", reader, f"{url}/ajax/lookup/?name={name}", ["query"]) for name in links)
    elif method == "POST":
        sent = SENT.get(route) or [*fields(model), "form_token", "version", "url"]
        yield Slot(f"send {route}", reader, f"{path}{_about(route)}", sent, "POST")
    elif route not in TAKE_NOTHING:
        asked = ["url", "household_id", *links] if route == "create_view" else ["id", "url"]
        yield Slot(route, reader, path, asked)


TAKE_NOTHING = ("filters_view", "sample_view", "pairs_view")
SENT = {
    "action_view": ["action", "rowid", "url"],
    "ajax_update": ["list_form_pk", "remarks"],
    "decide_view": ["status", "beneficiary_id", "parts", "days", "answer"],
    "delete_view": ["id", "url"],
    "end_sessions_view": ["id"],
    "move_view": ["to", "on", "note", "undo", "url"],
    "reset_factor_view": ["id"],
    "review_view": ["verdict", "comment", "url"],
}
"""What forms send that are not made of all columns."""


def _about(route: str) -> str:
    """Forms about a row, which there is."""
    return "?id=1" if route in ("edit_view", "move_view", "review_view", "decide_view") else ""


def _others(*slots: Slot) -> list[Slot]:
    return list(slots)


OTHERS: dict[tuple[str, str], list[Slot]] = {
    ("asset", "GET"): _others(Slot("file", "", "/assets/§", ["name", "v"])),
    ("admin.index", "GET"): _others(Slot("first page", "coordinator", "/admin/", ["month", "search"])),
    ("report.index", "GET"): [],
    ("report.index", "POST"): _others(Slot("report", "coordinator", "/admin/report/", ["month", "unit"], "POST")),
    ("auth.login", "GET"): _others(Slot("sign-in page", "", "/login", ["next"])),
    ("auth.login", "POST"): _others(Slot("sign-in", "", "/login?next=/admin/", ["username", "password"], "POST")),
    ("auth.code", "GET"): _others(Slot("code page", "", "/login/code", ["next"])),
    ("auth.code", "POST"): _others(Slot("code", "", "/login/code", ["code", "next"], "POST")),
    ("auth.confirm", "GET"): _others(Slot("confirm page", "reception.main", "/confirm", ["next"])),
    ("auth.confirm", "POST"): _others(
        Slot("confirm", "reception.main", "/confirm", ["confirm-password", "confirm-code", "carried"], "POST")
    ),
    ("auth.password", "GET"): [],
    ("auth.password", "POST"): _others(
        Slot("password", "mediator.main", "/password", ["current", "new", "again"], "POST")
    ),
    ("auth.language", "POST"): _others(Slot("language", "mediator.main", "/language/§", ["code", "next"], "POST")),
    ("auth.profile", "GET"): [],
    ("auth.end_session", "POST"): _others(Slot("session", "mediator.main", "/profile/sessions/end", ["id"], "POST")),
    ("auth.factor", "GET"): [],
    ("auth.factor", "POST"): _others(Slot("factor", "mediator.main", "/profile/factor", ["code", "sealed"], "POST")),
    ("auth.recovery_codes", "POST"): _others(
        Slot("codes", "mediator.main", "/profile/factor/codes", ["confirm-password", "confirm-code"], "POST")
    ),
    ("auth.remove", "POST"): _others(
        Slot("no factor", "mediator.main", "/profile/factor/remove", ["confirm-password", "confirm-code"], "POST")
    ),
    ("audit_answer.index", "GET"): [],
    ("audit_answer.answer", "GET"): _others(Slot("question", "coordinator", "/admin/audit_answer/answer/", ["id"])),
    ("audit_answer.answer", "POST"): _others(
        Slot("answer", "coordinator", "/admin/audit_answer/answer/?id=1", ["answer"], "POST")
    ),
    ("audit_finding.index_view", "GET"): [],
    ("rights.index", "GET"): [],
    ("rights.person_view", "GET"): _others(Slot("rights", "coordinator", "/admin/rights/person/", ["id"])),
    ("rights.copy_view", "GET"): _others(Slot("copy", "coordinator", "/admin/rights/copy/§/?id=1", ["kind"])),
    ("rights.restrict_view", "POST"): _others(
        Slot("restrict", "coordinator", "/admin/rights/restrict/?id=1", ["reason"], "POST")
    ),
    ("rights.erase_view", "POST"): _others(
        Slot("erase", "coordinator", "/admin/rights/erase/?id=1", ["registry_number", "reason"], "POST")
    ),
    ("rights.carry_out_view", "POST"): _others(
        Slot("carry out", "coordinator", "/admin/rights/carry_out/", ["fingerprint", "reason"], "POST")
    ),
    ("audit_finding.export", "GET"): [],
    ("audit_finding.settle", "GET"): _others(Slot("finding", "supervisor", "/admin/audit_finding/settle/", ["key"])),
    ("audit_finding.settle", "POST"): _others(
        Slot("settle", "supervisor", "/admin/audit_finding/settle/", ["key", "comment"], "POST")
    ),
    ("oversight.index", "GET"): [],
    ("oversight.draw", "POST"): _others(Slot("draw", "supervisor", "/admin/oversight/draw/", ["url"], "POST")),
    ("oversight.person", "GET"): _others(Slot("person", "supervisor", "/admin/oversight/person/", ["id"])),
    ("oversight.user", "GET"): _others(Slot("user", "supervisor", "/admin/oversight/user/", ["id"])),
    ("supervision.index", "GET"): [],
    ("referral_received.index", "GET"): [],
    ("referral_received.file_view", "GET"): _others(
        Slot("received", "coordinator", "/admin/referral_received/file/", ["id"])
    ),
    ("referral_received.file_view", "POST"): _others(
        Slot("receive", "coordinator", "/admin/referral_received/file/?id=1", ["status", "on", "note"], "POST")
    ),
}
"""Pages that are no screen over a table, and their forms. One that is not named here fails the attack."""
