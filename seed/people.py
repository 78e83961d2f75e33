"""The people of a demo's unit: families after the unit's kind, each person with a situation that hangs together."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from models import Beneficiary, today
from seed import builders
from seed.stage import Stage
from vocabulary import (
    Answer,
    DisabilityDegree,
    Education,
    EmploymentStatus,
    HouseholdRelation,
    HouseholdType,
    Housing,
    Insurance,
    LegalStatus,
    MaritalStatus,
    Sex,
    TargetGroup,
    UnitKind,
)

# Households of each kind of unit, a letter a person: M F adults, m f elderly, c a child.
SHAPES = {
    UnitKind.MAIN: "MFcc MFc Fcc mf mf MFcf M M F F m f",
    UnitKind.ROMA: "MFcccc MFccc MFccf Fcc MFc M F",
    UnitKind.KEM: "MFcc MFcc MFc Fcc Fc M M M F F MFc",
    UnitKind.MOBILE: "mf mf MFc m f f M M F Fc Mcc MFc mf f",
}
AGES = {"M": (34, 53), "F": (34, 50), "m": (67, 88), "f": (67, 86), "c": (1, 14)}
RESIDENCE = {
    "AL": LegalStatus.WORK, "GE": LegalStatus.WORK, "SY": LegalStatus.REF, "AF": LegalStatus.ASYL,
    "UA": LegalStatus.TEMP, "PK": LegalStatus.BLUE, "NG": LegalStatus.HUM, "BG": LegalStatus.EU,
    "EG": LegalStatus.LONG, "BD": LegalStatus.WORK,
}  # fmt: skip
PERMIT_DAYS = (12, 28, 44, 58, -5, 190, 400, 720)
FROM_ABROAD = {UnitKind.KEM: range(10), UnitKind.MAIN: (1, 4, 6, 8, 9)}
"""Families that came from another country, by their place among the unit's."""


def arrive(stage: Stage) -> None:
    """Register the unit's people, family by family."""
    for n, shape in enumerate(SHAPES[stage.unit.kind].split()):
        family = [_person(stage, letter, n, place) for place, letter in enumerate(shape)]
        # Two families are new; the others came before the months that the demo tells of.
        since = today() - dt.timedelta(days=(3, 17)[n] if n < 2 else stage.chance.randrange(65, 500))
        _share(family, since)
        for person in family:
            stage.people.append(stage.add(person))
        move_in(stage, shape, family)
    stage.people[-1].closed_on = today()


def _share(family: list[Beneficiary], since: dt.date) -> None:
    """What people of one household have in common."""
    head = family[0]
    registered_on = max(since, *(person.born_on or since for person in family))
    for person in family:
        person.address, person.area, person.registered_on = head.address, head.area, registered_on
        if person.insurance == Insurance.INDIRECT and head.sex == Sex.M:
            person.father_name = head.first_name
        if len(family) == 1:
            person.marital_status = MaritalStatus.DIV


