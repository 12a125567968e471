"""What the sheets of one split share: the game, and the rows and cells so far."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from models.language import tr
from models.results import Interval
from optimizer.report.splitting.game import Game
from optimizer.report.workbook.book import Book, Column, Line, Table
from optimizer.report.workbook.checks import Check
from optimizer.report.workbook.expressions import Expression


@dataclass
class Written:
    """Sheets of a split in the making; each adds what later ones refer to."""

    book: Book
    game: Game
    tables: dict[str, Table] = field(default_factory=dict)
    """By name: those that other sheets refer to."""
    cells: dict[str, Expression] = field(default_factory=dict)
    """By name: figures that other sheets refer to."""
    players: dict[str, Line] = field(default_factory=dict)
    """Rows of the players by their ids."""
    gains: dict[tuple[str, str], Line] = field(default_factory=dict)
    """Rows of the gains by rule and player."""
    checks: list[Check] = field(default_factory=list)

    def key(self, members: Collection[str]) -> str:
        """The key of a group, whatever order its members come in; ids have no plus sign."""
        return "+".join(player for player in self.game.players if player in members)


def range_columns(key: str, *, group: str, width: float = 11) -> list[Column]:
    """Columns for a figure from the plans and the range of the proofs."""
    return [
        Column(f"{key}_low", tr("{what}: at least", what=group), "money", width),
        Column(key, tr("{what}: by the plans", what=group), "money", width),
        Column(f"{key}_high", tr("{what}: at most", what=group), "money", width),
    ]


def put_range(line: Line, key: str, found: Interval) -> Expression:
    """Write a range into its columns; the figure from the plans comes back."""
    line.optimizer(f"{key}_low", found.low)
    line.optimizer(f"{key}_high", found.high)
    return line.optimizer(key, found.value)
