"""The tables behind a comparison, as pandas frames read off it.

Options stand in columns by label, in the order of the comparison; what cannot be compared with the
base is None there. Money is million of the currency, mass is tonnes, shares are fractions of one.
A frame without rows keeps its columns. Nothing is rounded here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from models.results import Comparison
from models.results.comparison import Barred
from models.results.option import Option, Sums
from optimizer.report.figures import NOISE

if TYPE_CHECKING:
    import pandas as pd

Cell = Callable[[Option], Any]
TOTAL = "total"
"""Id of the row that the others add up to."""
MARKET = "market"
"""Stands for lenders and other investors where a funder's id would stand."""


def _frame(
    comparison: Comparison,
    leading: list[str],
    rows: Iterable[Mapping[str, Any]],
    labels: Any = None,
) -> pd.DataFrame:
    # pandas takes a good part of a second to import: only those who want a table wait for it.
    import pandas as pd

    of = [option.label for option in comparison.options] if labels is None else list(labels)
    return pd.DataFrame(list(rows), columns=[*leading, *of], dtype=object)


def barred(comparison: Comparison, label: str) -> frozenset[Barred]:
    """Figures of an option that are not compared with the base."""
    bars = {bar for one in comparison.unlike if one.option == label for bar in one.bars}
    return frozenset(bars | {"tail", "objective"} if "damage" in bars else bars)


def _row(comparison: Comparison, of: str, cell: Cell, *needs: Barred) -> dict[str, Any]:
    """One figure of every option, None where a figure it needs is barred."""
    return {
        "figure": of,
        **{
            option.label: None if barred(comparison, option.label) & set(needs) else cell(option)
            for option in comparison.options
        },
    }


def benefits(comparison: Comparison) -> pd.DataFrame:
    """What each option buys: figures down, options across."""

    def all_materials(o: Option, figure: str) -> float | None:
        together = o.benefit.dependence.with_plan
        return None if together is None else getattr(together, figure)

    def first(o: Option) -> float | None:
        tonne = o.benefit.first_tonne
        return None if tonne is None else tonne.expected_year or float(tonne.year)

    figures: list[tuple[str, Cell, tuple[Barred, ...]]] = [
        ("avoided", lambda o: o.benefit.expected.avoided, ("damage",)),
        ("avoided_share", lambda o: o.benefit.expected.share, ("damage",)),
        ("avoided_low", lambda o: _end(o.benefit.avoided_range, "low"), ("damage",)),
        ("avoided_high", lambda o: _end(o.benefit.avoided_range, "high"), ("damage",)),
        ("left", lambda o: o.benefit.expected.with_plan, ("damage",)),
        ("left_cvar", lambda o: o.benefit.cvar.with_plan, ("tail",)),
        ("left_worst", lambda o: o.benefit.worst.with_plan, ("damage",)),
        ("days", lambda o: o.benefit.cover.days, ("dependence",)),
        ("imports", lambda o: all_materials(o, "imports"), ("dependence",)),
        ("largest_share", lambda o: all_materials(o, "largest_share"), ("dependence",)),
        ("above_limit", lambda o: len(o.benefit.dependence.above_limit), ("dependence",)),
        ("hhi", lambda o: all_materials(o, "hhi"), ("dependence",)),
        ("first_tonne", first, ()),
    ]
    return _frame(
        comparison,
        ["figure"],
        [_row(comparison, figure, cell, *needs) for figure, cell, needs in figures],
    )


def _end(of: Any, end: str) -> float | None:
    return None if of is None else getattr(of, end)


