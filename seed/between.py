"""What passes between a demo's units: people whom two of them know, and files that one asks of the other."""

from __future__ import annotations

import datetime as dt
from typing import Any

from models import AccessGrant, Beneficiary, PersonDecision, User, now, today
from seed import builders, people
from seed.stage import Stage, acting
from vocabulary import FilePart, GrantStatus, SamePerson, Sex, SharingPurpose

ALIKE = (
    "last_name",
    "first_name",
    "father_name",
    "mother_name",
    "sex",
    "born_on",
    "afm",
    "nationality",
    "legal_status",
)
SEEN_AGAIN = (("amka", *ALIKE), ALIKE)
"""By what two people of an annex are known again in the centre: the second did not have the ΑΜΚΑ with them."""


def play(centre: Stage, annex: Stage, coordinator: User) -> None:
    """Two people of the annex come to the centre too; each unit asks for files, and the coordinator answers."""
    come, stay = annex.settled[:2], annex.settled[5]
    with acting(centre.session, centre.caseworker):
        known = [_again(centre, *said) for said in zip(come, SEEN_AGAIN, strict=True)]
        granted = _ask(centre, come[0], (FilePart.CONTACT, FilePart.SERVICES), days_ago=6)
        refused = centre.add(builders.access_grant(centre.unit, centre.caseworker, asked_at=_ago(4)))
        _ask(centre, stay, (FilePart.CONTACT,), days_ago=1, purpose=SharingPurpose.BENEFIT)
    with acting(annex.session, annex.caseworker):
        _ask(annex, known[1], (FilePart.SERVICES,), days_ago=1, purpose=SharingPurpose.CONTINUITY)
    with acting(annex.session, coordinator):
        granted.grant(come[0].id, granted.asked_parts, now() + dt.timedelta(days=24), by_id=coordinator.id)
        refused.move_to(GrantStatus.REFUSED, today(), "Κανένας φάκελος δεν συμφωνεί.", coordinator.id)
        same = {"verdict": SamePerson.SAME, "reason": "Ταυτότητα που έδειξε και στις δύο μονάδες"}
        annex.add(PersonDecision(first_id=come[0].id, second_id=known[0].id, by_id=coordinator.id, **same))


def _again(centre: Stage, person: Beneficiary, known_by: tuple[str, ...]) -> Beneficiary:
    said = {"amka": None, "mobile": None, **{name: getattr(person, name) for name in known_by}}
    here = centre.add(builders.beneficiary(centre.unit, registered_on=today() - dt.timedelta(days=20), **said))
    people.move_in(centre, "F" if person.sex == Sex.F else "M", [here])
    return here


def _ask(stage: Stage, person: Beneficiary, parts: tuple[FilePart, ...], days_ago: int, **over: Any) -> AccessGrant:
    said = {name: getattr(person, name) for name in ("last_name", "first_name", "born_on")}
    said |= {"asked_parts": parts, "asked_at": _ago(days_ago)}
    return stage.add(builders.access_grant(stage.unit, stage.caseworker, **said | over))


def _ago(days: int) -> dt.datetime:
    return now() - dt.timedelta(days=days)
