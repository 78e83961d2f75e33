"""A Kentro to be attacked: the tests' cast in an SQLite file of its own, served as in earnest, with planted flaws."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from tests import world as cast

from . import planted

ROOT = Path(__file__).parents[1]
SETTINGS = {"SECRET_KEY": "of the attack alone, and no secret", "KEYS": (b"of the attack, and no secret ...",)}
COOKIE = "kentro"


@dataclass
class Ground:
    """A filled database, of which every attacker gets a copy, so that none spoils another's."""

    folder: Path
    rows: dict[str, dict[str, int]]
    users: dict[str, int]

    @classmethod
    def lay(cls, folder: Path) -> Ground:
        """Migrate and fill."""
        rows, users = cast.build(make_app(folder / "kept.sqlite"))
        return cls(folder, rows, users)

    def world(self, name: str) -> cast.World:
        """An application over a copy of its own."""
        return cast.World(make_app(self.copy(name)), "sqlite", self.rows, self.users)

    def copy(self, name: str) -> Path:
        """The copy of this name, made at its first use."""
        file = self.folder / f"{name}.sqlite"
        if not file.exists():
            with sqlite3.connect(self.folder / "kept.sqlite") as kept, sqlite3.connect(file) as new:
                kept.backup(new)
        return file


def make_app(file: Path) -> Flask:
    """Kentro over this file, as in development: no allowance a minute, and nobody is asked again who they are."""
    from app import create_app

    own = {"SQLALCHEMY_ENGINES": {"default": f"sqlite:///{file}"}, "SQLITE_SYNCHRONOUS": "NORMAL"}
    lasting = {"IDLE_MINUTES": 600, "FRESH_MINUTES": 0, "READINGS": 0}
    app = create_app({**SETTINGS, **own, **lasting})
    app.logger.disabled = True  # flaws are planted to fail, and a finding names its address
    planted.plant(app)
    return app


def cookie(browser: cast.Browser) -> str:
    """What the browser keeps of its session."""
    found = browser.client.get_cookie(COOKIE)
    assert found, "the session has no cookie"
    return found.value


@contextlib.contextmanager
def served(file: Path) -> Iterator[str]:
    """Its address, while another process serves it."""
    command = [sys.executable, "-m", "attacks.site", str(file)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout
        yield json.loads(server.stdout.readline())
    finally:
        server.kill()
        server.wait()


def _serve(file: Path) -> Any:
    import waitress

    server: Any = waitress.create_server(make_app(file), host="127.0.0.1", port=0, threads=4)
    print(json.dumps(f"http://127.0.0.1:{server.effective_port}"), flush=True)
    server.run()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
