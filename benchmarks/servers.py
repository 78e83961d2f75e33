"""Kentro as one more peer of the rig: served as in production, used as a browser would."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import rig
import schema
import sqlalchemy as sa

from .cases import FRAGMENT
from .people import KEPT, KEY, PASSWORD, ROOT, engine, kentro_ids

KENTRO = "kentro"


class Unfit(RuntimeError):
    """A server does not do what is to be measured."""


def must(holds: object, otherwise: str) -> None:
    """Stop the benchmark unless it holds.

    Raises:
        Unfit: it does not.
    """
    if not holds:
        raise Unfit(otherwise)


class BrowserForm(rig.FormParser):
    """What a browser would send: nothing for a list of which nothing is chosen."""

    sel: Any
    several = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "select":
            self.several = "multiple" in dict(attrs)
        super().handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self.several and not any(chosen for _value, chosen in self.sel[1]):
            self.sel = None
        super().handle_endtag(tag)


class KentroPeer(rig.Peer):
    """How Kentro is started, and its addresses."""

    label = "Kentro"
    save_ok = (302,)
    path = "/admin/beneficiary/"

    def __init__(self, flask: Path, kentro: str, ids: dict[int, int]) -> None:
        self.ids = ids
        serve = f"PORT=$0 exec {shlex.quote(str(flask))} --app app serve"
        self.cmd = ["sh", "-c", f"unset PYTHONPATH; cd {shlex.quote(str(ROOT))}; {serve}"]  # the rig adds the port: $0
        self.env = {
            "DATABASE_URL": kentro,
            "HOST": "127.0.0.1",
            "KENTRO_MODE": "production",
            "KENTRO_SQLITE_SYNCHRONOUS": "NORMAL",  # as the rig sets for every peer
            "SECRET_KEY": "of the benchmark alone, and no secret",
            "KENTRO_KEY": KEY,
            "KENTRO_SECOND_FACTOR": "offered",  # a telephone is not measured
            "KENTRO_READINGS": "100000",  # readings are counted as ever, and no allowance is spent
        }

    def list_urls(self, n: int, amka: str) -> dict[str, str]:
        asked: dict[str, dict[str, Any]] = {
            "list": {},
            "deep": {"page": (n - 1) // schema.PAGE},
            "filter": {"flt0_unit_id_is": 1, "flt1_closed_on_empty": 1},
            "search": {"search": FRAGMENT},
            "amka": {"search": amka},
        }
        return {name: f"{self.path}?{urlencode(query)}".rstrip("?") for name, query in asked.items()}

    def edit_url(self, pk: int) -> str:
        return f"{self.path}edit/?id={self.ids[pk]}"


class Server(rig.Server):
    """A peer at work."""

    db: str

    def stored(self, pk: int) -> str | None:
        """The note as the database has it, asked past the application."""
        people = schema.beneficiaries.c
        with engine(self.db).connect() as connection:
            return connection.scalar(sa.select(people.notes).where(people.id == pk))


class KentroServer(Server):
    """Kentro at work, signed in as one who sees all units."""

    peer: KentroPeer

    def log_in(self) -> None:
        page = self.client.get("/login").body
        token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page)
        said = {"username": "coordinator", "password": PASSWORD, "csrf_token": token[1].decode() if token else ""}
        answer = self.client.post("/login", said)
        if answer.status != 302:
            self.stop()
        must(answer.status == 302, f"Kentro: sign-in answered {answer.status}; its log is in {KEPT}")

    def form(self, pk: int) -> dict[str, Any]:
        page = self.client.get(self.peer.edit_url(pk))
        must(page.status == 200, f"Kentro: edit form answered {page.status}")
        fields: dict[str, Any] = BrowserForm(page.body.decode()).fields
        missing = {"remarks", "version", "form_token", "csrf_token"} - set(fields)
        must(not missing, f"Kentro: the edit form lacks {', '.join(missing)}")
        return fields

    def save(self, pk: int, fields: dict[str, Any], note: str) -> bytes:
        sent: bytes = self.client.encode("POST", self.peer.edit_url(pk), {**fields, "remarks": [note]})
        return sent

    def stored(self, pk: int) -> str | None:
        person = sa.table("beneficiary", sa.column("id"), sa.column("remarks"))
        with engine(self.peer.env["DATABASE_URL"]).connect() as connection:
            return connection.scalar(sa.select(person.c.remarks).where(person.c.id == self.peer.ids[pk]))


def start(names: list[str], flask: Path, kentro: str, peers: str) -> dict[str, Server]:
    """The servers, Kentro first."""
    rig.WORDS["frag"] = FRAGMENT
    _n, _amka, numbers = rig.dbapi(peers)
    rig.PEERS[KENTRO] = KentroPeer(flask, kentro, kentro_ids(kentro, peers, numbers))
    started: dict[str, Server] = {}
    try:
        for name in [KENTRO, *names]:
            started[name] = (KentroServer if name == KENTRO else Server)(name, peers)
            started[name].db = peers
    except BaseException:
        stop(started)
        raise
    return started


def stop(servers: dict[str, Server]) -> None:
    """End them all."""
    for server in servers.values():
        server.stop()
