"""What two answers differ in, as people ask: where damage goes, who pays what, and what one funder
has of taking part."""

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
"""A payer is named whose money changes by more than this share of the largest change, and by more
than this, in million; a project whose output is contracted otherwise likewise, in percent."""
MIN_TABLE_SHARE = 0.005
"""Differences below this share of the largest are left out of a table."""


def changes_section(before: Plan, after: Plan) -> Section:
    """The last two answers side by side, in the same world or in two."""
    say, plans = PlanWording(after), (before, after)
    sides = tr("Before"), tr("Now")
    tables = [
        _damage_table(say, "materials", plans, sides),
        _damage_table(say, "consumers", plans, sides),
        _payments_table(say, before, after),
        _difference_table(tr("{contracted}: % of a project's output", contracted=say.contracted_header),
               tr("Project"), _contracted_shares(say), plans, sides, "secured"),
    ]  # fmt: skip
    told = " ".join(_outcome_sentences(say, before, after))
    title = tr("From the answer before to this one")
    reasons = Bullets(list(_decision_sentences(say, before, after)))
    return Section("turned", title, [told, reasons, *(one for one in tables if one.rows)])


def _outcome_sentences(wording: PlanWording, before: Plan, after: Plan) -> Iterator[str]:
    """What is lost with the plan and without any, before and now."""
    then, now = before.outcome, after.outcome
    about = {
        "what": capitalize(wording.expected_outcome),
        "before": wording.amount_for_sentence(then.expected),
        "now": wording.amount_for_sentence(now.expected),
        "share": f" ({_signed_text(100 * (now.expected / then.expected - 1))}{NO_BREAK_SPACE}%)"
        if then.expected
        else "",
        "idle": wording.amount_for_sentence(then.without_plan.expected),
        "idle_now": wording.amount_for_sentence(now.without_plan.expected),
    }
    if about["before"] == about["now"]:
        yield tr("{what} stays at {now}.", **about)
    elif then.expected < now.expected:
        yield tr("{what} rises from {before} to {now}{share}.", **about)
    else:
        yield tr("{what} falls from {before} to {now}{share}.", **about)
    if about["idle"] == about["idle_now"]:
        yield tr("Without any plan it is {idle}, as before.", **about)
    else:
        yield tr("Without any plan it is {idle_now}, and was {idle}.", **about)
    yield _proof_sentence(wording, before, after)
    if 0 < abs(now.expected - then.expected) <= _combined_gap(before, after):
        yield tr("A difference in damage as small as this is not told apart from none.")


def _decision_sentences(wording: PlanWording, before: Plan, after: Plan) -> Iterator[str]:
    """What is decided and paid otherwise."""
    yield from _budget_sentences(wording, before, after)
    if _decisions(before) == _decisions(after):
        yield tr("It is the same plan: what is built, bought and paid is as before.")
        return
    known = {p.id: p.name for p in before.projects}, {p.id: p.name for p in after.projects}
    gone, come = ({*known[0]} - {*known[1]}, {*known[1]} - {*known[0]})
    if not gone and not come:
        yield tr("The same projects are supported.")
    if gone:
        yield tr("No longer supported: {projects}.", projects=_project_names(wording, gone))
    if come:
        yield tr("Supported now: {projects}.", projects=_project_names(wording, come))
    if shifts := _payer_shifts(wording, before, after):
        yield tr("Put up otherwise, not discounted: {shifts}.", shifts=join_with_and(shifts))
    was, is_ = map(_contracted_shares(wording), (before, after))
    of_both = {p: is_[p] - x for p, x in was.items() if p in is_}
    if shifts := [f"{p} {_signed_text(x)}" for p, x in _large_shifts(of_both)]:
        yield tr("{contracted}, in percentage points of output: {shifts}.",
                 contracted=wording.contracted_header, shifts=join_with_and(shifts))  # fmt: skip
    was, is_ = map(_stock_spending(wording), (before, after))
    if shifts := [
        f"{stock} {_signed_text(x)}" for stock, x in _large_shifts(_differences(was, is_))
    ]:
        yield tr("Largest changes of what is spent on stocks, in {unit}, not discounted: {shifts}.",
                 unit=wording.money_unit, shifts=join_with_and(shifts))  # fmt: skip


