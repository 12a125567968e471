"""Rows of the rules that a scenario states itself (U1), and checks: what matches nothing is a
fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from models import countries
from models.faults import Fault, PathStep, warning
from models.scenario.quantities import percent_hint
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
from models.spelling import did_you_mean, unknown_name_hint


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


_Path = tuple[PathStep, ...]
_NOTHING_MATCHES = {
    "project": "nothing of this quantity belongs to the project '{name}'",
    "country": "no project lies in '{name}'",
    "region": "no project lies in the region '{name}'",
    "tag": "no project carries the tag '{name}'",
    "output": "no project delivers '{name}'",
    "material": "nothing of this quantity concerns '{name}'",
    "funder": "nothing of this quantity comes from '{name}'",
    "instrument": "there is no instrument '{name}' that takes part in a project",
    "class": "no instrument is booked as '{name}'",
    "stockpile": "there is no stockpile '{name}'",
}


def user_rule_faults(case: Sections) -> Iterator[Fault]:
    """Yield faults of rules that count nothing, add up different things or leave a year open, and
    warnings of names that match nothing."""
    for name, rule in case.policy.rules.items():
        path: _Path = ("policy", "rules", name)
        bound_path = path if rule.then is None else (*path, "then")
        faults = [*_period_faults(case, rule, path), *_term_faults(case, rule, bound_path)]
        yield from faults
        if any(fault.severity == "error" for fault in faults):
            continue
        if not groups(case, rule):
            message = "no project carries a tag"
            yield Fault((*bound_path, "sum"), message, "leave it out")
        if rule.if_ is not None:
            yield from _condition_faults(case, rule, path)
        yield from _unreachable_warnings(case, name)


def _unreachable_warnings(case: Sections, name: str) -> Iterator[Fault]:
    """Yield a warning of a rule that asks for more output than all candidates together have."""
    for row in rows_of_rule(case, name, case.policy.rules[name]):
        counts_output = all(
            term.quantity in ("output_t", "secured_t") and term.factor >= 0 for term in row.terms
        )
        if not counts_output or row.sense == "at_most" or row.condition:
            continue
        most = sum(
            term.factor * len(term.years) * float(case.projects[x.project].output_t_per_year[m])
            for term in row.terms
            for x in term.subjects
            for m in x.materials
            if x.project is not None
        )
        if row.constant > most * (1 + 1e-9):
            rule = case.policy.rules[row.rule]
            values = {"asked": row.constant, "most": most}
            message = "all candidates together give {most:g} t, not {asked:g} t".format(**values)
            yield warning(("policy", "rules", row.rule, *rule.level_path), message)
            return


def _period_faults(case: Sections, rule: UserRule, path: _Path) -> Iterator[Fault]:
    counted = years_counted(case, rule)
    if not counted:
        key = "to" if rule.by is None else "by"
        yield Fault((*path, key), "the rule counts no year", "write a later year")
        return
    quantities = [term.quantity for term in rule.bound.sum]
    quantities += [rule.level.quantity] if rule.level.quantity is not None else []
    is_open = len(counted) > 1 and rule.by is None and not rule.is_yearly and rule.if_ is None
    for quantity in quantities:
        if QUANTITIES[quantity].is_level and is_open:
            message = f"{quantity} is a stock at a year's end, and no year is named"
            yield Fault(path, message, "write every_year: true, or by: a year", at_key=True)
            return


def _term_faults(case: Sections, rule: UserRule, path: _Path) -> Iterator[Fault]:
    first_unit = QUANTITIES[rule.bound.sum[0].quantity].unit
    for position, term in enumerate(rule.bound.sum):
        term_path = (*path, "sum", position)
        yield from _filter_faults(case, term, term_path)
        yield from _grouping_faults(term, term_path)
        if QUANTITIES[term.quantity].unit != first_unit and float(term.factor) == 1:
            values = {"quantity": term.quantity, "other": rule.bound.sum[0].quantity}
            message = "{quantity} and {other} have different units".format(**values)
            yield Fault((*term_path, "quantity"), message, "give a factor that converts it")
    level, level_path = rule.level, (*path, rule.sense)
    amounts = () if level.value is None else level.value.values
    shares = [float(x) for x in amounts if 0 < float(x) < 1 and x.written is None]
    if shares and all(float(x.factor) == 1 for x in rule.bound.sum):
        share = shares[0]
        unit = {"count": "projects", "money": "million EUR", "tonnes": "t"}[first_unit]
        message = f"{share:g} means {share:g} {unit} here, not a share"
        multiple = f"{{times: {share:g}, quantity: ...}}"
        hint = f"for a share of a quantity write {multiple}"
        yield warning(level_path, message, hint)
    if level.term is not None:
        yield from _filter_faults(case, level.term, level_path)
        first = rule.bound.sum[0]
        is_same = (level.quantity, level.where) == (first.quantity, first.where)
        if is_same and float(level.times or 0) > 1 and len(rule.bound.sum) == 1:
            times = float(level.times or 0)
            message = f"a part is never {times:g} times the whole"
            hint = percent_hint(times) if 2 <= times <= 100 else ""
            yield warning((*level_path, "times"), message, hint)


def _grouping_faults(term: RuleTerm, path: _Path) -> Iterator[Fault]:
    allowed = QUANTITIES[term.quantity].filters
    if term.each not in (None, "year") and term.each not in allowed:
        message = f"{term.quantity} has no {term.each}"
        possible = [x for x in ("country", "project", "material", "funder", "tag") if x in allowed]
        hint = "possible here: {names}".format(names=", ".join([*possible, "year"]))
        yield Fault((*path, "each"), message, hint)


def _filter_faults(case: Sections, term: QuantityTerm, path: _Path) -> Iterator[Fault]:
    allowed = QUANTITIES[term.quantity].filters
    counted, is_faulty = subjects(case, term.quantity), False
    for key, names in term.where.names.items():
        key_path = (*path, "where", key)
        if key not in allowed:
            message = f"{term.quantity} has no {key}"
            hint = "possible here: {names}".format(names=", ".join(sorted(allowed)))
            yield Fault(key_path, message, hint, at_key=True)
            return
        known = dict.fromkeys(
            value for subject in counted for value in sorted(attributes(case, subject, key))
        )
        unmatched = [name for name in names if name not in known]
        for name in unmatched:
            message = _NOTHING_MATCHES[key].format(name=name)
            place = (*key_path, names.index(name))
            if len(unmatched) == len(names):
                is_faulty = True
                yield Fault(place, message, unknown_name_hint(name, known))
            else:
                yield warning(place, message, did_you_mean(name, known))
    if not is_faulty and not selected(case, term):
        message = "nothing meets all conditions"
        yield Fault((*path, "where") if term.where.names else path, message, "drop one of them")


def _condition_faults(case: Sections, rule: UserRule, path: _Path) -> Iterator[Fault]:
    """Yield a fault of a condition on a sum without a bound, which cannot be relaxed, and a warning
    of a project that cannot start in time."""
    assert rule.if_ is not None
    project = case.projects[rule.if_.start]
    first_start, last_year = project.start_years(case.horizon.years)[:1], years_counted(case, rule)
    if not first_start or first_start[0] > last_year[-1]:
        message = f"'{rule.if_.start}' cannot start by {last_year[-1]}"
        yield warning((*path, "if", "start"), message, "the rule never applies")
    open_stockpiles = {
        h.id for h in case.stockpiles if h.max_t is None and h.max_purchase_t_per_year is None
    }
    limited_from_below = rule.sense == "at_least"
    terms: list[tuple[QuantityTerm, bool]] = [
        (term, (float(term.factor) < 0) == limited_from_below) for term in rule.bound.sum
    ]
    if rule.level.term is not None:
        terms.append((rule.level.term, limited_from_below))
    for term, can_violate in terms:
        for subject in selected(case, term) if can_violate else ():
            if subject.stockpile in open_stockpiles:
                message = f"purchases for '{subject.stockpile}' have no limit"
                hint = "a rule with a condition needs max_t or max_purchase_t_per_year there"
                yield Fault(path, message, hint, at_key=True)
                return
