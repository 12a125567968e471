"""Where a result does not fit the scenario that it carries: ids and years that it lacks.

What a field may hold is marked in the models (``In``, ``Every``); what fields owe to each other, so
that they can be read together, is said here. A result that was just made fits; one that is read
from a file may have been edited.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from models.language import marked, tr
from models.marks import Found, fields_of, values_in
from models.results.base import OfScenario, Result
from models.results.explanation import LimitValue
from models.results.frontier import Frontier
from models.results.plan import LEVELS, Distribution, Outcome
from models.results.split import Split
from models.scenario.case import Case

LARGEST = 1e24
"""No figure of a result is larger; larger ones would leave the range of numbers when added up."""

Misfit = tuple[str, str]  #: Where it stands in the document, and what is wrong there.


def misfits(document: Result) -> Iterator[Misfit]:
    """All places in which a result does not fit its own scenario, and figures without bound."""
    case = getattr(document, "case", None)
    known = {} if case is None else _known(case)
    if isinstance(document, Frontier) and document.varied.startswith("horizon."):
        known.pop("years", None)  # plans of its points have years of their own
    for found in values_in(document):
        for where, message in _wrong(found, known):
            yield ".".join(map(str, (*found.at, *([where] if where else [])))), message


def _wrong(found: Found, known: Mapping[str, Collection[str]]) -> Iterator[Misfit]:
    value, section = found.value, found.type.section
    if isinstance(value, Result):
        if isinstance(value, OfScenario):
            _ = value.case  # ValidationError where it was tampered with
        if (owed := _OWED.get(type(value))) is not None:
            yield from owed(value)
    elif found.type.every:
        yield from _incomplete(found, known)
    elif isinstance(value, (int, float)) and abs(value) > LARGEST:
        yield "", tr("{value} is larger than any figure can be", value=f"{value:.3g}")
    elif section in known and value is not None and str(value) not in known[section]:
        about = {"section": section, "known": _some(known[section])}
        message = marked("'{value}' is not in its scenario, whose {section} are {known}")
        yield "", tr(message, value=str(value)[:60], **about)


def _known(case: Case) -> dict[str, Collection[str]]:
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


def _incomplete(found: Found, known: Mapping[str, Collection[str]]) -> Iterator[Misfit]:
    """What lacks, or stands twice, where all of the scenario have to stand."""
    keys, of, item = list(found.value), found.type.key, found.type.item
    if of is None and item is not None and item.model is not None:
        keys, of = [one.id for one in found.value], fields_of(item.model)["id"][1]
    if of is None or of.section not in known:
        return
    for key in known[of.section]:
        if key not in keys:
            yield "", tr("'{key}' is missing", key=key)
    for key, count in Counter(keys).items():
        if count > 1:
            yield "", tr("'{key}' stands twice", key=key)


def _one_figure_a_level(found: Distribution) -> Iterator[Misfit]:
    for name, figures in found:
        count = len(figures)
        if count < 2 or count != len(found.levels):
            message = tr(
                "it has {count} figures, and needs as many as levels, two at least", count=count
            )
            yield name, message


def _at_levels_of_plans(found: Outcome) -> Iterator[Misfit]:
    """Reports look quantiles up by their levels."""
    spread = found.distribution
    if spread is not None and [round(level, 6) for level in spread.levels] != list(LEVELS):
        yield "distribution.levels", tr("they have to be 0, 0.01 and so on to 1")


def _visible_is_a_step(found: LimitValue) -> Iterator[Misfit]:
    steps = [one.step for one in found.steps]
    if found.visible is not None and found.visible not in steps:
        about = {"value": found.visible, "steps": ", ".join(map(str, steps))}
        yield "visible", tr("it is {value}, and has to be one of the steps {steps}", **about)


def _of_its_players(found: Split) -> Iterator[Misfit]:
    players = [player.id for player in found.players]
    plan, outside = found.plan, found.externality
    whole: dict[str, Collection[str]] = {"plan.damage": plan.damage}
    whole["plan.without_plan"] = plan.without_plan
    some: list[tuple[str, Collection[str]]] = [("free_riding", found.free_riding)]
    some += [(f"coalitions.{n}.members", one.members) for n, one in enumerate(found.coalitions)]
    for n, rule in enumerate(found.rules):
        whole[f"rules.{n}.members"] = rule.members
        some += [(f"rules.{n}.leaving", group.members) for group in rule.leaving]
    cores = {"core": found.core}
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
                about = {"id": id_[:60], "known": _some(players)}
                yield where, tr("'{id}' is not a player; these are {known}", **about)
    for where, ids in whole.items():
        for id_ in players:
            if id_ not in ids:
                yield where, tr("'{key}' is missing", key=id_)


_OWED: dict[type[Result], Callable[[Any], Iterator[Misfit]]] = {
    Distribution: _one_figure_a_level,
    LimitValue: _visible_is_a_step,
    Outcome: _at_levels_of_plans,
    Split: _of_its_players,
}


def _some(ids: Collection[str]) -> str:
    shown = list(ids)[:8]
    return ", ".join(shown) + (", ..." if len(ids) > len(shown) else "") if shown else tr("none")
