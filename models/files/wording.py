"""Texts of workbooks that are chosen by what the models hold, in the current language."""

from __future__ import annotations

from models.language import german, language, tr

WORDS = {
    "all": "word: all",
    "any": "word: any",
    "assumption": "word: assumption",
    "cash": "word: cash",
    "commitment": "word: commitment",
    "company": "word: company",
    "damage": "word: damage",
    "entitled": "word: entitled",
    "equity": "word: equity",
    "extraction": "word: extraction",
    "financial_transaction": "word: financial transaction",
    "grant": "word: grant",
    "guarantee": "word: guarantee",
    "guarantee_stock": "word: guarantee stock",
    "high": "word: high",
    "interest_subsidy": "word: interest subsidy",
    "loan": "word: loan",
    "low": "word: low",
    "medium": "word: medium",
    "pooled": "word: pooled",
    "price_floor": "word: price floor",
    "private": "word: private",
    "processing": "word: processing",
    "public": "word: public",
    "random": "word: random",
    "read": "word: read",
    "recycling": "word: recycling",
    "reported": "word: reported",
    "share_of_demand": "word: share of demand",
    "stratified": "word: stratified",
    "subordinated_loan": "word: subordinated loan",
    "tonnes": "word: tonnes",
}
"""The words that fields choose from; the key of the German word, which depends on the sense."""


def worded(text: str) -> str:
    """A label, a unit or an explanation that follows from a field or a sheet."""
    return tr(text)


def word_shown(word: str) -> str:
    """A word of the format as a workbook shows it: itself in English."""
    return german_word(word) if language() == "de" else word


def german_word(word: str) -> str:
    """The German for a word of the format; itself where there is none."""
    return german().get(WORDS.get(word, ""), word)


def word_meant(text: str, words: tuple[str, ...]) -> str:
    """The word of the format that a cell holds, in either language; the cell's own where none."""
    said = " ".join(text.split()).lower()
    for word in words:
        if said in (word.lower(), word.replace("_", " "), german_word(word).lower()):
            return word
    return text
