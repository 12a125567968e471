"""Texts of workbooks that are chosen by what the models hold, in the current language."""

from __future__ import annotations

from models.language import german, language, tr


def worded(text: str) -> str:
    """A label, a unit or an explanation that follows from a field or a sheet."""
    return tr(text)


def word_shown(word: str) -> str:
    """A word of the format as a workbook shows it: itself in English."""
    return german_word(word) if language() == "de" else word


def german_word(word: str) -> str:
    """The German for a word that fields choose from; itself where there is none.

    The key of the German one begins with ``word:``, since it depends on the sense.
    """
    return german().get(f"word: {word.replace('_', ' ')}", word)


def word_meant(text: str, words: tuple[str, ...]) -> str:
    """The word of the format that a cell holds, in either language; the cell's own where none."""
    said = " ".join(text.split()).lower()
    for word in words:
        if said in (word.lower(), word.replace("_", " "), german_word(word).lower()):
            return word
    return text
