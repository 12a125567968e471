"""A participation as text: the answer in words first, then every share."""

from __future__ import annotations

import re

import participations as built
import pytest
from participations import ALL, CAPEX, SHARES, curve, fares, participation, point

from models.language import Language, using
from models.results import Participation
from optimizer.report.figures import percent
from optimizer.report.participating import picking, prose
from optimizer.report.terminal import NARROWEST, PIPE_WIDTH, Screen, render

EVERY = pytest.mark.parametrize("name", ALL)
LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])


def text_of(found: Participation, language: Language = "en", width: int = PIPE_WIDTH) -> str:
    with using(language):
        return render(found, Screen(width))


def told(found: Participation) -> str:
    """The answer in words on one line, with plain spaces."""
    return " ".join(prose.headline(found)).replace("\u00a0", " ")


def rows(text: str, title: str) -> dict[str, list[str]]:
    """Cells of the first grid of a section, by the first cell of each row."""
    lines = text.split(f"\n{title}\n", 1)[1].split("\n\n", 1)[0].splitlines()
    cells = (re.split(r" {2,}", line.strip()) for line in lines)
    return {row[0]: row[1:] for row in cells}


def test_the_builder_follows_its_own_rule() -> None:
    """What the tests below rest on: least at 0.3, as good as none at 0.6, gains from totals."""
    totals = {share: fares(share).total for share in SHARES}
    assert min(totals, key=lambda share: totals[share]) == 0.3
    assert totals[0.6] == pytest.approx(totals[0.0])
    for one in participation().curves:
        none = one.points[0].standing
        assert none is not None
        for of in picking.planned(one):
            assert of.standing is not None
            assert of.gain == pytest.approx(none.total - of.standing.total)
            assert picking.outlay_meur(of) == pytest.approx(of.stake_meur)


def test_the_answer_comes_first() -> None:
    lines = text_of(participation()).splitlines()
    assert lines[:2] == ["A chip maker and its metals", ""]
    said = told(participation())
    assert said.startswith(
        "Chips AG does best with 30 % of the capex of Upper works. That is 12 million EUR of capex;"
    )
    assert "it gains 7.20 million EUR, net of what it pays" in said
    assert "Up to 60 % it is no worse off than with none" in said
    assert "may lie up to 10 percentage points higher. The rules allow 70 % at most." in said
    assert "against 54 if it acts alone and 60 if it waits and nobody acts" in said
    assert "others avoid 60 %" in said
    assert "lies anywhere from 31.5 to 33.4 million EUR" in said
    assert "carry 50 % of capex instead of 0 %, the best share moves from 30 % to 40 %" in said


def test_of_the_whole_portfolio_it_speaks_of_all_that_is_built() -> None:
    assert "30 % of the capex of all that is built." in told(built.whole_portfolio())


def test_without_a_range_none_is_told() -> None:
    text = text_of(built.pooled())
    assert "Best to worst" not in text
    assert "anywhere from" not in text
    assert "Supplies are pooled" in text
    assert "Best to worst" in text_of(participation())


def test_what_stopped_early_is_said() -> None:
    text = text_of(built.interrupted())
    assert "Stopped early: points are missing." in text
    assert "2 of 3 points stopped before the gap was reached" in text
    assert "all plans rest on 40 states" in text
    found = rows(text, "Others decide anew")
    assert found["20 %"][-1] == "no plan found"
    assert found["10 %"][-1].startswith("stopped early; best")
    assert "acts alone" not in text


def test_where_no_share_pays_none_is_best() -> None:
    said = told(built.no_share_pays())
    assert said.startswith("Chips AG does best with no share of the capex of Upper works")
    assert "With every share above that it is worse off." in said
    assert "it gains" not in said


def test_where_nothing_is_possible_that_is_the_answer() -> None:
    assert told(built.nothing_possible()) == (
        "No plan keeps all rules at any share of Upper works that was tried for Chips AG."
    )
    points = [built.no_point(0.1, "none")]
    unknown = participation(curves=(curve(points=points, limit=None),))
    assert told(unknown) == "There is no plan at any share that was tried."


def test_at_the_limit_nothing_lies_beyond() -> None:
    some = [point(share) for share in (0.0, 0.1, 0.2)]
    said = told(participation(curves=(curve(points=some, limit=0.2),)))
    assert "Up to the largest share that the rules allow, 20 %, it is no worse off" in said
    assert "percentage points higher" not in said


def test_public_money_that_changes_nothing_is_told_as_such() -> None:
    same = (curve(public=0.0), curve(public=0.1))
    assert same[0].best_share == same[1].best_share
    said = told(participation(curves=same))
    assert "Whether public funders carry 0 % or 10 % of capex, the best share is 30 %." in said


@LANGUAGES
def test_every_share_stands_in_its_row(language: Language) -> None:
    title = {"en": "Others decide anew", "de": "Andere entscheiden neu"}[language]
    found = rows(text_of(participation(), language), title)
    for share in SHARES:
        with using(language):
            cells = found[percent(share).replace("\u00a0", " ")]
        if share > built.LIMIT:
            assert set(cells[:-1]) == {"-"}
            continue
        here = fares(share)
        outlay, expected, cvar, cost, total, gain = (
            float(cell.replace(",", ".")) for cell in cells[:6]
        )
        assert (outlay, expected) == pytest.approx((CAPEX * share, here.expected), abs=0.05)
        assert (cvar, cost) == pytest.approx((here.cvar, here.net_cost_meur), abs=0.05)
        assert (total, gain) == pytest.approx((here.total, 40 - here.total), abs=0.05)


def test_many_materials_are_counted() -> None:
    tonnes = {m: {"2029": t} for m, t in (("a", 1.0), ("b", 3.0), ("c", 2.0))}
    some = [point(0.0), point(0.1).model_copy(update={"offtake_t": tonnes})]
    text = text_of(participation(curves=(curve(points=some),)))
    assert "b 3, c 2, 1 more" in text


def test_names_are_those_of_the_language() -> None:
    """The scenario that the document carries has both; without it, names are those it lists."""
    text = text_of(built.with_its_scenario(), "de")
    assert text.splitlines()[:2] == ["Ein Chiphersteller und seine Metalle", "Variante: Mehr Geld"]
    assert "Am besten fährt Chip-AG mit 30 % der Investition in Werk am Oberrhein." in text
    assert "(Ga), t" in text
    assert "Am besten fährt Chips AG mit 30 % der Investition in Upper works." in text_of(
        participation(), "de"
    )


def test_names_cannot_steer_a_terminal() -> None:
    text = text_of(participation(name="Chips\x1b[31m AG", project_name="Upper\nworks"))
    assert "\x1b" not in text
    assert "Upper works" in text


@EVERY
@LANGUAGES
def test_no_line_is_cut(name: str, language: Language) -> None:
    for width in (NARROWEST, 140):
        assert "…" not in text_of(ALL[name](), language, width)


@EVERY
def test_german_leaves_nothing_untranslated(name: str, untranslated: set[str]) -> None:
    text_of(ALL[name](), "de")
    assert untranslated == set()


def test_it_loads_back_equal() -> None:
    for make in ALL.values():
        found = make()
        assert Participation.model_validate_json(found.model_dump_json()) == found
