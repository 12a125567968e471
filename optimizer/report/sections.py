"""The sections of a report on a plan, in the order in which those who decide ask.

A section is a title and parts, each a paragraph or a grid of finished cells; how they look is
the business of whoever writes them out. A section with nothing to say is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from models.language import tr
from models.results import Plan
from optimizer.report import prose, tables
from optimizer.report.figures import NOISE, NONE, clean, column, decimals, number, percent
from optimizer.report.names import Names
from optimizer.report.prose import million

Kind = Literal["words", "figures"]
Record = Mapping[str, Any]

WIDEST_NAME = 30
"""A longer name is broken where years stand beside it."""


@dataclass(frozen=True)
class Grid:
    """Columns by header with what they hold, and rows of finished cells."""

    columns: Mapping[str, Kind]
    rows: Sequence[Sequence[str]]
    headed: bool = True


@dataclass(frozen=True)
class Section:
    """A title, and paragraphs and grids below it."""

    title: str
    parts: Sequence[str | Grid]


def all_of(plan: Plan, width: int) -> Iterator[Section]:
    """All sections that have something to say; ``width`` is that of a line."""
    makers: list[Callable[[], Section | None]] = [
        lambda: projects(plan),
        lambda: funding(plan),
        lambda: supports(plan),
        lambda: stockpiles(plan, width),
        lambda: spend(plan, width),
        lambda: outcome(plan),
        lambda: materials(plan),
        lambda: consumers(plan),
        lambda: proof(plan),
    ]
    return (section for make in makers if (section := make()) is not None)


def _records(frame: Any) -> list[Record]:
    records: list[Record] = frame.to_dict("records")
    return records


def _grid(columns: Mapping[str, tuple[Kind, Sequence[str]]]) -> Grid:
    """A grid from its columns rather than its rows."""
    rows = list(zip(*(cells for _, cells in columns.values()), strict=True))
    return Grid({header: kind for header, (kind, _) in columns.items()}, rows)


def projects(plan: Plan) -> Section | None:
    """What to build and when."""
    built = _records(tables.projects(plan))
    if not built:
        return None
    names = Names(plan)
    rights: dict[str, str] = {}
    for project, of in groupby(_records(tables.offtake(plan)), key=lambda row: row["project"]):
        some = [row for row in of if row["share"] > NOISE]
        rights[project] = ", ".join(
            f"{_right(names, row['company'])} {percent(row['share'])}" for row in some
        )
    grid = _grid(
        {
            tr("Project"): ("words", [clean(names.project(row["project"])) for row in built]),
            tr("Start"): ("figures", [str(row["start"]) for row in built]),
            tr("First output"): ("figures", [str(row["first_output"]) for row in built]),
            tr("Capex, {unit}", unit=million(plan)): (
                "figures",
                column([row["capex_meur"] for row in built]),
            ),
            tr("Output for home"): ("figures", [percent(row["offtake"]) for row in built]),
            tr("Of that for"): ("words", [rights.get(row["project"], "") or NONE for row in built]),
        }
    )
    return Section(tr("What to build, and when"), [grid])


def _right(names: Names, company: str) -> str:
    return _payer(names, company) if company else tr("all consumers")


def funding(plan: Plan) -> Section | None:
    """Who pays how much of each project."""
    rows = [row for row in _records(tables.funding(plan)) if row["share"] > NOISE]
    if not rows:
        return None
    names = Names(plan)
    projects = [clean(names.project(row["project"])) for row in rows]
    first = [n == 0 or row["project"] != rows[n - 1]["project"] for n, row in enumerate(rows)]
    shown = [name if new else "" for name, new in zip(projects, first, strict=True)]
    grid = _grid(
        {
            tr("Project"): ("words", shown),
            tr("Financed by"): ("words", [_payer(names, row["funder"]) for row in rows]),
            tr("Instrument"): ("words", [_instrument(names, row) for row in rows]),
            million(plan): ("figures", column([row["meur"] for row in rows])),
            tr("Share of capex"): ("figures", [percent(row["share"]) for row in rows]),
        }
    )
    totals: dict[str, float] = {}
    for row in rows:
        totals[row["funder"]] = totals.get(row["funder"], 0.0) + row["meur"]
    listed = ", ".join(f"{_payer(names, payer)} {number(sum_)}" for payer, sum_ in totals.items())
    total = f"{number(sum(totals.values()))} {million(plan)}"
    together = tr("Together {total}: {listed}.", total=total, listed=listed)
    return Section(tr("Who pays for the projects"), [grid, together])


def supports(plan: Plan) -> Section | None:
    """What is paid so that lenders carry more."""
    rows = [row for row in _records(tables.supports(plan)) if row["share"] > NOISE]
    if not rows:
        return None
    names, unit = Names(plan), million(plan)
    grid = _grid(
        {
            tr("Project"): ("words", [clean(names.project(row["project"])) for row in rows]),
            tr("Paid by"): ("words", [_payer(names, row["funder"]) for row in rows]),
            tr("Instrument"): ("words", [_instrument(names, row) for row in rows]),
            tr("Share covered"): ("figures", [percent(row["share"]) for row in rows]),
            tr("Expected, {unit}", unit=unit): ("figures", column([r["paid_meur"] for r in rows])),
            tr("At most, {unit}", unit=unit): ("figures", column([r["meur"] for r in rows])),
        }
    )
    note = tr(
        "Interest subsidies cover a share of capex that lenders carry, price floors a share of "
        "output. Neither carries capex itself."
    )
    return Section(tr("What lets lenders carry more"), [grid, note])


def _payer(names: Names, funder: str) -> str:
    if funder == tables.MARKET:
        return tr("lenders and investors")
    return clean(names.funder(funder))


def _instrument(names: Names, row: Record) -> str:
    if row["funder"] == tables.MARKET:
        return NONE
    return clean(names.instrument(row["funder"], row["instrument"])) or NONE


def stockpiles(plan: Plan, width: int) -> Section | None:
    """What to stock: how much, when, how long it lasts, what it costs."""
    held: list[list[Record]] = []
    idle: list[list[Record]] = []
    for _, group in groupby(_records(tables.stockpiles(plan)), key=lambda row: row["stockpile"]):
        years = list(group)
        fields = ("buy_t", "planned_t", "cost_meur")
        used = any(abs(row[field]) > NOISE for row in years for field in fields)
        (held if used else idle).append(years)
    if not held:
        return None
    names = Names(plan)
    called = [clean(names.stockpile(years[0]["stockpile"])) for years in held]
    tops = [max(years, key=lambda row: row["planned_t"]) for years in held]
    costs = [sum(row["cost_meur"] for row in years) for years in held]
    grid = _grid(
        {
            tr("Stockpile"): ("words", called),
            tr("Material"): ("words", [clean(names.material(y[0]["material"])) for y in held]),
            tr("Bought, t"): ("figures", [number(sum(row["buy_t"] for row in y)) for y in held]),
            tr("Held at most, t"): ("figures", [number(top["planned_t"]) for top in tops]),
            tr("In year"): ("figures", [str(top["year"]) for top in tops]),
            tr("Cover then, days"): ("figures", [_days(top["days_of_cover"]) for top in tops]),
            tr("Cost, {unit}", unit=million(plan)): ("figures", column(costs)),
        }
    )
    note = tr(
        "Days of cover count all stockpiles of a material. Cost is that of buying, storing and "
        "financing, undiscounted: {cost} in all.",
        cost=f"{number(sum(costs))} {million(plan)}",
    )
    bought = [
        (name, {row["year"]: row["buy_t"] for row in years})
        for name, years in zip(called, held, strict=True)
    ]
    parts = [grid, note, *_across(bought, tr("Bought, t"), width, column)]
    if idle:
        empty = ", ".join(clean(names.stockpile(years[0]["stockpile"])) for years in idle)
        parts.append(tr("Nothing is held in: {stockpiles}.", stockpiles=empty))
    return Section(tr("What to stock"), parts)


def _days(days: float | None) -> str:
    known = days is not None and days == days
    return number(days, 0) if known else NONE


def _across(
    rows: Sequence[tuple[str, Mapping[int, float]]],
    header: str,
    width: int,
    cells: Callable[[Sequence[float]], list[str]],
) -> list[str | Grid]:
    """Named rows with their years across, in as many grids as a line needs.

    Rows without a figure are left out, and so are years before the first and after the last.
    ``cells`` writes one row.
    """
    kept = [(name, row) for name, row in rows if any(abs(v) > NOISE for v in row.values())]
    used = [year for _, row in kept for year, value in row.items() if abs(value) > NOISE]
    if not used:
        return []
    years = range(min(used), max(used) + 1)
    finished = [(name, cells([row.get(year, 0.0) for year in years])) for name, row in kept]
    words = min(max(len(name) for name, _ in [*kept, (header, {})]), WIDEST_NAME)
    widest = max(len(cell) for _, row in finished for cell in row)
    room = max(3, (width - words) // (max(widest, 4) + 3))
    return [
        Grid(
            {header: "words", **{str(year): "figures" for year in years[n : n + room]}},
            [[name, *row[n : n + room]] for name, row in finished],
        )
        for n in range(0, len(years), room)
    ]


def spend(plan: Plan, width: int) -> Section | None:
    """What it costs and when: budgets charged by funder and year."""
    charged, committed = tables.spend(plan), tables.committed(plan)
    totals, money = charged.sum(axis=1), committed.sum(axis=1)
    cost = tr(
        "Net cost of the plan: {cost}, discounted: what projects do not pay back, and what stocks "
        "cost, whoever pays. Market finance is no cost here.",
        cost=f"{number(plan.outcome.net_cost_meur)} {million(plan)}",
    )
    costs = [cost, *_residual(plan)]
    paying = [name for name in money.index if max(totals.get(name, 0.0), money[name]) > NOISE]
    if not paying:
        return None if prose.builds_nothing(plan) else Section(tr("What it costs"), costs)
    total = _by_year(charged.loc[paying].sum())
    names = Names(plan)
    called = [*(_payer(names, name) for name in paying), tr("All together")]
    by_year = [*(_by_year(charged.loc[name]) for name in paying), total]
    rows = list(zip(called, by_year, strict=True))
    places = decimals(total.values())
    grids = _across(rows, tr("Charged to"), width, lambda row: [number(v, places) for v in row])
    over_all = _grid(
        {
            tr("Over all years"): ("words", called),
            tr("Charged to budgets, {unit}", unit=million(plan)): (
                "figures",
                _with_total(totals[paying]),
            ),
            tr("Money committed, {unit}", unit=million(plan)): (
                "figures",
                _with_total(money[paying]),
            ),
        }
    )
    title = tr("What it costs, and when ({unit}, undiscounted)", unit=million(plan))
    return Section(title, [*grids, over_all, *costs])


def _residual(plan: Plan) -> Iterator[str]:
    """What counts at the end, where anything does."""
    if abs(plan.outcome.residual_meur) > NOISE:
        yield tr(
            "It is less by the residual value of stocks and projects: {amount}, discounted.",
            amount=f"{number(plan.outcome.residual_meur)} {million(plan)}",
        )


def _by_year(row: Any) -> dict[int, float]:
    return {int(year): float(value) for year, value in row.items()}


def _with_total(values: Any) -> list[str]:
    return column([*values, sum(values)])


def outcome(plan: Plan) -> Section:
    """Expected, CVaR and worst, with and without the plan."""
    rows = _records(tables.outcome(plan))
    words = {
        "expected": tr("Expected: mean of all states"),
        "cvar": prose.tail_noun(plan),
        "worst": tr("Worst state"),
    }
    unit = prose.unit(plan)
    if plan.outcome.measure == "damage":
        title = tr("What is left of the damage ({unit})", unit=unit)
    else:
        title = tr("What is left of the shortage ({unit})", unit=unit)
    return Section(title, [_compared("", [words[row["figure"]] for row in rows], rows)])


def _compared(header: str, names: Sequence[str], rows: Sequence[Record]) -> Grid:
    with_key = "with_plan" if rows and "with_plan" in rows[0] else "expected"
    without_key = "without_plan" if with_key == "with_plan" else "expected_without_plan"
    reached = [row[with_key] for row in rows]
    without = [row[without_key] for row in rows]
    cells = column([*without, *reached])
    return _grid(
        {
            header: ("words", names),
            tr("Without plan"): ("figures", cells[: len(rows)]),
            tr("With plan"): ("figures", cells[len(rows) :]),
            tr("Reduction"): ("figures", [percent(row["reduction"]) for row in rows]),
        }
    )


def materials(plan: Plan) -> Section | None:
    """Which materials stay exposed, the most exposed first."""
    rows = _records(tables.materials(plan))
    exposed = _exposed(rows)
    if not exposed:
        return None
    names = Names(plan)
    by_material: dict[str, list[Record]] = {}
    for row in _records(tables.material_years(plan)):
        by_material.setdefault(row["material"], []).append(row)
    called = [clean(names.material(row["material"])) for row in exposed]
    base = _compared(tr("Material"), called, exposed)
    all_years = [by_material.get(row["material"], []) for row in exposed]
    chances = [max((y["probability_of_shortage"] for y in of), default=0.0) for of in all_years]
    years = [_short_years(of) for of in all_years]
    added: dict[str, tuple[Kind, Sequence[str]]] = {
        tr("Chance of shortage"): ("figures", [percent(chance) for chance in chances]),
        tr("Worst years"): (
            "words",
            [", ".join(str(y["year"]) for y in of) or NONE for of in years],
        ),
        tr("Missing in the worst, t"): (
            "figures",
            [number(of[0]["expected_shortage_t"]) if of else "0" for of in years],
        ),
    }
    extra = _grid(added)
    cells = [[*row, *more] for row, more in zip(base.rows, extra.rows, strict=True)]
    parts: list[str | Grid] = [
        Grid({**base.columns, **extra.columns}, cells),
        tr(
            "Worst years: those with most missing, the worst first; chance and tonnes (mean of "
            "all states) are the highest of one year."
        ),
    ]
    safe = [clean(names.material(row["material"])) for row in rows if row not in exposed]
    if safe:
        listed = ", ".join(safe)
        parts.append(tr("Never short, with or without the plan: {materials}.", materials=listed))
    unit = prose.unit(plan)
    if plan.outcome.measure == "damage":
        title = tr("Which materials stay exposed (expected damage, {unit})", unit=unit)
    else:
        title = tr("Which materials stay exposed (expected shortage, {unit})", unit=unit)
    return Section(title, parts)


def _exposed(rows: Sequence[Record]) -> list[Record]:
    met = [row for row in rows if max(row["expected"], row["expected_without_plan"]) > NOISE]
    return sorted(met, key=lambda row: (-row["expected"], -row["expected_without_plan"]))


def _short_years(years: Sequence[Record]) -> list[Record]:
    """The years in which most is missing, the worst first."""
    short = [row for row in years if row["expected_shortage_t"] > NOISE]
    return sorted(short, key=lambda row: -row["expected_shortage_t"])[:3]


def consumers(plan: Plan) -> Section | None:
    """Whom the damage falls on."""
    rows = _exposed(_records(tables.consumers(plan)))
    if not rows:
        return None
    unit = prose.unit(plan)
    if plan.outcome.measure == "damage":
        title = tr("Whom it falls on (expected damage, {unit})", unit=unit)
    else:
        title = tr("Whom it falls on (expected shortage, {unit})", unit=unit)
    names = Names(plan)
    called = [clean(names.consumer(row["consumer"])) for row in rows]
    return Section(title, [_compared(tr("Consumer"), called, rows)])


def proof(plan: Plan) -> Section:
    """How good the answer is, and what it rests on."""
    certificate = plan.certificate
    versions = ", ".join(f"{name} {version}" for name, version in certificate.versions.items())
    rows = [
        (tr("Status"), prose.status(plan)),
        (tr("Objective"), number(certificate.objective)),
        (tr("Bound"), prose.bound(plan)),
        (tr("Gap"), prose.gap(plan)),
        (tr("States of the world"), prose.states(plan)),
        (tr("Method"), prose.method(plan)),
        (tr("Time"), f"{number(certificate.seconds)} s"),
        (tr("Versions"), versions),
        (tr("Scenario, SHA-256"), certificate.input_sha256),
    ]
    columns: dict[str, Kind] = {"": "words", " ": "words"}
    return Section(tr("How good the proof is"), [Grid(columns, rows, headed=False)])
