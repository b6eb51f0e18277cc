"""The English name of a language, however it is written: `en`, `EN`, `en-US`, `eng` and `english` are English."""

from __future__ import annotations

import re

# Name: ISO 639-1 and 639-2/3 codes. Norwegian's two written forms are one here, as in Chatbot Arena.
_CODES = {
    "Arabic": "ar ara", "Bulgarian": "bg bul", "Bengali": "bn ben", "Catalan": "ca cat", "Czech": "cs ces cze",
    "Danish": "da dan", "German": "de deu ger", "Greek": "el ell gre", "English": "en eng", "Spanish": "es spa",
    "Estonian": "et est", "Persian": "fa fas per", "Finnish": "fi fin", "French": "fr fra fre", "Hebrew": "he heb iw",
    "Hindi": "hi hin", "Croatian": "hr hrv", "Hungarian": "hu hun", "Indonesian": "id ind in", "Italian": "it ita",
    "Japanese": "ja jpn", "Korean": "ko kor", "Lithuanian": "lt lit", "Latvian": "lv lav", "Malay": "ms msa may",
    "Norwegian": "no nor nb nob nn nno", "Dutch": "nl nld dut", "Polish": "pl pol", "Portuguese": "pt por",
    "Romanian": "ro ron rum", "Russian": "ru rus", "Slovak": "sk slk slo", "Slovenian": "sl slv", "Serbian": "sr srp",
    "Swedish": "sv swe", "Thai": "th tha", "Turkish": "tr tur", "Ukrainian": "uk ukr", "Vietnamese": "vi vie",
    "Chinese": "zh zho chi",
}  # fmt: skip
_NAMES = {code: name for name, codes in _CODES.items() for code in codes.split()}
_NAMES |= {name.casefold(): name for name in _CODES}


def language_name(stated: str) -> str:
    """The English name of a language stated by code, tag or name; what is unknown stays as it is stated.

    A region or a script (`en-US`, `en_GB.UTF-8`, `eng_Latn`) makes no other language.
    """
    text = stated.strip()
    whole = text.casefold()
    return _NAMES.get(whole) or _NAMES.get(re.split(r"[-_.@ ]", whole, maxsplit=1)[0]) or text
