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

SMALL_WORDS: dict[Language, str] = {
    "en": "a|and|are|as|at|by|for|from|is|it|of|or|than|that|the|to|which|with",
    "de": "aber|als|auf|aus|bei|das|dem|den|der|des|die|ein|eine|im|ist|mit|nach|und|von|zu",
}
"""Words that are frequent in one language and rare in the other."""

_current: ContextVar[Language] = ContextVar("language", default="en")


def language() -> Language:
    """The language that texts are written in now."""
    return _current.get()


@contextmanager
def using(chosen: Language) -> Iterator[None]:
    """Write texts in this language for as long as the context lasts."""
    token = _current.set(chosen)
    try:
        yield
    finally:
        _current.reset(token)


def tr(template: str, /, **values: Any) -> str:
    """A text in the current language, with its values put in; English where there is no other."""
    if language() == "de":
        template = german().get(template, template)
    return template.format(**values) if values else template


def spoken(text: str) -> Language | None:
    """The language that a text of a scenario is probably in, by the small words in it; None where
    they do not tell."""
    count = {
        known: len(re.findall(rf"\b(?:{small})\b", text, re.IGNORECASE))
        for known, small in SMALL_WORDS.items()
    }
    first, second = sorted(count, key=lambda known: -count[known])
    return first if count[first] > 2 * count[second] else None


def marked(template: str, /) -> str:
    """The template as it is, to be given to ``tr`` where it is shown."""
    return template


def speak(chosen: Language) -> None:
    """Write texts in this language from here on, as far as an enclosing ``using`` reaches."""
    _current.set(chosen)


def figure(value: float) -> str:
    """A number with six digits at most and the decimal sign of the current language."""
    shown = f"{value:g}"
    return shown.replace(".", ",") if language() == "de" else shown


@cache
def german() -> dict[str, str]:
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
