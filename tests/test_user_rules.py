"""Rules of the user (U1): random ones against an independent formulation, identities, conflicts."""

from __future__ import annotations

import functools
import random
from typing import Any

import numpy as np
import pandas as pd
import pyomo.environ as pyo
import pytest
from both_methods import by_both
from documents import is_whole_in_all_media, one_line, page_of
from explaining import explained, value
from oracle import Reading, best, count_patterns
from oracle_rules import TONNES, random_rule, user_rows
from points import broken_rows
from random_cases import crowded_case, small_case, treasury_case
from small import case, funder, project

import vorrat
from models.faults import ScenarioError
from models.files import read_case_text
from models.scenario.case import Case
from optimizer.analyses.plan.figure_sources import all_figures
from optimizer.errors import Infeasible
from optimizer.model.instance import read_instance
from optimizer.model.rule_declaration import ExtraRules, applying
from optimizer.page.controls import controls_by_id
from optimizer.report.scenario_workbook.sheets import (
    build_scenario_workbook,
    first_roundtrip_difference,
)
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.verification import broken_rules

Raw = dict[str, Any]
Pick = Any
MOST_PATTERNS = 60


def moved_level(pick: Pick, raw: Raw, rule: Raw) -> None:
    """Set the limit of a rule so that the best plan without the rule breaks it."""
    answer = best(raw)
    bound = rule.get("then", rule)
    sense = "at_least" if "at_least" in bound else "at_most"
    rows = user_rows(Reading(raw | {"policy": raw["policy"] | {"rules": {"own": rule}}}))
    if answer is None or not isinstance(bound[sense], int | float):
        return
    values = [sum(w * answer.columns[key] for key, w in row.terms.items()) for row in rows]
    quantity = bound["sum"] if isinstance(bound["sum"], dict) else bound["sum"][0]
    if sense == "at_most":
        bound[sense] = max(0.0, max(values) * pick([0.4, 0.8]))
    else:
        unit = {"starts": 1.0, **dict.fromkeys(TONNES, 5.0)}.get(quantity["quantity"], 0.4)
        bound[sense] = max(0.0, min(values)) + pick([0.5, 1.0]) * unit


def random_problem(seed: int) -> tuple[Raw, Problem]:
    """A random case with a random rule that the reader accepts, and that binds in most cases."""
    pick = random.Random(f"rule {seed}").choice
    while True:
        raw = pick([small_case, treasury_case])(pick)
        if count_patterns(raw) > MOST_PATTERNS:
            continue
        rule = random_rule(pick, raw)
        if pick([False, True, True]):
            moved_level(pick, raw, rule)
        raw["policy"]["rules"] = {"own": rule}
        try:
            return raw, Problem.from_case(Case.model_validate(raw))
        except (ScenarioError, ValueError):
            continue


@pytest.mark.quick(every=100, ci=6)
@pytest.mark.parametrize("seed", range(300))
def test_both_methods_find_the_optimum_of_exhaustive_search(seed: int) -> None:
    raw, problem = random_problem(seed)
    answer = best(raw)
    found = by_both(problem, gap=0.0)
    assert (answer is None) == (found is None)
    if answer is None or found is None:
        with pytest.raises(Infeasible) as caught:
            solve_and_certify(problem, gap=0.0)
        assert caught.value.conflict
        return
    assert found == pytest.approx(answer.objective, rel=2e-6, abs=2e-6)


@pytest.mark.quick(every=20)
@pytest.mark.parametrize("seed", range(40))
def test_model_and_check_agree_on_plans_that_may_break_the_rule(seed: int) -> None:
    raw, problem = random_problem(seed)
    free = raw | {"policy": raw["policy"] | {"rules": {}}}
    try:
        plan = solve_and_certify(Problem.from_case(Case.model_validate(free)), gap=1e-6).commitment
    except Infeasible:
        return
    rows = {index for name, index in broken_rows(problem.instance, plan) if name == "user_rule"}
    texts = [x for x in broken_rules(problem.instance, plan) if x.startswith("U1 user_rule: ")]
    assert len(rows) == len(texts)


