"""What people of a demo's unit agreed to, and what they asked about their own data; the coordinator answers."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from models import DataRequest, User, today
from seed import builders
from seed.stage import Stage, acting
from vocabulary import ConsentForm, ConsentKind, RequestKind, RequestOutcome

CONSENTS = (
    (ConsentKind.PHOTO, ConsentForm.PAPER, 50, None), (ConsentKind.PHOTO, ConsentForm.PAPER, 48, None),
    (ConsentKind.PHOTO, ConsentForm.ORAL, 45, 6), (ConsentKind.NEWSLETTER, ConsentForm.ELECTRONIC, 40, None),
    (ConsentKind.NEWSLETTER, ConsentForm.ELECTRONIC, 38, 12), (ConsentKind.NGO, ConsentForm.PAPER, 20, None),
)  # fmt: skip
"""Each with how it was given, and how many days ago it was given and withdrawn."""


class Asked(NamedTuple):
    """A request: by whom of the settled, how many days ago, and when and how it was answered."""

    place: int
    kind: RequestKind
    note: str
    days_ago: int
    answered_ago: int | None = None
    outcome: RequestOutcome | None = None


HELD, RELEASED = 2, 3
"""Places among the settled of people on whom a legal hold stands, and stood."""
ASKED = (
    Asked(0, RequestKind.ACCESS, "Θέλει αντίγραφο του φακέλου.", 50, 41, RequestOutcome.GRANTED),
    Asked(HELD, RequestKind.ERASURE, "Να διαγραφούν όλα.", 35, 20, RequestOutcome.REFUSED),
    # Some 28 to 31 days are a month: this one is due within five.
    Asked(4, RequestKind.RECTIFICATION, "Να διορθωθεί η διεύθυνση στα παλιά έγγραφα.", 26),
    Asked(-2, RequestKind.RESTRICTION, "Αμφισβητεί όσα γράφτηκαν.", 12, 8, RequestOutcome.GRANTED),
    Asked(5, RequestKind.ACCESS, "Ρωτά ποιος είδε τα στοιχεία του.", 4),
)


def play(stage: Stage, coordinator: User) -> None:
    """Write them down in the caseworker's name, and answer in the coordinator's."""
    for person, (kind, how, given, withdrawn) in zip(stage.settled, CONSENTS, strict=False):
        said = {"kind": kind, "how": how, "given_on": _ago(given), "withdrawn_on": _ago(withdrawn)}
        stage.add(builders.consent(person, **said))
    noted = [_note(stage, asked) for asked in ASKED]
    with acting(stage.session, coordinator):
        for place, until in ((HELD, None), (RELEASED, _ago(10))):
            stage.add(builders.legal_hold(stage.settled[place], since=_ago(60), until=until))
        for row, asked in zip(noted, ASKED, strict=True):
            _answer(stage, row, asked)


def _note(stage: Stage, asked: Asked) -> DataRequest:
    said = {"kind": asked.kind, "received_on": _ago(asked.days_ago), "note": asked.note}
    return stage.add(builders.data_request(stage.settled[asked.place], **said))


def _answer(stage: Stage, row: DataRequest, asked: Asked) -> None:
    row.answered_on, row.outcome = _ago(asked.answered_ago), asked.outcome
    if asked.kind == RequestKind.RESTRICTION:
        stage.settled[asked.place].restricted_on = row.answered_on
    stage.session.flush()


def _ago(days: int | None) -> dt.date | None:
    return None if days is None else today() - dt.timedelta(days=days)
