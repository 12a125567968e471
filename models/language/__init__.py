"""Messages in English and German.

The English text is written where it is used, and is the key of its translation in the files of
``models/language/de``, one per subject. Both are templates for :meth:`str.format`.
"""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Language = Literal["en", "de"]

FUNCTION_WORDS: dict[Language, str] = {
    "en": "a|and|are|as|at|by|for|from|is|it|of|or|than|that|the|to|which|with",
    "de": "aber|als|auf|aus|bei|das|dem|den|der|des|die|ein|eine|im|ist|mit|nach|und|von|zu",
}
"""Alternatives of a regular expression: words frequent in one language and rare in the other."""

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
    if current_language() == "de":
        template = german_translations().get(template, template)
    return template.format(**values) if values else template


def detect_language(text: str) -> Language | None:
    """Return the probable language of a text, from its function words; None if unclear."""
    counts = {
        language: len(re.findall(rf"\b(?:{words})\b", text, re.IGNORECASE))
        for language, words in FUNCTION_WORDS.items()
    }
    first, second = sorted(counts, key=lambda language: -counts[language])
    return first if counts[first] > 2 * counts[second] else None


def mark_translatable(template: str, /) -> str:
    """Mark a template for translation and return it unchanged.

    The template is passed to :func:`tr` later.
    """
    return template


def set_language(language: Language) -> None:
    """Set the language of messages, until an enclosing :func:`using` ends."""
    _current_language.set(language)


def format_number(value: float) -> str:
    """Format a number with at most six digits and the decimal separator of the language."""
    text = f"{value:g}"
    return text.replace(".", ",") if current_language() == "de" else text


@cache
def german_translations() -> dict[str, str]:
    """Return the German translation of each English text, from all translation files.

    Raises ValueError if two files translate a text differently.
    """
    translations: dict[str, str] = {}
    folder = files("models.language") / "de"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        for text, translation in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if translations.setdefault(text, translation) != translation:
                raise ValueError(f"two translations of '{text}'")
    return translations
