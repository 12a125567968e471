"""Which figures of a scenario belong to chosen consumers and companies."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from models.faults import Step
from models.results import HiddenKind
from models.scenario.case import Case
from models.scenario.materials import Damage
from models.scenario.quantities import Number, Yearly
from models.scenario.stockpiles import Stockpile

STOCKS = ("initial_t", "max_t", "max_release_t_per_period")
"""What says how large a stock of one's own is; prices, rates and what the market gives do not."""


@dataclass(frozen=True)
class Figure:
    """A number that is to be hidden."""

    kind: HiddenKind
    owner: str
    """Id of the consumer or the company funder."""
    path: tuple[Step, ...]
    """Where the quantity stands in the scenario; a year of it is no step of the path."""
    year: int | None
    """Year of a yearly quantity that changes; None elsewhere."""
    value: float
    material: str | None = None

    @property
    def subject(self) -> str:
        """What it belongs together with: the years of a profile, the steps of a curve, a purse."""
        return ".".join((self.kind, self.owner, self.material or ""))

    @property
    def dotted(self) -> str:
        """The path as ``--set`` has it."""
        return ".".join(map(str, self.path if self.year is None else (*self.path, self.year)))


def hidden(
    case: Case, consumers: Collection[str], companies: Collection[str]
) -> tuple[Figure, ...]:
    """All figures of the consumers and the purses, in the order of the file."""
    return tuple(
        chain(
            _demand(case, consumers),
            _damage(case, consumers),
            *(_budgets(case, f) for f in case.funders if f in companies),
            *(
                _stock(pile, position, owner)
                for position, pile in enumerate(case.stockpiles)
                if (owner := owner_of(pile, consumers, companies)) is not None
            ),
        )
    )


def owner_of(pile: Stockpile, consumers: Collection[str], companies: Collection[str]) -> str | None:
    """Whose stockpile it is, if it serves chosen consumers alone or chosen companies alone pay."""
    served = pile.serves or ()
    if served and set(served) <= set(consumers):
        return served[0]
    payers = [
        f
        for paid in (pile.paid_by, pile.storage_paid_by, pile.financing_paid_by)
        for f, share in (paid or {}).items()
        if share > 0
    ]
    return payers[0] if payers and set(payers) <= set(companies) else None


def sole_curve(case: Case, entry: Damage, consumers: Collection[str]) -> str | None:
    """The chosen consumer whose curve an entry is: it names one, or serves chosen ones alone."""
    if entry.consumer is not None:
        return entry.consumer if entry.consumer in consumers else None
    own = {d.consumer for d in case.damage if d.material == entry.material and d.consumer}
    users = [d.consumer for d in case.demand if d.material == entry.material]
    users = [user for user in dict.fromkeys(users) if user not in own]
    return users[0] if users and set(users) <= set(consumers) else None


def _demand(case: Case, consumers: Collection[str]) -> Iterator[Figure]:
    for position, row in enumerate(case.demand):
        if row.consumer in consumers:
            path = ("demand", position, "t_per_year")
            yield from _yearly("demand", row.consumer, path, row.t_per_year, row.material)


def _damage(case: Case, consumers: Collection[str]) -> Iterator[Figure]:
    for position, entry in enumerate(case.damage):
        owner = sole_curve(case, entry, consumers)
        if owner is None:
            continue
        for number, step in enumerate(entry.steps):
            path = ("damage", position, "steps", number)
            m = entry.material
            yield Figure(
                "damage_value", owner, (*path, "eur_per_t"), None, float(step.eur_per_t), m
            )
            if len(entry.steps) > 1:
                yield Figure("damage_share", owner, (*path, "share"), None, float(step.share), m)


def _budgets(case: Case, f: str) -> Iterator[Figure]:
    funder, path = case.funders[f], ("funders", f)
    if funder.budget_meur is not None:
        yield Figure("budget", f, (*path, "budget_meur"), None, float(funder.budget_meur))
    yield from _by_year(f, (*path, "budget_by_year_meur"), funder.budget_by_year_meur)
    for id, line in funder.budget_lines.items():
        at = (*path, "budget_lines", id)
        if line.total_meur is not None:
            yield Figure("budget", f, (*at, "total_meur"), None, float(line.total_meur))
        yield from _by_year(f, (*at, "by_year_meur"), line.by_year_meur)
        if line.limit_meur is not None:
            yield from _yearly("budget", f, (*at, "limit_meur"), line.limit_meur)


def _by_year(
    f: str, path: tuple[Step, ...], years: Mapping[int, Number] | None
) -> Iterator[Figure]:
    for year, value in (years or {}).items():
        yield Figure("budget", f, path, year, float(value))


def _stock(pile: Stockpile, position: int, owner: str) -> Iterator[Figure]:
    for name in STOCKS:
        value = getattr(pile, name)
        if value is not None and (name != "initial_t" or value > 0):
            path = ("stockpiles", position, name)
            yield Figure("stock", owner, path, None, float(value), pile.material)


def _yearly(
    kind: HiddenKind, owner: str, path: tuple[Step, ...], over: Yearly, material: str | None = None
) -> Iterator[Figure]:
    for year, value in zip(over.years or (None,), over.values, strict=True):
        yield Figure(kind, owner, path, year, float(value), material)
