"""The technical log, which is not the trail: it says what failed and where, never whose data it was about (ASVS 16.2.5, 16.4.1, 14.2.1)."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa

import config
from admin_views.base.details import Details
from db import db
from models import Beneficiary
from tests.conftest import make_app
from tests.world import CANARY, PASSWORD, SECRET, World

FORGED = f"{SECRET}\r\n[2026-01-01] INFO all is well \x1b[31m\u202e\0"


def break_down(view: Any, row: Any) -> Any:
    """As when somebody's value is what the code cannot bear, over a failure of the database that quotes it too."""
    try:
        db.session.execute(sa.insert(Beneficiary).values(last_name=CANARY["main"], health_notes=SECRET))
    except Exception:
        raise ValueError(FORGED)  # noqa: B904 (the failure before it shows only where the log tells of contexts)


@pytest.fixture
def failing(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setitem(world.app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(Details, "sections", break_down)
    return world


def test_a_failure_tells_what_and_where_and_no_value(failing: World, caplog: pytest.LogCaptureFixture) -> None:
    """ASVS 13.4.2, 16.5.1: the page says nothing at all, the log nothing about a person, in as many entries as failures."""
    browser, key = failing.client("caseworker.main"), failing.rows["main"]["beneficiary"]
    answer = browser.get(f"/admin/beneficiary/details/?id={key}&x={urllib.parse.quote(FORGED)}")
    assert answer.status_code == 500
    for word in (SECRET, CANARY["main"], "ValueError", "Traceback", "break_down", str(config.ROOT)):
        assert word not in answer.text, word
    (record,) = caplog.records
    said = record.getMessage()
    assert "ValueError because of" in said and "at beneficiary.details_view" in said and "in break_down" in said
    for word in (SECRET, CANARY["main"], "all is well", "\x1b", "\r", "\0", "\u202e"):
        assert word not in caplog.text, word
    assert record.exc_info is None, "a handler would print the text along with the traceback"


def test_no_console_is_to_be_had(failing: World) -> None:
    """ASVS 13.4.2: Werkzeug's debugger answers nowhere, not even on the page of a failure."""
    browser, key = failing.client("caseworker.main"), failing.rows["main"]["beneficiary"]
    for url in (
        "/console",
        "/?__debugger__=yes&cmd=resource&f=debugger.js",
        "/admin/?__debugger__=yes&cmd=pinauth&s=x",
    ):
        assert not re.search("debugger (?:pin|active)|werkzeug|EVALEX", browser.get(url).text, re.IGNORECASE), url
    assert browser.get("/console").status_code == 404
    page = browser.get(f"/admin/beneficiary/details/?id={key}&__debugger__=yes")
    assert page.status_code == 500 and "EVALEX" not in page.text and "werkzeug" not in page.text.lower()
    assert failing.app.debug is False


@pytest.mark.parametrize("said", ["1", "true", "yes", "on"])
def test_production_does_not_start_with_the_debugger(said: str) -> None:
    asked = {"KENTRO_MODE": "production", "DATABASE_URL": "sqlite://", "SECRET_KEY": "κ" * 32, "KENTRO_KEY": "ab" * 32}
    with pytest.raises(config.Misconfigured, match="FLASK_DEBUG"):
        config.load({**asked, "FLASK_DEBUG": said})
    for harmless in ("0", "false", "no", ""):
        assert config.load({**asked, "FLASK_DEBUG": harmless})["KENTRO_MODE"] == "production"


def test_what_is_asked_stands_in_no_log_of_the_server(tmp_path: Path) -> None:
    """The server itself, as it is started: neither addresses, nor names of programs, nor what was typed is printed."""
    file = tmp_path / "kentro.sqlite"
    app = make_app(f"sqlite:///{file}")
    with app.app_context():
        flask_migrate.upgrade()
        db.engine.dispose()
    port = free_port()
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{file}", "HOST": "127.0.0.1", "PORT": port}
    command = [sys.executable, "-m", "flask", "--app", "app", "serve"]
    kinds: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=config.ROOT, env=environment, **kinds) as server:
        try:
            first = server.stdout.readline()
            assert first == f"Kentro: http://127.0.0.1:{port}/\n"
            canary, sent = urllib.parse.quote(CANARY["roma"]), urllib.parse.urlencode({"password": PASSWORD}).encode()
            for path, data in (
                (f"/admin/beneficiary/?search={canary}&flt0_amka_is=31018000001", None),
                (f"/{canary}", None),
                (f"/login?next=/admin/beneficiary/%3Fsearch={canary}", sent),
            ):
                agent = {"User-Agent": f"x {SECRET.encode().hex()}", "Referer": f"http://127.0.0.1:{port}{path}"}
                request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, agent)
                try:
                    urllib.request.urlopen(request, timeout=20).close()
                except urllib.error.HTTPError as refused:
                    assert refused.code in (400, 404)
                    refused.close()
        finally:
            server.terminate()
        rest = server.stdout.read()
    assert re.findall(r"\S", rest) == [], f"the server's log: {rest}"


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def test_no_address_of_ours_reaches_another_site(calm_world: World) -> None:
    """ASVS 3.4.5, 14.2.1: searches and filters stand in addresses, which no browser tells anybody else, nor keeps in its cache."""
    browser = calm_world.client("coordinator")
    for url in (f"/admin/beneficiary/?search={CANARY['main']}", "/admin/beneficiary/details/?id=1", "/login"):
        answer = browser.get(url)
        assert answer.headers["Referrer-Policy"] == "same-origin" and answer.headers["Cache-Control"] == "no-store"
        assert re.findall(r'(?:href|src|action)="(?:https?:)?//', answer.text) == [], "a page that leads elsewhere"