@pytest.mark.slow
def test_random_rules_bind_in_many_cases() -> None:
    """Of twenty cases that a best plan without the rule has, a quarter becomes worse or none."""
    changed = 0
    for seed in range(0, 40, 2):
        raw, _ = random_problem(seed)
        with_rule = best(raw)
        without = best(raw | {"policy": raw["policy"] | {"rules": {}}})
        if without is not None:
            changed += with_rule is None or with_rule.objective > without.objective + 1e-6
    assert changed >= 5


# Identities: a rule that says what a field says has the same optimum


def starts_of(*projects: str) -> Raw:
    return {"quantity": "starts", "where": {"project": list(projects)}}


def as_rules(raw: Raw) -> Raw:
    """The case with all fields that a rule can express written as rules."""
    raw = {**raw, "projects": {p: dict(x) for p, x in raw["projects"].items()}}
    policy, rules = dict(raw.get("policy") or {}), {}
    if (most := policy.pop("max_projects", None)) is not None:
        rules["count"] = {"sum": {"quantity": "starts"}, "at_most": most}
    for year, most in policy.pop("max_starts_by_year", {}).items():
        rules[f"y{year}"] = {"sum": {"quantity": "starts"}, "at_most": most, "years": [year]}
    for p in policy.pop("must_build", ()):
        rules[f"must_{p}"] = {"sum": starts_of(p), "at_least": 1}
    if (budget := policy.pop("budget_meur", None)) is not None:
        rules["budget"] = {"sum": {"quantity": "public_money"}, "at_most": budget}
    for p, x in raw["projects"].items():
        for other in x.pop("requires", ()):
            then = {"sum": starts_of(other), "at_least": 1}
            rules[f"{p}_needs_{other}"] = {"if": {"start": p}, "then": then}
        for other in x.pop("excludes", ()):
            rules[f"{p}_not_{other}"] = {"sum": starts_of(p, other), "at_most": 1}
    for f, payer in raw["funders"].items():
        by_year = payer.get("budget_by_year_meur")
        if by_year is None or payer.get("carry_over"):
            continue
        rest = {k: v for k, v in payer.items() if k != "budget_by_year_meur"}
        raw["funders"] = {**raw["funders"], f: rest}
        for year in range(raw["horizon"]["first_year"], raw["horizon"]["last_year"] + 1):
            money = {"quantity": "money", "where": {"funder": f}}
            rules[f"{f}_{year}"] = {"sum": money, "at_most": by_year.get(year, 0), "years": [year]}
    return raw | {"policy": policy | {"rules": rules}}


@pytest.mark.quick(every=30, ci=3)
@pytest.mark.parametrize("seed", range(60))
def test_rules_that_say_what_fields_say_have_the_same_optimum(seed: int) -> None:
    pick = random.Random(f"identity {seed}").choice
    raw = pick([small_case, crowded_case, treasury_case])(pick)
    names, years = list(raw["projects"]), raw["horizon"]
    raw["policy"] |= {"max_projects": pick([1, 2]), "budget_meur": pick([3.0, 8.0])}
    raw["policy"]["max_starts_by_year"] = {years["first_year"]: pick([0, 1])}
    if len(names) > 1 and names[0] not in raw["policy"].get("must_not_build", ()):
        raw["projects"][names[0]]["requires"] = [names[1]]
    raw["policy"].pop("must_not_build", None)
    other = as_rules(raw)
    assert other["policy"]["rules"]
    read = Case.model_validate(other)
    found = [by_both(Problem.from_case(c), gap=0.0) for c in (Case.model_validate(raw), read)]
    assert (found[0] is None) == (found[1] is None)
    assert found[0] is None or found[0] == pytest.approx(found[1], rel=4e-6, abs=2e-6)


# What people read


def two_works(**rules: Raw) -> Raw:
    """Two German works of which either pays; the larger one avoids more."""
    return case(
        projects={"small": project(20, 2), "large": project(60, 9)},
        funders={"fund": funder()},
        policy={"rules": rules},
    )


ONE = {
    "title": {"en": "One works only", "de": "Nur ein Werk"},
    "sum": {"quantity": "starts", "each": "country"},
    "at_most": 1,
}


