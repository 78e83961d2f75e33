"""`make bench-trail`: make a trail of N entries by the real chain, verify it, and tell how long that takes."""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import flask_migrate
import sqlalchemy as sa

import audit
import policy
from app import create_app
from audit import chain
from audit.recorder import make_entry
from db import db
from vocabulary import AuditAction

AT_ONCE = 5000
WHO = policy.Scope(
    user_id=7, name="Παπαδοπούλου Ελένη", unit_ids=(1,), unit_names=("Κέντρο Κοινότητας",), ip="192.0.2.7",
    session_ref="0123456789abcdef", request_id="0123456789abcdef0123456789abcdef",
)  # fmt: skip


def main() -> None:
    """Measure on the database of DATABASE_URL, which must be empty; by default on a new SQLite file."""
    parser = argparse.ArgumentParser(prog="benchmarks.trail", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/trail.sqlite")
        with create_app().app_context():
            flask_migrate.upgrade()
            _timed("made", lambda: _fill(asked.entries))
            for _ in range(asked.rounds):
                found = _timed("verified", _findings)
                assert found == [], found[:3]


def _timed(what: str, act: Callable[[], Any]) -> Any:
    clock, work = time.perf_counter(), time.process_time()
    done = act()
    print(f"{what}: {time.perf_counter() - clock:.2f} s, {time.process_time() - work:.2f} s of it this process's own")
    return done


def _findings() -> list[str]:
    with db.engine.connect() as connection:
        return list(audit.verify(connection))


def _fill(entries: int) -> None:
    made = _entries(entries)
    with db.engine.execution_options(immediate=True).connect() as connection:
        while rows := list(itertools.islice(made, AT_ONCE)):
            chain.lengthen(connection, rows)
            connection.commit()
        assert connection.scalar(sa.select(sa.func.max(chain.ENTRIES.c.seq))) > entries


def _entries(count: int) -> Iterator[dict[str, Any]]:
    """Three looks or searches to one change, as a centre at work makes them."""
    changes = {"address": ["Αγίου Δημητρίου 12", "Μεγάλου Αλεξάνδρου 7"], "remarks": [None, "Ήρθε με τη μητέρα της."]}
    for n in range(count):
        is_change = n % 4 == 0
        action, told = (AuditAction.UPDATE, changes) if is_change else (AuditAction.VIEW, None)
        subject = {"subject_type": "beneficiary", "subject_label": f"Παπαδόπουλος Γεώργιος {n % 5000}"}
        yield make_entry(WHO, action, None, changes=told, details=subject) | {
            "subject_id": n % 5000,
            "person_id": n % 5000,
        }


if __name__ == "__main__":
    main()
