"""Search: the same person however the name is typed, through the very LIKE the database runs."""

import sqlite3
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import search

NAUGHTY_STRINGS = Path(__file__).parents[2] / "shared" / "corpora" / "text" / "blns.txt"
ALPHABET = set(string.ascii_lowercase + string.digits)

# Common surnames, each with the ways it is typed without Greek letters.
SURNAMES = {
    "Παπαδόπουλος": "papadopoulos papadopoylos papadopulos",
    "Παπαδοπούλου": "papadopoulou papadopoyloy",
    "Παπαδάκης": "papadakis papadakhs",
    "Παππάς": "pappas papas",
    "Οικονόμου": "oikonomou ikonomou oikonomoy",
    "Γεωργίου": "georgiou gewrgiou gewrgioy",
    "Γεωργιάδης": "georgiadis gewrgiadhs",
    "Δημητρίου": "dimitriou dhmhtriou",
    "Δημητριάδης": "dimitriadis dhmhtriadhs",
    "Νικολαΐδης": "nikolaidis nikolaidhs",
    "Νικολάου": "nikolaou nikolaoy",
    "Ιωάννου": "ioannou iwannou",
    "Ιωαννίδης": "ioannidis iwannidhs",
    "Βασιλείου": "vasileiou basileiou vasiliou",
    "Αθανασίου": "athanasiou a8anasiou",
    "Κωνσταντίνου": "konstantinou kwnstantinou konstadinou",
    "Χριστοδούλου": "christodoulou xristodoulou hristodoylou",
    "Χατζής": "chatzis xatzis hatzhs",
    "Θεοδώρου": "theodorou 8eodwrou 9eodorou",
    "Αντωνίου": "antoniou antwniou",
    "Αγγελόπουλος": "aggelopoulos angelopoulos",
    "Αλεξίου": "alexiou aleksiou ale3iou",
    "Ξενάκης": "xenakis ksenakis 3enakis",
    "Ψάλτης": "psaltis 4altis psalths",
    "Μπαλής": "balis mpalis mbalhs",
    "Μπακάλης": "bakalis mpakalis",
    "Μυλωνάς": "mylonas milonas mulwnas",
    "Τζάνης": "tzanis janis tzanhs",
    "Τσακίρης": "tsakiris tsakirhs",
    "Γκίκας": "gikas gkikas",
    "Γκουντής": "goundis gkountis goyntis",
    "Ευαγγέλου": "evangelou evaggelou euaggelou eyaggeloy",
    "Σταυρίδης": "stavridis stauridis stayridhs",
    "Χαραλάμπους": "charalampous xaralampous haralabous charalambous",
    "Αϊβαλιώτης": "aivaliotis aibaliwths ayvaliotis",
    "Μιχαηλίδης": "michailidis mixahlidhs mihailidis",
    "Σωτηρίου": "sotiriou swthriou",
    "Φωτιάδης": "fotiadis photiadis fwtiadhs",
    "Λάμπρου": "lamprou labrou lambrou",
    "Ζαχαρίου": "zachariou zaxariou zahariou",
}


class People:
    """A table with nothing but search keys, asked the way the application asks."""

    def __init__(self, *names: str) -> None:
        self.database = sqlite3.connect(":memory:")
        self.database.execute("CREATE TABLE people (name TEXT, search_key TEXT)")
        self.database.executemany("INSERT INTO people VALUES (?, ?)", [(name, search.key(name)) for name in names])

    def found(self, query: str) -> list[str]:
        words = search.terms(query)
        assert words, f"{query!r} searches nothing"
        likes = " AND ".join("(" + " OR ".join("search_key LIKE ?" for _ in word) + ")" for word in words)
        patterns = [f"% {form}%" for word in words for form in word]
        return [name for (name,) in self.database.execute(f"SELECT name FROM people WHERE {likes}", patterns)]


@pytest.fixture(scope="module")
def surnames() -> Iterator[People]:
    people = People(*SURNAMES)
    yield people
    people.database.close()


def is_found(query: str, *parts: str | None) -> bool:
    key, words = search.key(*parts), search.terms(query)
    return bool(words) and all(any(f" {form}" in key for form in word) for word in words)


