"""`python -m benchmarks.timing`: can a clock tell another unit's row from one that never was?

Interleaved pairs of requests, each pair in random order: a foreign number and a missing one, a foreign person's name
and nobody's. Printed are the median of the pairs' ratios and what Wilcoxon's signed-rank test makes of them: p is how
likely such a difference is where there is none. The line of two missing numbers shows what noise alone does.
"""

from __future__ import annotations

import argparse
import gc
import math
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import flask_migrate
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

import policy
from app import create_app
from db import db
from models import Beneficiary, Unit
from search import key

PASSWORD = "timing-of-invented-people"
MISSING = (2_000_000_001, 2_000_000_002)
Pair = tuple[Callable[[], Any], Callable[[], Any]]


def main() -> None:
    """Fill a database, measure, print."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        app = _filled(asked.url or f"sqlite:///{Path(folder) / 'timing.sqlite'}", asked.people)
        cases = _cases(app, _signed_in(app))
        gc.disable()
        print(f"{asked.people} people, {asked.pairs} pairs each")
        for name, pair in cases.items():
            first, second = _measured(pair, asked.pairs)
            ratio = median(a / b for a, b in zip(first, second, strict=True))
            times = f"{median(first):7.2f} ms {median(second):7.2f} ms"
            print(f"{name:34} {times}  × {ratio:.3f}  p {signed_rank(first, second):.2f}")
        with app.app_context():
            db.engine.dispose()


def _measured(pair: Pair, pairs: int) -> tuple[list[float], list[float]]:
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(-10, pairs):
        for which in random.sample((0, 1), 2):
            start = time.perf_counter()
            pair[which]()
            if number >= 0:
                found[which].append((time.perf_counter() - start) * 1000)
    return found


def signed_rank(first: list[float], second: list[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test, by its normal approximation (fit for 20 pairs and more)."""
    differences = sorted((a - b for a, b in zip(first, second, strict=True) if a != b), key=abs)
    n = len(differences)
    above = sum(rank for rank, difference in enumerate(differences, 1) if difference > 0)
    deviation = math.sqrt(n * (n + 1) * (2 * n + 1) / 24)
    return math.erfc(abs(above - n * (n + 1) / 4) / deviation / math.sqrt(2)) if n else 1.0


# --- what is asked ----------------------------------------------------------------------------------------------------


def _cases(app: Flask, client: FlaskClient) -> dict[str, Pair]:
    """Foreign beside missing, each request as a clerk of the main centre sends it."""
    foreign, name, nobody, amka = _people(app)
    other_amka = amka[:6] + amka[6:][::-1]

    def pair(path: str, first: object, second: object) -> Pair:
        return tuple(lambda asked=asked: client.get(f"/admin/{path}={asked}").data for asked in (first, second))  # type: ignore[misc,return-value]

    lookup = "visit/ajax/lookup/?name=beneficiary_id&query"
    return {
        "two missing numbers (noise)": pair("beneficiary/details/?id", *MISSING),
        "details, foreign : missing": pair("beneficiary/details/?id", foreign, MISSING[0]),
        "form, foreign : missing": pair("beneficiary/edit/?id", foreign, MISSING[0]),
        "filter by number": pair("visit/?flt0_beneficiary_id_is", foreign, MISSING[0]),
        "new row for a person": pair("visit/new/?beneficiary_id", foreign, MISSING[0]),
        "search, foreign name : nobody's": pair("beneficiary/?search", name, nobody),
        "search, foreign ΑΜΚΑ : nobody's": pair("beneficiary/?search", amka, other_amka),
        "look-up, foreign name : nobody's": pair(lookup, name, nobody),
    }


def _people(app: Flask) -> tuple[int, str, str, str]:
    """A person of the annex with a name that nobody has, and a name of the same build that is no one's at all."""
    with app.app_context():
        policy.bind(db.session, policy.SYSTEM)
        annex = sa.select(Unit.id).where(Unit.code == "roma").scalar_subquery()
        person = db.session.scalars(
            sa.select(Beneficiary).where(Beneficiary.unit_id == annex, Beneficiary.amka.is_not(None))
        ).first()
        assert person is not None, "there is nobody in the annex"
        person.last_name = "Ξωκβαδίδης"
        db.session.flush()
        assert key("Ξωκβαδίδης").split()[0] in person.search_key
        found = person.id, person.last_name, "Ψωκγαδίδης", str(person.amka)
        db.session.commit()
        return found


def _filled(url: str, people: int) -> Flask:
    engines = {"default": sa.make_url(url.replace("postgresql:", "postgresql+psycopg:"))}
    app = create_app({"SECRET_KEY": "timing " * 6, "SQLALCHEMY_ENGINES": engines})
    with app.app_context():
        flask_migrate.upgrade()
    os.environ.pop("DATABASE_URL", None)
    runner = app.test_cli_runner()
    done = runner.invoke(args=["seed", "drama", "--demo", "--volume", str(people), "--password", PASSWORD])
    assert done.exit_code == 0, done.output
    return app


def _signed_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    page = client.get("/login").text
    token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    answer = client.post("/login", data={"username": "caseworker.main", "password": PASSWORD, "csrf_token": token})
    assert answer.status_code == 302, "could not sign in"
    return client


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.timing", description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--url", help="an empty database; by default an SQLite file that is thrown away")
    return parser.parse_args()


if __name__ == "__main__":
    main()
