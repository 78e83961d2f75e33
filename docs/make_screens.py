"""The pictures in docs/screens, taken from the running application: `make screens` takes them anew.

Drama with its invented people is served from a database made for the occasion, at a moment that stands still, so that
the same code gives the same pictures. Each role signs in and follows the links of its own menu.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import re
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import flask_migrate
import time_machine
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from waitress import create_server

import audit
import policy
from app import create_app
from db import begin_write, db
from seed import demo, reference

PLACE = Path(__file__).parent / "screens"
LOGINS = {
    "visitor": None,
    "reception": "reception.main",
    "caseworker": "caseworker.main",
    "mediator": "mediator.roma",
    **{role.value: role.value for role in demo.HOUSE_ROLES},
}
"""Whose screens: the folder of the pictures, and the user who signs in; a visitor does not."""

MOMENT = dt.datetime(2026, 6, 3, 7, 30, tzinfo=dt.UTC)
"""A Wednesday, half past ten in Greece: some of the day's appointments are over, others are to come."""

SIZES = {1280: (560, 0.54), 390: (600, 0.65)}
"""Width of the window: its height, and how much smaller the picture is."""
READ = ("README.md", "docs/odigos.md")
LARGE, TALLEST = 0.8, 1500
"""The pictures that these documents show can be read, and hold all of a page down to this height."""
COLOURS = 8
"""Enough for a calm page, at an eighth of the bytes that all its colours take."""

ENTRIES = ".site-menu a, .site-profile, .without-menu .site-footer a"
CHOICE = 6
"""Of so many rows of a list, the one with most to show is the typical record."""
# An edit form looks like that for a new record; an export is no page; a sample is another one each time.
LEFT_OUT = ("edit", "export", "export-xlsx", "sample")
LED_TO = ("rights-person", "oversight-person", "oversight-user")
"""Pages that no menu leads to, only pages of other screens."""


def main() -> None:
    """Take all pictures; only then do they replace the old ones."""
    password = secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as folder, time_machine.travel(MOMENT, tick=False):
        address, taken = serve(Path(folder), password), Path(folder) / "screens"
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            for name, login in LOGINS.items():
                windows = open_windows(chromium, address, login, password)
                print(name, take(windows, taken / name), flush=True)
            chromium.close()
        shutil.rmtree(PLACE, ignore_errors=True)
        shutil.copytree(taken, PLACE)


def serve(folder: Path, password: str) -> str:
    """Furnish a database and serve it for as long as this program runs; the address."""
    engines = {"default": f"sqlite:///{folder / 'kentro.sqlite'}"}
    app = create_app({"SECRET_KEY": secrets.token_hex(), "SQLALCHEMY_ENGINES": engines})
    with app.app_context():
        flask_migrate.upgrade()
        policy.bind(db.session, policy.SYSTEM)
        begin_write()
        reference.load_profile(db.session, "drama")
        demo.load_demo(db.session, password)
        audit.commit(db.session)
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    return f"http://127.0.0.1:{server.effective_port}"


# --- one user, at a desk and with a phone -----------------------------------------------------------------------------


def open_windows(chromium: Browser, address: str, login: str | None, password: str) -> dict[tuple[int, bool], Page]:
    """One user's windows by their width, and whether their pictures are large; signing in once serves all."""
    windows: dict[tuple[int, bool], Page] = {}
    here = {"base_url": address, "locale": "el-GR", "timezone_id": "Europe/Athens", "reduced_motion": "reduce"}
    for (width, (height, scale)), is_large in itertools.product(SIZES.items(), (False, True)):
        signed_in = next(iter(windows.values())).context.storage_state() if windows else None
        size = {"viewport": {"width": width, "height": height}, "device_scale_factor": LARGE if is_large else scale}
        context = chromium.new_context(storage_state=signed_in, **here, **size)  # type: ignore[arg-type]
        window = windows[width, is_large] = context.new_page()
        if login and len(windows) == 1:
            sign_in(window, login, password)
    return windows