@pytest.mark.slow
def test_a_tight_rule_is_reported_in_report_explanation_and_on_the_page() -> None:
    problem = Problem.from_case(Case.model_validate(two_works(one=ONE)))
    plan = solve_and_certify(problem, gap=1e-9).to_plan()
    assert [p.id for p in plan.projects] == ["large"]
    (outcome,) = plan.user_rules
    assert (outcome.rule, outcome.of, outcome.value, outcome.limit) == ("one", "DE", 1, 1)
    assert "One works only Germany" in one_line(plan)
    german = one_line(plan, "de")
    assert "Nur ein Werk Deutschland" in german
    assert "ausgeschöpft" in german
    is_whole_in_all_media(plan, "de", untranslated=set())
    control = controls_by_id(problem.instance.case)["policy.rules.one.at_most"]
    assert (control.label, control.base, control.is_integer) == ("One works only: at most", 1, True)
    assert control.settings(2.0) == ["policy.rules.one.at_most=2"]


def test_equal_rows_of_several_years_are_shown_as_one() -> None:
    rule = {"sum": {"quantity": "starts"}, "at_most": {2026: 1, 2029: 1, 2030: 2}}
    rule |= {"every_year": True}
    raw = case(last_year=2030, projects={"works": project()}, policy={"rules": {"own": rule}})
    plan = vorrat.solve(vorrat.read(raw | {"funders": {}}))
    assert len(plan.result.user_rules) == 5
    assert list(plan.tables["user-rules"]["Until"]) == ["2026 to 2029", "2030"]


def test_explain_says_what_loosening_a_rule_brings() -> None:
    """Without the rule both works avoid 80 of 100 t, with it the larger avoids 60: 0.1 million EUR
    a tonne, and 2 million EUR more at a weight of 0.001."""
    found = explained(two_works(one=ONE), values=True)
    loosened = value(found, "policy.rules.one.at_most")
    assert (loosened.kind, loosened.now) == ("unit", 1)
    (step,) = loosened.steps
    assert step.low == pytest.approx(20 * 0.1 - 2 * 0.001, abs=1e-6)
    assert "Nur ein Werk" in one_line(found, "de")


def test_a_scenario_workbook_holds_rules() -> None:
    rules = {
        "one": ONE,
        "late": {"sum": {"quantity": "capex"}, "at_most": {2026: 3, 2028: 5}, "every_year": True},
        "half": {
            "sum": [{"quantity": "public_money", "where": {"country": "DE"}, "factor": 2}],
            "at_least": {"times": 0.5, "quantity": "money"},
        },
        "then": {"if": {"start": "small"}, "then": {"sum": {"quantity": "starts"}, "at_least": 1}},
    }
    read = Case.model_validate(two_works(**rules))
    assert first_roundtrip_difference(read, build_scenario_workbook(read)) is None
    assert Case.model_validate(read.model_dump(mode="json", by_alias=True)) == read


def test_a_conflict_names_the_rule_with_its_title_and_line() -> None:
    rules = {"one": ONE, "both": {"title": "Both", "sum": {"quantity": "starts"}, "at_least": 2}}
    with pytest.raises(Infeasible) as caught:
        solve_and_certify(Problem.from_case(Case.model_validate(two_works(**rules))), gap=1e-9)
    found = {".".join(map(str, rule.path)): rule.called for rule in caught.value.conflict}
    assert found == {
        "policy.rules.one.at_most": "the rule 'One works only' holds for DE",
        "policy.rules.both.at_least": "the rule 'Both' holds",
    }


