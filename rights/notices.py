"""What article 15 asks to be told beside the data themselves, and what is left out of a copy, with the reason."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import orm

import policy
from db import Base, fields
from i18n import Label, _
from models import Beneficiary, PersonDecision, PersonToken

from .schedule import SCHEDULE

WITHHELD: dict[type[Base], Label] = {
    PersonToken: Label(
        "Κρυπτογραφικά αποτυπώματα των αριθμών και του ονόματός σας, που δεν διαβάζονται· γίνονται από στοιχεία του "
        "παρόντος.",
        "Keyed hashes of your numbers and name, which cannot be read; they are made of data of this paper.",
    ),
    PersonDecision: Label(
        "Συγκρίσεις της καρτέλας σας με άλλες: αφορούν και τρίτα πρόσωπα (άρ. 15 παρ. 4 ΓΚΠΔ).",
        "Comparisons of your record with others: they tell of other people too (art. 15(4) GDPR).",
    ),
}
"""Tables that are not in the copy, and why."""

ALSO_WITHHELD = (
    Label(
        "Σημειώσεις που έχει εμπιστευθεί ο συντάκτης μόνο στον εαυτό του, αν υπάρχουν: επαγγελματικό απόρρητο "
        "(ΠΔ 23/1992 άρ. 6)· απευθυνθείτε στον επαγγελματία που σας παρακολουθεί.",
        "Notes that their author keeps to himself or herself, if there are any: professional secrecy (Presidential "
        "Decree 23/1992, art. 6); turn to the professional who attends to you.",
    ),
    Label(
        "Στοιχεία των άλλων μελών του νοικοκυριού: αναφέρεται μόνο η σχέση τους (άρ. 15 παρ. 4 ΓΚΠΔ).",
        "Data of the household's other members: only their relation is told (art. 15(4) GDPR).",
    ),
    Label(
        "Ονόματα υπαλλήλων: αναφέρεται ο ρόλος τους, και πότε άνοιξαν τον φάκελο (ΔΕΕ C-579/21).",
        "Names of the staff: their role is told, and when they opened the file (CJEU C-579/21).",
    ),
    Label(
        "Το περιεχόμενο των συνημμένων εγγράφων: αντίγραφά τους δίνονται χωριστά.",
        "The content of attached papers: copies of them are given separately.",
    ),
)


def texts(session: orm.Session) -> list[tuple[str, list[str]]]:
    """Purposes, sources, times of keeping, what is withheld, rights (article 15(1)(a), (d)–(g)), with headings."""
    basis = _(
        "For the services of the Community Centre, a task in the public interest (Regulation 2016/679, articles "
        "6(1)(e) and 9(2)(b), (g), (h); ν. 4624/2019, articles 5 and 22). Consent is asked only for photographs, "
        "newsletters and voluntary disclosure, and no service depends on it."
    )
    sources = _(
        "From you, or from who came with you; origin, health and disability only as you declared them. The rest was "
        "noted by the centre's staff while serving you. No decision is taken by automated means alone."
    )
    rights = _(
        "You may ask for correction (art. 16), erasure (art. 17, limited by art. 17(3)), restriction (art. 18), and "
        "object (art. 21); an answer comes within a month. You may complain to the Hellenic Data Protection Authority."
    )
    return [
        (_("Why and on what basis"), [basis]),
        (_("Where the data come from"), [sources]),
        (_("For how long"), [f"{line.what}: {line.told}" for line in SCHEDULE if line.is_of_people]),
        (_("What is withheld, and why"), [*map(str, WITHHELD.values()), *map(str, ALSO_WITHHELD), *_hidden(session)]),
        (_("Your rights"), [rights]),
    ]


def _hidden(session: orm.Session) -> Iterator[str]:
    """Columns that the maker's role does not see; none for a coordinator."""
    role = policy.scope_in(session).role
    hidden = [str(fields(Beneficiary)[name].label) for name in sorted(policy.hidden_from(role, Beneficiary))]
    if hidden:
        yield _("Not seen by who made this copy: %(columns)s", columns=", ".join(hidden))
