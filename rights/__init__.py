"""Rights of the person (Regulation 2016/679, chapter III): the copy of a file, erasure by rules, times of keeping."""

from . import restricting as _restricting  # noqa: F401 (listens)
from .certificate import certify, counts_of, paper_of_certificate
from .erasing import Held, erase, holds, records_of
from .file import told
from .keeping import AT_ONCE, Due, carry_out, due, fingerprint
from .layout import cover_of, fates, paper_of, sheets_of
from .restricting import is_open
from .rules import NAMELESS, RULES
from .schedule import SCHEDULE
from .walk import about, reach

__all__ = [
    "AT_ONCE", "NAMELESS", "RULES", "SCHEDULE", "Due", "Held", "about", "carry_out", "certify", "counts_of", "cover_of",
    "due", "erase", "fates", "fingerprint", "holds", "is_open", "paper_of", "paper_of_certificate", "reach",
    "records_of", "sheets_of", "told",
]  # fmt: skip
