"""The sentences of a comparison: what makes the difference, and what is not compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.language import language, tr
from models.results import Comparison
from models.results.comparison import Difference, MaterialDifference, Unlike
from models.results.option import Option, Wording
from optimizer.report.figures import NOISE, clean, number, percent, small_percent

MOST = 4
"""Materials that are told one by one."""
LISTED = 2
"""Projects financed otherwise that are told by name."""
SMALL = 0.02
"""A smaller part of the difference is told together with others."""


def said(name: Wording) -> str:
    """A name in the current language."""
    return clean(name.de if language() == "de" else name.en)


def called(names: dict[str, Wording], id_: str) -> str:
    """The name of an item in the current language."""
    return said(names[id_]) if id_ in names else clean(id_)


def million(currency: str) -> str:
    """The unit of money."""
    return tr("million {currency}", currency=currency)


def option_of(comparison: Comparison, label: str) -> Option:
    """The option of a label."""
    return next(option for option in comparison.options if option.label == label)


def unit(comparison: Comparison) -> str:
    """The unit of the base's measure."""
    base = option_of(comparison, comparison.base)
    measure = base.benefit.measure
    if measure == "damage":
        return million(base.currency)
    return tr("t") if measure == "tonnes" else tr("years of demand")


def noun(comparison: Comparison) -> str:
    """What is counted, in a word."""
    damage = option_of(comparison, comparison.base).benefit.measure == "damage"
    return tr("damage") if damage else tr("shortage")


def _money(comparison: Comparison, meur: float) -> str:
    return f"{number(meur)} {million(option_of(comparison, comparison.base).currency)}"


def _amount(comparison: Comparison, value: float) -> str:
    return f"{number(value)} {unit(comparison)}"


def listed(items: Sequence[str]) -> str:
    """Items in a sentence: a, b and c."""
    if len(items) < 2:
        return "".join(items)
    return tr("{several} and {last}", several=", ".join(items[:-1]), last=items[-1])


def headline(comparison: Comparison) -> Iterator[str]:
    """What comes without any plan, and cautions that belong beside the tables."""
    before = option_of(comparison, comparison.base).benefit
    yield tr(
        "Without any plan: expected {noun} {expected}, in the worst state {worst}.",
        noun=noun(comparison),
        expected=_amount(comparison, before.expected.without_plan),
        worst=number(before.worst.without_plan),
    )
    for failed in comparison.failed:
        if failed.reason == "infeasible":
            rules = "; ".join(f"{rule.tag} {rule.name}: {rule.says}" for rule in failed.conflict)
            yield tr(
                "{label} is left out: no plan keeps all of these rules together. {rules}.",
                label=clean(failed.label),
                rules=clean(rules),
            )
        else:
            yield tr(
                "{label} is left out, since there is no plan: {message}.",
                label=clean(failed.label),
                message=clean(tr(failed.message)),
            )
    early = [clean(o.label) for o in comparison.options if o.proof.status == "limit"]
    if early:
        yield tr("Stopped before the gap reached its target: {options}.", options=listed(early))
    few = [clean(o.label) for o in comparison.options if o.proof.illustrative]
    if few:
        yield tr(
            "For illustration only, on fewer than 100 states of the world: {options}.",
            options=listed(few),
        )


def unlike(comparison: Comparison, one: Unlike) -> str:
    """In what an option is not like the base, and what is not compared for that."""
    if one.subject == "scenario":
        differs = tr(
            "{option} and {base}: one of the plans does not carry its scenario, so that nobody "
            "can tell what they share.",
            option=clean(one.option),
            base=clean(comparison.base),
        )
    else:
        first = one.changes[0]
        what = tr(
            "{path} is {value} instead of {base}",
            path=clean(first.path),
            value=_value(first.value),
            base=_value(first.base),
        )
        more = len(one.changes) - 1
        if more:
            what = tr("{what}; {more} more values differ", what=what, more=number(more))
        differs = tr(
            "{option} differs from {base} in {subject}: {what}.",
            option=clean(one.option),
            subject=clean(one.subject),
            base=clean(comparison.base),
            what=what,
        )
    if not one.bars:
        return differs
    figures = {
        "damage": noun(comparison),
        "tail": tr("the mean of the worst states"),
        "money": tr("money"),
        "objective": tr("the objective"),
        "dependence": tr("dependence"),
    }
    bars = listed([figures[bar] for bar in one.bars])
    return f"{differs} {tr('Not compared for that: {figures}.', figures=bars)}"


