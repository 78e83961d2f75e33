"""Greek identifiers: one spelling for each (what is stored), or a sentence that tells the clerk what to look at.

Pure: knows no database, request or language. Every function takes what a person typed or pasted (blanks, dots, dashes,
fullwidth and other decimal digits included), returns the stored spelling, and leaves a stored spelling as it is.
"""

import re
import unicodedata
from datetime import date
from typing import Literal

from stdnum import luhn
from stdnum.gr import vat
from stdnum.util import clean

# Greek capitals that a card or a keyboard shows exactly like a Latin one.
_GREEK_LOOK_ALIKES = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX")
_LONGEST_DOCUMENT = 30
_LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3


class InvalidIdentifier(ValueError):
    """The text is no such identifier; `str(error)` is a gettext msgid written for the clerk."""


def N_(message: str) -> str:
    """Mark `message` for the catalogue; whoever shows it translates it."""
    return message


def amka(text: str) -> str:
    """Social security number (ΑΜΚΑ): 11 digits, ΗΗΜΜΕΕ + 4 + a Luhn check digit (www.amka.gr).

    Raises InvalidIdentifier.
    """
    number = _compact(text)
    if not re.fullmatch("[0-9]{11}", number):
        raise InvalidIdentifier(N_("The AMKA has 11 digits."))
    if not luhn.is_valid(number):
        raise InvalidIdentifier(N_("The check digit of the AMKA is wrong: look at it again."))
    if not _births(number):
        raise InvalidIdentifier(
            N_("The AMKA begins with a birth date (day, month, year): look at its first six digits.")
        )
    return number


def amka_birth_dates(number: str) -> tuple[date, ...]:
    """The birth dates an ΑΜΚΑ can mean, oldest first: it writes the year with two digits, so 19xx and 20xx.

    Raises InvalidIdentifier.
    """
    return _births(amka(number))


def amka_sex(number: str) -> Literal["M", "F"]:
    """The sex an ΑΜΚΑ was issued with: its tenth digit is odd for men. Raises InvalidIdentifier."""
    return "M" if int(amka(number)[9]) % 2 else "F"


def amka_warnings(number: str, born_on: date | None, sex: str | None) -> list[str]:
    """What disagrees with the ΑΜΚΑ, as msgids. Warnings only: ΑΜΚΑ are sometimes issued with wrong particulars.

    A sex other than "M" and "F" never disagrees. Raises InvalidIdentifier.
    """
    warnings = []
    if born_on and born_on not in amka_birth_dates(number):
        warnings.append(N_("The birth date does not agree with the AMKA: look at both again."))
    if sex in ("M", "F") and sex != amka_sex(number):
        warnings.append(N_("The sex does not agree with the AMKA: look at both again."))
    return warnings


def afm(text: str) -> str:
    """Tax number (ΑΦΜ): 9 digits, the last of which checks the others. Raises InvalidIdentifier."""
    number = _compact(text)
    if not re.fullmatch("[0-9]{9}", number):
        raise InvalidIdentifier(N_("The AFM has 9 digits."))
    # Zeros pass the check, and are what people type to get past a field.
    if number == "000000000":
        raise InvalidIdentifier(N_("No AFM consists of zeros: leave the field empty when it is not known."))
    if not vat.is_valid(number):
        raise InvalidIdentifier(N_("The check digit of the AFM is wrong: look at it again."))
    return number


def paaypa(text: str) -> str:
    """Provisional insurance and health care number of asylum seekers (ΠΑΑΥΠΑ), upper case.

    Only cleaned: its format is not published, so there is no check. Raises InvalidIdentifier.
    """
    return _alphanumeric(text, N_("A PAAYPA consists of letters and digits."))


def document(text: str) -> str:
    """Identity card, passport or permit number, upper case; Greek letters that look Latin become Latin.

    Any letters and digits: old cards, new cards and foreign documents have no common format. Raises InvalidIdentifier.
    """
    return _alphanumeric(text, N_("A document number consists of letters and digits."))


def phone(text: str) -> str:
    """Telephone in E.164: "+30…" for the ten Greek digits 2… or 69…, and foreign numbers typed with + or 00.

    Raises InvalidIdentifier.
    """
    number = re.sub(r"^00", "+", _compact(text, " -./()"))
    if greek := re.fullmatch(r"(?:\+30)?(2[0-9]{9}|69[0-9]{8})", number):
        return f"+30{greek[1]}"
    if re.fullmatch(r"\+(?!30)[1-9][0-9]{7,14}", number):
        return number
    raise InvalidIdentifier(
        N_("A Greek telephone has 10 digits and begins with 2 or 69; a foreign one begins with + or 00.")
    )


def phone_display(stored: str) -> str:
    """A stored telephone as Greeks write it: "210 1234567" in Athens, else "2521 057206"; foreign ones unchanged."""
    if not (stored.startswith("+30") and len(stored) == 13):
        return stored
    area = 6 if stored.startswith("+3021") else 7
    return f"{stored[3:area]} {stored[area:]}"


def postal_code(text: str) -> str:
    """Greek postal code: 5 digits, stored without the blank. Raises InvalidIdentifier."""
    number = _compact(text)
    if not re.fullmatch("[0-9]{5}", number):
        raise InvalidIdentifier(N_("The postal code has 5 digits."))
    return number


def email(text: str) -> str:
    """E-mail address with its domain in lower case. A light check: only a message sent proves it.

    Raises InvalidIdentifier.
    """
    local, _, domain = unicodedata.normalize("NFKC", text).strip().rpartition("@")
    address = unicodedata.normalize("NFKC", f"{local}@{domain.lower()}")
    is_plausible = re.fullmatch(r"[^@\s]+@[\w-]+(\.[\w-]+)+", address) and address.isprintable()
    if not is_plausible or len(address) > _LONGEST_EMAIL:
        raise InvalidIdentifier(N_("An e-mail address looks like name@example.gr."))
    return address


def username(text: str) -> str:
    """The name that somebody signs in with, in small letters: nobody mistakes a letter for its Greek like.

    Raises InvalidIdentifier.
    """
    name = text.strip().lower()
    if not re.fullmatch(r"[a-z0-9._-]+", name):
        raise InvalidIdentifier(N_("A user name has Latin letters without blanks, digits, dot, hyphen or underscore."))
    return name


def _births(number: str) -> tuple[date, ...]:
    day, month, year = (int(number[at : at + 2]) for at in (0, 2, 4))
    births = []
    for century in (1900, 2000):
        try:
            births.append(date(century + year, month, day))
        except ValueError:  # no such day: 29 February 1900
            continue
    return tuple(births)


def _alphanumeric(text: str, message: str) -> str:
    letters = unicodedata.normalize("NFD", _compact(text).upper())
    code = "".join(c for c in letters if not unicodedata.combining(c)).translate(_GREEK_LOOK_ALIKES)
    if not code.isalnum() or len(code) > _LONGEST_DOCUMENT:
        raise InvalidIdentifier(message)
    return code


def _compact(text: str, separators: str = " -.") -> str:
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"[^\D0-9]", lambda digit: str(int(digit[0])), text)
    # Cf: the invisible direction marks that come along with numbers pasted from a telephone or a PDF.
    text = "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")
    number: str = clean(text, separators)
    return number
