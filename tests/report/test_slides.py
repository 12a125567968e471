"""Every figure of the slides is the plan's: those of the sentences, and those that charts draw."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from pptx import Presentation
from saved_plans import rich, treasury, tutorial

from models.language import Language, using
from models.results import Plan
from optimizer.analyses.plan.document import slides_document
from optimizer.analyses.plan.plan_wording import decidable_projects
from optimizer.report import document as doc
from optimizer.report.render import slides as renderer

LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])
PLANS = pytest.mark.parametrize("make", [rich, treasury, tutorial])


def sums(plan: Plan) -> dict[str, float]:
    """Money of a plan, counted from its accounts and, of the market, from its projects."""
    kinds = {funder.id: funder.kind for funder in plan.funders}
    public = [one for one in plan.accounts if kinds.get(one.funder) == "public"]
    paid = {id(one): sum(one.paid_meur.values()) for one in plan.accounts}
    return {
        "public": sum(paid[id(one)] for one in public),
        "others": sum(paid[id(one)] for one in plan.accounts if one not in public)
        + sum(built.market_share * built.mean_capex_meur for built in plan.projects),
        "committed": sum(one.committed_meur for one in public),
    }


def reported(plan: Plan) -> dict[str, list[float]]:
    """The figures that each slide says, in their order, straight from the plan."""
    assert plan.case is not None
    outcome, money = plan.outcome, sums(plan)
    before, after = outcome.without_plan.expected, outcome.expected
    stocked = {pile.material for pile in plan.stockpiles if sum(pile.buy_t.values()) > 1e-6}
    years = plan.case.horizon
    left = sorted((one.expected for one in plan.materials if one.expected > 1e-6), reverse=True)
    return {
        "against": [
            len(plan.projects), len(list(decidable_projects(plan.case))), len(stocked),
            years.first_year, years.last_year, 100 * (before - after) / before, before, after,
        ],
        "committed": [money["public"], money["others"], money["committed"]],
        "projects": [len(plan.projects), min(one.first_output for one in plan.projects)],
        "by-material": [after, 100 * sum(left[:3]) / after, *left[:3]],
        "gain": [100 * (1 - outcome.cvar_level), outcome.cvar, outcome.without_plan.cvar],
    }  # fmt: skip


def drawn(plan: Plan) -> dict[str, tuple[list[float], Callable[[Any], list[float]]]]:
    """What the bars of each chart have to be long, and how they are read off it."""
    outcome = plan.outcome
    plain = outcome.without_plan
    materials = sorted(plan.materials, key=lambda one: -one.expected_without_plan)

    def lengths(axes: Any) -> list[float]:
        return [float(bar.get_width()) for bar in axes.patches]

    def of_all(figure: Any) -> list[float]:
        return [length for axes in figure.axes for length in lengths(axes)]

    def heights(figure: Any) -> list[float]:
        return [sum(float(bar.get_height()) for bar in figure.axes[0].patches)]

    def first_years(figure: Any) -> list[float]:
        (axes,) = figure.axes
        texts = [text.get_text() for text in axes.texts]
        years = [float(text) for text in texts if re.fullmatch(r"20\d\d", text)]
        return sorted(years[: len(plan.projects)])

    return {
        "against": ([plain.expected, outcome.expected, plain.cvar, outcome.cvar], of_all),
        "committed": ([sums(plan)["public"] + sums(plan)["others"]], heights),
        "projects": (sorted(one.first_output for one in plan.projects), first_years),
        "by-material": (
            [*(one.expected_without_plan for one in materials), *(o.expected for o in materials)],
            of_all,
        ),
        "gain": (
            [
                plain.expected,
                plain.cvar,
                plain.worst,
                outcome.expected,
                outcome.cvar,
                outcome.worst,
            ],
            lambda figure: lengths(figure.axes[1]),
        ),
    }


def numbers(text: str) -> list[str]:
    """The numbers of a sentence, with a decimal point and without anything between thousands."""
    plain = re.sub(r"(?<=\d)\u00a0(?=\d{3})", "", text).replace(",", ".")
    return re.findall(r"\d+(?:\.\d+)?", plain)


@pytest.mark.slow
@PLANS
@LANGUAGES
def test_sentences_say_the_figures_of_the_plan(
    make: Callable[[], Plan], language: Language
) -> None:
    plan = make()
    with using(language):
        made = slides_document(plan)
        show = Presentation(io.BytesIO(renderer.render_slides(made)))
    due = reported(plan)
    assert [section.id for section in made.sections] == list(due)
    for slide, figures in zip(list(show.slides)[1:], due.values(), strict=True):
        foot, title = f"· {made.title} ·", slide.shapes.title.text
        texts = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
        (sentence,) = (text for text in texts if text != title and foot not in text)
        said = numbers(sentence)
        assert len(said) == len(figures), sentence
        for number, figure in zip(said, figures, strict=True):
            # Half of the last digit that is said.
            places = len(number.partition(".")[2])
            assert float(number) == pytest.approx(figure, abs=0.501 * 10**-places), sentence


@PLANS
def test_charts_draw_the_figures_of_the_plan(make: Callable[[], Plan]) -> None:
    plan = make()
    with using("en"):
        made = slides_document(plan)
        for section, (due, read) in zip(made.sections, drawn(plan).values(), strict=True):
            table = section.parts[1]
            assert isinstance(table, doc.Table)
            assert table.chart is not None
            assert read(table.chart.draw()) == pytest.approx(due), section.id
