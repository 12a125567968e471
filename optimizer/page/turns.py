"""What two answers differ in, as people ask: where damage goes, who pays what, and what one funder
has of taking part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from models.language import tr
from models.results import Comparison, Plan
from models.results.plan import OWN_LINE
from optimizer.analyses.comparison.money import budgets
from optimizer.analyses.participation.words import all_is_pooled
from optimizer.analyses.plan.words import MARKET, PlanWording
from optimizer.report.cells import written
from optimizer.report.document import Bullets, Caution, Column, Form, Part, Section, Table
from optimizer.report.figures import NO_BREAK, NOISE, number, rounded
from optimizer.report.wording import capital, listed

SHIFT, LEAST_SHIFT = 0.1, 0.5
"""A payer is named whose money changes by more than this share of the largest change, and by more
than this, in million; a project whose output is contracted otherwise likewise, in percent."""
TOLD = 0.005
"""Differences below this share of the largest are left out of a table."""


def changed(before: Plan, after: Plan) -> Section:
    """The last two answers side by side, in the same world or in two."""
    say, plans = PlanWording(after), (before, after)
    sides = tr("Before"), tr("Now")
    tables = [
        _damage(say, "materials", plans, sides),
        _damage(say, "consumers", plans, sides),
        _payments(say, before, after),
        _table(tr("{contracted}: % of a project's output", contracted=say.contracted),
               tr("Project"), _secured(say), plans, sides, "secured"),
    ]  # fmt: skip
    told = " ".join(_outcome(say, before, after))
    title = tr("From the answer before to this one")
    reasons = Bullets(list(_told(say, before, after)))
    return Section("turned", title, [told, reasons, *(one for one in tables if one.rows)])


def _outcome(say: PlanWording, before: Plan, after: Plan) -> Iterator[str]:
    """What is lost with the plan and without any, before and now."""
    then, now = before.outcome, after.outcome
    about = {
        "what": capital(say.expected),
        "before": say.spoken(then.expected),
        "now": say.spoken(now.expected),
        "share": f" ({_signed(100 * (now.expected / then.expected - 1))}{NO_BREAK}%)"
        if then.expected
        else "",
        "idle": say.spoken(then.without_plan.expected),
        "idle_now": say.spoken(now.without_plan.expected),
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
    yield _proof(say, before, after)
    if 0 < abs(now.expected - then.expected) <= _open_by(before, after):
        yield tr("A difference in damage as small as this is not told apart from none.")


def _told(say: PlanWording, before: Plan, after: Plan) -> Iterator[str]:
    """What is decided and paid otherwise."""
    yield from _budgets(say, before, after)
    if _decided(before) == _decided(after):
        yield tr("It is the same plan: what is built, bought and paid is as before.")
        return
    known = {p.id: p.name for p in before.projects}, {p.id: p.name for p in after.projects}
    gone, come = ({*known[0]} - {*known[1]}, {*known[1]} - {*known[0]})
    if not gone and not come:
        yield tr("The same projects are supported.")
    if gone:
        yield tr("No longer supported: {projects}.", projects=_named(say, gone))
    if come:
        yield tr("Supported now: {projects}.", projects=_named(say, come))
    if shifts := _shifts(say, before, after):
        yield tr("Put up otherwise, not discounted: {shifts}.", shifts=listed(shifts))
    was, is_ = map(_secured(say), (before, after))
    of_both = {p: is_[p] - x for p, x in was.items() if p in is_}
    if shifts := [f"{p} {_signed(x)}" for p, x in _large(of_both)]:
        yield tr("{contracted}, in percentage points of output: {shifts}.",
                 contracted=say.contracted, shifts=listed(shifts))  # fmt: skip
    was, is_ = map(_stocks(say), (before, after))
    if shifts := [f"{stock} {_signed(x)}" for stock, x in _large(_differences(was, is_))]:
        yield tr("Largest changes of what is spent on stocks, in {unit}, not discounted: {shifts}.",
                 unit=say.million, shifts=listed(shifts))  # fmt: skip


def _open_by(*plans: Plan) -> float:
    """What the proofs of plans leave open together, in the unit of the objective."""
    return sum((p.certificate.gap or 0) * abs(p.certificate.objective) for p in plans)


def _budgets(say: PlanWording, before: Plan, after: Plan) -> Iterator[str]:
    """How much is used of each funder's own budget that was moved."""
    then, now = (
        {one.funder: (one.used_meur, one.granted_meur)
         for one in budgets(plan) if one.line == OWN_LINE and one.funder and one.granted_meur}
        for plan in (before, after)
    )  # fmt: skip
    for funder, (used, granted) in now.items():
        if abs(granted - then.get(funder, (0.0, granted))[1]) > NOISE:
            yield tr("{funder}: {used} of {granted} are used.", funder=say.source(funder),
                     used=rounded(used), granted=say.money(granted))  # fmt: skip


