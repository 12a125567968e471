"""Text for people in English and German.

The English text stands where it is used, as the key of its translation; the German stands in the
files of ``models/language/de``, one a subject. Both are templates: ``{name}`` takes a value.
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
"""Words that are frequent in one language and rare in the other."""

_current_language: ContextVar[Language] = ContextVar("language", default="en")


def current_language() -> Language:
    """The language that texts are written in now."""
    return _current_language.get()


@contextmanager
def using(chosen: Language) -> Iterator[None]:
    """Write texts in this language for as long as the context lasts."""
    token = _current_language.set(chosen)
    try:
        yield
    finally:
        _current_language.reset(token)


def tr(template: str, /, **values: Any) -> str:
    """A text in the current language, with its values put in; English where there is no other."""
    if current_language() == "de":
        template = german_translations().get(template, template)
    return template.format(**values) if values else template


def detect_language(text: str) -> Language | None:
    """The language that a text of a scenario is probably in, by the small words in it; None where
    they do not tell."""
    count = {
        known: len(re.findall(rf"\b(?:{small})\b", text, re.IGNORECASE))
        for known, small in FUNCTION_WORDS.items()
    }
    first, second = sorted(count, key=lambda known: -count[known])
    return first if count[first] > 2 * count[second] else None


def mark_translatable(template: str, /) -> str:
    """The template as it is, to be given to ``tr`` where it is shown."""
    return template


def set_language(chosen: Language) -> None:
    """Write texts in this language from here on, as far as an enclosing ``using`` reaches."""
    _current_language.set(chosen)


def format_number(value: float) -> str:
    """A number with six digits at most and the decimal sign of the current language."""
    shown = f"{value:g}"
    return shown.replace(".", ",") if current_language() == "de" else shown


@cache
def german_translations() -> dict[str, str]:
    """German by English, of all files together.

    Raises ValueError where two files translate one text differently.
    """
    found: dict[str, str] = {}
    folder = files("models.language") / "de"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        for text, translated in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if found.setdefault(text, translated) != translated:
                raise ValueError(f"two translations of '{text}'")
    return found
