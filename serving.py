"""Serving: what must hold before anybody is answered, and the server (docs/decisions/0011-waitress.md)."""

from __future__ import annotations

import gc
import socket

import click
import waitress
from flask import current_app
from sqlalchemy import orm

import row_security
import sealing

ADVICE = "Is the database there, and up to date (flask --app app db upgrade)?"


def serve(session: orm.Session) -> None:
    """Serve the application until it is told to stop.

    Raises:
        ClickException: it is production, and PostgreSQL's row security is not whole.
        vault.Sealed: what is kept was sealed with a key that is not here.
        OSError: the port is taken.
    """
    sealing.check(session)
    _check_wall(session)
    session.close()
    settings = current_app.config
    host, port = settings["HOST"], settings["PORT"]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Listen first: whoever reads the address can use it, and a port that is taken is told plainly.
    with socket.create_server((host, port), family=family) as listener:
        server = waitress.create_server(
            current_app._get_current_object(),  # type: ignore[attr-defined]
            sockets=[listener],
            threads=4,
            ident=None,
            # Behind a proxy its headers are needed; werkzeug's ProxyFix then counts how many may be believed.
            clear_untrusted_proxy_headers=not settings["PROXIES"],
        )
        _settle_memory()
        click.echo(f"Kentro: http://{host}:{port}/")
        server.run()


def _check_wall(session: orm.Session) -> None:
    """Tell where PostgreSQL's row security does not stand; real people's records are not served without it."""
    gaps = "\n".join(row_security.gaps(session.connection()))
    if gaps and current_app.config["KENTRO_MODE"] == "production":
        raise click.ClickException(f"The second wall is not whole:\n{gaps}\n{ADVICE}")
    if gaps:
        click.echo(f"The second wall is not whole:\n{gaps}", err=True)


def _settle_memory() -> None:
    """Keep Python's collector from going through what the start made, which lives as long as the process, and from
    running several times a page, whose objects die with it: about a tenth of a save."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