FAULTY = {
    "sum: {quantity: starts, where: {funder: fund}}, at_least: 1": "starts has no funder",
    "sum: {quantity: starts, where: {country: BR}}, at_least: 1": "no project lies in 'BR'",
    "sum: {quantity: starts, where: {output: tin}}, at_least: 1": "there is no material 'tin'",
    "sum: {quantity: money, where: {instrument: loan}}, at_most: 1": "no instrument 'loan'",
    "sum: {quantity: money, where: {country: DE, class: x}}, at_most: 1": "no instrument is booked",
    "sum: starts, at_least: 1": "write {quantity: starts}",
    "sum: {quantity: startz}, at_least: 1": "did you mean 'starts'?",
    "sum: {quantity: starts}, at_least: 1, at_most: 2": "a rule has one of",
    "sum: {quantity: starts}": "a rule has one of",
    "at_least: 1": "a rule needs a sum",
    "sum: {quantity: stock_t}, at_least: 1": "no year is named",
    "sum: {quantity: public_money}, at_most: 40 %": "write {times: 0.4, quantity: ...}",
    "sum: {quantity: starts}, at_least: 1, by: 1999": "1999 lies outside the horizon",
    "sum: [{quantity: starts}, {quantity: money}], at_most: 1": "have different units",
    "sum: {quantity: starts}, at_most: {tims: 0.4, quantity: starts}": "did you mean 'times'?",
    "sum: {quantity: starts, each: funder}, at_most: 1": "starts has no funder",
    "if: {start: refinry}, then: {sum: {quantity: starts}, at_least: 1}": "there is no project",
    "if: {start: refinery}, then: {sum: {quantity: bought_t}, at_most: 1}": "have no limit",
    "if: {start: refinery}, sum: {quantity: starts}, equals: 1": "at_least or at_most",
}
SCENARIO = """\
horizon: {first_year: 2026, last_year: 2028}
materials: {ore: {price_eur_per_t: 9000}}
consumers: {mills: {}}
demand: [{consumer: mills, material: ore, t_per_year: 100}]
damage: [{material: ore, steps: [{share: 1.0, eur_per_t: 50000}]}]
supply: [{material: ore, country: CN, share: 1.0}]
projects:
  refinery: {country: DE, output_t_per_year: {ore: 20}, capex_meur: 3}
funders:
  fund: {kind: public, instruments: {equity: {budget_class: grant}}}
stockpiles: [{id: depot, material: ore, paid_by: {fund: 1}}]
policy:
  rules:
    own: {%s}
"""