def _decided(plan: Plan) -> object:
    """What is built, bought and paid, and by whom."""
    paid = [(one.funder, one.instrument, one.project, one.stockpile, one.paid_meur)
            for one in plan.accounts]  # fmt: skip
    return plan.projects, plan.stockpiles, paid


def _proof(say: PlanWording, *plans: Plan) -> str:
    """What the proofs of two plans leave open, or that one of them was stopped before its own."""
    proofs = [plan.certificate for plan in plans]
    if any(proof.status != "optimal" or proof.gap is None for proof in proofs):
        return tr("Not both plans are proven to be the best.")
    return tr("Either plan may be improved, by no more than {open} for both together.",
              open=say.spoken(_open_by(*plans)))  # fmt: skip


def _shifts(say: PlanWording, before: Plan, after: Plan) -> list[str]:
    """How much more or less who puts up, lenders and investors among them, the largest first."""

    def put_up(plan: Plan) -> dict[str, float]:
        found = {MARKET: sum(one.market_share * one.mean_capex_meur for one in plan.projects)}
        for one in plan.accounts:
            found[one.funder] = found.get(one.funder, 0.0) + sum(one.paid_meur.values())
        return found

    by_payer = _differences(put_up(before), put_up(after))
    return [f"{say.payer(f)} {_signed(x)} {say.million}" for f, x in _large(by_payer)]


