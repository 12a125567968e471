"""A plan in German, word for word: the tutorial's, whose figures docs/tutorial.md works out."""

from __future__ import annotations

from pathlib import Path

import pytest
from plan_by_hand import certificate, outcome, plan

from models.files import read_case
from models.language import using
from models.results import Plan
from optimizer.planner import plan as best_plan
from optimizer.reporting.progress import progress_line
from optimizer.reporting.terminal import render

TUTORIAL = Path(__file__).parents[2] / "scenarios" / "tutorial.yaml"

WHOLE = """\
Einführung: ein Metall, ein Exportstopp

Gegenüber dem Nichtstun sinkt der erwartete Schaden um 70 %, von 40 auf 12 Mio. EUR; zugleich sinkt
der größte Schaden aller Zustände um 60 %, von 200 auf 80. Die Nettokosten betragen 15,5 Mio. EUR.
Nur zur Veranschaulichung: Der Plan beruht auf 3 Zuständen der Welt. Weniger als 100 zeigen, wie die
Teile zusammenwirken, nicht aber, wie wahrscheinlich oder wie schlimm seltene Ereignisse sind.
"""


@pytest.fixture(scope="module")
def tutorial() -> Plan:
    return best_plan(read_case(TUTORIAL).case)


def shown(found: Plan) -> str:
    with using("de"):
        return render(found)


def paragraph(text: str, beginning: str) -> str:
    """A section, from its title to the empty line after it."""
    return text[text.index(f"\n{beginning}") + 1 :].split("\n\n")[0]


def test_the_answer_in_german(tutorial: Plan) -> None:
    assert shown(tutorial).startswith(WHOLE)