def _value(value: str | None) -> str:
    return tr("not set") if value is None else clean(value)


def differences(comparison: Comparison, of: Difference) -> Iterator[str]:
    """What makes the difference between an option and the base, the main thing first."""
    yield _first(comparison, of)
    yield from _materials(comparison, of)
    yield from _money_moves(comparison, of)
    if of.avoided_per_extra_public_euro is not None:
        yield tr(
            "Each public euro put up in addition avoids {euro} of expected damage (both as present "
            "values).",
            euro=f"{number(of.avoided_per_extra_public_euro, 2)} {_currency(comparison)}",
        )
    yield from _budgets(comparison, of)


def _currency(comparison: Comparison) -> str:
    return option_of(comparison, comparison.base).currency


def _first(comparison: Comparison, of: Difference) -> str:
    names = {"option": clean(of.option), "base": clean(comparison.base)}
    what = noun(comparison)
    if of.expected is None:
        return tr("{option} and {base}: {noun} is not compared.", noun=what, **names)
    amount = _amount(comparison, abs(of.expected))
    base = option_of(comparison, comparison.base).benefit.expected
    option = option_of(comparison, of.option).benefit.expected
    if of.significant is False:
        return tr(
            "{option} and {base} differ by {amount}, which is not significant: the gaps of both "
            "plans leave room for {room}.",
            amount=amount,
            room=number(of.resolution),
            **names,
        )
    same_start = abs(base.without_plan - option.without_plan) <= NOISE * abs(base.without_plan)
    if same_start and base.without_plan > 0:
        share = percent(abs(of.expected) / base.without_plan)
        if of.expected < 0:
            return tr(
                "{option} avoids {amount} more than {base}: {share} of what comes without a plan.",
                amount=amount,
                share=share,
                **names,
            )
        return tr(
            "{option} avoids {amount} less than {base}: {share} of what comes without a plan.",
            amount=amount,
            share=share,
            **names,
        )
    if of.expected < 0:
        return tr(
            "{option} leaves {amount} less {noun} than {base}.", amount=amount, noun=what, **names
        )
    return tr(
        "{option} leaves {amount} more {noun} than {base}.", amount=amount, noun=what, **names
    )


def _materials(comparison: Comparison, of: Difference) -> Iterator[str]:
    """The materials that make most of the difference, and the rest together."""
    if not of.by_material or of.expected is None:
        return
    whole = sum(abs(part.damage) for part in of.by_material)
    told = [part for part in of.by_material[:MOST] if abs(part.damage) > SMALL * whole]
    for part in told:
        yield _material(comparison, part)
    rest = of.expected - sum(part.damage for part in told)
    if len(told) < len(of.by_material) and abs(rest) > NOISE * max(1.0, abs(of.expected)):
        yield tr("All other materials together: {change}.", change=_less_or_more(comparison, rest))


def _less_or_more(comparison: Comparison, damage: float) -> str:
    amount = _amount(comparison, abs(damage))
    if damage < 0:
        return tr("{amount} less {noun}", amount=amount, noun=noun(comparison))
    return tr("{amount} more {noun}", amount=amount, noun=noun(comparison))


