"""Finds the name that a place bears at home among the names GeoNames has for it.

Counterpart: `cities.py`, which asks for every city. GeoNames lists a city's names in all languages without saying
which; its main name is often the English one.
Rule: only scripts whose fonts the program ships are chosen, and only a name that sounds like the Latin one or, where a
script does not tell sounds, one that the home country's own character set can write. If in doubt, the Latin name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path


def _words(text: str) -> list[str]:
    return text.split(" ")


_SPELLED_OUT = str.maketrans(
    dict(
        zip(
            "ßøØæÆœłŁđĐıðþÞ’‘ʻʼəƏ–",
            _words("ss o O ae Ae oe l L d D i d th Th ' ' ' ' a A -"),
            strict=True,
        )
    )
)
_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        _words("a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch  y  e iu ia"),
        strict=True,
    )
)
_CYRILLIC |= {"і": "i", "ї": "i", "є": "ie", "ґ": "g", "ў": "w", "ј": "i", "љ": "l", "њ": "n", "ћ": "ch"}
_CYRILLIC |= {"ђ": "d", "џ": "dzh", "ѓ": "g", "ќ": "k", "ѕ": "dz", "ә": "a", "ғ": "g", "қ": "k", "ң": "ng"}
_CYRILLIC |= {"ө": "o", "ұ": "u", "ү": "u", "һ": "h", "ӣ": "i", "ӯ": "u", "ҳ": "h", "ҷ": "j"}
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρςστυφχψω",
        _words("a v g d e z i th i k l m n x o p r s s t i f kh ps o"),
        strict=True,
    )
)
_ARABIC = dict(
    zip(
        "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآؤئءپچژگکی",
        _words("a b t th j h kh d dh r z s sh s d t z a gh f q k l m n h w y h a a a a w y  p ch zh g k y"),
        strict=True,
    )
)
_HANGUL_INITIALS = _words("g kk n d tt r m b pp s ss  j jj ch k t p h")
_HANGUL_VOWELS = _words("a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i")
_HANGUL_FINALS = _words(" k k k n n n t l k m l l l p l m p p t t ng t t k t p t")

_RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_ALPHABETS = {
    "RU": _RUSSIAN,
    "BY": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
    "UA": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "BG": "абвгдежзийклмнопрстуфхцчшщъьюя",
    "MK": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    "KZ": _RUSSIAN + "әғқңөұүһі",
    "KG": _RUSSIAN + "ңөү",
    "GR": "".join(_GREEK),
    "CY": "".join(_GREEK),
}
_ARABIC_LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآؤئء"
_ALPHABETS |= dict.fromkeys(
    _words("AE BH DJ DZ EG EH IQ JO KM KW LB LY MA MR OM PS QA SA SD SY TN YE"), _ARABIC_LETTERS
)
_ALPHABETS |= {"IR": "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیآئء"}

_CHARACTER_SETS = {"JP": "shift_jis", "CN": "gb2312", "TW": "big5", "HK": "big5", "MO": "big5"}
_TOWN_SUFFIXES = {"JP": "市町村都", "CN": "市县", "TW": "市縣", "HK": "市", "MO": "市"}

_SOUNDS_OF = {"UA": {"г": "h", "и": "y"}, "BY": {"г": "h"}}
"""Letters that sound otherwise in one country."""

_SPELLINGS_OF_ONE_SOUND = {
    "kh": "h",
    "ch": "h",
    "iy": "y",
    "ye": "e",
    "ph": "f",
    "c": "k",
    "w": "v",
    "ii": "i",
}
_CLOSE_ENOUGH = 0.72
_ANCHOR_OF_OTHERS = 0.75
"""A likeness to some other spelling counts only where nothing is like the main name, and only if nearly perfect."""

_FOREIGN_SPELLING = {
    "RU": "[сцз]ьк|ъ$|'",
    "KZ": "ьск|ськ|ъ$",
    "BY": "ьс?к|ъ$",
    "BG": "ъ$",
    "MK": "'",
    "UA": "ъ",
}
"""What a neighbour's or an old spelling has and the country's own has not."""


@cache
def read_home_names() -> dict[tuple[str, str], str]:
    """(country, main name at GeoNames) -> name at home, where the main name is an English one that sounds different."""
    lines = Path(__file__).with_name("home_names.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {(country_code, name): home_name for country_code, name, home_name in rows}


def find_local_name(country_code: str, name: str, others: Iterable[str]) -> str:
    """The name at home, or `name` where none can be told."""
    names = list(others)
    if known := read_home_names().get((country_code, name)):
        return known
    if country_code in _CHARACTER_SETS:
        return _find_han_name(country_code, name, names) or name
    if country_code in ("KR", "KP"):
        return _find_sounding(_is_hangul, country_code, name, names) or name
    if alphabet := _ALPHABETS.get(country_code):
        return _find_sounding(lambda text: _is_written_in(alphabet, text), country_code, name, names) or name
    return name


def compose(text: str) -> str:
    """A name in letters that fonts have: each with its mark as one; marks that no letter of its own bears are dropped (H̱ura)."""
    return re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFC", text))


def romanize(text: str, country_code: str = "") -> str:
    """A rough Latin spelling in lower-case ASCII, good for comparing, not for showing."""
    sounds = _CYRILLIC | _SOUNDS_OF.get(country_code, {})
    letters = []
    for char in unicodedata.normalize("NFC", text.lower()):
        if "가" <= char <= "힣":
            initial, rest = divmod(ord(char) - ord("가"), 588)
            vowel, final = divmod(rest, 28)
            letters.append(_HANGUL_INITIALS[initial] + _HANGUL_VOWELS[vowel] + _HANGUL_FINALS[final])
        elif (latin := sounds.get(char, _ARABIC.get(char))) is not None:
            letters.append(latin)
        else:
            plain = strip_marks(char)
            letters.append(_GREEK.get(plain, plain if plain.isascii() else ""))
    return "".join(letters)


def strip_marks(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def _strip_controls(text: str) -> str:
    """Without direction marks and Arabic vowel signs, which maps do not write."""
    return "".join(
        char for char in text if unicodedata.category(char) != "Cf" and not "\u064b" <= char <= "\u0652"
    )


def to_ascii(text: str) -> str:
    """A Latin name without its marks; letters that are no base letter with a mark are spelled out."""
    return strip_marks(text.translate(_SPELLED_OUT)).encode("ascii", "ignore").decode("ascii").strip()


def is_shipped_script(text: str) -> bool:
    """Latin, Cyrillic, Greek, Arabic, Han, kana or Hangul: what the program has fonts for."""
    scripts = ("LATIN", "CYRILLIC", "GREEK", "ARABIC", "CJK", "HIRAGANA", "KATAKANA", "HANGUL")
    return all(unicodedata.name(char, "").startswith(scripts) for char in text if char.isalpha())


def is_latin(text: str) -> bool:
    """Whether no Latin name stands beneath it on the map."""
    return all(unicodedata.name(char, "").startswith("LATIN") for char in text if char.isalpha())


def skeleton(text: str, country_code: str = "") -> str:
    """What the spellings of one sound share, whichever rules of romanization were used."""
    plain = re.sub(r"[^a-z]", "", romanize(text, country_code))
    for pattern, sound in _SPELLINGS_OF_ONE_SOUND.items():
        plain = plain.replace(pattern, sound)
    return plain


def _find_sounding(
    is_home_script: Callable[[str], bool], country_code: str, name: str, names: list[str]
) -> str | None:
    """The name in the home script that sounds most like the main name.

    Of equals the shortest, but in Cyrillic the longest: neighbours' spellings leave letters out (ь, doubled ones). That would
    take a spelling made from the Latin one (Череповетс) for that at home (Череповец), so the former is left out.
    """
    main = skeleton(name)
    others = {skeleton(text) for text in names if text.isascii() and text[:1].isupper() and len(text) > 3}
    foreign = re.compile(_FOREIGN_SPELLING.get(country_code, "$^"))
    words = len(re.split("[ -]", name))
    spelled = {_strip_controls(marked) for marked in names}
    best: tuple[float, int, str] | None = None
    for text in sorted(spelled):
        if "тс" in text and text.replace("тс", "ц") in spelled:
            continue
        if not is_home_script(text) or foreign.search(text.lower()) or len(re.split("[ -]", text)) > words:
            continue
        sound = skeleton(text, country_code)
        likeness_of_others = max((_likeness(sound, other) for other in others), default=0.0)
        score = max(_likeness(sound, main), _ANCHOR_OF_OTHERS * likeness_of_others)
        is_cyrillic = text[0].lower() in _CYRILLIC
        rank = (-round(score, 2), -len(text) if is_cyrillic else len(text), text)
        if score >= _CLOSE_ENOUGH and (best is None or rank < best):
            best = rank
    return best[2] if best else None


def _likeness(first: str, second: str) -> float:
    """Vowels count half: Arabic hardly writes them, others differ in them."""
    vowels = re.compile("[aeiouy]")
    return (_ratio(first, second) + 2 * _ratio(vowels.sub("", first), vowels.sub("", second))) / 3


def _ratio(first: str, second: str) -> float:
    return float(SequenceMatcher(None, first, second, autojunk=False).ratio())


def _is_written_in(alphabet: str, text: str) -> bool:
    letters = [char for char in text.lower() if char.isalpha()]
    return bool(letters) and all(
        (char if char in alphabet else strip_marks(char)) in alphabet for char in letters
    )


def _is_hangul(text: str) -> bool:
    return all("가" <= char <= "힣" for char in text)


def _find_han_name(country_code: str, name: str, names: list[str]) -> str | None:
    """Han characters tell no sounds: best is what is also known with "town" behind it and as long as it sounds."""
    suffixes = _TOWN_SUFFIXES[country_code]
    known = {text for text in names if _is_home_han(country_code, text)}
    stems = {text[:-1] if len(text) > 2 and text[-1] in suffixes else text for text in known}
    syllables = len(re.findall("[aeiou]+", to_ascii(name).lower()))

    def rank(text: str) -> tuple[bool, bool, int, int, str]:
        as_town = any(text + suffix in known for suffix in suffixes)
        off = abs(len(text) - syllables) if country_code != "JP" else 0
        return (not any(map(_is_han, text)), not as_town, off, len(text), text)

    return min((text for text in stems if 2 <= len(text) <= 8), key=rank, default=None)


def _is_home_han(country_code: str, text: str) -> bool:
    kana = country_code == "JP"
    written = all(_is_han(char) or (kana and "\u3041" <= char <= "\u30fc") for char in text)
    return written and _can_encode(text, _CHARACTER_SETS[country_code])


def _is_han(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff" or char == "々"


def _can_encode(text: str, character_set: str) -> bool:
    try:
        text.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True