def _combined_gap(*plans: Plan) -> float:
    """What the proofs of plans leave open together, in the unit of the objective."""
    return sum((p.certificate.gap or 0) * abs(p.certificate.objective) for p in plans)


def _budget_sentences(wording: PlanWording, before: Plan, after: Plan) -> Iterator[str]:
    """How much is used of each funder's own budget that was moved."""
    then, now = (
        {one.funder: (one.used_meur, one.granted_meur)
         for one in budget_uses(plan) if one.line == WHOLE_BUDGET and one.funder and one.granted_meur}
        for plan in (before, after)
    )  # fmt: skip
    for funder, (used, granted) in now.items():
        if abs(granted - then.get(funder, (0.0, granted))[1]) > ZERO_TOLERANCE:
            yield tr("{funder}: {used} of {granted} are used.", funder=wording.payer_header(funder),
                     used=format_rounded(used), granted=wording.money_amount(granted))  # fmt: skip


def _decisions(plan: Plan) -> object:
    """What is built, bought and paid, and by whom."""
    paid = [(one.funder, one.instrument, one.project, one.stockpile, one.paid_meur)
            for one in plan.accounts]  # fmt: skip
    return plan.projects, plan.stockpiles, paid


def _proof_sentence(wording: PlanWording, *plans: Plan) -> str:
    """What the proofs of two plans leave open, or that one of them was stopped before its own."""
    proofs = [plan.certificate for plan in plans]
    if any(proof.status != "optimal" or proof.gap is None for proof in proofs):
        return tr("Not both plans are proven to be the best.")
    return tr("Either plan may be improved, by no more than {open} for both together.",
              open=wording.amount_for_sentence(_combined_gap(*plans)))  # fmt: skip


def _payer_shifts(wording: PlanWording, before: Plan, after: Plan) -> list[str]:
    """How much more or less who puts up, lenders and investors among them, the largest first."""

    def put_up(plan: Plan) -> dict[str, float]:
        found = {MARKET_ID: sum(one.market_share * one.mean_capex_meur for one in plan.projects)}
        for one in plan.accounts:
            found[one.funder] = found.get(one.funder, 0.0) + sum(one.paid_meur.values())
        return found

    by_payer = _differences(put_up(before), put_up(after))
    return [
        f"{wording.payer_name(f)} {_signed_text(x)} {wording.money_unit}"
        for f, x in _large_shifts(by_payer)
    ]