def _material(comparison: Comparison, part: MaterialDifference) -> str:
    names = comparison.names
    parts = [_less_or_more(comparison, part.damage)]

    def of(*kinds: str) -> list[str]:
        return [called(names.projects, c.project) for c in part.projects if c.change in kinds]

    if added := of("added"):
        parts.append(tr("in addition {projects}", projects=listed(added)))
    if dropped := of("dropped"):
        parts.append(tr("without {projects}", projects=listed(dropped)))
    for change in part.projects:
        if change.change == "moved" and change.base and change.option:
            parts.append(
                tr(
                    "{project} begun in {year} instead of {before}",
                    project=called(names.projects, change.project),
                    year=change.option.start,
                    before=change.base.start,
                )
            )
    otherwise = of("refinanced")
    if len(otherwise) > LISTED:
        parts.append(tr("{number} projects financed otherwise", number=number(len(otherwise))))
    elif otherwise:
        parts.append(tr("financed otherwise: {projects}", projects=listed(otherwise)))
    held = sum(change.held_t for change in part.stockpiles)
    if held > NOISE:
        parts.append(tr("{tonnes} t more in stock", tonnes=number(held)))
    elif held < -NOISE:
        parts.append(tr("{tonnes} t less in stock", tonnes=number(-held)))
    return f"{called(names.materials, part.material)}: {'; '.join(parts)}."


def _money_moves(comparison: Comparison, of: Difference) -> Iterator[str]:
    if of.public_paid_meur is None or of.private_paid_meur is None or of.market_meur is None:
        return
    public = [m for m in of.money if m.kind == "public" and abs(m.paid_meur) > NOISE]
    if abs(of.public_paid_meur) > NOISE or public:
        parts = [
            f"{called(comparison.names.funders, m.funder)}, {class_name(m.budget_class)} "
            f"{signed(m.paid_meur)}"
            for m in public
        ]
        amount = _money(comparison, abs(of.public_paid_meur))
        if of.public_paid_meur >= 0:
            yield tr(
                "Public funders put up {amount} more: {parts}.",
                amount=amount,
                parts="; ".join(parts),
            )
        else:
            yield tr(
                "Public funders put up {amount} less: {parts}.",
                amount=amount,
                parts="; ".join(parts),
            )
    else:
        yield tr("Public funders put up the same.")
    if max(abs(of.private_paid_meur), abs(of.market_meur)) > NOISE:
        yield tr(
            "Companies and private funders put up {private}, lenders and investors {market} "
            "({unit}).",
            private=signed(of.private_paid_meur),
            market=signed(of.market_meur),
            unit=million(_currency(comparison)),
        )


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"+{number(value)}" if value > NOISE else number(value)


def class_name(booked: str | None) -> str:
    """A budget class in words."""
    words = {
        "financial_transaction": tr("financial transactions"),
        "loan": tr("loans"),
        "guarantee": tr("guaranteed loans"),
        "grant": tr("grants"),
        "expenditure": tr("expenditure on stocks"),
        "private": tr("private money"),
    }
    return words.get(booked or "", tr("without a class"))


def _budgets(comparison: Comparison, of: Difference) -> Iterator[str]:
    base, option = (option_of(comparison, label) for label in (comparison.base, of.option))
    used = [
        {
            (u.funder, u.line): budget_name(comparison, u.funder, u.line, u.name)
            for u in o.cost.budgets
            if u.used_up
        }
        for o in (base, option)
    ]
    only_there = [name for key, name in used[1].items() if key not in used[0]]
    only_base = [name for key, name in used[0].items() if key not in used[1]]
    if only_there:
        yield tr(
            "Used up in {option} but not in {base}: {budgets}.",
            option=clean(of.option),
            base=clean(comparison.base),
            budgets=listed(only_there),
        )
    if only_base:
        yield tr(
            "Used up in {option} but not in {base}: {budgets}.",
            option=clean(comparison.base),
            base=clean(of.option),
            budgets=listed(only_base),
        )


def budget_name(comparison: Comparison, funder: str | None, line: str, name: str) -> str:
    """A budget by its funder, with the name of the line where it has one of its own."""
    if funder is None:
        return tr("all public funders together")
    of = called(comparison.names.funders, funder)
    if line == "budget":
        return of
    lines = comparison.names.budget_lines.get(funder, {})
    return f"{of}, {said(lines[line]) if line in lines else clean(name)}"


def gap(option: Option) -> str:
    """How far from the best the plan may be."""
    return small_percent(option.proof.gap)
