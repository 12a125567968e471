"""docs/formulation.md and the model that is built say the same, name by name."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyomo.environ as pyo
import pytest
from chained import chained
from deals import deals
from everything import doubted, everything
from limits import limited
from perspectives import from_the_motors
from points import idle_works, unaided
from refills import twice
from treasury import treasury

from models.scenario.case import Case
from optimizer.analyses.explanation import document, subproblem
from optimizer.analyses.explanation.explain import SHARE_LIMIT_RULES
from optimizer.analyses.variation import Variation
from optimizer.model.formulation import build_commitment, build_extensive_form
from optimizer.model.instance import COMMON_GROUP, Instance, read_instance
from optimizer.model.rule_declaration import ExtraRules
from optimizer.model.rules import RULES
from optimizer.model.states import read_states
from optimizer.solve import verification
from optimizer.solve.conflicts import compile_first_stage, rule_rows
from optimizer.solve.decomposition.master_model import LAZY_CONSTRAINTS

ROWS = re.findall(
    r"^\| ([A-Z]\d|CVaR) \| (\w+) \| (.+) \|$",
    (Path(__file__).parents[2] / "docs" / "formulation.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
BOUNDS = {name: tag for tag, name, says in ROWS if says.startswith("bound:")}
SCENARIOS = (
    *(everything(), doubted(), treasury(), chained(), deals()),
    *(idle_works(), unaided(), twice(), limited()),
)
CONSTRAINTS = {name: tag for tag, name, says in ROWS if not says.startswith("bound:")}

MERGED = {name for name, rule in RULES.items() if rule.reported_as}
CHECKED = re.findall(r"\b([A-Z]\d) (\w+): ", Path(verification.__file__).read_text("utf-8"))
SUBSETS = {"SHARES": set(SHARE_LIMIT_RULES), "WAITING": set(LAZY_CONSTRAINTS)}
NOT_LOOSENING = {"ticket_min", "offtake_limit"}
"""A least amount, and a number that says what a project delivers as well."""


def at_most_nine(model: Any, case: Case) -> None:
    model.nine = pyo.Constraint(expr=sum(model.start.values()) <= 9)


IN_PYTHON = ExtraRules.of(at_most_nine, at_most_nine)


def model(raw=None):
    instance = read_instance(Case.model_validate(raw or everything()))
    instance = replace(instance, extra_rules=None if raw else IN_PYTHON)
    return build_extensive_form(instance, read_states(instance))


def test_every_constraint_has_its_row_and_every_row_its_constraint() -> None:
    built = {c.local_name: c.doc for c in model().component_objects(pyo.Constraint)}
    assert set(built) == set(CONSTRAINTS)
    for name, doc in built.items():
        assert doc.startswith(f"({CONSTRAINTS[name]}) "), name


def test_every_row_stands_in_a_model_with_every_feature() -> None:
    rows = Counter(
        row.parent_component().local_name
        for built in (model(), *map(model, SCENARIOS), build_commitment(from_the_motors()))
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
    assert set(RULES) == set(CONSTRAINTS) - inner - second


# Tables that know rules by name: one that is missing in any fails here, not in use


@cache
def instances() -> list[Instance]:
    read = [read_instance(Case.model_validate(raw)) for raw in SCENARIOS]
    return [*read[1:], replace(read[0], extra_rules=IN_PYTHON)]


def rows() -> list[tuple[Instance, str, Any]]:
    return [
        (of, name, index)
        for of in instances()
        for _, name, index in rule_rows(compile_first_stage(of))
    ]


def test_every_rule_stands_in_every_table() -> None:
    assert set(document.RULE_CLAUSES) == set(RULES) - MERGED | {"earliest_start"}
    assert set(document.RULE_ORDER) == {*RULES, "earliest_start"}
    assert {name: rule.tag for name, rule in RULES.items()} == {
        name: CONSTRAINTS[name] for name in RULES
    }
    assert {rule.reported_as for rule in RULES.values()} <= {"", *RULES}


@pytest.mark.parametrize("table", SUBSETS)
def test_tables_of_some_rules_name_no_others(table: str) -> None:
    assert SUBSETS[table] <= set(RULES)


def test_every_rule_of_the_first_stage_is_checked_outside_the_solver() -> None:
    """Planned stock is computed there, not compared, and a share of what is not started is none of
    the keys; the two rules on floors have one message."""
    built = {rule.local_name for rule in model().component_objects(pyo.Constraint)}
    first = {name for name in built if CONSTRAINTS[name][0] not in "RC"}
    known = dict(map(reversed, CHECKED)) | {"floored_limit": "P6"}
    assert known.pop("review") == "V1"  # equality over all branches has no rows
    assert set(known) == first - MERGED - {"planned_stock_definition"}
    assert known.items() <= CONSTRAINTS.items()


def test_every_row_can_be_explained() -> None:
    """The parts of its index are what the table says, and its sentence takes their names."""
    seen = set()
    for instance, name, index in rows():
        case, parts = instance.case, index if isinstance(index, tuple) else (index,)
        known: dict[str, Any] = {
            "project": case.projects, "other": case.projects, "funder": case.funders,
            "instrument": {i.id for i in instance.instruments}, "year": instance.years,
            "line": {line for _, line in instance.budget_lines}, "stockpile": instance.stockpiles,
            "period": range(len(instance.periods)), "material": case.materials,
            "rule": case.policy.rules, "of": case.projects, "constraint": {"nine"},
            "country": {country for _, country in instance.supply}
            | {project.country for project in instance.projects.values()},
        }  # fmt: skip
        kinds = RULES[name].index_roles
        assert len(kinds) <= len(parts), name
        for kind, part in zip(kinds, parts, strict=False):
            assert (
                not kind
                or part == COMMON_GROUP
                or str(part).removesuffix(".") in map(str, known[kind])
            )
        key, year = subproblem.rule_key(instance, name, index)
        assert (year is not None) == bool({"year", "period"} & set(kinds))
        rule = subproblem.build_binding_rule(instance, key, index, () if year is None else [year])
        assert rule.tag == CONSTRAINTS[name]
        seen.add(name)
    assert seen == set(RULES)


def test_what_a_higher_number_does_is_decided_for_every_rule_with_one() -> None:
    """It only loosens the rule, which frontiers and targets build on, or the rule is named here."""
    loosens: dict[str, set[bool]] = {}
    for instance, name, index in rows():
        key, year = subproblem.rule_key(instance, name, index)
        rule = subproblem.build_binding_rule(instance, key, index, () if year is None else [year])
        if rule.limit is not None and name != "state_aid_limit":  # its path has two numbers
            varied = Variation(SimpleNamespace(case=instance.case), rule.path)
            loosens.setdefault(name, set()).add(varied.only_loosens_rules)
    assert {name for name, own in loosens.items() if True not in own} == NOT_LOOSENING
