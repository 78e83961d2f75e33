"""Identifiers: what clerks type, what is stored, what is refused. Only invented or published sample numbers."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.gr import vat

import identifiers
from identifiers import InvalidIdentifier

AMKA, AFM = "01013099997", "094429812"
NAUGHTY_STRINGS = Path(__file__).parents[2] / "shared" / "corpora" / "text" / "blns.txt"
NORMALISERS = [
    identifiers.amka,
    identifiers.afm,
    identifiers.phone,
    identifiers.postal_code,
    identifiers.document,
    identifiers.paaypa,
    identifiers.email,
    identifiers.username,
]
READERS: list[Callable[[str], object]] = [
    identifiers.amka_birth_dates,
    identifiers.amka_sex,
    identifiers.phone_display,
    lambda text: identifiers.amka_warnings(text, date(1930, 1, 1), "M"),
]
Normaliser = Callable[[str], str]

any_text = st.text() | st.text(st.characters(categories=["Cs", "Nd", "Pd", "Cf", "Zs"]))
numbers_as_typed = st.text("0123456789٠١٢３４ .-/()+\u200e", max_size=20)


@st.composite
def amka_numbers(draw: st.DrawFn) -> tuple[str, date]:
    born_on = draw(st.dates(date(1900, 1, 1), date(2099, 12, 31)))
    body = f"{born_on:%d%m%y}{draw(st.integers(0, 9999)):04}"
    return body + luhn.calc_check_digit(body), born_on


@pytest.mark.parametrize(
    ("normalise", "typed", "stored"),
    [
        (identifiers.amka, AMKA, AMKA),
        (identifiers.amka, " 010130-9999.7 ", AMKA),
        (identifiers.amka, "０１０１３０９９９９７", AMKA),
        (identifiers.amka, "٠١٠١٣٠٩٩٩٩٧", AMKA),
        (identifiers.amka, "\u200e010130\u00a099997\u202c", AMKA),
        (identifiers.afm, "094 429 812", AFM),
        (identifiers.afm, "094429812\n", AFM),
        (identifiers.phone, "2521057206", "+302521057206"),
        (identifiers.phone, "25210 57206", "+302521057206"),
        (identifiers.phone, "(2521) 057206", "+302521057206"),
        (identifiers.phone, "2521/057206", "+302521057206"),
        (identifiers.phone, "+30 2521 057206", "+302521057206"),
        (identifiers.phone, "0030-2521-057206", "+302521057206"),
        (identifiers.phone, "\u202a+30 690 000 0000\u202c", "+306900000000"),
        (identifiers.phone, "6900 000 000", "+306900000000"),
        (identifiers.phone, "0035552000000", "+35552000000"),
        (identifiers.phone, "＋49 30 000000", "+4930000000"),
        (identifiers.postal_code, "541 24", "54124"),
        (identifiers.postal_code, "66100", "66100"),
        (identifiers.document, "ΑΒ 123456", "AB123456"),
        (identifiers.document, "αβ-123456", "AB123456"),
        (identifiers.document, "AB123456", "AB123456"),
        (identifiers.document, "Ά.Β. 123456", "AB123456"),
        (identifiers.document, "AΒ123456", "AB123456"),
        (identifiers.document, "Π 123456", "Π123456"),
        (identifiers.document, "ΑΠ123456", "AΠ123456"),
        (identifiers.document, "123456789", "123456789"),
        (identifiers.paaypa, "12-3456 a", "123456A"),
        (identifiers.email, " Kentro@Example.GR ", "Kentro@example.gr"),
        (identifiers.email, "κέντρο@παράδειγμα.ελ", "κέντρο@παράδειγμα.ελ"),
    ],
)
def test_one_spelling_is_stored(normalise: Normaliser, typed: str, stored: str) -> None:
    assert normalise(typed) == stored


@pytest.mark.parametrize(
    ("normalise", "typed", "message"),
    [
        (identifiers.amka, "", "The AMKA has 11 digits."),
        (identifiers.amka, "0101309999", "The AMKA has 11 digits."),
        (identifiers.amka, "0101309999O", "The AMKA has 11 digits."),
        (identifiers.amka, "010130999977", "The AMKA has 11 digits."),
        (identifiers.amka, "01013099998", "The check digit of the AMKA is wrong: look at it again."),
        (
            identifiers.amka,
            "00000000000",
            "The AMKA begins with a birth date (day, month, year): look at its first six digits.",
        ),
        (identifiers.afm, "", "The AFM has 9 digits."),
        (identifiers.afm, "94429812", "The AFM has 9 digits."),
        (identifiers.afm, "EL094429812", "The AFM has 9 digits."),
        (identifiers.afm, "987654321", "The check digit of the AFM is wrong: look at it again."),
        (identifiers.afm, "000000000", "No AFM consists of zeros: leave the field empty when it is not known."),
        (identifiers.postal_code, "5412", "The postal code has 5 digits."),
        (identifiers.postal_code, "GR54124", "The postal code has 5 digits."),
        (identifiers.document, "", "A document number consists of letters and digits."),
        (identifiers.document, "AB_123456", "A document number consists of letters and digits."),
        (identifiers.document, "A" * 31, "A document number consists of letters and digits."),
        (identifiers.paaypa, "12#3", "A PAAYPA consists of letters and digits."),
        (identifiers.email, "kentro", "An e-mail address looks like name@example.gr."),
        (identifiers.email, "kentro@example", "An e-mail address looks like name@example.gr."),
        (identifiers.email, "a@b@example.gr", "An e-mail address looks like name@example.gr."),
        (identifiers.email, "a b@example.gr", "An e-mail address looks like name@example.gr."),
        (identifiers.email, "a\ud800@example.gr", "An e-mail address looks like name@example.gr."),
        (identifiers.email, "a" * 250 + "@example.gr", "An e-mail address looks like name@example.gr."),
    ],
)
def test_the_clerk_is_told_what_to_look_at(normalise: Normaliser, typed: str, message: str) -> None:
    with pytest.raises(InvalidIdentifier) as refusal:
        normalise(typed)
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "252105720",
        "25210572066",
        "5900000000",
        "6800000000",
        "+30 5900000000",
        "302521057206",
        "+1234567",
        "+1234567890123456",
        "+0123456789",
        "2521 0572O6",
        "2521057206 x3",
        "++302521057206",
    ],
)
def test_what_is_no_telephone_is_refused(typed: str) -> None:
    with pytest.raises(InvalidIdentifier, match="A Greek telephone has 10 digits"):
        identifiers.phone(typed)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("+302521057206", "2521 057206"),
        ("+302100000000", "210 0000000"),
        ("+306900000000", "6900 000000"),
        ("+35552000000", "+35552000000"),
        ("", ""),
    ],
)
def test_telephones_are_shown_the_greek_way(stored: str, shown: str) -> None:
    assert identifiers.phone_display(stored) == shown


def test_an_amka_means_two_centuries() -> None:
    assert identifiers.amka_birth_dates(AMKA) == (date(1930, 1, 1), date(2030, 1, 1))


def test_the_century_without_that_leap_day_is_left_out() -> None:
    body = "2902000000"
    assert identifiers.amka_birth_dates(body + luhn.calc_check_digit(body)) == (date(2000, 2, 29),)


BIRTH_DISAGREES = "The birth date does not agree with the AMKA: look at both again."
SEX_DISAGREES = "The sex does not agree with the AMKA: look at both again."


@pytest.mark.parametrize(
    ("born_on", "sex", "warnings"),
    [
        (date(1930, 1, 1), "M", []),
        (date(2030, 1, 1), "M", []),
        (None, None, []),
        (date(1930, 1, 1), "X", []),
        (date(1930, 1, 1), "U", []),
        (date(1930, 1, 2), "M", [BIRTH_DISAGREES]),
        (date(1930, 1, 1), "F", [SEX_DISAGREES]),
        (date(1931, 1, 1), "F", [BIRTH_DISAGREES, SEX_DISAGREES]),
    ],
)
def test_particulars_that_disagree_are_only_warnings(
    born_on: date | None, sex: str | None, warnings: list[str]
) -> None:
    assert identifiers.amka_warnings(AMKA, born_on, sex) == warnings


@given(amka_numbers())
def test_an_issued_amka_is_accepted_and_read_back(issued: tuple[str, date]) -> None:
    number, born_on = issued
    assert identifiers.amka(number) == number
    assert born_on in identifiers.amka_birth_dates(number)
    assert identifiers.amka_warnings(number, born_on, identifiers.amka_sex(number)) == []
    assert identifiers.amka_sex(number) == ("M" if number[9] in "13579" else "F")


@given(amka_numbers(), st.integers(0, 10), st.integers(1, 9))
def test_one_mistyped_digit_of_an_amka_is_noticed(issued: tuple[str, date], at: int, off_by: int) -> None:
    number, _ = issued
    with pytest.raises(InvalidIdentifier):
        identifiers.amka(number[:at] + str((int(number[at]) + off_by) % 10) + number[at + 1 :])


@given(st.integers(1, 99999999))
def test_of_ten_check_digits_of_an_afm_one_is_right(body: int) -> None:
    def is_accepted(number: str) -> bool:
        try:
            return identifiers.afm(number) == number
        except InvalidIdentifier:
            return False

    accepted = [digit for digit in "0123456789" if is_accepted(f"{body:08}{digit}")]
    assert accepted == [vat.calc_check_digit(f"{body:08}")]


@given(st.from_regex(r"(2[0-9]|69)[0-9]{8}", fullmatch=True).filter(lambda number: len(number) == 10))
def test_a_shown_telephone_can_be_typed_again(number: str) -> None:
    stored = identifiers.phone(number)
    assert stored == f"+30{number}"
    assert identifiers.phone(identifiers.phone_display(stored)) == stored


@pytest.mark.parametrize("normalise", NORMALISERS)
@given(text=any_text | numbers_as_typed)
def test_a_stored_spelling_stays_as_it_is(normalise: Normaliser, text: str) -> None:
    try:
        stored = normalise(text)
    except InvalidIdentifier:
        return
    assert normalise(stored) == stored
    stored.encode()  # a database takes it: no lone surrogates


@pytest.mark.parametrize("function", [*NORMALISERS, *READERS])
def test_no_naughty_string_breaks_anything(function: Callable[[str], object]) -> None:
    for line in NAUGHTY_STRINGS.read_text("utf-8").split("\n"):
        with suppress(InvalidIdentifier):
            function(line)


@pytest.mark.parametrize("function", [*NORMALISERS, *READERS])
@given(text=any_text)
def test_any_text_is_a_value_or_a_refusal(function: Callable[[str], object], text: str) -> None:
    with suppress(InvalidIdentifier):
        function(text)