@pytest.mark.parametrize("rule", FAULTY)
def test_a_faulty_rule_is_a_fault_at_its_line(rule: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_case_text(SCENARIO % rule)
    (fault, *others) = [x for x in caught.value.faults if x.severity == "error"]
    assert not others
    assert FAULTY[rule] in f"{fault.message}; {fault.hint}"
    assert (fault.location.line, fault.location.column > 4) == (14, True)


def test_a_rule_beyond_all_candidates_is_warned_of() -> None:
    for asked, is_warned in ((20, False), (21, True)):
        rule = f"sum: {{quantity: secured_t}}, at_least: {asked}, every_year: true"
        messages = [fault.message for fault in read_case_text(SCENARIO % rule).warnings]
        assert ("all candidates together give 20 t, not 21 t" in messages) is is_warned


def test_a_number_that_looks_like_a_share_is_warned_of() -> None:
    levels = {
        "0.4": True, "{2026: 4, 2027: 0.4}": True, "4": False, "{value: 400, unit: kEUR}": False,
        "{times: 0.4, quantity: money}": False,
    }  # fmt: skip
    for level, is_warned in levels.items():
        rule = f"sum: {{quantity: money, each: country}}, at_most: {level}"
        messages = [fault.message for fault in read_case_text(SCENARIO % rule).warnings]
        assert ("0.4 means 0.4 million EUR here, not a share" in messages) is is_warned


# Rules in Python


def in_python(raw: Raw) -> ExtraRules:
    """The same rows as a function that adds them to the model, with lots in place of tonnes."""
    rows = user_rows(Reading(raw))
    lots = read_instance(Case.model_validate(raw | {"policy": {}})).lot_tonnes
    material = {h["id"]: h["material"] for h in raw["stockpiles"]}

    def term(model: Any, key: Any) -> Any:
        kind, *index = key
        unit = lots[material[index[0]]] if kind in ("buy", "planned") else 1.0
        variable = getattr(model, kind)
        # The model lacks variables that are always 0.
        return unit * variable[tuple(index)] if tuple(index) in variable else 0.0

    def add(model: Any, _case: Case) -> None:
        @model.Constraint(range(len(rows)))
        def same_row(model: Any, n: int) -> Any:
            row = rows[n]
            total = sum(w * term(model, key) for key, w in row.terms.items()) + model.nothing
            return {"at_least": total >= row.side, "at_most": total <= row.side}[row.sense]

    return ExtraRules.of(add, add)


@pytest.mark.quick(every=15, ci=4)
@pytest.mark.parametrize("seed", range(60))
def test_a_rule_in_python_has_the_optimum_of_the_same_rule_in_the_file(seed: int) -> None:
    raw, problem = random_problem(1000 + seed)
    if "if" in raw["policy"]["rules"]["own"]:
        return
    free = raw | {"policy": raw["policy"] | {"rules": {}}}
    with applying(in_python(raw)):
        other = Problem.from_case(Case.model_validate(free))
        found = by_both(other, gap=0.0)
        plan = None if found is None else solve_and_certify(other, gap=0.0)
    wanted = by_both(problem, gap=0.0)
    assert (found is None) == (wanted is None)
    if plan is not None:
        assert found == pytest.approx(wanted, rel=4e-6, abs=2e-6)
        assert broken_rules(problem.instance, plan.commitment) == []


def build_nothing(model: Any, scenario: vorrat.Scenario) -> None:
    """No project that the scenario has is started."""
    assert scenario.case.projects
    model.none = pyo.Constraint(expr=sum(model.start.values()) <= 0)


def build_all(model: Any, scenario: vorrat.Scenario) -> None:
    @model.Constraint(list(scenario.case.projects))
    def built(model: Any, p: str) -> Any:
        return sum(x for (q, _), x in model.start.items() if q == p) >= 1


def add_variable(model: Any, _: vorrat.Scenario) -> None:
    model.own = pyo.Var()


def use_recourse(model: Any, _: vorrat.Scenario) -> None:
    model.own = pyo.Constraint(expr=model.state[0].damage <= 1)


def replace(model: Any, _: vorrat.Scenario) -> None:
    model.start = pyo.Constraint(expr=model.net_cost <= 1)


def multiply(model: Any, _: vorrat.Scenario) -> None:
    first, second = list(model.start.values())[:2]
    model.own = pyo.Constraint(expr=first * second <= 0)


def test_functions_of_the_interface_take_rules_in_python() -> None:
    scenario = vorrat.read("tutorial")
    plan = vorrat.solve(scenario, extra=build_nothing, gap=0)
    assert (plan.result.projects, plan.result.extra.name) == ((), "build_nothing")
    assert "build_nothing" in page_of(plan.result)
    assert vorrat.Session(scenario, extra=build_nothing).ask().projects == {}
    assert vorrat.analyse("explain", plan, extra=build_nothing).complete
    for other in (None, build_all):
        with pytest.raises(vorrat.Misuse, match="build_nothing"):
            vorrat.evaluate(plan, extra=other)
    with pytest.raises(vorrat.Misuse, match="jobs"):
        vorrat.frontier(scenario, values=[1, 2], jobs=2, extra=build_nothing)
    with pytest.raises(vorrat.Misuse, match="jobs"):
        vorrat.batch(scenario, jobs=2, extra=build_nothing)
    with pytest.raises(vorrat.Infeasible) as caught:
        vorrat.solve(scenario, extra=build_all)
    rule = next(x for x in caught.value.conflict if x.name == "extra_rule")
    line = build_all.__code__.co_firstlineno
    assert f"built[recycling]' of build_all (test_user_rules.py:{line})" in rule.says


def test_each_run_of_a_batch_has_the_rules_in_python() -> None:
    seen = []

    def build_none_with_money(model: Any, scenario: vorrat.Scenario) -> None:
        budget = scenario.case.policy.budget_meur
        seen.append((scenario.variant, scenario.settings, budget))
        model.own = pyo.Constraint(expr=sum(model.start.values()) <= (0 if budget > 10 else 9))

    tutorial = vorrat.read("tutorial")
    grid = {"policy.budget_meur": [10, 20]}
    made = vorrat.batch(
        tutorial, variants=["small_tickets"], grid=grid, extra=build_none_with_money
    )
    assert [bool(run.projects) for run in made.result.runs] == [True, False]
    assert {plan.result.extra.name.split(".")[-1] for plan in made.plans.values()} == {
        "build_none_with_money"
    }
    assert {*seen} == {
        ("small_tickets", (f"policy.budget_meur={budget}",), budget) for budget in (10, 20)
    }
    without = vorrat.batch(tutorial, variants=["small_tickets"], grid=grid, jobs=1)
    assert {run.run for run in without.result.runs}.isdisjoint(run.run for run in made.result.runs)
    refused = vorrat.batch(tutorial, extra=add_variable)
    assert "only constraints" in refused.failures[0]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (add_variable, "only constraints"),
        (use_recourse, "'state'"),
        (multiply, "not linear"),
        (replace, "start: the model has a component of this name"),
    ],
)
def test_what_is_no_rule_of_the_first_stage_is_refused(function: Any, message: str) -> None:
    with pytest.raises(vorrat.Misuse, match=message):
        vorrat.solve(vorrat.read("tutorial"), extra=function)


