"""What is left of a person after an erasure: one rule for every table and column that the walk reaches.

Rows stay where monthly figures and ESF+ indicators count them, without what tells who the person was (Regulation
2016/679, recital 26 and article 17(3)(b)); a test refuses a column that no rule names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Made = Callable[[Any], Any]


@dataclass(frozen=True)
class Rule:
    """Columns that stay, that are emptied, and that are made coarser; or the whole row goes."""

    keep: str = ""
    empty: str = ""
    coarser: Mapping[str, Made] = field(default_factory=dict)
    is_deleted: bool = False

    @property
    def columns(self) -> set[str]:
        """Every column that the rule names."""
        return {*self.keep.split(), *self.empty.split(), *self.coarser}


GONE = Rule(is_deleted=True)
NAMELESS = "Ανώνυμη καρτέλα"


def nameless(row: Any) -> str:
    """In the place of a name and of a registry number, which must be there and differ."""
    return f"Α-{row.id}"


RULES: dict[str, Rule] = {
    "beneficiary": Rule(
        keep="unit_id sex nationality legal_status area education employment_status housing target_groups ethnic_roma "
        "disability protected_groups registered_on closed_on restricted_on erased_on",
        empty="father_name mother_name amka afm paaypa id_document permit_expires_on phone mobile email address "
        "postal_code marital_status unemployed_since insurance ethnic_roma_asked_on ethnic_roma_asked_by_id "
        "disability_asked_on disability_asked_by_id disability_degree health_problem health_problem_asked_on "
        "health_problem_asked_by_id health_notes caseworker_id remarks",
        coarser={
            "registry_number": nameless,
            "first_name": nameless,
            "last_name": lambda row: NAMELESS,
            "born_on": lambda row: row.born_on,  # to the year, by erasing.py, which knows what figures count by age
        },
    ),
    "visit": Rule(keep="unit_id beneficiary_id at channel staff_id", empty="request action"),
    "appointment": Rule(keep="unit_id beneficiary_id at minutes staff_id status", empty="caller caller_phone purpose"),
    "service_delivery": Rule(keep="unit_id beneficiary_id service_id on staff_id minutes", empty="notes"),
    "referral": Rule(
        keep="unit_id beneficiary_id to_partner_id to_unit_id status sent_on due_on staff_id", empty="reason outcome"
    ),
    "referral_step": Rule(keep="unit_id referral_id status on by_id", empty="note"),
    "application": Rule(
        keep="unit_id beneficiary_id programme_id opened_on status submitted_on renewal_on staff_id",
        empty="submission_number missing_documents remarks",
    ),
    "application_step": Rule(keep="unit_id application_id status on by_id", empty="note"),
    "event_attendance": Rule(keep="unit_id beneficiary_id event_id attendance"),
    "distribution": Rule(keep="unit_id beneficiary_id item_id on quantity staff_id"),
    # Reports count linked records once: the link stays, between records that are erased together.
    "person_decision": Rule(keep="first_id second_id verdict by_id at", empty="reason"),
    "data_request": Rule(
        keep="unit_id beneficiary_id kind received_on is_extended due_on answered_on outcome", empty="note"
    ),
    "legal_hold": Rule(keep="unit_id beneficiary_id since until by_id", empty="reason"),
    "household_member": GONE,
    "case_note": GONE,
    "attachment": GONE,
    "consent": GONE,
    "access_grant": GONE,
    "person_token": GONE,
}
