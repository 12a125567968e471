"""Every rule and every limit of the policy has what its declaration promises.

A new policy limit is tested here without a test of its own, except for an optimum by hand: model
and check agree on a plan at every value of it, conflicts lead to it, and reports name it.
"""

from __future__ import annotations

import html
import string
from functools import cache

import pytest
from documents import page_of
from limits import KEYS, limited
from points import broken_rows

from models.files.shapes import translate_label
from models.language import Language, translations, using
from models.scenario.case import Case
from models.scenario.sections import Policy
from optimizer.model.instance import Instance, read_instance
from optimizer.model.rule_declaration import PolicyLimit, RuleDeclaration
from optimizer.model.rules import RULES
from optimizer.report.countries import country_name
from optimizer.report.scenario_workbook.columns import field_label
from optimizer.solve.checked_solution import CheckedSolution, unused_field_values
from optimizer.solve.planner import Problem, solve_and_certify
from optimizer.solve.verification import broken_rules

LIMITS = [(rule, limit) for rule in RULES.values() for limit in rule.policy_limits]
GRID = {
    "count": [float(k) for k in range(4)],
    # Off the values that a plan is likely to have, where tolerances decide.
    "share": [k / 20 + 0.0123 for k in range(20)],
    "money": [k / 4 + 0.0123 for k in range(80)],
}
IN_CLAUSES = {"years", "share", "money", "tonnes", "number"}
"""What the clause of an explanation may mention beside the parts of the index."""
HASHED = {"budget_meur", "max_public_share", "state_aid", "max_country_share", "max_projects"}
HASHED |= {"must_build", "must_not_build"}
"""Fields of the policy in the first version of the format."""


@cache
def solution() -> CheckedSolution:
    """A plan that builds two works in Germany, where no limit binds."""
    raw = limited()
    raw["policy"]["must_build"] = ["small", "large"]
    return solve_and_certify(Problem.from_case(Case.model_validate(raw)), gap=1e-9)


def limited_to(limit: PolicyLimit, value: float) -> Instance:
    raw = limited()
    *sections, name = f"policy.{limit.path.format(**KEYS)}".split(".")
    part = raw
    for section in sections:
        part = part[section]
    part[int(name) if name.isdecimal() else name] = value
    return read_instance(Case.model_validate(raw))


@pytest.mark.parametrize(("rule", "limit"), LIMITS, ids=[limit.path for _, limit in LIMITS])
def test_model_and_check_agree_at_every_value(rule: RuleDeclaration, limit: PolicyLimit) -> None:
    """Below some value both refuse the plan, for this rule alone; the conflict leads to it."""
    plan, is_broken = solution().commitment, []
    for value in GRID[limit.unit]:
        instance = limited_to(limit, value)
        rows, texts = broken_rows(instance, plan), broken_rules(instance, plan)
        assert {name for name, _ in rows} <= {rule.name}, value
        assert all(text.startswith(f"{rule.tag} {rule.name}: ") for text in texts), value
        assert bool(rows) == bool(texts), value
        is_broken.append(bool(rows))
        for _, index in rows:
            described = rule.describe(instance, index)
            path = ".".join(map(str, described.path))
            assert f"policy.{limit.path.format(**KEYS)}.".startswith(f"{path}.")
            assert "{value}" not in rule.text or f"{value:g}" in described.says
    assert is_broken == sorted(is_broken, reverse=True)
    assert (is_broken[0], is_broken[-1]) == (True, False)


@pytest.mark.parametrize("language", ["en", "de"])
def test_reports_and_workbooks_name_every_limit(language: Language) -> None:
    page = html.unescape(page_of(solution().to_plan(), language))
    with using(language):
        for _, limit in LIMITS:
            (key,) = limit.values(solution().instance.case)
            assert limit.label_of(country_name(str(key or ""))) in page
            assert limit.label in (texts := translations("de"))
            assert ("{key}" in texts[limit.label]) == ("{key}" in limit.label)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_a_declaration_names_what_its_index_has(rule: RuleDeclaration) -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    roles = {role for role in rule.index_roles if role}
    for path in (rule.path, rule.other_path):
        # The limit of a rule of the user is at_least, at_most or equals.
        assert {name.rstrip("?") for name in names(path)} <= roles | {"level"}
    for text in (rule.text, rule.other_text):
        assert names(text) <= roles | {"value", "place"}
    assert names(rule.clause) <= roles | IN_CLAUSES
    assert rule.clause or rule.reported_as
    for limit in rule.policy_limits:
        assert names(limit.path) <= KEYS.keys()
    assert not (rule.only_loosens and rule.policy_limits)


@pytest.mark.parametrize("name", Policy.model_fields)
def test_every_field_of_the_policy_has_a_label_and_keeps_hashes(name: str) -> None:
    path = ("policy", name)
    label = field_label(path)
    with using("de"):
        assert translate_label(label) != label
    field = Policy.model_fields[name]
    assert not field.is_required()
    assert (name in HASHED) != (name in unused_field_values())
    if name not in HASHED:
        default = Policy().model_dump(mode="json")[name]
        assert default in unused_field_values()[name]