def benchmarks(comparison: Comparison) -> pd.DataFrame:
    """How many materials reach the benchmarks of the act: stages down, options across.

    Those without a plan, and how many materials there are, are counted in the base.
    """
    base = next(o for o in comparison.options if o.label == comparison.base).benefit.crma

    def reached(stage: str) -> Cell:
        return lambda o: sum(s.share >= s.target for s in o.benefit.crma if s.stage == stage)

    rows = []
    for stage in dict.fromkeys(share.stage for share in base):
        of_stage = [share for share in base if share.stage == stage]
        rows.append(
            {
                "stage": stage,
                "year": of_stage[0].year,
                "target": of_stage[0].target,
                "materials": len(of_stage),
                "without_plan": sum(s.share_without_plan >= s.target for s in of_stage),
                **_row(comparison, stage, reached(stage), "dependence"),
            }
        )
    leading = ["stage", "year", "target", "materials", "without_plan"]
    return _frame(comparison, leading, rows)


def costs(comparison: Comparison) -> pd.DataFrame:
    """What each option costs: figures down, options across; classes as ``class:NAME``."""

    def public(figure: str) -> Cell:
        return lambda o: getattr(o.cost.public, figure)

    def per(of: str, figure: str) -> Cell:
        def cell(o: Option) -> float | None:
            euro = getattr(o.cost, of)
            if euro is None:
                return None
            return euro.expected if figure == "expected" else _end(euro.range, figure)

        return cell

    classes = dict.fromkeys(name for o in comparison.options for name in o.cost.by_class)
    left = any(o.cost.public.residual_meur > NOISE for o in comparison.options)
    figures: list[tuple[str, Cell]] = [
        ("public", public("paid_meur")),
        *((f"class:{name}", _of_class(name)) for name in classes),
        ("charged", lambda o: o.cost.public_charged_meur),
        ("peak", public("peak_meur")),
        ("maximum_loss", public("maximum_loss_meur")),
        ("expected_loss", public("expected_loss_meur")),
        ("loss_known_for", _loss_known_for),
        ("returned", public("returned_present_meur")),
        *([("residual", public("residual_meur"))] if left else []),
        ("cost", public("cost_meur")),
        ("private", lambda o: o.cost.private.paid_meur),
        ("private_cost", lambda o: o.cost.private.cost_meur),
        ("market", lambda o: o.cost.market_meur),
        ("private_per_public", lambda o: o.cost.leverage.private_per_public),
        ("other_per_federal", lambda o: o.cost.leverage.other_per_federal),
    ]
    per_euro: list[tuple[str, Cell]] = [
        ("per_public", per("avoided_per_public_euro", "expected")),
        ("per_public_low", per("avoided_per_public_euro", "low")),
        ("per_public_high", per("avoided_per_public_euro", "high")),
        ("per_net", per("avoided_per_net_euro", "expected")),
    ]
    rows = [_row(comparison, figure, cell, "money") for figure, cell in figures]
    rows += [_row(comparison, figure, cell, "money", "damage") for figure, cell in per_euro]
    return _frame(comparison, ["figure"], rows)


def _of_class(name: str) -> Cell:
    def cell(option: Option) -> float:
        sums: Sums | None = option.cost.by_class.get(name)
        return 0.0 if sums is None else sums.paid_meur

    return cell


def _loss_known_for(option: Option) -> float | None:
    public = option.cost.public
    if public.maximum_loss_meur <= 0:
        return None
    return public.expected_loss_known_for_meur / public.maximum_loss_meur


def public_by_year(comparison: Comparison) -> pd.DataFrame:
    """What public funders put up: years down, options across, undiscounted."""
    years = sorted(
        {int(year) for o in comparison.options for year in o.cost.public.paid_by_year_meur}
    )

    def of(year: int) -> Cell:
        return lambda o: o.cost.public.paid_by_year_meur.get(str(year), 0.0)

    rows = [_row(comparison, str(year), of(year), "money") for year in years]
    return _frame(comparison, ["figure"], rows)


def projects(comparison: Comparison) -> pd.DataFrame:
    """Start year and public share of each candidate: projects down, options across."""
    rows = (
        {
            "project": choice.project,
            "built_in": choice.built_in,
            **{o.label: choice.options.get(o.label) for o in comparison.options},
        }
        for choice in comparison.projects
    )
    return _frame(comparison, ["project", "built_in"], rows)


