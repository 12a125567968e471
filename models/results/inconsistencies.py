"""Where a result does not fit the scenario that it carries: ids and years that it lacks.

What a field may hold is marked in the models (``In``, ``Every``); what fields owe to each other, so
that they can be read together, is said here. A result that was just made fits; one that is read
from a file may have been edited.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from models.field_marks import LocatedValue, collect_values, field_keys_and_types
from models.language import mark_translatable, tr
from models.results.base import Result, ScenarioDocument
from models.results.explanation import LimitValue
from models.results.frontier import Frontier
from models.results.plan import QUANTILE_LEVELS, Distribution, Outcome
from models.results.split import Split
from models.scenario.case import Case

MAX_FIGURE = 1e24
"""No figure of a result is larger; larger ones would leave the range of numbers when added up."""

Inconsistency = tuple[str, str]  #: Where it stands in the document, and what is wrong there.


def find_inconsistencies(document: Result) -> Iterator[Inconsistency]:
    """All places in which a result does not fit its own scenario, and figures without bound."""
    case = getattr(document, "case", None)
    known = {} if case is None else _ids_by_section(case)
    if isinstance(document, Frontier) and document.varied.startswith("horizon."):
        known.pop("years", None)  # plans of its points have years of their own
    for found in collect_values(document):
        for where, message in _inconsistencies_of_value(found, known):
            yield ".".join(map(str, (*found.path, *([where] if where else [])))), message


def _inconsistencies_of_value(
    located: LocatedValue, known: Mapping[str, Collection[str]]
) -> Iterator[Inconsistency]:
    value, section = located.value, located.field_type.section
    if isinstance(value, Result):
        if isinstance(value, ScenarioDocument):
            _ = value.case  # ValidationError where it was tampered with
        if (owed := _CHECK_BY_TYPE.get(type(value))) is not None:
            yield from owed(value)
    elif located.field_type.is_exhaustive:
        yield from _incomplete_listing(located, known)
    elif isinstance(value, (int, float)) and abs(value) > MAX_FIGURE:
        yield "", tr("{value} is larger than any figure can be", value=f"{value:.3g}")
    elif section in known and value is not None and str(value) not in known[section]:
        about = {"section": section, "known": _list_some(known[section])}
        message = mark_translatable("'{value}' is not in its scenario, whose {section} are {known}")
        yield "", tr(message, value=str(value)[:60], **about)


def _ids_by_section(case: Case) -> dict[str, Collection[str]]:
    sections = (
        "projects",
        "funders",
        "materials",
        "consumers",
        "variants",
        "hazards",
        "assumptions",
    )
    return {
        **{name: getattr(case, name) for name in sections},
        "stockpiles": [stockpile.id for stockpile in case.stockpiles],
        "instruments": {i for funder in case.funders.values() for i in funder.instruments},
        "years": list(map(str, case.horizon.years)),
    }


def _incomplete_listing(
    located: LocatedValue, known: Mapping[str, Collection[str]]
) -> Iterator[Inconsistency]:
    """What lacks, or stands twice, where all of the scenario have to stand."""
    keys, of, item = list(located.value), located.field_type.key_type, located.field_type.item_type
    if of is None and item is not None and item.model is not None:
        keys, of = [one.id for one in located.value], field_keys_and_types(item.model)["id"][1]
    if of is None or of.section not in known:
        return
    for key in known[of.section]:
        if key not in keys:
            yield "", tr("'{key}' is missing", key=key)
    for key, count in Counter(keys).items():
        if count > 1:
            yield "", tr("'{key}' stands twice", key=key)


def _check_distribution(distribution: Distribution) -> Iterator[Inconsistency]:
    for name, figures in distribution:
        count = len(figures)
        if count < 2 or count != len(distribution.levels):
            message = tr(
                "it has {count} figures, and needs as many as levels, two at least", count=count
            )
            yield name, message


def _check_quantile_levels(outcome: Outcome) -> Iterator[Inconsistency]:
    """Reports look quantiles up by their levels."""
    spread = outcome.distribution
    if spread is not None and [round(level, 6) for level in spread.levels] != list(QUANTILE_LEVELS):
        yield "distribution.levels", tr("they have to be 0, 0.01 and so on to 1")


def _check_visible_step(limit: LimitValue) -> Iterator[Inconsistency]:
    steps = [one.step for one in limit.steps]
    if limit.visible is not None and limit.visible not in steps:
        about = {"value": limit.visible, "steps": ", ".join(map(str, steps))}
        yield "visible", tr("it is {value}, and has to be one of the steps {steps}", **about)


def _check_players(split: Split) -> Iterator[Inconsistency]:
    players = [player.id for player in split.players]
    plan, outside = split.plan, split.externality
    whole: dict[str, Collection[str]] = {"plan.damage": plan.damage}
    whole["plan.without_plan"] = plan.without_plan
    some: list[tuple[str, Collection[str]]] = [("free_riding", split.free_riding)]
    some += [(f"coalitions.{n}.members", one.members) for n, one in enumerate(split.coalitions)]
    for n, rule in enumerate(split.rules):
        whole[f"rules.{n}.members"] = rule.members
        some += [(f"rules.{n}.leaving", group.members) for group in rule.leaving]
    cores = {"core": split.core}
    if outside is not None:
        cores["externality.core"] = outside.core
        whole |= {"externality.alone": outside.alone, "externality.shapley": outside.shapley}
    for name, core in cores.items():
        if core is not None:
            whole[f"{name}.members"] = core.members
            some += [(f"{name}.binding", group) for group in core.binding]
    for where, ids in (*whole.items(), *some):
        for id_ in ids:
            if id_ not in players:
                about = {"id": id_[:60], "known": _list_some(players)}
                yield where, tr("'{id}' is not a player; these are {known}", **about)
    for where, ids in whole.items():
        for id_ in players:
            if id_ not in ids:
                yield where, tr("'{key}' is missing", key=id_)


_CHECK_BY_TYPE: dict[type[Result], Callable[[Any], Iterator[Inconsistency]]] = {
    Distribution: _check_distribution,
    LimitValue: _check_visible_step,
    Outcome: _check_quantile_levels,
    Split: _check_players,
}


def _list_some(ids: Collection[str]) -> str:
    shown = list(ids)[:8]
    return ", ".join(shown) + (", ..." if len(ids) > len(shown) else "") if shown else tr("none")
