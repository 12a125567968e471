"""Rows of the rules that a scenario states itself (U1): what each sums up, and over which years."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models import countries
from models.scenario.sections import Sections
from models.scenario.user_rules import (
    ALL,
    FUNDER_KINDS,
    QUANTITIES,
    Quantity,
    QuantityTerm,
    RuleTerm,
    Sense,
    UserRule,
)


@dataclass(frozen=True)
class Subject:
    """Something of which a quantity is counted: a project or a stockpile, what it delivers, and who
    pays with which instrument."""

    project: str | None = None
    stockpile: str | None = None
    materials: tuple[str, ...] = ()
    funder: str | None = None
    instrument: str | None = None


def subjects(case: Sections, quantity: Quantity) -> tuple[Subject, ...]:
    """Return everything that contributes to a quantity."""
    outputs = {p: tuple(x.output_t_per_year) for p, x in case.projects.items()}
    if quantity in ("output_t", "secured_t"):
        return tuple(Subject(p, None, (m,)) for p, made in outputs.items() for m in made)
    if quantity in ("starts", "capex", "market_money"):
        return tuple(Subject(p, None, made) for p, made in outputs.items())
    if quantity in ("stock_t", "bought_t", "stock_cost"):
        return tuple(Subject(None, h.id, (h.material,)) for h in case.stockpiles)
    kind = FUNDER_KINDS.get(quantity)
    funders = {f: x for f, x in case.funders.items() if kind is None or x.kind == kind}
    found = [
        Subject(p, None, outputs[p], f, i)
        for f, funder in funders.items()
        for i, instrument in funder.instruments.items()
        for p, project in case.projects.items()
        if instrument.accepts_project(project)
    ]
    if quantity == "grant_equivalent":
        return tuple(found)
    for f in funders:  # premiums on secured output, and stocks
        found += [
            Subject(p, None, made, f)
            for p, made in outputs.items()
            if any(
                (case.materials[m].premium_paid_by or {}).get(f, 0) > 0
                for m in made
                if m in case.materials
            )
        ]
        found += [
            Subject(None, h.id, (h.material,), f)
            for h in case.stockpiles
            if f in {**h.paid_by, **(h.storage_paid_by or {}), **(h.financing_paid_by or {})}
        ]
    return tuple(found)


def attributes(case: Sections, subject: Subject, key: str) -> frozenset[str]:
    """Return the values of a subject by which a filter or a grouping can select it."""
    project = case.projects[subject.project] if subject.project is not None else None
    if key in ("project", "funder", "instrument", "stockpile"):
        value = getattr(subject, key)
        return frozenset() if value is None else frozenset({value})
    if key == "material" or (key == "output" and project is not None):
        return frozenset(subject.materials)
    if key == "class" and subject.funder is not None and subject.instrument is not None:
        funder = case.funders[subject.funder]
        terms = funder.instruments[subject.instrument].type.compute_terms(
            funder.kind, float(case.horizon.discount_rate)
        )
        return frozenset() if terms.budget_class is None else frozenset({terms.budget_class})
    if project is None:
        return frozenset()
    if key == "country":
        return frozenset({project.country})
    if key == "tag":
        return frozenset(project.tags)
    if key == "region":
        regions = {"home": frozenset(case.home), "EU": countries.EU_27}
        return frozenset(name for name, members in regions.items() if project.country in members)
    return frozenset()


def selected(case: Sections, term: QuantityTerm) -> tuple[Subject, ...]:
    """Return everything that counts in a term."""
    names = term.where.names
    return tuple(
        subject
        for subject in subjects(case, term.quantity)
        if all(not attributes(case, subject, key).isdisjoint(names[key]) for key in names)
    )


def groups(case: Sections, rule: UserRule) -> tuple[str, ...]:
    """Return the countries, projects or the like for each of which a rule has rows."""
    grouping = rule.grouping
    if grouping is None:
        return (ALL,)
    found = dict.fromkeys(
        value
        for term in rule.bound.sum
        if term.each == grouping
        for subject in selected(case, term)
        for value in sorted(attributes(case, subject, grouping))
    )
    return tuple(found)


@dataclass(frozen=True)
class RowTerm:
    """A term of a row: a quantity of some subjects in some years, and its factor."""

    quantity: Quantity
    subjects: frozenset[Subject]
    years: tuple[int, ...]
    factor: float


@dataclass(frozen=True)
class RuleRow:
    """One row of a rule: its terms, whose sum is compared with ``constant``."""

    rule: str
    of: str
    year: int  # last year that counts
    terms: tuple[RowTerm, ...]  # those of the right side with a negative factor
    sense: Sense
    constant: float
    condition: str | None  # project without whose start by ``year`` the row does not apply

    @property
    def index(self) -> tuple[str, str, int]:
        """Index of the constraint: rule, group and year."""
        return self.rule, self.of, self.year


def rule_rows(case: Sections) -> Iterator[RuleRow]:
    """Yield the rows of all rules of a scenario, in the order of the file."""
    for name, rule in case.policy.rules.items():
        yield from rows_of_rule(case, name, rule)


def rows_of_rule(case: Sections, name: str, rule: UserRule) -> Iterator[RuleRow]:
    """Yield the rows of a rule, by group and year."""
    level, level_term, sense = rule.level, rule.level.term, rule.sense
    chosen = [(term, selected(case, term)) for term in rule.bound.sum]
    compared = () if level_term is None else selected(case, level_term)
    for of in groups(case, rule):
        for year, years, start_years in _periods(case, rule):
            terms = [
                RowTerm(
                    term.quantity,
                    frozenset(x for x in found if _is_in_group(case, x, term, of)),
                    _counted(term.quantity, years, start_years),
                    float(term.factor),
                )
                for term, found in chosen
            ]
            if level_term is not None:
                counted = _counted(level_term.quantity, years, start_years)
                factor = -float(level.times or 0)
                terms.append(RowTerm(level_term.quantity, frozenset(compared), counted, factor))
            constant = 0.0 if level.value is None else level.value.at(year)
            condition = rule.if_.start if rule.if_ is not None else None
            yield RuleRow(name, of, year, tuple(terms), sense, constant, condition)


def _is_in_group(case: Sections, subject: Subject, term: RuleTerm, of: str) -> bool:
    each = term.each
    return each in (None, "year") or of in attributes(case, subject, each)


def _counted(
    quantity: Quantity, years: tuple[int, ...], start_years: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the years of a row that count for a quantity: of a level the last one."""
    if QUANTITIES[quantity].is_level:
        return years[-1:]
    return start_years if quantity in ("starts", "capex") else years


def _periods(
    case: Sections, rule: UserRule
) -> Iterator[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """Yield the last year of each row, the years over which it sums, and those over which it sums
    starts, which in a rule with a condition are all years so far."""
    horizon = tuple(case.horizon.years)
    counted = years_counted(case, rule)
    if rule.is_yearly:
        for year in counted:
            so_far = tuple(y for y in horizon if y <= year)
            yield year, (year,), so_far if rule.if_ is not None else (year,)
    elif rule.if_ is not None and counted == horizon and rule.by is None:
        for year in horizon:
            so_far = tuple(y for y in horizon if y <= year)
            yield year, so_far, so_far
    else:
        yield counted[-1], counted, counted


def years_counted(case: Sections, rule: UserRule) -> tuple[int, ...]:
    """Return the years that count for a rule, in ascending order."""
    if rule.years:
        return tuple(sorted({int(year) for year in rule.years}))
    horizon = case.horizon.years
    first = horizon[0] if rule.from_ is None else int(rule.from_)
    last = next((int(x) for x in (rule.by, rule.to) if x is not None), horizon[-1])
    return tuple(range(first, last + 1))
