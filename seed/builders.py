"""One builder per kind of row, shared by seeds and tests: an unsaved, recognisably invented row; keywords say the rest.

The rows that a builder is given stand in the database already (flushed), since a row refers to them by number.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from stdnum import luhn
from stdnum.gr import vat

from models import (
    AccessGrant,
    Application,
    Appointment,
    Beneficiary,
    CaseNote,
    Consent,
    DataRequest,
    Distribution,
    Event,
    EventAttendance,
    Household,
    HouseholdMember,
    Item,
    LegalHold,
    Membership,
    Municipality,
    Partner,
    Programme,
    Referral,
    Service,
    ServiceDelivery,
    StockMovement,
    Unit,
    User,
    Visit,
    Volunteer,
    VolunteerHours,
    now,
    today,
)
from seed import read
from vocabulary import (
    Axis,
    ConsentKind,
    EventType,
    FilePart,
    HouseholdRelation,
    HouseholdType,
    Housing,
    ItemCategory,
    LegalBasis,
    LegalStatus,
    MovementKind,
    NationalLaw,
    PartnerCategory,
    RequestKind,
    Role,
    Sex,
    SharingPurpose,
    Skill,
    UnitKind,
)

NAMES = read("names.toml")
INVENTED_SERIALS = 9000  # of an ΑΜΚΑ; no day has so many births that they are issued

_numbers = itertools.count(1)


# --- numbers and names ------------------------------------------------------------------------------------------------


def amka(born_on: dt.date, sex: Sex, n: int) -> str:
    """A valid ΑΜΚΑ that nobody has; n from 0 to 499 tells people of one birth date and sex apart."""
    number = f"{born_on:%d%m%y}{INVENTED_SERIALS + 2 * n + (sex == Sex.M):04d}"
    return f"{number}{luhn.calc_check_digit(number)}"


def afm(n: int) -> str:
    """A valid ΑΦΜ that nobody has: its two leading zeros are not in use. n from 1 to 999,999."""
    number = f"00{n:06d}"
    return f"{number}{vat.calc_check_digit(number)}"


def phone(n: int, kind: str = "mobile") -> str:
    """The n-th telephone of the invented range, counted round."""
    first, last = (int(end) for end in NAMES["phones"][kind])
    return f"+30{first + n % (last - first + 1)}"


def surname(n: int, sex: Sex) -> str:
    """The n-th surname, in the form that goes with the sex."""
    return str(NAMES["surnames"][n % len(NAMES["surnames"])][sex == Sex.F])


def first_name(n: int, sex: Sex) -> str:
    """The n-th first name."""
    names = NAMES["female_names" if sex == Sex.F else "male_names"]
    return str(names[n * 7 % len(names)])


def address(n: int) -> str:
    """A street that is in no town, and a house number."""
    return f"{NAMES['streets'][n % len(NAMES['streets'])]} {n % 90 + 1}"


def area(n: int) -> str:
    """The n-th quarter."""
    return str(NAMES["areas"][n % len(NAMES["areas"])])


# --- the house --------------------------------------------------------------------------------------------------------


def municipality(**over: Any) -> Municipality:
    """A municipality that does not exist."""
    said = {"code": "example", "name": "Δήμος Παραδείγματος", "name_en": "Municipality of Example"}
    return Municipality(**said | over)


def unit(town: Municipality, kind: UnitKind = UnitKind.MAIN, **over: Any) -> Unit:
    """A unit of the municipality; its code is its kind in small letters."""
    said = {"municipality_id": town.id, "code": kind.value.lower(), "kind": kind, "name": f"{kind.label.el} Δοκιμών"}
    return Unit(**said | over)


def user(role: Role, units: Iterable[Unit] = (), **over: Any) -> User:
    """Somebody with this role in these units; without a password nobody signs in as them."""
    n = next(_numbers)
    sex = (Sex.M, Sex.F)[n % 2]
    said = {"username": f"{role.value}.{n}", "full_name": f"{first_name(n, sex)} {surname(n, sex)}", "role": role}
    return User(**said | {"memberships": [Membership(unit_id=unit.id) for unit in units]} | over)


def service(**over: Any) -> Service:
    """A service of the catalogue."""
    return Service(**{"code": f"A{50 + next(_numbers)}", "axis": Axis.A, "name": "Υπηρεσία δοκιμών"} | over)


def programme(**over: Any) -> Programme:
    """A programme to apply to."""
    return Programme(**{"code": f"TEST{next(_numbers)}", "name": "Πρόγραμμα δοκιμών"} | over)


def partner(**over: Any) -> Partner:
    """A body to refer to."""
    return Partner(**{"name": f"Φορέας Δοκιμών {next(_numbers)}", "category": PartnerCategory.OTHER} | over)


# --- people -----------------------------------------------------------------------------------------------------------


def beneficiary(unit: Unit, **over: Any) -> Beneficiary:
    """An adult Greek registered today. ΑΜΚΑ, names and sex agree, also when some of them are given."""
    n = next(_numbers)
    sex = over.get("sex", (Sex.M, Sex.F)[n % 2])
    born_on = over.get("born_on", dt.date(1960, 1, 1) + dt.timedelta(days=n * 37 % 16_000))
    said = {
        "unit_id": unit.id,
        "last_name": surname(n, sex),
        "first_name": first_name(n, sex),
        "father_name": NAMES["father_names"][n % len(NAMES["father_names"])],
        "mother_name": first_name(n + 1, Sex.F),
        "sex": sex,
        "born_on": born_on,
        "amka": amka(born_on, sex, n % 250) if born_on else None,
        "afm": afm(n),
        "nationality": "GR",
        "legal_status": LegalStatus.GR,
        "mobile": phone(n),
        "address": address(n),
        "area": area(n),
    }
    return Beneficiary(**said | over)


def household(unit: Unit, **over: Any) -> Household:
    """A household without members."""
    n = next(_numbers)
    said = {"unit_id": unit.id, "name": surname(n, Sex.M), "address": address(n), "area": area(n)}
    return Household(**said | {"household_type": HouseholdType.MULTI, "housing": Housing.RENT} | over)


def member(
    household: Household, person: Beneficiary, relation: HouseholdRelation = HouseholdRelation.HEAD, **over: Any
) -> HouseholdMember:
    """The person's place in the household."""
    said = {"unit_id": household.unit_id, "household_id": household.id, "beneficiary_id": person.id}
    return HouseholdMember(**said | {"relation": relation} | over)


