"""docs/formulation.md and the model that is built say the same, name by name."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pyomo.environ as pyo
from chained import chained
from deals import deals
from everything import doubted, everything
from points import idle_works, unaided
from refills import twice
from standpoints import from_the_motors
from treasury import treasury

from models.scenario.case import Case
from optimizer.model.formulation import build_commitment, build_extensive_form
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states
from optimizer.solve import conflicts

ROWS = re.findall(
    r"^\| ([A-Z]\d|CVaR) \| (\w+) \| (.+) \|$",
    (Path(__file__).parents[2] / "docs" / "formulation.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
BOUNDS = {name: tag for tag, name, says in ROWS if says.startswith("bound:")}
SCENARIOS = (
    *(everything(), doubted(), treasury(), chained(), deals()),
    *(idle_works(), unaided(), twice()),
)
CONSTRAINTS = {name: tag for tag, name, says in ROWS if not says.startswith("bound:")}


def model(raw=None):
    instance = read_instance(Case.model_validate(raw or everything()))
    return build_extensive_form(instance, read_states(instance))


def test_every_constraint_has_its_row_and_every_row_its_constraint() -> None:
    built = {c.local_name: c.doc for c in model().component_objects(pyo.Constraint)}
    assert set(built) == set(CONSTRAINTS)
    for name, doc in built.items():
        assert doc.startswith(f"({CONSTRAINTS[name]}) "), name


def test_every_row_stands_in_a_model_with_every_feature() -> None:
    rows = Counter(
        row.parent_component().local_name
        for built in (*map(model, SCENARIOS), build_commitment(from_the_motors()))
        for row in built.component_data_objects(pyo.Constraint)
    )
    assert set(rows) == set(CONSTRAINTS)


def test_bounds_carry_their_tag() -> None:
    built = {v.local_name: v.doc for v in model().component_objects(pyo.Var)}
    for name, tag in BOUNDS.items():
        assert built[name].startswith(f"({tag}) "), name


def test_every_rule_that_a_scenario_can_change_has_its_place_in_a_conflict() -> None:
    inner = {"start_once", "fully_financed", "planned_stock_definition"}
    inner |= {"subsidised_loan_limit", "price_floor_limit", "floored_offtake", "floored_limit"}
    inner |= {name for name, tag in CONSTRAINTS.items() if tag[0] == "H"}
    second = {name for name, tag in CONSTRAINTS.items() if tag[0] == "R" or tag == "CVaR"}
    assert set(conflicts.RULES) == set(CONSTRAINTS) - inner - second
