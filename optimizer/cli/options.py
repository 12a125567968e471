"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from models.language import tr
from optimizer.analyses.options import CompareOptions
from optimizer.cli.cuts import BESIDE
from optimizer.cli.parameters import Finite, option

_Made = TypeVar("_Made", bound=Callable[..., Any])


LEAST_MEMORY = 300 * 10**6
"""Bytes that a process needs to begin at all."""


def size(text: str) -> int:
    """Bytes of an amount of memory that is written as 500MB or 8GB."""
    found = re.fullmatch(r"(\d{1,6})(?:[.,](\d{1,3}))? ?(MB|GB|MiB|GiB)", text.strip())
    if found is None:
        raise click.BadParameter(tr("{value} is no size such as 500MB or 8GB.", value=text))
    unit = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}[found[3]]
    amount = int(float(f"{found[1]}.{found[2] or 0}") * unit)
    if amount < LEAST_MEMORY:
        least = f"{LEAST_MEMORY // 10**6}MB"
        raise click.BadParameter(
            tr("{value} is too little: a solve takes {least}.", value=text, least=least)
        )
    return amount


budget = option(CompareOptions, "budget")
time_limit_once = click.option(
    "--time-limit",
    type=Finite(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop after this time with the best plan so far.",
)
memory_limit = click.option(
    "--memory-limit",
    type=size,
    metavar="SIZE",
    help="Memory that one process may take, such as 8GB; one that takes more is ended.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Write one JSON document to stdout.")
reuse = click.option(
    "--reuse",
    is_flag=False,
    flag_value=BESIDE,
    type=click.Path(path_type=Path),
    metavar="[DIR]",
    help="Start from the cuts that earlier runs left in this folder, and leave more there; without "
    "DIR, the folder of --out. Write --reuse=DIR, or --reuse after FILE.",
)
force = click.option("--force", is_flag=True, help="Overwrite existing files of results.")
quiet = click.option("--quiet", is_flag=True, help="Show no progress.")


def out(what: str, metavar: str = "DIR") -> Callable[[_Made], _Made]:
    """The option for a folder, or with another metavar a file, that results are written to."""
    folder = click.Path(file_okay=metavar != "DIR", path_type=Path)
    return click.option("--out", type=folder, metavar=metavar, help=what)


def with_budget(settings: tuple[str, ...], budget: float | None) -> tuple[str, ...]:
    """The settings, with a budget of all public funders as the last of them."""
    if budget is None:
        return settings
    return (*settings, f"policy.budget_meur={Decimal(str(budget)):f}")
