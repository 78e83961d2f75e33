"""Finding people however their name is typed: accents, capitals, final sigma, Greeklish, mixed alphabets.

A row stores `key(...)`: its words by sound, in a-z0-9. A query becomes `terms(...)`: for each word typed, the sounds it
may stand for. The row matches when for every word some alternative begins a word of the key, that is when
`key LIKE '% ' || alternative || '%'`; the alphabet holds no wildcard, so nothing needs escaping.

The sounds follow ΕΛΟΤ 743 (ISO 843) and the habits of Greeklish.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache

_MOST_WORDS = 8
_MOST_ALTERNATIVES = 16
_MOST_STORED = 4  # spellings kept of a stored Latin word, whose Greek form is a guess
_LONGEST_QUERY = 400
_DIGITS = 5  # of a registry number
_LONGEST_ALTERNATIVE = 40  # databases bound the length of a LIKE pattern

# Letters that look alike as capitals, Greek beside Latin.
_GREEK_ALIKE, _LATIN_ALIKE = "αβεζηικμνορτυχ", "abezhikmnoptyx"
_TO_GREEK = str.maketrans(_LATIN_ALIKE, _GREEK_ALIKE)
_TO_LATIN = str.maketrans(_GREEK_ALIKE, _LATIN_ALIKE)
_GREEK, _LATIN = re.compile("[α-ω]"), re.compile("[a-z]")
# Letters of neighbouring languages that Unicode does not decompose.
_PLAIN = str.maketrans({"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ə": "e"})

# What a written group may sound like, the likeliest first. What Greek spelling alone tells apart is one sound
# (η/ι/υ/ει/οι, ο/ω, ε/αι, γ/γκ/γγ); μπ/β and ντ/δ stay two. "^" marks where a word begins, and an h that follows a
# consonant, which is mostly η.
_TABLE = """
    α a|β v|γ g|δ d|ε e|ζ z|η i|θ th|ι i|κ k|λ l|μ m|ν n|ξ ks|ο o|π p|ρ r|σ s|τ t|υ i|φ f|χ h|ψ ps|ω o|
    αι e|ει i|οι i|ου u|αυ af|ευ ef|μπ mb|ντ nd|νδ nd|γκ g|γγ g|
    a a|b v mb|c k tz ts|d d nd|e e|f f|g g|h h i|i i|j tz gi i z|k k|l l|m m|n n|o o|p p|q k|r r|s s|t t|u i u|v v|
    w o|x h ks|y i|z z|^y i gi|^h i h|
    ai e ai|ei i ei|oi i oi|ou u|oy u|au af au|ay af e|eu ef|ey ef i|
    ch h|kh h ki|ph f pi|sh s si sh|th th ti|xh hi tz|nch gh|nth nth ndi|
    mp mb|mb mb|mps mps|nt nd|nd nd|dz tz ndz|gk g|ng g|
    0 0|1 1|2 2|3 ks|4 ps|5 5|6 6|7 7|8 th|9 th