def limit_spending(model: Any, scenario: vorrat.Scenario, share: float) -> None:
    capex = sum(scenario.case.projects[p].capex_meur * x for (p, _), x in model.start.items())
    stock = model.buy["reserve", 2026] * model.lot_tonnes["gallium"]
    model.own = pyo.Constraint(expr=capex <= share * 40)
    model.stock = pyo.Constraint(expr=stock == 2)


def test_parameters_of_a_function_are_part_of_its_hash(caplog: pytest.LogCaptureFixture) -> None:
    def with_share(share: float) -> Any:
        return lambda model, scenario: limit_spending(model, scenario, share)

    scenario = vorrat.read("tutorial")
    for make in (with_share, lambda share: functools.partial(limit_spending, share=share)):
        plan = vorrat.solve(scenario, extra=make(0.5))
        assert "refinery" not in {x.id for x in plan.result.projects}
        assert plan.result.stockpiles[0].buy_t["2026"] == pytest.approx(2)
        vorrat.evaluate(plan, extra=make(0.5))
        with pytest.raises(vorrat.Misuse, match=r"limit_spending|<lambda>"):
            vorrat.evaluate(plan, extra=make(1.0))
    assert plan.result.extra.name == "limit_spending"
    assert not caplog.records  # of Pyomo, on figures of the scenario


def test_the_hash_of_a_function_depends_on_values_and_not_on_the_process() -> None:
    def hash_with(share: Any) -> str:
        function = functools.partial(limit_spending, share=share)
        return ExtraRules.of(function, lambda *_: None).sha256

    first, second = np.zeros(2000), np.zeros(2000)
    second[1000] = 1  # left out of the text of an array
    assert hash_with(first) == hash_with(first.copy()) != hash_with(second)
    frames = [pd.DataFrame({"share": values}) for values in (first, second)]
    assert hash_with(frames[0]) == hash_with(frames[0].copy()) != hash_with(frames[1])
    assert hash_with([[1], 2]) != hash_with([[1, 2]])
    # Numbers that collide keep the order in which they were added, as texts may in two processes.
    one_order, other_order = set([0, 8]), set([8, 0])  # noqa: C405 - a literal may be sorted
    assert repr(one_order) != repr(other_order)
    assert hash_with(one_order) == hash_with(other_order)
    assert hash_with({1, 2}) != hash_with({1, 3})


def test_the_source_of_a_rule_is_that_of_its_figures() -> None:
    sourced = ONE | {"source": "a decision", "at_most": {"value": 1}}
    rules = {"one": sourced, "half": {"sum": {"quantity": "money"}, "at_most": 7}}
    found = {
        ".".join(map(str, figure.path)): figure.source
        for figure in all_figures(Case.model_validate(two_works(**rules)))
        if figure.path[:2] == ("policy", "rules")
    }
    assert found == {
        "policy.rules.one.at_most.value": "a decision",
        "policy.rules.half.at_most.value": None,
    }
