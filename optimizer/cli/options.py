"""Options that several commands share."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from models.language import tr
from optimizer.cli.cuts import BESIDE

_Made = TypeVar("_Made", bound=Callable[..., Any])


MOST_AT_ONCE = 1_000
"""Threads or processes; more are mistyped, and a system that has to make them all stands still."""
LEAST_MEMORY = 300 * 10**6
"""Bytes that a process needs to begin at all."""


class Finite(click.FloatRange):
    """A number in a range; unlike click's own, neither infinite nor NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(tr("{value} is not a finite number.", value=value), param, ctx)
        return number


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


settings = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change one value, for example horizon.last_year=2040; may be given often.",
)
budget = click.option(
    "--budget",
    type=Finite(min=0),
    metavar="MEUR",
    help="The same as --set policy.budget_meur=MEUR: what all public funders may spend together.",
)
gap = click.option(
    "--gap",
    type=Finite(min=0),
    default=1e-4,
    show_default=True,
    metavar="SHARE",
    help="Stop once the plan is proven to be this close to the best, as a share of its objective.",
)
threads = click.option(
    "--threads",
    type=click.IntRange(min=1, max=MOST_AT_ONCE),
    metavar="N",
    help="Threads of solver and sweep.",
)
jobs = click.option(
    "--jobs",
    type=click.IntRange(min=1, max=MOST_AT_ONCE),
    metavar="N",
    help="Problems that are solved side by side, each by one process; if not given as many as "
    "there are usable cores, and one for small problems.",
)
node_limit = click.option(
    "--node-limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Stop after so many nodes of the search with the best plan so far: unlike a time limit, "
    "at the same place each time.",
)
time_limit_each = click.option(
    "--time-limit",
    type=Finite(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop each single solve after this time with what is known by then.",
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


def out(what: str) -> Callable[[_Made], _Made]:
    """The option for a folder into which what was found is written as well."""
    return click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help=f"Write {what} into this folder as well.",
    )


def with_budget(settings: tuple[str, ...], budget: float | None) -> tuple[str, ...]:
    """The settings, with a budget of all public funders as the last of them."""
    if budget is None:
        return settings
    return (*settings, f"policy.budget_meur={Decimal(str(budget)):f}")
