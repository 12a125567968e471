"""What must add up in a workbook of a comparison, option by option."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from models.language import tr
from optimizer.analyses.comparison.words import Side
from optimizer.report.document import Check, Table
from optimizer.report.workbook.expressions import Expression
from optimizer.report.workbook.formulas import Formulas

Read = Callable[[Formulas], Expression]


def checks(side: Side, tables: Mapping[str, Table]) -> Iterator[Check]:
    """The checks that the tables of a document allow, which are given by name."""
    base = side.key(side.found.base)
    for option in side.options:
        key, about = side.key(option.label), {"option": side.called(option.label)}

        def there(table: str, column: str) -> bool:
            return table in tables and any(c.key == column for c in tables[table].columns)

        if not side.bars(option.label, "money"):
            public = _cell("costs", "public", key)
            says = tr("{option}: public money by class adds up", **about)
            yield Check(says, "costs", public, _cell("stated", "public", key))
            if there("by-year", key):
                says = tr("{option}: public money by year adds up", **about)
                yield Check(says, "by-year", _total("by-year", key), public)
            if there("money", key):
                says = tr("{option}: money by funder adds up", **about)
                yield Check(says, "money", _total("money", key), _all_money(key))
        says = tr("{option}: parts add up to the expected damage", **about)
        for kind in ("materials", "consumers"):
            if there(kind, key):
                yield Check(says, kind, _total(kind, key), _cell("benefits", "left", key))
            elif there(kind, f"{key}_moves"):
                yield Check(says, kind, _total(kind, f"{key}_moves"), _less(key, base))


def _cell(table: str, row: str, key: str) -> Read:
    return lambda book: book[table].find(row, key)


def _total(table: str, key: str) -> Read:
    return lambda book: book[table].total(key)


def _less(key: str, base: str) -> Read:
    return lambda book: book["benefits"].find("left", key) - book["benefits"].find("left", base)


def _all_money(key: str) -> Read:
    def read(book: Formulas) -> Expression:
        public, private, market = (
            book["costs"].find(row, key) for row in ("public", "private", "market")
        )
        return public + private + market

    return read
