"""Every line stored through the forms and opened in Chromium, which tells of scripts, errors and violations."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from playwright import sync_api

import models
from tests.answers import filled, screens
from tests.browser import ARGS, CHROMIUM, VIOLATIONS
from tests.texts import free_texts, may_refuse, row_of
from tests.world import World
from vocabulary import AuditAction

from . import corpus, planted
from .findings import Finding, Outcome
from .site import COOKIE, Ground, cookie, served

SCRIPT = "<script>alert(1)</script>"
SEARCHED = 60  # lines that are looked for, each on a page of its own


@dataclass
class Watcher:
    """A signed-in browser, and whatever happens in it that should not."""

    page: sync_api.Page
    address: str
    noted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("dialog", self._dialog)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.noted.append(f"error: {error}"))
        self.page.on("popup", lambda page: self.noted.append(f"window: {page.url}"))
        self.page.on("request", self._request)

    def open(self, path: str) -> list[str]:
        """Open a page, and say what happened."""
        self.noted.clear()
        answer = self.page.goto(f"{self.address}{path}", wait_until="load")
        if answer is None or answer.status >= 400:
            self.noted.append(f"answered {answer and answer.status}")
        if urlsplit(self.page.url).path != urlsplit(path).path:
            self.noted.append(f"led to {self.page.url}")
        return list(self.noted)

    def _dialog(self, dialog: sync_api.Dialog) -> None:
        self.noted.append(f"script ran: {dialog.type} {dialog.message[:60]!r}")
        dialog.dismiss()

    def _console(self, message: sync_api.ConsoleMessage) -> None:
        # Every answer carries it; where the connection is not secure, browsers say that they leave it out.
        if message.type in ("error", "warning") and not message.text.startswith("The Cross-Origin-Opener-Policy"):
            self.noted.append(f"console: {message.text[:200]}")

    def _request(self, request: sync_api.Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.noted.append(f"asked {request.url[:100]}")


def attack(ground: Ground) -> Outcome:
    """Store, open, and see that planted scripts are noticed."""
    outcome, world = Outcome("lines in Chromium"), ground.world("eyes")
    number, pages = _store(world), [*_pages(world)]
    cookies = {reader: cookie(world.client(reader)) for reader in ("coordinator", "supervisor")}
    with served(ground.copy("eyes")) as address, _browser(address, cookies) as watchers:
        for reader, path in pages:
            happened = watchers[reader].open(path)
            outcome.found += [Finding("high", path.partition("?")[0], what) for what in happened]
        outcome.expect(*_planted(watchers["coordinator"]))
    outcome.found = list(dict.fromkeys(outcome.found))
    outcome.asked = [f"{number:,} lines stored", f"{len(pages)} pages opened"]
    return outcome


# --- what is stored ---------------------------------------------------------------------------------------------------


def _store(world: World) -> int:
    """All lines in people's remarks and health notes, short ones in their names; markup in all other texts."""
    lines = [line for line in corpus.lines() if not may_refuse(line.strip())]
    marked = [line for line in lines if "<" in line]
    browser, short = world.client("coordinator"), iter(line for line in marked * 9 if len(line) < 80)
    names = [box for box in free_texts(models.Beneficiary) if box not in ("remarks", "health_notes")]
    for form in corpus.laid(models.Beneficiary, ("remarks", "health_notes"), lines):
        sent = filled(world, models.Beneficiary) | form | {box: next(short) for box in names}
        assert browser.submit("/admin/beneficiary/new/", **sent).status_code == 302, sent
    for model in screens("edit"):
        if boxes := free_texts(model):
            url = f"/admin/{model.__tablename__}/edit/?id={row_of(world, model)}"
            form = corpus.laid(model, boxes, [line for line in marked if len(line) < 80])[0]
            assert browser.submit(url, **form).status_code == 302, url
    return len(lines)


def _pages(world: World) -> Iterator[tuple[str, str]]:
    people = world.query(sa.select(models.Beneficiary.id))
    for key in people:
        yield from (("coordinator", f"/admin/beneficiary/{page}/?id={key}") for page in ("details", "edit"))
    for model in screens("read"):
        name, key = model.__tablename__, row_of(world, model)
        yield from (("coordinator", f"/admin/{name}/{page}") for page in ("?page_size=100", f"details/?id={key}"))
    for model in screens("edit"):
        yield "coordinator", f"/admin/{model.__tablename__}/edit/?id={row_of(world, model)}"
    written = sa.select(models.AuditEntry.seq).where(
        models.AuditEntry.action.in_((AuditAction.CREATE, AuditAction.UPDATE)), models.AuditEntry.actor_id.is_not(None)
    )
    yield from (("supervisor", f"/admin/audit_entry/details/?id={key}") for key in world.query(written))
    yield from (
        ("supervisor", f"/admin/{page}")
        for page in ("", "audit_entry/?page_size=100", f"oversight/person/?id={people[0]}")
    )
    yield from (
        ("coordinator", f"/admin/{page}") for page in ("", f"referral/letter/?id={world.rows['main']['referral']}")
    )
    marked = [line for line in corpus.lines() if "<" in line and "\0" not in line][::20]
    yield from (("coordinator", f"/admin/beneficiary/?search={quote(line)}") for line in marked[:SEARCHED])


# --- the browser ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _browser(address: str, cookies: dict[str, str]) -> Iterator[dict[str, Watcher]]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        watchers = {}
        for reader, value in cookies.items():
            context = browser.new_context(base_url=address)
            context.add_cookies([{"name": COOKIE, "value": value, "url": address}])
            context.add_init_script(VIOLATIONS)
            watchers[reader] = Watcher(context.new_page(), address)
        yield watchers
        browser.close()


def _planted(watcher: Watcher) -> tuple[set[str], set[str]]:
    """Which of the planted faults the listeners notice."""
    address, at = watcher.address, planted.PREFIX
    watcher.page.request.post(f"{address}{at}/keep/", form={"text": SCRIPT})
    away = "http://127.0.0.1:9/picture.png"
    looks: dict[str, tuple[str, str]] = {
        "reflected script": (f"{at}/echo/?text={quote(SCRIPT)}", "script ran"),
        "stored script": (f"{at}/keep/", "script ran"),
        "script under the policy": (f"{at}/guarded/?text={quote(SCRIPT)}", "content security policy"),
        "error in a script": (f"{at}/echo/?text={quote('<script>nobody()</script>')}", "error:"),
        "address elsewhere": (f"{at}/echo/?text={quote(f'<img src={away}>')}", "asked "),
        "failure": (f"{at}/broken/?text={quote(chr(39))}", "answered 500"),
    }
    seen = {name for name, (path, hint) in looks.items() if any(hint in each for each in watcher.open(path))}
    return set(looks), seen