def _person(stage: Stage, letter: str, n: int, place: int) -> Beneficiary:
    sex = {"M": Sex.M, "F": Sex.F}.get(letter.upper()) or stage.chance.choice((Sex.M, Sex.F))
    days = stage.chance.randrange(AGES[letter][0] * 366, AGES[letter][1] * 365)
    said = {"sex": sex, "born_on": today() - dt.timedelta(days=days), "housing": Housing.RENT}
    said |= _names(stage, sex, n, place) | _situation(stage.chance, letter, days // 365)
    said |= _answers(stage.chance, letter)
    if stage.unit.kind == UnitKind.ROMA:
        said |= {"area": builders.area(6 + n % 2), "housing": _settlement_housing(n)}
    if _is_from_abroad(stage, n):
        said |= _residence(n, 100 * stage.unit.id + len(stage.people) + place)
    return builders.beneficiary(stage.unit, caseworker_id=stage.caseworker.id if n % 2 else None, **said)


def _names(stage: Stage, sex: Sex, n: int, place: int) -> dict[str, str]:
    """The n-th family's surname and a first name that nobody else in the family has."""
    if _is_from_abroad(stage, n):
        names = surnames = _origin(n)
    else:
        names = builders.NAMES["roma_annex"] if stage.unit.kind == UnitKind.ROMA else builders.NAMES
        surnames = {"surname": builders.NAMES["surnames"][(n + 5 * stage.unit.id) % len(builders.NAMES["surnames"])]}
    pool = names["female_names" if sex == Sex.F else "male_names"]
    first = pool[(5 * n + place + stage.unit.id) % len(pool)]
    parents = {"father_name": stage.chance.choice(names["male_names"]), "mother_name": names["female_names"][n % 4]}
    return {"last_name": surnames["surname"][sex == Sex.F], "first_name": first} | parents


def _is_from_abroad(stage: Stage, n: int) -> bool:
    return n in FROM_ABROAD.get(stage.unit.kind, ())


def _origin(n: int) -> dict[str, Any]:
    return builders.NAMES["migrants"][n % len(builders.NAMES["migrants"])]  # type: ignore[no-any-return]


def _situation(chance: random.Random, letter: str, age: int) -> dict[str, Any]:
    """What somebody of this age lives on."""
    if letter == "c":
        status = EmploymentStatus.INACT_PUPIL if age >= 6 else EmploymentStatus.INACT_PRESCH
        return {"employment_status": status, "marital_status": MaritalStatus.SGL, "insurance": Insurance.INDIRECT,
                "target_groups": (TargetGroup.CHILD,), "afm": None, "mobile": None}  # fmt: skip
    schooling = chance.choice((Education.ISCED_1, Education.ISCED_2, Education.ISCED_3G, Education.ISCED_3V))
    said: dict[str, Any] = {"education": schooling, "insurance": Insurance.DIRECT, "marital_status": MaritalStatus.MAR}
    if letter.islower():
        return said | {"employment_status": EmploymentStatus.INACT_PENS, "target_groups": (TargetGroup.ELDER,)}
    jobs = (EmploymentStatus.UNEMP_ST, EmploymentStatus.UNEMP_LT, EmploymentStatus.SEASON, EmploymentStatus.EMP)
    said["employment_status"] = status = chance.choice(jobs)
    if status in jobs[:2]:
        days = chance.randrange(30, 360) + (365 if status == EmploymentStatus.UNEMP_LT else 0)
        said |= {"target_groups": (TargetGroup.EEE, TargetGroup.UNEMP), "insurance": Insurance.UNINS}
        said["unemployed_since"] = today() - dt.timedelta(days=days)
    return said


def _answers(chance: random.Random, letter: str) -> dict[str, Any]:
    """Special-category answers, alike in every unit: none may be read off the unit's kind."""
    said: dict[str, Any] = {"ethnic_roma": chance.choice(tuple(Answer))}
    if letter != "c":
        said["disability"] = chance.choice((Answer.YES, Answer.NO, Answer.NO, Answer.DECLINED, Answer.NOT_ASKED))
        said["health_problem"] = chance.choice(tuple(Answer))
    if said.get("disability") == Answer.YES:
        said["disability_degree"] = chance.choice((DisabilityDegree.CERT_67_79, DisabilityDegree.PENDING))
    return said


def _settlement_housing(n: int) -> Housing:
    return (Housing.PREFAB, Housing.MAKESHIFT, Housing.UNFIT, Housing.RENT)[n % 4]


def _residence(n: int, number: int) -> dict[str, Any]:
    """Nationality and papers; applicants for asylum have a ΠΑΑΥΠΑ until they get an ΑΜΚΑ."""
    country = _origin(n)["country"]
    status = RESIDENCE[country]
    said: dict[str, Any] = {"nationality": country, "legal_status": status, "id_document": f"TEST{number:04d}"}
    if status == LegalStatus.ASYL:
        said |= {"amka": None, "afm": None, "paaypa": f"TEST{number:06d}", "insurance": Insurance.PAAYPA}
    if status != LegalStatus.EU:
        said["permit_expires_on"] = today() + dt.timedelta(days=PERMIT_DAYS[n % len(PERMIT_DAYS)])
    return said


def move_in(stage: Stage, shape: str, family: list[Beneficiary]) -> None:
    """Make the family's household, a letter of the shape for each of them."""
    head = family[0]
    said = {name: getattr(head, name) for name in ("address", "area", "housing")}
    household = stage.add(
        builders.household(stage.unit, name=head.last_name, household_type=_household_type(shape), **said)
    )
    for n, (letter, person) in enumerate(zip(shape, family, strict=True)):
        stage.add(builders.member(household, person, _relation(letter, n), joined_on=person.registered_on))


def _household_type(shape: str) -> HouseholdType:
    adults = shape.rstrip("c")
    if "c" in adults or len(adults) > 2:
        return HouseholdType.MULTI
    if adults == shape:
        return HouseholdType.COUPLE if len(adults) == 2 else HouseholdType.ONE
    return HouseholdType.COUPLE_CH if len(adults) == 2 else HouseholdType.SINGLE_PAR


def _relation(letter: str, n: int) -> HouseholdRelation:
    if letter == "c":
        return HouseholdRelation.CHILD
    return (HouseholdRelation.HEAD, HouseholdRelation.SPOUSE)[n] if n < 2 else HouseholdRelation.PARENT
