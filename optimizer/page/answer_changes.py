"""Differences between two answers: where damage changes, who pays what, and what a funder gains by
taking part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from models.language import tr
from models.results import Comparison, Plan
from models.results.plan import WHOLE_BUDGET
from optimizer.analyses.comparison.money import budget_uses
from optimizer.analyses.participation.participation_wording import pooled_supply_note
from optimizer.analyses.plan.plan_wording import MARKET_ID, PlanWording
from optimizer.report.cells import format_value
from optimizer.report.document import Bullets, Caution, Column, Part, Section, Table, ValueForm
from optimizer.report.number_format import (
    NO_BREAK_SPACE,
    ZERO_TOLERANCE,
    format_number,
    format_rounded,
)
from optimizer.report.wording import capitalize, join_with_and

SHIFT_SHARE, MIN_SHIFT = 0.1, 0.5
"""A payer is named if its money changes by more than this share of the largest change and by more
than this amount in million; likewise a project by its contracted output, in percent."""
MIN_TABLE_SHARE = 0.005
"""Differences below this share of the largest are left out of tables."""


def changes_section(before: Plan, after: Plan) -> Section:
    """Return a section that compares the last two answers. They may be about the same scenario or
    about two."""
    wording, plans = PlanWording(after), (before, after)
    sides = tr("Before"), tr("Now")
    caption = tr("{contracted}: % of a project's output", contracted=wording.contracted_header)
    contracted = _contracted_shares(wording)
    tables = [
        _damage_table(wording, "materials", plans, sides),
        _damage_table(wording, "consumers", plans, sides),
        _payments_table(wording, before, after),
        _difference_table(caption, tr("Project"), contracted, plans, sides, "secured"),
    ]
    outcome = " ".join(_outcome_sentences(wording, before, after))
    title = tr("From the answer before to this one")
    decisions = Bullets(list(_decision_sentences(wording, before, after)))
    return Section(
        "turned", title, [outcome, decisions, *(table for table in tables if table.rows)]
    )


def _outcome_sentences(wording: PlanWording, before: Plan, after: Plan) -> Iterator[str]:
    """Yield sentences that compare damage in two plans, with the plan and without it."""
    then, now = before.outcome, after.outcome
    figures = {
        "what": capitalize(wording.expected_outcome),
        "before": wording.amount_for_sentence(then.expected),
        "now": wording.amount_for_sentence(now.expected),
        "share": f" ({_signed_text(100 * (now.expected / then.expected - 1))}{NO_BREAK_SPACE}%)"
        if then.expected
        else "",
        "idle": wording.amount_for_sentence(then.without_plan.expected),
        "idle_now": wording.amount_for_sentence(now.without_plan.expected),
    }
    if figures["before"] == figures["now"]:
        yield tr("{what} stays at {now}.", **figures)
    elif then.expected < now.expected:
        yield tr("{what} rises from {before} to {now}{share}.", **figures)
    else:
        yield tr("{what} falls from {before} to {now}{share}.", **figures)
    if figures["idle"] == figures["idle_now"]:
        yield tr("Without any plan it is {idle}, as before.", **figures)
    else:
        yield tr("Without any plan it is {idle_now}, and was {idle}.", **figures)
    yield _proof_sentence(wording, before, after)
    if 0 < abs(now.expected - then.expected) <= _combined_gap(before, after):
        yield tr("A difference in damage as small as this is not distinguished from none.")


def _decision_sentences(wording: PlanWording, before: Plan, after: Plan) -> Iterator[str]:
    """Yield sentences on the decisions and payments that differ between two plans."""
    yield from _budget_sentences(wording, before, after)
    if _decisions(before) == _decisions(after):
        yield tr("It is the same plan: what is built, bought and paid is as before.")
        return
    names = {p.id: p.name for p in before.projects}, {p.id: p.name for p in after.projects}
    removed, added = ({*names[0]} - {*names[1]}, {*names[1]} - {*names[0]})
    if not removed and not added:
        yield tr("The same projects are supported.")
    if removed:
        yield tr("No longer supported: {projects}.", projects=_project_names(wording, removed))
    if added:
        yield tr("Supported now: {projects}.", projects=_project_names(wording, added))
    if shifts := _payer_shifts(wording, before, after):
        yield tr("Put up otherwise, not discounted: {shifts}.", shifts=join_with_and(shifts))
    earlier, later = map(_contracted_shares(wording), (before, after))
    changes = {p: later[p] - x for p, x in earlier.items() if p in later}
    if shifts := [f"{p} {_signed_text(x)}" for p, x in _large_shifts(changes)]:
        yield tr("{contracted}, in percentage points of output: {shifts}.",
                 contracted=wording.contracted_header, shifts=join_with_and(shifts))  # fmt: skip
    earlier, later = map(_stock_spending(wording), (before, after))
    if shifts := [
        f"{stock} {_signed_text(x)}" for stock, x in _large_shifts(_differences(earlier, later))
    ]:
        yield tr("Largest changes of what is spent on stocks, in {unit}, not discounted: {shifts}.",
                 unit=wording.money_unit, shifts=join_with_and(shifts))  # fmt: skip


def _combined_gap(*plans: Plan) -> float:
    """Return the sum of the absolute gaps of plans, in the unit of the objective."""
    return sum((p.certificate.gap or 0) * abs(p.certificate.objective) for p in plans)


def _budget_sentences(wording: PlanWording, before: Plan, after: Plan) -> Iterator[str]:
    """Yield a sentence on each funder whose budget was changed, with how much of it is used now."""
    then, now = (
        {
            use.funder: (use.used_meur, use.granted_meur)
            for use in budget_uses(plan)
            if use.line == WHOLE_BUDGET and use.funder and use.granted_meur
        }
        for plan in (before, after)
    )
    for funder, (used, granted) in now.items():
        if abs(granted - then.get(funder, (0.0, granted))[1]) > ZERO_TOLERANCE:
            yield tr("{funder}: {used} of {granted} are used.", funder=wording.payer_header(funder),
                     used=format_rounded(used), granted=wording.money_amount(granted))  # fmt: skip


def _decisions(plan: Plan) -> object:
    """Return what a plan builds, buys and pays, by payer, so that two plans can be compared."""
    paid = [(a.funder, a.instrument, a.project, a.stockpile, a.paid_meur) for a in plan.accounts]
    return plan.projects, plan.stockpiles, paid


def _proof_sentence(wording: PlanWording, *plans: Plan) -> str:
    """Return a sentence on the gaps of two plans, or one that says that a plan is not proven to be
    optimal."""
    proofs = [plan.certificate for plan in plans]
    if any(proof.status != "optimal" or proof.gap is None for proof in proofs):
        return tr("Not both plans are proven to be the best.")
    return tr("Either plan may be improved, by no more than {open} for both together.",
              open=wording.amount_for_sentence(_combined_gap(*plans)))  # fmt: skip


def _payer_shifts(wording: PlanWording, before: Plan, after: Plan) -> list[str]:
    """Return one text for each payer whose payments change much, with the largest change first.
    Private investors count as payers."""

    def paid_by_payer(plan: Plan) -> dict[str, float]:
        paid = {MARKET_ID: sum(p.market_share * p.mean_capex_meur for p in plan.projects)}
        for account in plan.accounts:
            paid[account.funder] = paid.get(account.funder, 0.0) + sum(account.paid_meur.values())
        return paid

    by_payer = _differences(paid_by_payer(before), paid_by_payer(after))
    return [
        f"{wording.payer_name(f)} {_signed_text(x)} {wording.money_unit}"
        for f, x in _large_shifts(by_payer)
    ]


def _differences(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    return {key: b.get(key, 0.0) - a.get(key, 0.0) for key in dict.fromkeys([*a, *b])}


def _large_shifts(
    shifts: Mapping[str, float], largest: float | None = None
) -> list[tuple[str, float]]:
    """Return pairs of a name and a change, for changes that are large compared with ``largest`` (by
    default the largest of them). The largest change comes first."""
    if largest is None:
        largest = max(map(abs, shifts.values()), default=0.0)
    large = [
        item for item in shifts.items() if abs(item[1]) > max(MIN_SHIFT, SHIFT_SHARE * largest)
    ]
    return sorted(large, key=lambda item: -abs(item[1]))


def _signed_text(value: float) -> str:
    return format_value(value, "signed", 0 if abs(value) >= 100 else None)


def _project_names(wording: PlanWording, ids: set[str]) -> str:
    return join_with_and(sorted(wording.name("projects", id) for id in ids))


def _expected_label(wording: PlanWording) -> str:
    return tr("Expected damage") if wording.counts_damage else tr("Expected shortage")


PlanPair = tuple[Plan, Plan]
FigureReader = Callable[[Plan], Mapping[str, float]]


def _expected_losses(wording: PlanWording, kind: str) -> FigureReader:
    """Return a function that gives the expected damage of a plan by name of the material or
    consumer, as ``kind`` states."""
    return lambda plan: {wording.name(kind, item.id): item.expected for item in getattr(plan, kind)}


def _damage_table(
    wording: PlanWording, kind: str, plans: PlanPair, column_headings: tuple[str, str]
) -> Table:
    """Return a table of expected damage in two plans, by material or consumer as ``kind`` states,
    with the sum."""
    labels = {"what": _expected_label(wording), "unit": wording.unit}
    caption, head = tr("{what} by consumer ({unit})", **labels), tr("Consumer")
    if kind == "materials":
        caption, head = tr("{what} by material ({unit})", **labels), tr("Material")
    table = _difference_table(
        caption, head, _expected_losses(wording, kind), plans, column_headings, total=tr("Sum")
    )
    note = tr("Plans that are as good as a whole may divide it otherwise.")
    return replace(table, note=note) if len(table.rows) > 1 else table


def _stock_spending(wording: PlanWording) -> FigureReader:
    """Return a function that gives what a plan spends on stocks over all years, by name of the
    material."""

    def spent(plan: Plan) -> dict[str, float]:
        spending: dict[str, float] = {}
        for stockpile in plan.stockpiles:
            name = wording.name("materials", stockpile.material)
            spending[name] = spending.get(name, 0.0) + sum(stockpile.cost_meur.values())
        return spending

    return spent


def _contracted_shares(wording: PlanWording) -> FigureReader:
    """Return a function that gives the percentage of a project's output that is contracted to
    consumers at home, by name of the project."""
    return lambda plan: {
        wording.name("projects", project.id): round(100 * project.offtake, 1)
        for project in plan.projects
    }


def _payments_table(wording: PlanWording, before: Plan, after: Plan) -> Table:
    """Return a table of payments, with one row for each project or stock whose payers change. Rows
    with a different sum come first, then those in which one payer replaces another."""

    def payments(plan: Plan) -> dict[tuple[str, str], dict[str, float]]:
        paid = {
            ("projects", project.id): {MARKET_ID: project.market_share * project.mean_capex_meur}
            for project in plan.projects
        }
        for account in plan.accounts:
            kind = "projects" if account.project else "stockpiles"
            by_funder = paid.setdefault((kind, account.project or account.stockpile or ""), {})
            amount = sum(account.paid_meur.values())
            by_funder[account.funder] = by_funder.get(account.funder, 0.0) + amount
        return paid

    then, now = payments(before), payments(after)
    rows = []
    for key in dict.fromkeys([*then, *now]):
        a, b = then.get(key, {}), now.get(key, {})
        rows.append((key, sum(a.values()), sum(b.values()), _differences(a, b)))
    largest = max((abs(x) for *_, shifts in rows for x in shifts.values()), default=0.0)
    rows = [row for row in rows if _large_shifts(row[3], largest)]
    rows.sort(key=lambda row: (-round(abs(row[2] - row[1])), -max(map(abs, row[3].values()))))
    columns = [
        Column(tr("Project or stock"), lambda row: wording.name(*row[0]), "text"),
        *_side_columns(tr("Before"), tr("Now"), "money", "signed"),
        Column(
            tr("Who gives more or less"), lambda row: _shift_text(wording, row[3], largest), "text"
        ),
    ]
    unit = wording.money_unit
    caption = tr("Who pays for what, where that changes ({unit}, not discounted)", unit=unit)
    note = tr(
        "Smaller changes, up to a tenth of the largest, are left out. Where the sum stays "
        "as it is, one payer steps in for another; several plans may do so equally well."
    )
    return Table(caption, rows, columns, "payments", note=note)


def _shift_text(wording: PlanWording, shifts: Mapping[str, float], largest: float) -> str:
    """Return a text on who pays more or less for one project or stock. Changes that are small
    compared with ``largest`` are added up as those of others."""
    large = _large_shifts(shifts, largest)
    parts = [f"{wording.payer_name(f)} {_signed_text(x)}" for f, x in large]
    rest = sum(shifts.values()) - sum(x for _, x in large)
    if abs(rest) > MIN_SHIFT:
        parts.append(f"{tr('others')} {_signed_text(rest)}")
    return capitalize(join_with_and(parts))


def _difference_table(
    caption: str,
    heading: str,
    read_figures: FigureReader,
    plans: PlanPair,
    column_headings: tuple[str, str],
    name: str = "",
    total: str = "",
) -> Table:
    """Return a table of figures of two plans by name, and their differences, with the largest
    difference first. If ``total`` is given, figures that hardly differ are added up in one row."""
    a, b = map(read_figures, plans)
    figures = [(name, a.get(name, 0.0), b.get(name, 0.0)) for name in dict.fromkeys([*a, *b])]
    largest = max((abs(y - x) for _, x, y in figures), default=0.0)
    rows = [
        row
        for row in figures
        if abs(row[2] - row[1]) > max(ZERO_TOLERANCE, MIN_TABLE_SHARE * largest)
    ]
    rows.sort(key=lambda row: -abs(row[2] - row[1]))
    rest = [row for row in figures if row not in rows and row[1:] != (0.0, 0.0)]
    if rows and total and len(rest) == 1:
        rows += rest
    elif rows and total and rest:
        row_name = tr("{count} others", count=format_number(len(rest)))
        rows.append((row_name, sum(row[1] for row in rest), sum(row[2] for row in rest)))
    columns = [
        Column(heading, lambda row: row[0], "text"),
        *(
            replace(column, total=bool(total))
            for column in _side_columns(*column_headings, "outcome", "signed_outcome")
        ),
    ]
    return Table(caption, rows, columns, name, total_label=total)


def _side_columns(then: str, now: str, form: ValueForm, signed: ValueForm) -> list[Column]:
    """Return three columns: the figures of the two plans, and their difference."""
    return [
        Column(then, lambda row: row[1], form, decimals_group="both"),
        Column(now, lambda row: row[2], form, decimals_group="both"),
        Column(tr("Difference"), lambda row: row[2] - row[1], signed),
    ]


def gained_section(
    funder: str, comparison: Comparison, taking_part: Plan, staying_out: Plan
) -> Section:
    """Return a section on what a funder gains by taking part, and what this changes for all
    consumers. ``taking_part`` and ``staying_out`` are the plans with and without this funder."""
    wording = PlanWording(taking_part)
    view = next(view for view in comparison.own_views if view.funder == funder)
    first, second = (comparison.options[n].cost.by_funder.get(funder) for n in (0, 1))
    costs = (first.cost_meur if first else 0.0) - (second.cost_meur if second else 0.0)

    def expected_loss(plan: Plan, ids: Sequence[str]) -> float:
        return sum(consumer.expected for consumer in plan.consumers if consumer.id in ids)

    all_consumers = [consumer.id for consumer in taking_part.consumers]
    name = wording.name("funders", funder)
    sentences = [tr("Taking part costs {name} {cost} net (present value).", name=name,
               cost=wording.money_amount(costs))]  # fmt: skip
    for ids in (view.consumers, all_consumers):
        loss_with, loss_without = expected_loss(taking_part, ids), expected_loss(staying_out, ids)
        net_gain = loss_without - loss_with - costs
        figures = {"now": loss_with, "alone": loss_without, "less": loss_without - loss_with}
        amounts = {name: wording.amount_for_sentence(value) for name, value in figures.items()}
        if ids and ids is view.consumers:
            sentences.append(
                tr("Its own consumers are expected to lose {less} less: {now} and not {alone}.",
                   **amounts)
            )  # fmt: skip
            if wording.counts_damage and net_gain > 0:
                sentences.append(
                    tr(
                        "That is {over} more than it costs.",
                        over=wording.amount_for_sentence(net_gain),
                    )
                )
        elif ids:
            sentences.append(
                tr("All consumers together are expected to lose {less} less: {now} and not "
                   "{alone}.", **amounts)
            )  # fmt: skip
    sentences.append(_proof_sentence(wording, taking_part, staying_out))
    sides = tr("It stays out"), tr("It takes part")
    table = _damage_table(wording, "consumers", (staying_out, taking_part), sides)
    parts: list[Part] = [" ".join(sentences), *([table] if table.rows else [])]
    if wording.case is not None and wording.case.objective.allocation == "pooled":
        parts.insert(1, Caution([pooled_supply_note()]))
    return Section("gained", tr("What {name} gains by taking part", name=name), parts)
