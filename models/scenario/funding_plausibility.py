"""What is unlikely to be meant in budget lines and in the terms of instruments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from models.faults import Fault, Step
from models.language import tr
from models.scenario.years import readable

if TYPE_CHECKING:
    from models.scenario.case import Case
    from models.scenario.funding import Funder
    from models.scenario.instruments import Instrument

_Path = tuple[Step, ...]


def warnings(case: Case) -> Iterator[Fault]:
    """Every doubt about budget lines and about terms of instruments."""
    for name, funder in case.funders.items():
        path: _Path = ("funders", name)
        yield from _later(case, funder.budget_by_year_meur, (*path, "budget_by_year_meur"))
        for key, line in funder.budget_lines.items():
            at = (*path, "budget_lines", key)
            yield from _later(case, line.by_year_meur, (*at, "by_year_meur"))
            if line.limit_meur is None and line.total_meur is None and line.by_year_meur is None:
                message = tr("the budget line '{line}' has no limit", line=key)
                yield _doubt(at, message, tr("add one, or leave it out"))
        for key, instrument in funder.instruments.items():
            at = (*path, "instruments", key)
            yield from _guarantee(funder, instrument, at)
            yield from _support(case, instrument, at)


def _later(case: Case, by_year: Mapping[int, object] | None, path: _Path) -> Iterator[Fault]:
    """Years of a table that lie after the horizon, and count for nothing."""
    last = case.horizon.last_year
    later = [year for year in by_year or {} if readable(year, last) and year > last]
    if later:
        years = ", ".join(map(str, later))
        if len(later) > 2 and later == list(range(later[0], later[-1] + 1)):
            years = tr("{first} to {last}", first=later[0], last=later[-1])
        message = tr(
            "the horizon ends in {last}: years after it are left out ({years})",
            last=last,
            years=years,
        )
        yield _doubt(path, message, tr("a longer horizon counts them"))


def _doubt(path: _Path, message: str, hint: str) -> Fault:
    return Fault(path, message, hint, "warning", at_key=True)


def _guarantee(funder: Funder, instrument: Instrument, path: _Path) -> Iterator[Fault]:
    """A guarantee that seems to be paid out."""
    if instrument.kind != "guarantee":
        return
    if instrument.recovery is None and instrument.failure_probability is None:
        message = tr("net cost counts all of the guarantee '{i}' as lost", i=path[-1])
        yield _doubt(path, message, tr("give failure_probability or recovery"))
    for key, line in funder.budget_lines.items():
        used = line.kind == "cash" and key not in instrument.charges
        if used and float(instrument.budget_charge) == 1:
            message = tr(
                "the guarantee '{i}' uses the cash line '{line}' like money paid out",
                i=path[-1],
                line=key,
            )
            hint = tr(
                "write its provision, such as charges: {{{line}: 0.1}}, or budget_charge", line=key
            )
            yield _doubt(path, message, hint)


def _support(case: Case, instrument: Instrument, path: _Path) -> Iterator[Fault]:
    """A subsidy or a floor that brings nothing, or whose prices cross."""
    if instrument.carries_capex:
        return
    if not any((instrument.market_finance_per_share, instrument.offtake_per_share)):
        message = tr("the instrument '{i}' brings neither finance nor offtake", i=path[-1])
        hint = tr("give market_finance_per_share or offtake_per_share")
        yield _doubt(path, message, hint)
    floors = instrument.floor_eur_per_t or {}
    for material, start in (instrument.upside_from_eur_per_t or {}).items():
        floor = floors[material]
        years = [year for year in case.horizon.years if start.at(year) < floor.at(year)]
        if years:
            at = (*path, "upside_from_eur_per_t", material)
            message = tr(
                "the upside of '{material}' begins below its floor in {year}",
                material=material,
                year=years[0],
            )
            yield _doubt(at, message, tr("so that the funder pays and receives at once"))
