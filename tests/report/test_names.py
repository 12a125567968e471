"""Budget lines are called as their scenario has them, in the language of the reader."""

from __future__ import annotations

import io

import pytest
from documents import text_of
from openpyxl import load_workbook
from plan_workbooks import workbook_of_plan

from models.files import read_case_text
from models.language import Language, tr, using
from optimizer.analyses.comparison.compare import compare
from optimizer.solve.planner import plan as best_plan

NAMES = """\
title: {en: A mine and a stock, de: Ein Bergwerk und ein Lager}
horizon: {first_year: 2026, last_year: 2029}
materials: {ore: {name: {en: Rare ore, de: Seltenes Erz}, price_eur_per_t: 1}}
consumers: {cars: {name: {en: Cars, de: Autos}}, wind: {}}
projects:
  mine: {name: {de: Bergwerk}, country: DE, output_t_per_year: {ore: 1}, capex_meur: 1}
funders:
  fund:
    kind: public
    name: {en: A fund, de: Ein Fonds}
    budget_lines: {purse: {name: {en: Cash, de: Barmittel}, kind: cash, total_meur: 1}}
    instruments: {loan: {name: {de: Kredit}}}
stockpiles: [{id: reserve, name: {de: Erzlager}, material: ore, paid_by: {fund: 1}}]
hazards: {stop: {name: {en: A stop, de: Ein Stopp}, annual_probability: 0, effects: []}}
variants: {larger_fund: {title: {en: A larger fund, de: Ein größerer Fonds}, set: {}}}
"""


@pytest.mark.parametrize(
    ("language", "name", "other"), [("en", "Cash", "Barmittel"), ("de", "Barmittel", "Cash")]
)
def test_budget_lines_are_named_in_the_language_of_the_reader(
    language: Language, name: str, other: str
) -> None:
    """In a comparison and in a workbook."""
    found = best_plan(read_case_text(NAMES).case)
    comparison = compare([found, found], ["one", "two"])
    with using(language):
        budgets = load_workbook(io.BytesIO(workbook_of_plan(found)))[tr("Budgets")]
        lines = " ".join(str(row[0]) for row in budgets.iter_rows(values_only=True))
        for text in (text_of(comparison, language), lines):
            assert name in text
            assert other not in text