"""
_SOUNDS = {group: sounds for group, *sounds in (entry.split() for entry in _TABLE.split("|"))}
_GROUP = re.compile("|".join(re.escape(group) for group in sorted(_SOUNDS, key=len, reverse=True)))
# How a word cut short inside a group may go on: "ο" can be the first half of "ου".
_ENDINGS = {
    half: [sound for group, sounds in _SOUNDS.items() if group.startswith(half) and group != half for sound in sounds]
    for half in {group[:length] for group in _SOUNDS for length in range(1, len(group))}
}
_MARKED = re.compile(r"^|(?<=[bdfglmnrvz])(?=h)")
_DOUBLED = re.compile(r"([a-z])\1+")
_AV = re.compile(r"(?<=[ae])[fv]+")  # Σταύρος is typed stauros, stayros, stavros and stafros


def fold(text: str) -> str:
    """Lower case without accents, final sigma or punctuation; a word of mixed alphabets in the one it was meant in.

    Compared by code point it sorts in Greek alphabetical order, so it also serves as sort key.
    """
    plain = text.lower() if text.isascii() else _plain(text)
    return " ".join(_one_alphabet(word) for word in re.sub(r"[\W_]+", " ", plain).split())


def is_mixed(text: str) -> bool:
    """A word of the text has letters of two alphabets, which the eye does not tell apart."""
    return any(_GREEK.search(word) and _LATIN.search(word) for word in _plain(text).split())


def key(*parts: str | None) -> str:
    """The search key of a row from its names, numbers and telephones: " word word", every word by its sound."""
    folded = [fold(part) for part in parts if part]
    words = " ".join([*folded, *map(_join_numbers, folded)]).split()
    return " " + " ".join(dict.fromkeys(form for word in dict.fromkeys(words) for form in _stored_forms(word)))


def terms(query: str) -> list[list[str]]:
    """For each word of the query (the first 8) up to 16 spellings, in a-z0-9; empty when nothing can be looked for."""
    words = _join_numbers(fold(query[:_LONGEST_QUERY])).split()
    return [forms for forms in map(_typed_forms, words) if forms][:_MOST_WORDS]


def _plain(text: str) -> str:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c)[0] != "M")
    letters = unicodedata.normalize("NFKD", bare.casefold()).translate(_PLAIN)
    return re.sub(r"[^\D0-9]", lambda digit: str(int(digit[0])), letters)


def _join_numbers(folded: str) -> str:
    """Telephones and documents are typed in groups, "2521 057206", and stored as one number."""
    return re.sub(r"(?<=[0-9]) (?=[0-9]+(?: |$))", "", folded)


@lru_cache(maxsize=2**16)
def _stored_forms(word: str) -> tuple[str, ...]:
    if word.isdecimal():
        return word, *_phone_forms(word)
    if _is_code(word):
        return _code(word), *re.findall("[0-9]+", word)
    sounds = dict.fromkeys(_tidy(sound) for _, sound in _likeliest(word))
    return tuple(sound for sound in sounds if sound)[:_MOST_STORED]


def _phone_forms(number: str) -> list[str]:
    """A Greek telephone is found with and without its country code."""
    if re.fullmatch("30(2[0-9]{9}|69[0-9]{8})", number):
        return [number[2:]]
    return ["30" + number] if re.fullmatch("2[0-9]{9}|69[0-9]{8}", number) else []


def _typed_forms(word: str) -> list[str]:
    if word.isdecimal():
        # 0030… and 0049… are stored as +30… and +49…; 00013 is somebody's number on paper, and 13 what is left of it.
        is_foreign = re.match("00[1-9]", word) and len(word) > _DIGITS
        forms = [word, word[2:] if is_foreign else word.zfill(_DIGITS)]
    elif _is_code(word) or len(word) <= 3:
        forms = [_code(word), *_sounds_so_far(word)]  # ΑΒ123456 or its letters typed apart, but also 8eodwrou
    else:
        forms = _sounds_so_far(word)
    return _shortest(dict.fromkeys(form[:_LONGEST_ALTERNATIVE] for form in forms if form))[:_MOST_ALTERNATIVES]


def _shortest(forms: Collection[str]) -> list[str]:
    """Without the forms that begin with another one: the shorter finds all they would."""
    return [form for form in forms if not any(form != other and form.startswith(other) for other in forms)]


def _is_code(word: str) -> bool:
    return re.search("[0-9]", word) is not None


def _code(word: str) -> str:
    """A document number by the look of its letters, not their sound: the clerk copies what the card shows."""
    return "".join(_SOUNDS[c][0] if c > "z" else c for c in word.translate(_TO_LATIN) if c in _SOUNDS)


def _sounds_so_far(word: str) -> list[str]:
    """What a word, or the beginning of one, may sound like, the likeliest first."""
    found = _likeliest(word)
    for length in (1, 2)[: len(word)]:
        head, half = word[:-length], word[-length:]
        found += [(cost, sound + ending) for cost, sound in _likeliest(head) for ending in _ENDINGS.get(half, [])]
    return [_tidy(sound) for _, sound in sorted(found)]


def _likeliest(word: str) -> list[tuple[int, str]]:
    """The 16 likeliest spellings by sound, each after the number of unlikely choices in it."""
    found = [(0, "")]
    for group in _GROUP.findall(_MARKED.sub("^", word)):
        choices = list(enumerate(_SOUNDS[group]))
        found = sorted((cost + rank, text + sound) for cost, text in found for rank, sound in choices)
        del found[_MOST_ALTERNATIVES:]
    return found


def _tidy(sound: str) -> str:
    return _AV.sub("f", _DOUBLED.sub(r"\1", sound))


def _one_alphabet(word: str) -> str:
    """Exchange look-alike letters in a word of mixed alphabets; its unmistakable letters tell which one was meant."""
    if not (_GREEK.search(word) and _LATIN.search(word)):
        return word
    is_greek = _votes(word, _GREEK, _GREEK_ALIKE) >= _votes(word, _LATIN, _LATIN_ALIKE)
    return word.translate(_TO_GREEK if is_greek else _TO_LATIN)


def _votes(word: str, alphabet: re.Pattern[str], alike: str) -> tuple[int, int]:
    letters = alphabet.findall(word)
    return sum(letter not in alike for letter in letters), len(letters)