@pytest.mark.parametrize(
    ("stored", "queries"),
    [
        (
            "Παπαδόπουλος Γιώργος",
            "παπαδόπουλος παπαδοπουλος ΠΑΠΑΔΟΠΟΥΛΟΣ Papadopoulos papadopoylos PAPADOPOULOS ΠAΠAΔOΠOYΛOΣ papad "
            "γιωργ giorg giwrg yiorg Γιώργος ΓΙΩΡΓΟΣ γιωργοσ",
        ),
        ("Χρήστος", "χρηστος xristos hristos christos xrhstos khristos"),
        ("Ξένη", "ξενη kseni xeni 3eni xenh"),
        ("Θεοδώρου", "θεοδωρου theodorou 8eodwrou"),
        ("Ευτυχία", "ευτυχια eftychia eutuxia eytyxia evtichia ΕΥΤΥΧΙΑ"),
        ("Μπαλής", "μπαλης balis mpalis"),
        ("Ντίνα", "ντινα dina ntina"),
        ("Τζάνη", "τζανη tzani jani dzani"),
        ("Γκίκα", "γκικα gika gkika"),
        ("Αγγελική", "αγγελικη aggeliki angeliki"),
        ("Ψάλτη", "ψαλτη psalti 4alti"),
        ("Δημητριάδης", "dhmhtriadhs dimitriadis dimhtriadis"),
        ("Χρηστής", "xrhsths christis"),
        ("Σάββας", "savvas sabbas savas"),
        ("Εύβοια", "evvoia evia eyboia"),
        ("Ανδρέας", "αντρεας andreas antreas"),
        ("Μιχαήλ", "michail mixahl mihail"),
        ("Ζωή", "zoi zwh"),
        ("Λάμψης", "lampsis lampshs"),
        ("Αγχίαλος", "anchialos agxialos"),
        ("Ξανθή", "xanthi 3an8h"),
        ("Λεοντής", "leonths leontis"),
        ("Αικατερίνη", "aikaterini ekaterini Αικ Α"),
        ("Γιάννης", "yannis giannis jannis"),
        ("Αϊσέ", "ayse aise αισε"),
        ("Ayşe", "ayse ayşe αϊσέ"),
        ("Χότζα", "hoxha xotza χοτζα"),
        ("Hoxha", "hoxha χοτζα"),
        ("Αλ-Χασάν", "χασαν hasan al-hasan"),
    ],
)
def test_a_name_is_found_however_it_is_typed(stored: str, queries: str) -> None:
    assert [query for query in queries.split() if not is_found(query, stored)] == []


@pytest.mark.parametrize(
    ("stored", "queries"),
    [
        ("+302521057206", ["2521057206", "2521 057206", "25210-57206", "+30 2521057206", "00302521057206", "2521"]),
        ("2521057206", ["2521057206", "+302521057206", "0030 2521 057206"]),
        ("2521 057206", ["2521057206", "2521 057206", "057206"]),
        ("+35552000000", ["+355 52 000000", "0035552000000", "35552"]),
        ("01013099997", ["01013099997", "010130 99997", "010130", "０１０１３０"]),
        ("AB123456", ["AB123456", "ΑΒ123456", "αβ 123456", "AB 123456", "ab12", "123456"]),
        ("AP123456", ["ΑΡ123456", "ap 1234"]),
        ("AΠ123456", ["ΑΠ123456", "απ 1234", "AΠ12"]),
        ("Αθηνών 25Α 66100", ["αθηνων 25", "athinwn 25a", "66100"]),
    ],
)
def test_numbers_are_found_by_their_beginning(stored: str, queries: list[str]) -> None:
    assert [query for query in queries if not is_found(query, stored)] == []


def test_a_registry_number_finds_its_own_record_with_or_without_zeros() -> None:
    """And nobody whose ΑΜΚΑ or telephone begins as it ends."""
    whose = {n: ("Παλαιός", "Κώστας", f"MAIN-{n:05d}", f"{n:02d}028012345") for n in (1, 2, 10, 12, 13, 20)}
    for number in whose:
        for query in (f"MAIN-{number:05d}", f"μαιν {number:05d}", f"{number:05d}"):
            assert [n for n, parts in whose.items() if is_found(query, *parts)] == [number], query
        assert is_found(f"main-{number}", *whose[number])


@pytest.mark.parametrize(
    ("query", "is_match"),
    [
        ("papadopoulos giorgos", True),
        ("γιωργος παπαδοπουλος", True),
        ("παπ γιωρ 2521", True),
        ("παπαδοπουλος νικος", False),
        ("οπουλος", False),
        ("057206", False),
    ],
)
def test_every_word_typed_must_begin_some_word(query: str, is_match: bool) -> None:
    assert is_found(query, "Παπαδόπουλος", "Γιώργος", None, "", "+302521057206") is is_match


def test_a_full_surname_finds_itself_and_no_stranger(surnames: People) -> None:
    queries = {query: name for name, typed in SURNAMES.items() for query in (name, *typed.split())}
    assert {query: found for query, name in queries.items() if (found := surnames.found(query)) != [name]} == {}