def _differences(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    return {key: b.get(key, 0.0) - a.get(key, 0.0) for key in dict.fromkeys([*a, *b])}


def _large(shifts: Mapping[str, float], most: float | None = None) -> list[tuple[str, float]]:
    """What changes by enough to be named, beside ``most``, the largest first."""
    if most is None:
        most = max(map(abs, shifts.values()), default=0.0)
    told = [one for one in shifts.items() if abs(one[1]) > max(LEAST_SHIFT, SHIFT * most)]
    return sorted(told, key=lambda one: -abs(one[1]))


def _signed(value: float) -> str:
    return written(value, "signed", 0 if abs(value) >= 100 else None)


def _named(say: PlanWording, ids: set[str]) -> str:
    return listed(sorted(say.name("projects", id) for id in ids))


def _expected(say: PlanWording) -> str:
    return tr("Expected damage") if say.of_damage else tr("Expected shortage")


Pair = tuple[Plan, Plan]
Figures = Callable[[Plan], Mapping[str, float]]


def _losses(say: PlanWording, kind: str) -> Figures:
    """Expected damage by name of a material or consumer."""
    return lambda plan: {say.name(kind, one.id): one.expected for one in getattr(plan, kind)}


def _damage(say: PlanWording, kind: str, plans: Pair, sides: tuple[str, str]) -> Table:
    """What is lost by material or consumer in two plans, with what all of it adds up to."""
    about = {"what": _expected(say), "unit": say.unit}
    caption, head = tr("{what} by consumer ({unit})", **about), tr("Consumer")
    if kind == "materials":
        caption, head = tr("{what} by material ({unit})", **about), tr("Material")
    made = _table(caption, head, _losses(say, kind), plans, sides, total=tr("Sum"))
    several = tr("Plans that are as good as a whole may divide it otherwise.")
    return replace(made, note=several) if len(made.rows) > 1 else made


def _stocks(say: PlanWording) -> Figures:
    """What is spent on stocks of each material over all years, by its name."""

    def spent(plan: Plan) -> dict[str, float]:
        found: dict[str, float] = {}
        for one in plan.stockpiles:
            name = say.name("materials", one.material)
            found[name] = found.get(name, 0.0) + sum(one.cost_meur.values())
        return found

    return spent


def _secured(say: PlanWording) -> Figures:
    """Percent of a project's output that are contracted to consumers at home, by its name."""
    return lambda plan: {
        say.name("projects", one.id): round(100 * one.offtake, 1) for one in plan.projects
    }


def _payments(say: PlanWording, before: Plan, after: Plan) -> Table:
    """What is put up for each project or stock, and by whom more or less: first where the sum
    changes, and then where one only steps in for another."""

    def given(plan: Plan) -> dict[tuple[str, str], dict[str, float]]:
        found = {
            ("projects", one.id): {MARKET: one.market_share * one.mean_capex_meur}
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
    rows = [row for row in rows if _large(row[3], most)]
    rows.sort(key=lambda row: (-round(abs(row[2] - row[1])), -max(map(abs, row[3].values()))))
    columns = [
        Column(tr("Project or stock"), lambda row: say.name(*row[0]), "text"),
        *_sides(tr("Before"), tr("Now"), "money", "signed"),
        Column(tr("Who gives more or less"), lambda row: _named_shifts(say, row[3], most), "text"),
    ]  # fmt: skip
    return Table(
        tr("Who pays for what, where that changes ({unit}, not discounted)", unit=say.million),
        rows, columns, "payments",
        note=tr("Smaller changes, up to a tenth of the largest, are left out. Where the sum stays "
                "as it is, one payer steps in for another; several plans may do so equally well."),
    )  # fmt: skip


def _named_shifts(say: PlanWording, shifts: Mapping[str, float], most: float) -> str:
    """Who puts up more or less for one thing, and all smaller payers together."""
    large = _large(shifts, most)
    told = [f"{say.payer(f)} {_signed(x)}" for f, x in large]
    rest = sum(shifts.values()) - sum(x for _, x in large)
    if abs(rest) > LEAST_SHIFT:
        told.append(f"{tr('others')} {_signed(rest)}")
    return capital(listed(told))


def _table(
    caption: str,
    head: str,
    read: Figures,
    plans: Pair,
    sides: tuple[str, str],
    name: str = "",
    total: str = "",
) -> Table:
    """Figures of two plans by name, and what they differ by, the largest first; where they have a
    ``total``, what does not differ is a row of its own."""
    a, b = map(read, plans)
    every = [(name, a.get(name, 0.0), b.get(name, 0.0)) for name in dict.fromkeys([*a, *b])]
    most = max((abs(y - x) for _, x, y in every), default=0.0)
    rows = [row for row in every if abs(row[2] - row[1]) > max(NOISE, TOLD * most)]
    rows.sort(key=lambda row: -abs(row[2] - row[1]))
    rest = [row for row in every if row not in rows and row[1:] != (0.0, 0.0)]
    if rows and total and len(rest) == 1:
        rows += rest
    elif rows and total and rest:
        called = tr("{count} others", count=number(len(rest)))
        rows.append((called, sum(row[1] for row in rest), sum(row[2] for row in rest)))
    columns = [
        Column(head, lambda row: row[0], "text"),
        *(replace(one, total=bool(total)) for one in _sides(*sides, "outcome", "signed_outcome")),
    ]
    return Table(caption, rows, columns, name, total=total)


def _sides(then: str, now: str, form: Form, signed: Form) -> list[Column]:
    """Two figures of a row, which stand side by side in it, and their difference."""
    return [
        Column(then, lambda row: row[1], form, like="both"),
        Column(now, lambda row: row[2], form, like="both"),
        Column(tr("Difference"), lambda row: row[2] - row[1], signed),
    ]


def gained(funder: str, found: Comparison, taking_part: Plan, staying_out: Plan) -> Section:
    """What a funder has of taking part, in a sentence, and what that means for all."""
    say = PlanWording(taking_part)
    view = next(one for one in found.own_views if one.funder == funder)
    first, second = (found.options[n].cost.by_funder.get(funder) for n in (0, 1))
    costs = (first.cost_meur if first else 0.0) - (second.cost_meur if second else 0.0)

    def lost(plan: Plan, some: Sequence[str]) -> float:
        return sum(one.expected for one in plan.consumers if one.id in some)

    every = [one.id for one in taking_part.consumers]
    name = say.name("funders", funder)
    told = [tr("Taking part costs {name} {cost} net (present value).", name=name,
               cost=say.money(costs))]  # fmt: skip
    for ids in (view.consumers, every):
        with_, without = lost(taking_part, ids), lost(staying_out, ids)
        over = without - with_ - costs
        figures = {"now": with_, "alone": without, "less": without - with_}
        about = {name: say.spoken(value) for name, value in figures.items()}
        if ids and ids is view.consumers:
            told.append(
                tr("Its own consumers are expected to lose {less} less: {now} and not {alone}.",
                   **about)
            )  # fmt: skip
            if say.of_damage and over > 0:
                told.append(tr("That is {over} more than it costs.", over=say.spoken(over)))
        elif ids:
            told.append(
                tr("All consumers together are expected to lose {less} less: {now} and not "
                   "{alone}.", **about)
            )  # fmt: skip
    told.append(_proof(say, taking_part, staying_out))
    sides = tr("It stays out"), tr("It takes part")
    table = _damage(say, "consumers", (staying_out, taking_part), sides)
    parts: list[Part] = [" ".join(told), *([table] if table.rows else [])]
    if say.case is not None and say.case.objective.allocation == "pooled":
        parts.insert(1, Caution([all_is_pooled()]))
    return Section("gained", tr("What {name} gains by taking part", name=name), parts)
