"""The extensive form of a scenario as a Pyomo model."""

from __future__ import annotations

from typing import Any, SupportsIndex

from vorrat.arguments import FUNCTION, ArgumentKind, check_arguments
from vorrat.extra import ExtraFunction, applying_extra
from vorrat.scenario import SCENARIO, Scenario


def _require_count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex) or value.__index__() < 1:
        raise TypeError
    return value.__index__()


STATE_COUNT = ArgumentKind(_require_count, "a number of states, 1 or more")


@check_arguments(scenario=SCENARIO, states=STATE_COUNT, extra=FUNCTION)
def model(
    scenario: Scenario, states: int | None = None, *, extra: ExtraFunction | None = None
) -> Any:
    """Build the Pyomo model of the extensive form, with all states in one program.

    Parameters
    ----------
    scenario
        The scenario, as returned by :func:`vorrat.read`.
    states
        Number of states: a sample of this size, or the first of those that are written out, with
        probabilities in proportion; those of the file if None.
    extra
        Function of a model and a scenario that adds Pyomo constraints over first-stage variables.

    Returns
    -------
    pyomo.environ.ConcreteModel
        The model. ``docs/formulation.md`` names its components and their units. Over assumption
        sets and with a review it has a block ``leaf[n]`` for each set and information set.

    Raises
    ------
    Misuse
        If no linear program can express the scenario's ambiguity set.

    Examples
    --------
    >>> import pyomo.environ as pyo
    >>> import vorrat
    >>> model = vorrat.model(vorrat.read("scenarios/tutorial.yaml"))
    >>> [str(variable) for variable in model.start.values()]
    ['start[refinery,2026]', 'start[recycling,2026]']
    >>> len(model.state)
    3
    """
    from optimizer.solve.exported_program import build_model, with_state_count
    from optimizer.solve.problem import Problem

    with applying_extra(extra, scenario):
        return build_model(Problem.from_case(with_state_count(scenario.case, states)))