@pytest.mark.parametrize("query", ["", "   ", "%", "_", "\\", "%_%", "*", "\x00", "\ud800", "'; --", "🙂"])
def test_nothing_searchable_gives_no_terms(query: str) -> None:
    assert search.terms(query) == []


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  ΠΑΠΑΔΌΠΟΥΛΟΣ,  Γιώργος ", "παπαδοπουλοσ γιωργοσ"),
        ("Μαΐου", "μαιου"),
        ("ΠAΠAΔOΠOYΛOΣ", "παπαδοπουλοσ"),
        ("PΑPΑDΟPΟULΟS", "papadopoulos"),  # its vowels are Greek
        ("Şükrü Iıİ", "sukru iii"),
        ("٢٥ Μαρτίου", "25 μαρτιου"),
        ("Παπαδοπούλου-Γεωργίου", "παπαδοπουλου γεωργιου"),
        ("α_β", "α β"),
        ("\ud800α\x00", "α"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert search.fold(text) == folded


def test_folded_names_sort_in_greek_order() -> None:
    names = [
        "Άννα",
        "Ανέστης",
        "βασίλης",
        "Έλλη",
        "ΕΡΜΉΣ",
        "Ήρα",
        "Ίρις",
        "Όλγα",
        "Ρήγας",
        "Σία",
        "Τάσος",
        "Ύρω",
        "Ώρα",
    ]
    names.sort(key=search.fold)
    assert names == [
        *("Ανέστης", "Άννα", "βασίλης", "Έλλη", "ΕΡΜΉΣ", "Ήρα", "Ίρις", "Όλγα"),
        *("Ρήγας", "Σία", "Τάσος", "Ύρω", "Ώρα"),
    ]


def test_a_surname_sorts_before_the_longer_one() -> None:
    assert search.fold("Παππάς Χρήστος") < search.fold("Παππάση Άννα")


any_text = st.text() | st.text(st.characters(categories=["Cs", "Lu", "Mn", "Nd", "Pc"]))
greek_words = st.text("αβγδεζηθικλμνξοπρστυφχψωάέήίόύώϊϋΐΰςΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ", min_size=1, max_size=30)
mixed_words = st.text("αβπσςΑΒΡΧΣabpsABPXS12-_", max_size=12)
latin_words = st.text(string.ascii_letters, min_size=1, max_size=30)


@given(any_text | mixed_words)
def test_fold_is_idempotent(text: str) -> None:
    assert search.fold(search.fold(text)) == search.fold(text)


@given(any_text)
def test_a_key_is_words_of_the_plain_alphabet(text: str) -> None:
    key = search.key(text)
    assert key.startswith(" ")
    words = key[1:].split(" ") if key != " " else []
    assert all(word and set(word) <= ALPHABET for word in words)
    assert len(words) == len(set(words))


@given(any_text | greek_words | latin_words)
def test_terms_are_few_and_hold_no_wildcard(text: str) -> None:
    words = search.terms(text)
    assert len(words) <= 8
    assert all(1 <= len(word) <= 16 for word in words)
    assert all(form and set(form) <= ALPHABET and len(form) <= 40 for word in words for form in word)


@given(greek_words | latin_words, st.data())
def test_every_beginning_of_a_word_finds_it(word: str, data: st.DataObject) -> None:
    beginning = word[: data.draw(st.integers(1, len(word)))]
    assert is_found(beginning, word), (beginning, search.terms(beginning), search.key(word))


@given(
    st.lists(greek_words, min_size=1, max_size=4).flatmap(
        lambda words: st.tuples(st.just(words), st.permutations(words))
    )
)
def test_the_order_of_the_words_does_not_matter(stored_and_typed: tuple[list[str], list[str]]) -> None:
    stored, typed = stored_and_typed
    assert is_found(" ".join(typed), *stored)


def test_words_after_the_eighth_are_not_asked() -> None:
    assert search.terms("α β γ δ ζ η θ ι κ λ") == search.terms("α β γ δ ζ η θ ι")


def test_a_very_long_query_is_still_a_small_pattern() -> None:
    words = search.terms("xhdyouthkb" * 100_000)
    assert len(words) == 1
    assert sum(len(form) for form in words[0]) <= 16 * 40


def test_no_naughty_string_breaks_anything() -> None:
    people = People("Παπαδόπουλος")
    for line in NAUGHTY_STRINGS.read_text("utf-8").split("\n"):
        assert set(search.key(line)) <= ALPHABET | {" "}
        if search.terms(line):
            assert people.found(line) == [], line
    people.database.close()


@pytest.mark.parametrize(
    ("text", "is_mixed"),
    [
        ("Παπαδoπουλος", True),
        ("Παπαδόπουλος", False),
        ("Smith", False),
        ("Παπάς Smith", False),
        ("", False),
        ("Αnνα", True),
    ],
)
def test_a_letter_of_the_other_alphabet_is_noticed(text: str, is_mixed: bool) -> None:
    assert search.is_mixed(text) is is_mixed