def sign_in(page: Page, login: str, password: str) -> None:
    """By the sign-in page, like everybody."""
    page.goto("/login")
    page.locator("[name=username]").fill(login)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url("**/admin/")


def take(windows: dict[tuple[int, bool], Page], folder: Path) -> int:
    """Photograph every page of the user's menu in every width; how many pictures that makes."""
    folder.mkdir(parents=True)
    for name, address in pages(next(iter(windows.values()))):
        for width in SIZES:
            path = folder / f"{name}-{width}.webp"
            is_large = f"{folder.name}/{path.name}" in shown()
            go(windows[width, is_large], address)
            develop(picture(windows[width, is_large], whole=is_large), path)
    return len(list(folder.iterdir()))


def picture(window: Page, *, whole: bool) -> bytes:
    """What the window shows, or all of its page down to a height."""
    if not whole:
        return window.screenshot()
    size = window.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], TALLEST)}
    return window.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]


@cache
def shown() -> frozenset[str]:
    """The pictures that documents show, by folder and name."""
    texts = ((PLACE.parents[1] / name).read_text(encoding="utf-8") for name in READ)
    return frozenset(place for text in texts for place in re.findall(r"screens/(\w+/[\w-]+\.webp)", text))


def develop(picture: bytes, path: Path) -> None:
    """Few colours without loss: text stays sharp, in fewer bytes than blurring it would take."""
    whole = Image.open(io.BytesIO(picture)).convert("RGB")
    few = whole.quantize(COLOURS, kmeans=1, dither=Image.Dither.NONE)
    # Method 6 would save one byte in a hundred and take a hundred times as long.
    few.convert("RGB").save(path, "WEBP", lossless=True, quality=100, method=4)


# --- where the menu leads ---------------------------------------------------------------------------------------------


def pages(desk: Page) -> Iterator[tuple[str, str]]:
    """Name and address of each page of each screen: the menu's entries, and what their own links lead to."""
    desk.goto("/")
    met: set[str] = set()
    for entry in dict.fromkeys([desk.url, *links(desk, ENTRIES)]):
        waiting = {named(entry): entry}
        while waiting:
            name, address = waiting.popitem()
            met.add(name)
            go(desk, address)
            yield name, address
            waiting |= {n: a for n, a in of_the_screen(desk, named(entry)).items() if n not in met}


def go(page: Page, address: str) -> None:
    """Open a page; one that answers with an error is not photographed."""
    answer = None if page.url == address else page.goto(address)
    if answer is not None and not answer.ok:
        raise SystemExit(f"{address} answers {answer.status}; the pictures stay as they were.")


def links(page: Page, selector: str) -> list[str]:
    """The addresses to which the page's links lead."""
    return list(page.locator(selector).evaluate_all("all => all.map((link) => link.href.split('#')[0])"))


def of_the_screen(page: Page, screen: str) -> dict[str, str]:
    """The screen's other pages that this one leads to, by name; of many records, a typical one."""
    found: dict[str, list[str]] = {}
    for address in links(page, "main a[href]"):
        is_one = named(address).startswith(f"{screen}-") or named(address) in LED_TO
        if is_one and not named(address).endswith(LEFT_OUT):
            found.setdefault(named(address), []).append(address)
    return {name: fullest(page.context, dict.fromkeys(addresses)) for name, addresses in found.items()}


def fullest(context: BrowserContext, addresses: dict[str, None]) -> str:
    """Of the first few pages, the one with most to show."""
    few = list(addresses)[:CHOICE]
    return max(few, key=lambda address: len(context.request.get(address).text())) if few[1:] else few[0]


def named(address: str) -> str:
    """A page's name, made from its address: «/admin/visit/new/» is «visit-new»."""
    return "-".join(urlsplit(address).path.strip("/").split("/")).removeprefix("admin-").replace("admin", "home")


if __name__ == "__main__":
    main()