def stockpiles(comparison: Comparison) -> pd.DataFrame:
    """Tonnes held at most: stockpiles down, options across."""
    rows = (
        {
            "stockpile": choice.stockpile,
            "bought_in": choice.bought_in,
            **{
                o.label: choice.options[o.label].held_t if o.label in choice.options else 0.0
                for o in comparison.options
            },
        }
        for choice in comparison.stockpiles
    )
    return _frame(comparison, ["stockpile", "bought_in"], rows)


def damage_by_material(comparison: Comparison) -> pd.DataFrame:
    """Differences in expected damage: materials down, the largest first, and the total."""
    parts = {
        d.option: {part.material: part.damage for part in d.by_material}
        for d in comparison.differences
        if d.expected is not None
    }
    return _differences(comparison, "material", parts)


def damage_by_consumer(comparison: Comparison) -> pd.DataFrame:
    """Differences in expected damage: consumers down, the largest first, and the total."""
    parts = {d.option: d.by_consumer for d in comparison.differences if d.expected is not None}
    return _differences(comparison, "consumer", parts)


def _differences(
    comparison: Comparison, what: str, parts: Mapping[str, Mapping[str, float]]
) -> pd.DataFrame:
    ids = dict.fromkeys(id_ for of in parts.values() for id_ in of)
    size = {id_: max(abs(of.get(id_, 0.0)) for of in parts.values()) for id_ in ids}
    rows: list[dict[str, Any]] = [
        {what: id_, **{label: of.get(id_, 0.0) for label, of in parts.items()}}
        for id_ in sorted(ids, key=lambda id_: -size[id_])
    ]
    if rows:
        rows.append({what: TOTAL, **{label: sum(of.values()) for label, of in parts.items()}})
    return _frame(comparison, [what], rows, parts)


def money(comparison: Comparison) -> pd.DataFrame:
    """Differences in money put up: funders and classes down, then the market and the total."""
    compared = [d for d in comparison.differences if d.public_paid_meur is not None]
    keys = dict.fromkeys((m.funder, m.budget_class) for d in compared for m in d.money)
    rows: list[dict[str, Any]] = [
        {
            "funder": funder,
            "budget_class": booked,
            **{
                d.option: sum(
                    m.paid_meur for m in d.money if (m.funder, m.budget_class) == (funder, booked)
                )
                for d in compared
            },
        }
        for funder, booked in keys
    ]
    if compared:
        market = {d.option: d.market_meur for d in compared}
        rows.append({"funder": MARKET, "budget_class": None, **market})
        total = {d.option: sum(row[d.option] for row in rows) for d in compared}
        rows.append({"funder": TOTAL, "budget_class": None, **total})
    return _frame(comparison, ["funder", "budget_class"], rows, [d.option for d in compared])


def budgets(comparison: Comparison) -> pd.DataFrame:
    """Share used of each budget: budgets down, options across; None without budget."""
    keys = dict.fromkeys(
        (use.funder, use.line, use.name) for o in comparison.options for use in o.cost.budgets
    )

    def of(funder: str | None, line: str) -> Cell:
        def cell(option: Option) -> float | None:
            for use in option.cost.budgets:
                if (use.funder, use.line) == (funder, line) and use.granted_meur:
                    return use.used_meur / use.granted_meur
            return None

        return cell

    rows = (
        {"funder": funder, "name": name, **_row(comparison, line, of(funder, line))}
        for funder, line, name in keys
    )
    return _frame(comparison, ["funder", "name", "figure"], rows)


def proof(comparison: Comparison) -> pd.DataFrame:
    """How good each plan is: one row an option."""
    import pandas as pd

    rows = [{"option": o.label, **o.proof.model_dump()} for o in comparison.options]
    return pd.DataFrame(rows)
