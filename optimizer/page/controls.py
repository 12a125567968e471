"""What can be moved on the page, made from a scenario, in the groups that it shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from models.base import named
from models.files.assumed import settings_of
from models.files.tabs import worded
from models.language import language, tr
from models.scenario.case import Case
from models.scenario.chains import need
from models.scenario.hazards import Effect, Hazard
from models.scenario.stockpiles import Stockpile
from optimizer.analyses.assumptions import (
    Assumption,
    Numbers,
    assumptions,
    inside,
    number_at,
    scaled,
)
from optimizer.analyses.plan.words import decidable
from optimizer.analyses.sensitivity.words import every
from optimizer.analyses.variation import written
from optimizer.page.figures import (
    FACTOR,
    NOT_FIGURES,
    Control,
    Group,
    figure,
    named_item,
    of_years,
    together,
    under,
    unit_of,
)
from optimizer.report.figures import exact, percent
from optimizer.report.scenario_workbook.fields import label_of

PUBLIC = "public"
"""The control that moves all public budgets."""
SETS, AS_FILED = "assumptions", "as.filed"
"""The control that takes what an expert holds, and the file as it stands among its choices."""
WITHOUT_SETS = "objective.over_assumptions=null"
FREE, IN, OUT = "free", "in", "out"
"""What may be said of a project: the search decides, it has to be built, it must not be."""
TERMS = ("max_share", "ticket_min_meur", "ticket_max_meur")
RULES = ("budget_meur", "max_public_share", "max_projects")
MOST_PERIODS = 10_000
"""Periods that a course is stretched to at most, where the horizon does not say it."""
DAYS, MOST_DAYS = 365, 1_500
"""Days of a year, and the most in which a stock is told."""


def groups(case: Case) -> Iterator[Group]:
    """What people ask about, in the order of the page; groups with nothing in them are left out."""
    found = (
        _money(case),
        _rules(case),
        _stocks(case),
        _hazards(case),
        _worth(case),
        _projects(case),
    )
    yield from (group for group in found if group.controls or group.parts)


def every_control(case: Case) -> dict[str, Control]:
    """All controls of the groups by id."""
    return {one.id: one for group in groups(case) for one in _of(group)}


def control(case: Case, id: str, known: Mapping[str, Control] | None = None) -> Control | None:
    """The control of an id: one of those that are ``known``, or a single figure of the scenario."""
    known = every_control(case) if known is None else known
    if id in known:
        return known[id]
    if id.startswith("days."):  # so many may be left by others that it is not shown in days
        pile = inside(case.stockpiles, id.removeprefix("days."))
        return None if pile is None else _days(case, pile, _needed(case))
    base = number_at(case, id)
    if base is None or id.split(".")[0] in NOT_FIGURES:
        return None
    return figure(case, id, base)


def _of(group: Group) -> Iterator[Control]:
    yield from group.controls
    for part in group.parts:
        yield from _of(part)


# Money


def _money(case: Case) -> Group:
    """What public funders have together, what each has, and on which terms it gives it."""
    money, parts, public = [], [], list(_public(case))
    if len(public) > 1:
        label = tr("All public budgets")
        money.append(together(PUBLIC, label, 1.0, public, high=4.0, unit=FACTOR))
    for f, funder in case.funders.items():
        name = named_item(funder, f)
        kinds = {one.kind for one in funder.instruments.values()}
        if kinds == {"guarantee"}:  # its budget is what guarantees are charged with, not their sum
            name = tr("{name} (provision for losses)", name=name)
        if funder.budget_meur is not None:
            base = float(funder.budget_meur)
            more = {"high": max(3 * base, 500.0)}
            money.append(figure(case, f"funders.{f}.budget_meur", base, name, **more))
        total = math.fsum(map(float, (funder.budget_by_year_meur or {}).values()))
        if total > 0:
            assert funder.budget_by_year_meur is not None
            numbers = [of_years(f"funders.{f}.budget_by_year_meur", funder.budget_by_year_meur)]
            label = tr("{name}, over all years", name=name)
            unit = unit_of(case, "_meur")
            money.append(together(f"total.{f}", label, total, numbers, high=3 * total, unit=unit))
        terms = tuple(
            figure(case, f"funders.{f}.instruments.{i}.{term}", float(value),
                    f"{named_item(instrument, i)}: {worded(label_of((term,)))}")
            for i, instrument in funder.instruments.items()
            for term in TERMS
            if (value := getattr(instrument, term)) is not None
            if not (instrument.kind == "price_floor" and term.startswith("ticket"))  # it pays none
        )  # fmt: skip
        if terms:
            parts.append(under(f"terms-{f}", name, terms))
    shares = (Group("terms", tr("Tickets and shares"), (), tuple(parts)),) if parts else ()
    return Group("money", tr("Money"), tuple(money), shares)


def _public(case: Case) -> Iterator[Numbers]:
    """All that limits what public funders spend."""
    limits: dict[str, Any] = {"policy.budget_meur": case.policy.budget_meur}
    for f, funder in case.funders.items():
        if funder.kind == "public":
            for name in ("budget_meur", "budget_by_year_meur"):
                limits[f"funders.{f}.{name}"] = getattr(funder, name)
            for b, line in funder.budget_lines.items():
                for name in ("total_meur", "by_year_meur", "limit_meur"):
                    limits[f"funders.{f}.budget_lines.{b}.{name}"] = getattr(line, name)
    for path, limit in limits.items():
        if isinstance(limit, dict):
            yield of_years(path, limit)
        elif limit is not None:
            yield scaled(path, limit)


def _rules(case: Case) -> Group:
    """Rules for all: deals, and limits of the policy."""
    found, starts = [], case.policy.max_starts_by_year
    open_years = {year: most for year, most in starts.items() if most > 0}
    if open_years:
        base = max(map(float, open_years.values()))

        def deals(value: float | str) -> list[str]:
            most = {y: float(value) if y in open_years else float(x) for y, x in starts.items()}
            pairs = ", ".join(f"{year}: {written(x)}" for year, x in most.items())
            return [f"policy.max_starts_by_year={{{pairs}}}"]

        label = tr("Projects decided in a year, at most")
        found.append(Control("deals", label, base, deals, high=10.0, whole=True))
    for name in RULES:
        if (value := getattr(case.policy, name)) is not None:
            whole = name == "max_projects"
            found.append(figure(case, f"policy.{name}", float(value), whole=whole))
    return Group("rules", tr("Rules"), tuple(found))


# Stocks


def _stocks(case: Case) -> Group:
    """How much stocks may hold: all together, and each in days of what is needed of it."""
    room = {x.id: float(x.max_t) for x in case.stockpiles if x.max_t}
    if not room:
        return Group("stocks", tr("Stocks"), ())
    needed = _needed(case)
    each = []
    for pile in case.stockpiles:
        if pile.id in room:
            path, most = f"stockpiles.{pile.id}.max_t", room[pile.id]
            days = _days(case, pile, needed)
            if days is None or float(days.base) > MOST_DAYS:  # what is made of it comes from abroad
                days = figure(case, path, most, named_item(pile, pile.id), high=3 * most)
            each.append(days)
    every_room = [
        Numbers((f"stockpiles.{x.id}.max_t",), partial(_room, room[x.id], float(x.initial_t)))
        for x in case.stockpiles
        if x.id in room
    ]
    label = tr("Room for all stocks")
    whole = together("stocks", label, 1.0, every_room, high=4.0, unit=FACTOR)
    note = Group("days", tr("Each stock, in days of the need"), tuple(each))
    return Group("stocks", tr("Stocks"), (whole,), (note,) if each else ())


def _room(most: float, initial: float, factor: float) -> list[float]:
    """The tonnes that a stock may hold at a factor: no less than what it holds at the start."""
    return [max(initial, factor * most)]


def _needed(case: Case) -> dict[str, float]:
    """What is needed of each material at home, in the middle of the horizon, in tonnes a year."""
    years = case.horizon.years
    return need(case, years[len(years) // 2])


def _days(case: Case, pile: Stockpile, needed: Mapping[str, float]) -> Control | None:
    """The room of a stock in days of the need; None where there is no limit, or no need."""
    daily = needed.get(pile.material, 0.0) / DAYS
    if not pile.max_t or daily <= 0:
        return None
    most = float(pile.max_t)
    numbers = [scaled(f"stockpiles.{pile.id}.max_t", most)]
    base, more = float(f"{most / daily:.3g}"), {"unit": tr("days")}
    high = max(3 * base, 30.0)
    return together(f"days.{pile.id}", named_item(pile, pile.id), base, numbers, high=high, **more)


# What may go wrong, and what that costs


def _hazards(case: Case) -> Group:
    """How often each hazard strikes, and how long it lasts."""
    known = {one.id: one for one in assumptions(case, each=True) if one.kind == "hazard"}
    periods = float(case.horizon.periods_per_year)
    longest = len(case.horizon.years) * int(periods)
    parts = []
    for h, hazard in case.hazards.items():
        own = []
        if (one := known.get(f"hazard.{h}")) is not None:
            own.append(_factor(one, tr("How often")))
        if (lasts := length(hazard) / periods) > 0:
            base, most = float(f"{lasts:.3g}"), len(case.horizon.years)
            numbers = [(path, tuple(map(float, loss))) for path, loss in _losses(h, hazard)]

            def stretched(
                value: float | str, base: float = base, numbers: Any = tuple(numbers)
            ) -> list[str]:
                factor = float(value) / base
                ends = ((path, stretch(loss, factor, longest)) for path, loss in numbers)
                return [f"{path}=[{', '.join(map(written, loss))}]" for path, loss in ends]

            label = tr("How long it lasts (at half of its effect or more)")
            own.append(
                Control(f"length.{h}", label, base, stretched, low=base / 4,
                        high=min(max(3 * base, 3.0), float(most)), unit=tr("years"),
                        is_factor=True, about=_stretched(hazard, periods))
            )  # fmt: skip
        if own:
            parts.append(under(f"hazard-{h}", named_item(hazard, h), own))
    every_one = known.get("hazards")
    whole = (_factor(every_one, tr("How often, all hazards")),) if every_one else ()
    return Group("hazards", tr("What may go wrong"), whole, tuple(parts))


def _stretched(hazard: Hazard, periods: float) -> str:
    """What it means that a hazard lasts longer, where its events go in several ways."""
    if not hazard.profiles:
        return ""
    each = [
        tr("{way}: {years} years", way=way, years=exact(_lasts(hazard.courses[id]) / periods))
        for id, way in ways(hazard).items()
    ]
    return tr("The mean of its events. {ways}. All become longer by the same factor.",
              ways="; ".join(each))  # fmt: skip


def ways(hazard: Hazard) -> dict[str, str]:
    """In which ways events go, by profile, and how often each."""
    return {
        id: tr("{profile}, {share} of its events", profile=named(way.name, id, language()),
               share=percent(float(way.probability)))
        for id, way in hazard.profiles.items()
    }  # fmt: skip


def _losses(h: str, hazard: Hazard) -> Iterator[tuple[str, Sequence[float]]]:
    for profile, effects in hazard.courses.items():
        place = f"hazards.{h}.profiles.{profile}" if profile is not None else f"hazards.{h}"
        for n, effect in enumerate(effects):
            yield f"{place}.effects.{n}.loss", effect.loss


def length(hazard: Hazard) -> float:
    """How many periods an event takes away at least half of what it takes at its worst: the longest
    effect of each profile, by the probability of that."""
    found = 0.0
    for id, effects in hazard.courses.items():
        weight = 1.0 if id is None else float(hazard.profiles[id].probability)
        found += weight * _lasts(effects)
    return found


def _lasts(effects: Sequence[Effect]) -> int:
    """Periods at half of its worst or more, of the effect that lasts longest."""
    lasts = (sum(x >= max(effect.loss) / 2 > 0 for x in effect.loss) for effect in effects)
    return max(lasts, default=0)


def stretch(loss: Sequence[float], factor: float, longest: int = MOST_PERIODS) -> list[float]:
    """A course of losses, by period, that takes ``factor`` as long and goes as before: of each new
    period the mean of what it covers of the old ones. What comes after ``longest`` periods, those
    of the horizon, is left out."""
    count = max(1, round(len(loss) * factor))
    found = []
    for n in range(min(count, max(longest, len(loss)))):
        first, last = n * len(loss) / count, (n + 1) * len(loss) / count
        covered = (x * max(0.0, min(last, k + 1) - max(first, k)) for k, x in enumerate(loss))
        found.append(round(math.fsum(covered) / (last - first), 6))
    return found


def _worth(case: Case) -> Group:
    """What a missing tonne costs, how users adapt, and what else is assumed."""
    known = assumptions(case, each=True)
    count = Counter(one.kind for one in known)
    # Where there is but one of a kind, it is all of it; of damage it stands below.
    kinds = [
        one
        for one in known
        if one.kind != "hazard"
        if one.subject is None or (one.kind != "damage" and count[one.kind] == 1)
    ]
    whole = [*_sets(case), *(_factor(one, every(one.kind)) for one in kinds)]
    steps = [
        scaled(f"damage.{n}.adaptation.per_year", entry.adaptation.per_year, 1.0)
        for n, entry in enumerate(case.damage)
        if entry.adaptation is not None and entry.adaptation.per_year > 0
    ]
    if steps:
        label = tr("How fast users adapt")
        whole.append(together("adaptation", label, 1.0, steps, high=4.0, unit=FACTOR))
    each = tuple(
        _factor(one, named_item(case.materials[one.subject], one.subject))
        for one in known
        if one.kind == "damage" and one.subject in case.materials
    )
    parts = (under("damage", tr("What a missing tonne costs"), each),) if each else ()
    return Group("assumptions", tr("Assumptions"), tuple(whole), parts)


def _sets(case: Case) -> Iterator[Control]:
    """Which set of assumptions is taken for true, where the file names any."""
    known = {id: own for id, own in case.assumptions.items() if own.set}
    if not known:
        return

    def settings(value: float | str) -> list[str]:
        if value not in known:
            return []
        alone = [] if case.objective.over_assumptions is None else [WITHOUT_SETS]
        return [*settings_of(case, str(value)), *alone]

    says = (named(own.title, id, language()) for id, own in known.items())
    yield Control(
        SETS,
        tr("Set of assumptions"),
        AS_FILED,
        settings,
        names=(AS_FILED, *known),
        says=(tr("as the file has it"), *says),
    )


def _factor(one: Assumption, label: str) -> Control:
    def settings(value: float | str) -> list[str]:
        return one.settings(float(value))

    high = max(4.0, one.high)
    return Control(one.id, label, 1.0, settings, high=high, unit=FACTOR, is_factor=True)


# Projects


def _projects(case: Case) -> Group:
    """Whether each project has to be built, must not be, or is left to the search."""
    found = []
    for id in sorted({*decidable(case), *case.policy.must_not_build} & case.projects.keys(),
                     key=lambda id: named_item(case.projects[id], id).casefold()):  # fmt: skip
        base = IN if id in case.policy.must_build else FREE
        base = OUT if id in case.policy.must_not_build else base
        label = named_item(case.projects[id], id)
        names = (FREE, IN, OUT)
        found.append(Control(f"project.{id}", label, base, _nothing, names=names))
    return Group("projects", tr("Projects"), tuple(found))


def _nothing(_value: float | str) -> list[str]:
    return []


def built(case: Case, chosen: Mapping[str, str]) -> list[str]:
    """What is said of projects by id, as settings."""
    found = []
    for rule, word in (("must_build", IN), ("must_not_build", OUT)):
        before = [id for id in getattr(case.policy, rule) if chosen.get(id, word) == word]
        new = [id for id, one in chosen.items() if one == word and id not in before]
        found.append(f"policy.{rule}=[{', '.join([*before, *new])}]")
    return found