# --- what happens to them ---------------------------------------------------------------------------------------------


def visit(unit: Unit, staff: User, person: Beneficiary | None = None, **over: Any) -> Visit:
    """A visit now, nameless when no person is given."""
    said: dict[str, Any] = {"at": now(), "request": "Πληροφορίες για επιδόματα", "action": "Ενημερώθηκε"}
    said |= {"unit_id": unit.id, "staff_id": staff.id, "beneficiary_id": person and person.id}
    return Visit(**said | over)


def appointment(unit: Unit, staff: User, person: Beneficiary | None = None, **over: Any) -> Appointment:
    """An appointment in an hour; without a person, for a caller."""
    said: dict[str, Any] = {"caller": None if person else "Καλών Δοκιμαστής", "purpose": "Συμπλήρωση αίτησης"}
    said |= {"unit_id": unit.id, "staff_id": staff.id, "beneficiary_id": person and person.id}
    return Appointment(**said | {"at": now() + dt.timedelta(hours=1)} | over)


def delivery(person: Beneficiary, service: Service, staff: User, **over: Any) -> ServiceDelivery:
    """A service given to the person today."""
    said = _about(person) | {"service_id": service.id, "staff_id": staff.id, "on": today(), "minutes": 30}
    return ServiceDelivery(**said | over)


def case_note(person: Beneficiary, author: User, **over: Any) -> CaseNote:
    """A note confided to the treating team."""
    return CaseNote(**_about(person) | {"author_id": author.id, "body": "Σημείωση δοκιμής."} | over)


def referral(person: Beneficiary, staff: User, partner: Partner | None = None, **over: Any) -> Referral:
    """A draft referral to the partner, or to the unit given as `to_unit_id`."""
    said = {"staff_id": staff.id, "to_partner_id": partner and partner.id, "reason": "Έκδοση βεβαίωσης"}
    return Referral(**_about(person) | said | over)


