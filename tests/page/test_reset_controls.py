"""Controls that are set back by hand give the same option. Pages show names, not ids."""

from __future__ import annotations

import pytest
from browser_visits import NEEDS_CHROMIUM, Visit
from small import case, funder, project

from models.files import read_case
from models.language import using
from models.scenario.case import Case
from optimizer.errors import Infeasible
from optimizer.page.controls import controls_by_id
from optimizer.page.scenario_store import Question
from optimizer.solve.planner import solve_to_plan

TUTORIAL = read_case("scenarios/tutorial.yaml")
FUND, CAPEX = "funders.fund.budget_meur", "projects.refinery.capex_meur"


def settled(*moved: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return Question("tutorial", None, moved).normalized(TUTORIAL.case).moved


def test_equal_questions_are_one_option() -> None:
    """Whatever was moved in between, however it is written, and in any order."""
    base = f"{controls_by_id(TUTORIAL.case)[FUND].base:g}"
    assert settled((FUND, base), ("damage.gallium", "1.0")) == ()
    # Beside a factor, what the file has may be meant.
    assert set(settled((FUND, base), ("damage.gallium", "2"))) == {
        ("damage.gallium", "2"),
        (FUND, base),
    }
    one, other = (FUND, "7.50"), (CAPEX, "3e1")
    assert settled(one, other) == settled(other, one)
    assert settled(one) == ((FUND, "7.5"),)


@pytest.mark.slow
@NEEDS_CHROMIUM
def test_a_control_set_back_by_hand_is_no_new_option(visit: Visit) -> None:
    """A budget that was kept for a factor is removed with that factor."""
    with visit() as me:
        me.begin()
        start = me.number(FUND).input_value()
        me.page.click("#pin")
        me.type("damage.gallium", "2")
        me.answered()
        me.type(FUND, "10")
        me.answered()
        me.type(FUND, start)
        me.answered()
        assert len(me.query()["set"]) == 2
        me.type("damage.gallium", "1")
        me.answered()
        assert "set" not in me.query()
        me.page.click("#pin")
        assert me.page.locator("#pins li").count() == 1


def test_readers_without_the_file_see_names() -> None:
    """The page says in names what conflicts, and the command in the ids of the file."""
    works = project(name={"en": "Works of ore", "de": "Erzwerk"})
    fund = {**funder(budget=0.1), "name": {"en": "The state", "de": "Der Staat"}}
    raw = case(projects={"works": works}, funders={"fund": fund}, policy={"must_build": ["works"]})
    for language, says in (("en", "Works of ore must be built"), ("de", "Erzwerk muss gebaut")):
        with using(language), pytest.raises(Infeasible) as refused:  # type: ignore[arg-type]
            solve_to_plan(Case.model_validate(raw))
        reported = " ".join(rule.called for rule in refused.value.conflict)
        assert says in reported
        assert not {"works", "fund"} & set(reported.split())
        assert "works" in " ".join(rule.says for rule in refused.value.conflict)
