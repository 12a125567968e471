"""Search for contradictions between a result and the scenario that it contains.

The models mark the section in which an id or year must be defined (``InSection``, ``Exhaustive``);
relations between fields are checked here. Results from files may have been edited.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from models.field_marks import LocatedValue, collect_values, field_keys_and_types
from models.language import tr
from models.results.base import Result, ScenarioDocument
from models.results.explanation import LimitValue
from models.results.frontier import Frontier
from models.results.plan import QUANTILE_LEVELS, Distribution, Outcome
from models.results.split import Split
from models.scenario.case import Case

MAX_FIGURE = 1e24
"""Bound on figures of a result; sums of larger ones could exceed the range of floats."""

Inconsistency = tuple[str, str]  #: Path in the document, and message.


def find_inconsistencies(document: Result) -> Iterator[Inconsistency]:
    """Yield the path and a message for each inconsistent value of a result.

    A value is inconsistent if it contradicts the scenario in the result, or exceeds ``MAX_FIGURE``.
    Raises pydantic.ValidationError if the scenario itself is not valid.
    """
    case = getattr(document, "case", None)
    ids_by_section = {} if case is None else _ids_by_section(case)
    if isinstance(document, Frontier) and document.varied.startswith("horizon."):
        ids_by_section.pop("years", None)  # each point has its own horizon
    for located in collect_values(document):
        for part_path, message in _inconsistencies_of_value(located, ids_by_section):
            yield ".".join(map(str, (*located.path, *([part_path] if part_path else [])))), message


def _inconsistencies_of_value(
    located: LocatedValue, ids_by_section: Mapping[str, Collection[str]]
) -> Iterator[Inconsistency]:
    value, section = located.value, located.field_type.section
    if isinstance(value, Result):
        if isinstance(value, ScenarioDocument):
            _ = value.case  # raises ValidationError if it is not valid
        if (check := _CHECK_BY_TYPE.get(type(value))) is not None:
            yield from check(value)
    elif located.field_type.is_exhaustive:
        yield from _incomplete_listing(located, ids_by_section)
    elif isinstance(value, (int, float)) and abs(value) > MAX_FIGURE:
        yield "", tr("{value} is larger than any figure can be", value=f"{value:.3g}")
    elif (ids := ids_by_section.get(section)) is not None and value is not None:
        if str(value) in ids:
            return
        message = tr(
            "'{value}' is not in its scenario, whose {section} are {known}",
            value=str(value)[:60],
            section=section,
            known=_list_some(ids),
        )
        yield "", message


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
    located: LocatedValue, ids_by_section: Mapping[str, Collection[str]]
) -> Iterator[Inconsistency]:
    """Yield a message for each id or year that an exhaustive collection lacks or repeats."""
    keys, key_type = list(located.value), located.field_type.key_type
    item_type = located.field_type.item_type
    if key_type is None and item_type is not None and item_type.model is not None:
        keys = [item.id for item in located.value]
        key_type = field_keys_and_types(item_type.model)["id"][1]
    if key_type is None or key_type.section not in ids_by_section:
        return
    for key in ids_by_section[key_type.section]:
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
    """Yield a message if the levels of the distribution are not those that reports use."""
    distribution = outcome.distribution
    if distribution is not None and [round(level, 6) for level in distribution.levels] != list(
        QUANTILE_LEVELS
    ):
        yield "distribution.levels", tr("they have to be 0, 0.01 and so on to 1")


def _check_visible_step(limit: LimitValue) -> Iterator[Inconsistency]:
    steps = [value_step.step for value_step in limit.steps]
    if limit.visible is not None and limit.visible not in steps:
        message = tr(
            "it is {value}, and has to be one of the steps {steps}",
            value=limit.visible,
            steps=", ".join(map(str, steps)),
        )
        yield "visible", message


def _check_players(split: Split) -> Iterator[Inconsistency]:
    players = [player.id for player in split.players]
    plan, externality = split.plan, split.externality
    complete_mappings: dict[str, Collection[str]] = {"plan.damage": plan.damage}
    complete_mappings["plan.without_plan"] = plan.without_plan
    partial_mappings: list[tuple[str, Collection[str]]] = [("free_riding", split.free_riding)]
    partial_mappings += [
        (f"coalitions.{position}.members", coalition.members)
        for position, coalition in enumerate(split.coalitions)
    ]
    for position, rule in enumerate(split.rules):
        complete_mappings[f"rules.{position}.members"] = rule.members
        partial_mappings += [(f"rules.{position}.leaving", group.members) for group in rule.leaving]
    cores = {"core": split.core}
    if externality is not None:
        cores["externality.core"] = externality.core
        complete_mappings |= {
            "externality.alone": externality.alone,
            "externality.shapley": externality.shapley,
        }
    for name, core in cores.items():
        if core is not None:
            complete_mappings[f"{name}.members"] = core.members
            partial_mappings += [(f"{name}.binding", group) for group in core.binding]
    for path, ids in (*complete_mappings.items(), *partial_mappings):
        for player_id in ids:
            if player_id not in players:
                values = {"id": player_id[:60], "known": _list_some(players)}
                yield path, tr("'{id}' is not a player; these are {known}", **values)
    for path, ids in complete_mappings.items():
        for player_id in players:
            if player_id not in ids:
                yield path, tr("'{key}' is missing", key=player_id)


_CHECK_BY_TYPE: dict[type[Result], Callable[[Any], Iterator[Inconsistency]]] = {
    Distribution: _check_distribution,
    LimitValue: _check_visible_step,
    Outcome: _check_quantile_levels,
    Split: _check_players,
}


def _list_some(ids: Collection[str]) -> str:
    first_ids = list(ids)[:8]
    return (
        ", ".join(first_ids) + (", ..." if len(ids) > len(first_ids) else "")
        if first_ids
        else tr("none")
    )
