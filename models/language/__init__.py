"""Messages in the languages of :data:`LANGUAGES`.

The English text is written where it is used, and is the key of its translation in the files of
the folder of a language, such as ``models/language/de``. Both are templates for
:meth:`str.format`.
"""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Language = Literal["en", "de"]


def mark_translatable(template: str, /) -> str:
    """Mark a template for translation and return it unchanged.

    The template is passed to :func:`tr` later.
    """
    return template


@dataclass(frozen=True)
class Conventions:
    """Name and conventions of a language."""

    name: str  # in English, to be translated
    own_name: str
    tag: str  # of BCP 47, for the properties of documents
    decimal_mark: str
    separator: str  # between the cells of a CSV file, as spreadsheets expect it
    quotes: str  # around quoted texts; empty for those of Python
    function_words: str
    """Alternatives of a regular expression: words frequent in it and rare in other languages."""


LANGUAGES: dict[Language, Conventions] = {
    "en": Conventions(
        mark_translatable("English"),
        "English",
        "en-GB",
        ".",
        ",",
        "",
        "a|and|are|as|at|by|for|from|is|it|of|or|than|that|the|to|which|with",
    ),
    "de": Conventions(
        mark_translatable("German"),
        "Deutsch",
        "de-DE",
        ",",
        ";",
        "„“",
        "aber|als|auf|aus|bei|das|dem|den|der|des|die|ein|eine|im|ist|mit|nach|und|von|zu",
    ),
}
"""All languages. Texts in another one need an entry here and a folder with its translations."""

_current_language: ContextVar[Language] = ContextVar("language", default="en")


def current_language() -> Language:
    """Return the language of messages in the current context."""
    return _current_language.get()


@contextmanager
def using(language: Language) -> Iterator[None]:
    """Set the language of messages inside the context."""
    token = _current_language.set(language)
    try:
        yield
    finally:
        _current_language.reset(token)


def tr(template: str, /, **values: Any) -> str:
    """Translate a message template to the current language and insert ``values``.

    A template without a translation stays in English.
    """
    template = translations(current_language()).get(template, template)
    return template.format(**values) if values else template


def detect_language(text: str) -> Language | None:
    """Return the probable language of a text, judged by its function words; None if unclear."""
    word_counts = {
        language: len(re.findall(rf"\b(?:{entry.function_words})\b", text, re.IGNORECASE))
        for language, entry in LANGUAGES.items()
    }
    likeliest, runner_up, *_ = sorted(word_counts, key=lambda language: -word_counts[language])
    return likeliest if word_counts[likeliest] > 2 * word_counts[runner_up] else None


def set_language(language: Language) -> None:
    """Set the language of messages, until an enclosing :func:`using` ends."""
    _current_language.set(language)


def format_number(value: float) -> str:
    """Format a number with at most six digits and the decimal separator of the language."""
    return localize_number(f"{value:g}")


def conventions() -> Conventions:
    """Return the conventions of the current language."""
    return LANGUAGES[current_language()]


def localize_number(text: str) -> str:
    """Return a number in Python's notation with the decimal mark of the current language."""
    return text.replace(".", conventions().decimal_mark)


@cache
def translations(language: Language) -> dict[str, str]:
    """Return the translation of each English text, from all files of the language; empty for
    English.

    Raises ValueError if two files translate a text differently.
    """
    by_text: dict[str, str] = {}
    if language == "en":
        return by_text
    folder = files("models.language") / language
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        for text, translation in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if by_text.setdefault(text, translation) != translation:
                raise ValueError(f"two translations of '{text}'")
    return by_text