def _differences(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    return {key: b.get(key, 0.0) - a.get(key, 0.0) for key in dict.fromkeys([*a, *b])}


def _large_shifts(
    shifts: Mapping[str, float], largest: float | None = None
) -> list[tuple[str, float]]:
    """What changes by enough to be named, beside ``most``, the largest first."""
    if largest is None:
        largest = max(map(abs, shifts.values()), default=0.0)
    told = [one for one in shifts.items() if abs(one[1]) > max(MIN_SHIFT, SHIFT_SHARE * largest)]
    return sorted(told, key=lambda one: -abs(one[1]))


def _signed_text(value: float) -> str:
    return format_value(value, "signed", 0 if abs(value) >= 100 else None)


def _project_names(wording: PlanWording, ids: set[str]) -> str:
    return join_with_and(sorted(wording.name("projects", id) for id in ids))


def _expected_label(wording: PlanWording) -> str:
    return tr("Expected damage") if wording.counts_damage else tr("Expected shortage")


PlanPair = tuple[Plan, Plan]
FigureReader = Callable[[Plan], Mapping[str, float]]


def _expected_losses(wording: PlanWording, kind: str) -> FigureReader:
    """Expected damage by name of a material or consumer."""
    return lambda plan: {wording.name(kind, one.id): one.expected for one in getattr(plan, kind)}


def _damage_table(
    wording: PlanWording, kind: str, plans: PlanPair, column_headings: tuple[str, str]
) -> Table:
    """What is lost by material or consumer in two plans, with what all of it adds up to."""
    about = {"what": _expected_label(wording), "unit": wording.unit}
    caption, head = tr("{what} by consumer ({unit})", **about), tr("Consumer")
    if kind == "materials":
        caption, head = tr("{what} by material ({unit})", **about), tr("Material")
    made = _difference_table(
        caption, head, _expected_losses(wording, kind), plans, column_headings, total=tr("Sum")
    )
    several = tr("Plans that are as good as a whole may divide it otherwise.")
    return replace(made, note=several) if len(made.rows) > 1 else made


def _stock_spending(wording: PlanWording) -> FigureReader:
    """What is spent on stocks of each material over all years, by its name."""

    def spent(plan: Plan) -> dict[str, float]:
        found: dict[str, float] = {}
        for one in plan.stockpiles:
            name = wording.name("materials", one.material)
            found[name] = found.get(name, 0.0) + sum(one.cost_meur.values())
        return found

    return spent


def _contracted_shares(wording: PlanWording) -> FigureReader:
    """Percent of a project's output that are contracted to consumers at home, by its name."""
    return lambda plan: {
        wording.name("projects", one.id): round(100 * one.offtake, 1) for one in plan.projects
    }


def _payments_table(wording: PlanWording, before: Plan, after: Plan) -> Table:
    """What is put up for each project or stock, and by whom more or less: first where the sum
    changes, and then where one only steps in for another."""

    def given(plan: Plan) -> dict[tuple[str, str], dict[str, float]]:
        found = {
            ("projects", one.id): {MARKET_ID: one.market_share * one.mean_capex_meur}
            for one in plan.projects
        }
        for one in plan.accounts:
            kind = "projects" if one.project else "stockpiles"
            by_funder = found.setdefault((kind, one.project or one.stockpile or ""), {})
            paid = by_funder.get(one.funder, 0.0) + sum(one.paid_meur.values())
            by_funder[one.funder] = paid
        return found

    then, now = given(before), given(after)
    rows = []
    for what in dict.fromkeys([*then, *now]):
        a, b = then.get(what, {}), now.get(what, {})
        rows.append((what, sum(a.values()), sum(b.values()), _differences(a, b)))
    most = max((abs(x) for *_, shifts in rows for x in shifts.values()), default=0.0)
    rows = [row for row in rows if _large_shifts(row[3], most)]
    rows.sort(key=lambda row: (-round(abs(row[2] - row[1])), -max(map(abs, row[3].values()))))
    columns = [
        Column(tr("Project or stock"), lambda row: wording.name(*row[0]), "text"),
        *_side_columns(tr("Before"), tr("Now"), "money", "signed"),
        Column(tr("Who gives more or less"), lambda row: _shift_text(wording, row[3], most), "text"),
    ]  # fmt: skip
    return Table(
        tr("Who pays for what, where that changes ({unit}, not discounted)", unit=wording.money_unit),
        rows, columns, "payments",
        note=tr("Smaller changes, up to a tenth of the largest, are left out. Where the sum stays "
                "as it is, one payer steps in for another; several plans may do so equally well."),
    )  # fmt: skip


def _shift_text(wording: PlanWording, shifts: Mapping[str, float], largest: float) -> str:
    """Who puts up more or less for one thing, and all smaller payers together."""
    large = _large_shifts(shifts, largest)
    told = [f"{wording.payer_name(f)} {_signed_text(x)}" for f, x in large]
    rest = sum(shifts.values()) - sum(x for _, x in large)
    if abs(rest) > MIN_SHIFT:
        told.append(f"{tr('others')} {_signed_text(rest)}")
    return capitalize(join_with_and(told))


def _difference_table(
    caption: str,
    heading: str,
    read_figures: FigureReader,
    plans: PlanPair,
    column_headings: tuple[str, str],
    name: str = "",
    total: str = "",
) -> Table:
    """Figures of two plans by name, and what they differ by, the largest first; where they have a
    ``total``, what does not differ is a row of its own."""
    a, b = map(read_figures, plans)
    every = [(name, a.get(name, 0.0), b.get(name, 0.0)) for name in dict.fromkeys([*a, *b])]
    most = max((abs(y - x) for _, x, y in every), default=0.0)
    rows = [
        row for row in every if abs(row[2] - row[1]) > max(ZERO_TOLERANCE, MIN_TABLE_SHARE * most)
    ]
    rows.sort(key=lambda row: -abs(row[2] - row[1]))
    rest = [row for row in every if row not in rows and row[1:] != (0.0, 0.0)]
    if rows and total and len(rest) == 1:
        rows += rest
    elif rows and total and rest:
        called = tr("{count} others", count=format_number(len(rest)))
        rows.append((called, sum(row[1] for row in rest), sum(row[2] for row in rest)))
    columns = [
        Column(heading, lambda row: row[0], "text"),
        *(
            replace(one, total=bool(total))
            for one in _side_columns(*column_headings, "outcome", "signed_outcome")
        ),
    ]
    return Table(caption, rows, columns, name, total_label=total)


def _side_columns(then: str, now: str, form: ValueForm, signed: ValueForm) -> list[Column]:
    """Two figures of a row, which stand side by side in it, and their difference."""
    return [
        Column(then, lambda row: row[1], form, decimals_group="both"),
        Column(now, lambda row: row[2], form, decimals_group="both"),
        Column(tr("Difference"), lambda row: row[2] - row[1], signed),
    ]


def gained_section(
    funder: str, comparison: Comparison, taking_part: Plan, staying_out: Plan
) -> Section:
    """What a funder has of taking part, in a sentence, and what that means for all."""
    say = PlanWording(taking_part)
    view = next(one for one in comparison.own_views if one.funder == funder)
    first, second = (comparison.options[n].cost.by_funder.get(funder) for n in (0, 1))
    costs = (first.cost_meur if first else 0.0) - (second.cost_meur if second else 0.0)

    def lost(plan: Plan, some: Sequence[str]) -> float:
        return sum(one.expected for one in plan.consumers if one.id in some)

    every = [one.id for one in taking_part.consumers]
    name = say.name("funders", funder)
    told = [tr("Taking part costs {name} {cost} net (present value).", name=name,
               cost=say.money_amount(costs))]  # fmt: skip
    for ids in (view.consumers, every):
        with_, without = lost(taking_part, ids), lost(staying_out, ids)
        over = without - with_ - costs
        figures = {"now": with_, "alone": without, "less": without - with_}
        about = {name: say.amount_for_sentence(value) for name, value in figures.items()}
        if ids and ids is view.consumers:
            told.append(
                tr("Its own consumers are expected to lose {less} less: {now} and not {alone}.",
                   **about)
            )  # fmt: skip
            if say.counts_damage and over > 0:
                told.append(
                    tr("That is {over} more than it costs.", over=say.amount_for_sentence(over))
                )
        elif ids:
            told.append(
                tr("All consumers together are expected to lose {less} less: {now} and not "
                   "{alone}.", **about)
            )  # fmt: skip
    told.append(_proof_sentence(say, taking_part, staying_out))
    sides = tr("It stays out"), tr("It takes part")
    table = _damage_table(say, "consumers", (staying_out, taking_part), sides)
    parts: list[Part] = [" ".join(told), *([table] if table.rows else [])]
    if say.case is not None and say.case.objective.allocation == "pooled":
        parts.insert(1, Caution([pooled_supply_note()]))
    return Section("gained", tr("What {name} gains by taking part", name=name), parts)
