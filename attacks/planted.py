"""Planted flaws: pages with every fault that the attacks look for. A check that overlooks them in the same run fails.

Registered by the attacks alone, beside Kentro's own pages, below /00-planted/, first in the alphabet and so in every
list. What would harm this machine is imitated: no command is run and no file opened; the database behind the injectable
page holds nothing.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import urllib.request
from http.client import HTTPException
from typing import Any

from flask import Blueprint, Flask, Response, request
from werkzeug.datastructures import Headers
from werkzeug.urls import iri_to_uri

PREFIX = "/00-planted"
blueprint = Blueprint("planted", __name__, url_prefix=PREFIX)
UNGUARDED = {"Content-Security-Policy": "script-src * 'unsafe-inline'"}
kept: list[str] = []

LINKS = ("search/?name=x", "echo/?text=x", "leave/?next=x", "broken/?text=x", "run/?host=x", "file/?name=x",
         "fetch/?address=x", "head/?text=x", "keep/?text=x")  # fmt: skip
INDEX = f"""<!doctype html><title>Planted</title>{"".join(f'<a href="{link}">{link}</a>' for link in LINKS)}
<form method="post" action="keep/"><input name="text" value="x"><button>send</button></form>"""


def plant(app: Flask) -> None:
    """Put the faulty pages into the application, where nothing asks for a token."""
    app.register_blueprint(blueprint)
    app.extensions["csrf"].exempt(blueprint)


@blueprint.get("/")
def index() -> str:
    """Leads a crawler to the faults."""
    return INDEX


@blueprint.get("/search/")
def search() -> str:
    """SQL built from text."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE person (name TEXT)")
        connection.execute("INSERT INTO person VALUES ('x')")
        try:
            found = connection.execute(f"SELECT name FROM person WHERE name = '{request.args.get('name')}'").fetchall()
        except sqlite3.Error as error:
            return f"sqlite3.{type(error).__name__}: {error}"
    return f"<p>{len(found)} found</p>" + "<p>Somebody</p>" * len(found)


@blueprint.get("/echo/")
def echo() -> tuple[str, dict[str, str]]:
    """What was asked, as markup, on a page that lets scripts run."""
    return f"<!doctype html><title>Echo</title><p>{request.args.get('text')}</p>", UNGUARDED


@blueprint.get("/guarded/")
def guarded() -> str:
    """The same under the house's own policy, which a browser reports."""
    return f"<!doctype html><title>Echo</title><p>{request.args.get('text')}</p>"


@blueprint.post("/keep/")
def keep() -> str:
    """Keeps a text with markup."""
    text = request.form.get("text", "")
    kept.extend([text] if text else [])
    return show()[0]


@blueprint.get("/keep/")
def show() -> tuple[str, dict[str, str]]:
    """Keeps a text here too, and shows the last ones as markup."""
    kept.extend([request.args["text"]] if request.args.get("text") else [])
    return f"<!doctype html><title>Kept</title><p>{' '.join(kept[-300:])}</p>", UNGUARDED


@blueprint.get("/leave/")
def leave() -> Response:
    """Leads wherever it is told."""
    asked = request.args.get("next", "")
    with contextlib.suppress(ValueError):  # no browser would go there either
        return Response(status=302, headers={"Location": iri_to_uri(asked)})
    return Response("Nowhere")


@blueprint.get("/broken/")
def broken() -> Any:
    """Fails at a quotation mark, and tells how it is made."""
    if "'" in request.args.get("text", ""):
        return "Traceback (most recent call last): sqlalchemy.exc.OperationalError", 500
    return "Whole"


@blueprint.get("/run/")
def run() -> str:
    """Imitates a command line: answers what a shell would, to those who ask for its environment."""
    asked = request.args.get("host", "")
    return "PATH=/usr/bin:/bin\nPWD=/\nHOME=/" if re.search(r"[;|&`(\n]\s*env\b", asked) else "Nobody answers"


@blueprint.get("/file/")
def file() -> str:
    """Imitates a path taken from outside."""
    asked = request.args.get("name", "")
    return "root:x:0:0:root:/root:/bin/bash\n" if re.search(r"/etc/(passwd|services)", asked) else "No such file"


@blueprint.get("/fetch/")
def fetch() -> str:
    """Opens an address that it is told, on this machine alone."""
    asked = request.args.get("address", "")
    if asked.startswith(request.host_url):
        with (
            contextlib.suppress(OSError, ValueError, HTTPException),
            urllib.request.urlopen(asked, timeout=5) as answer,
        ):
            answer.read()
    return "Fetched"


@blueprint.get("/head/")
def head() -> Response:
    """Imitates a header taken from outside: werkzeug and waitress would refuse its line break, so it is split here."""
    first, *others = re.split(r"[\r\n]+", request.args.get("text", ""))
    headers = Headers({"X-Text": re.sub(r"[^ -~]", "?", first)})
    for name, colon, value in (line.partition(":") for line in others):
        if colon and re.fullmatch(r"[\w-]+", name):
            headers[name] = re.sub(r"[^ -~]", "?", value.strip())
    return Response("Whole", headers=headers)


# --- where a page that fetches addresses is caught --------------------------------------------------------------------

caught: dict[str, dict[str, dict[str, list[dict[str, str]]]]] = {}
"""Calls that wapiti's payloads led to: its session, the number of its request, the parameter in hexadecimal."""


@blueprint.get("/endpoint/ssrf/<session>/<number>/<parameter>/")
def catch(session: str, number: str, parameter: str) -> str:
    """Somebody inside fetched an address that came from outside."""
    call = {"url": request.url, "date": "", "ip": str(request.remote_addr), "method": request.method}
    caught.setdefault(session, {}).setdefault(number, {}).setdefault(parameter, []).append(call)
    return "Caught"


@blueprint.get("/endpoint/get_ssrf.php")
def calls() -> Any:
    """What wapiti asks for at the end, as its own endpoint would answer."""
    return caught.get(request.args.get("session_id", ""), {})