def application(person: Beneficiary, programme: Programme, staff: User, **over: Any) -> Application:
    """An application about which the person has only been told."""
    return Application(**_about(person) | {"programme_id": programme.id, "staff_id": staff.id} | over)


def access_grant(unit: Unit, staff: User, **over: Any) -> AccessGrant:
    """A request of the unit's caseworker for the contact data of somebody elsewhere, whom nobody may be."""
    said: dict[str, Any] = {"unit_id": unit.id, "asked_by_id": staff.id, "asked_parts": (FilePart.CONTACT,)}
    said |= {"last_name": surname(next(_numbers), Sex.F), "first_name": "Άγνωστη", "born_on": dt.date(1979, 9, 9)}
    said |= {"purpose": SharingPurpose.SUPPORT, "legal_basis": LegalBasis.TASK, "national_law": NationalLaw.CENTRES}
    return AccessGrant(**said | {"reason": "Κοινό σχέδιο στήριξης"} | over)


def consent(person: Beneficiary, **over: Any) -> Consent:
    """The person's consent to photographs, on paper, since today."""
    return Consent(**_about(person) | {"kind": ConsentKind.PHOTO, "given_on": today()} | over)


def data_request(person: Beneficiary, **over: Any) -> DataRequest:
    """The person's request for a copy, received today."""
    return DataRequest(**_about(person) | {"kind": RequestKind.ACCESS, "received_on": today()} | over)


def legal_hold(person: Beneficiary, **over: Any) -> LegalHold:
    """A hold on the person's records from today until it is lifted."""
    return LegalHold(**_about(person) | {"reason": "Εκκρεμεί δίκη", "since": today()} | over)


def _about(person: Beneficiary) -> dict[str, Any]:
    return {"unit_id": person.unit_id, "beneficiary_id": person.id}


# --- volunteers, events, goods ----------------------------------------------------------------------------------------


def volunteer(unit: Unit, **over: Any) -> Volunteer:
    """Somebody who gives time to the unit."""
    n = next(_numbers)
    sex = (Sex.M, Sex.F)[n % 2]
    said = {"unit_id": unit.id, "last_name": surname(n, sex), "first_name": first_name(n, sex), "phone": phone(n)}
    return Volunteer(**said | {"skills": (Skill.TEACHING,)} | over)


def hours(volunteer: Volunteer, event: Event | None = None, **over: Any) -> VolunteerHours:
    """Two hours that the volunteer gave today."""
    said = {"unit_id": volunteer.unit_id, "volunteer_id": volunteer.id, "event_id": event and event.id}
    return VolunteerHours(**said | {"on": today(), "hours": Decimal(2), "task": "Βοήθεια στη δομή"} | over)


def event(unit: Unit, **over: Any) -> Event:
    """An information event of two hours, from now, for twenty people."""
    starts_at = over.get("starts_at", now())
    said = {"unit_id": unit.id, "title": "Ενημέρωση δοκιμών", "event_type": EventType.INFO, "starts_at": starts_at}
    return Event(**said | {"ends_at": starts_at + dt.timedelta(hours=2), "capacity": 20} | over)


def attendance(event: Event, person: Beneficiary, **over: Any) -> EventAttendance:
    """The person's enrolment in the event."""
    return EventAttendance(**_about(person) | {"event_id": event.id} | over)


def item(unit: Unit, **over: Any) -> Item:
    """A kind of goods of which there is nothing yet."""
    said = {"unit_id": unit.id, "name": f"Δέμα τροφίμων {next(_numbers)}", "category": ItemCategory.FOOD}
    return Item(**said | {"low_stock": Decimal(5)} | over)


def movement(item: Item, quantity: int | Decimal = 20, **over: Any) -> StockMovement:
    """Goods that came in as a donation today."""
    said = {"unit_id": item.unit_id, "item_id": item.id, "quantity": Decimal(quantity), "on": today()}
    return StockMovement(**said | {"kind": MovementKind.DONATION} | over)


def distribution(item: Item, person: Beneficiary, staff: User, **over: Any) -> Distribution:
    """One piece handed to the person today."""
    said = {"item_id": item.id, "staff_id": staff.id, "quantity": Decimal(1), "on": today()}
    return Distribution(**_about(person) | said | over)
