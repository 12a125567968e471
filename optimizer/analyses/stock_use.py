"""Table of the use of stockpiles, which plans and evaluations have in common."""

from collections.abc import Callable
from typing import Any

from models.language import tr
from models.results import StockUse
from optimizer.report.document import Column
from optimizer.report.wording import Wording


def stock_use_caption() -> str:
    """Return the caption for a table with the columns of :func:`stock_use_columns`."""
    return tr("How often stocks are used and filled again, expected in all years")


def stock_use_columns(
    wording: Wording[Any], get_stock_use: Callable[[Any], StockUse]
) -> list[Column]:
    """Return columns on the use of stockpiles; ``get_stock_use`` reads the use from a row."""
    return [
        Column(
            tr("Stockpile"), lambda row: wording.name("stockpiles", get_stock_use(row).id), "text"
        ),
        Column(tr("Released, t"), lambda row: get_stock_use(row).released_t, "tonnes"),
        Column(tr("Comes back, t"), lambda row: get_stock_use(row).refilled_t, "tonnes"),
        Column(tr("Times used"), lambda row: get_stock_use(row).times, decimals=1),
    ]
