"""What else would do, as a document."""

from __future__ import annotations

import pytest
from documents import is_whole_in_all_media, one_line, tables_in
from samples import alternatives as found

from models.language import Language


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "en"])
def test_all_media_are_whole_in_both_languages(language: Language, untranslated: set[str]) -> None:
    is_whole_in_all_media(found(), language, untranslated)


@pytest.mark.slow
def test_the_figures_are_those_of_the_plan_and_its_alternatives() -> None:
    made = tables_in(found())
    plans = [found().plan, *(own.plan for own in found().alternatives)]
    assert len(plans) > 1
    assert made["figures"].values("Objective, million EUR") == [one.objective for one in plans]
    assert made["figures"].values("Net cost, million EUR") == [one.net_cost_meur for one in plans]
    assert len(made["changes"].rows) == len(plans) - 1
    assert len(made["robustness"].rows) == len(found().items)


@pytest.mark.slow
def test_what_all_plans_have_is_reported_with_its_proof() -> None:
    text = one_line(found())
    assert "No plan has an objective below" in text
    assert "within the limit" in text


@pytest.mark.slow
def test_a_plan_above_the_limit_is_reported() -> None:
    late = found().model_copy(update={"limit": found().plan.objective - 1, "ended": "interrupted"})
    assert "The plan itself is not within the limit." in one_line(late)
    assert "Stopped early: alternatives, variants or assumptions are missing." in one_line(late)
