"""Sheets of a split: what joint action is worth, how it is shared, who would rather leave."""

from __future__ import annotations

from models.language import tr
from models.results import Split
from models.results.reservations import NONE, Doubts
from optimizer.report.splitting.game import Game
from optimizer.report.workbook.book import Book
from optimizer.report.workbook.checks import Check, checks
from optimizer.report.workbook.splitting.answer import answer
from optimizer.report.workbook.splitting.groups import groups
from optimizer.report.workbook.splitting.leaving import leaving
from optimizer.report.workbook.splitting.outside import outsiders, staying_out
from optimizer.report.workbook.splitting.players import players
from optimizer.report.workbook.splitting.sharing import sharing
from optimizer.report.workbook.splitting.together import together
from optimizer.report.workbook.splitting.vouching import vouching
from optimizer.report.workbook.splitting.written import Written

__all__ = ["split_sheets", "write_split"]

SMALL = 100
"""Below so many million, amounts are shown with two decimals."""


def write_split(split: Split, doubts: Doubts = NONE) -> bytes:
    """A split as an Excel workbook in the current language."""
    game = Game(split)
    most = max([abs(player.alone.value) for player in split.players], default=0.0)
    book = Book(game.title, 2 if most < SMALL else 1, doubts=doubts)
    first = book.sheet(tr("Answer"), game.title)
    written = _sheets(book, game)
    answer(written, first, checks(book, written.checks))
    return book.finished()


def split_sheets(book: Book, split: Split) -> list[Check]:
    """The sheets of a split in the workbook of a plan, and what must hold in them."""
    return _sheets(book, Game(split)).checks


def _sheets(book: Book, game: Game) -> Written:
    written = Written(book, game)
    together(written)
    players(written)
    sharing(written)
    groups(written)
    leaving(written)
    staying_out(written)
    outsiders(written)
    vouching(written)
    return written
