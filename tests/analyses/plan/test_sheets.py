"""A workbook says what the plan says, in its results and in its formulas."""

from __future__ import annotations

import copy
import itertools
import re
from typing import Any

import pytest
import small
from chained import chained
from everything import everything
from openpyxl.utils import get_column_letter
from plan_by_hand import plan as by_hand
from plan_workbooks import workbook_of_plan as write
from spreadsheets import cells, formulas, records, results

from models.language import using
from models.results import Plan
from models.scenario.case import Case
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report.countries import country_name
from optimizer.solve.planner import solve_to_plan as best_plan

GERMAN = {"Answer": "Ergebnis", "Stockpiles": "Lager", "Checks": "Prüfungen"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    """A plan of a case that uses every rule."""
    return best_plan(Case.model_validate(everything()))


@pytest.fixture(scope="module")
def content(plan: Plan) -> bytes:
    return write(plan)


@pytest.fixture(scope="module")
def book(content: bytes) -> Any:
    return results(content)


def same(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-12, abs=1e-12)


def test_the_plan_is_worth_testing_with(plan: Plan) -> None:
    assert plan.projects
    assert any(pile.planned_t["2028"] > 0 for pile in plan.stockpiles)
    assert len({position.budget_class for position in plan.accounts}) > 1
    assert plan.case is not None
    assert plan.case.horizon.periods_per_year > 1


def test_projects_and_funding(plan: Plan, book: Any) -> None:
    rows = {row["Id"]: row for row in records(book["Projects"], "Id") if row["Id"]}
    assert set(rows) == {project.id for project in plan.projects}
    for project in plan.projects:
        row = rows[project.id]
        assert (row["Decision"], row["First output"]) == (project.start, project.first_output)
        assert row["Capex, million EUR"] == same(project.capex_meur)
        assert row["Funded, million EUR"] == same(project.capex_meur)
        assert row["Contracted to domestic consumers"] == same(project.offtake)
    funding = records(book["Funding"], "Share of capex")
    shares = {
        (row["Id of the project"], row["Id of the funder"], row["Id of the instrument"] or ""): row
        for row in funding
        if row["Id of the project"]
    }
    for project in plan.projects:
        assert shares[project.id, ".market", ""]["Share of capex"] == same(project.market_share)
        for funder, instruments in project.shares.items():
            for instrument, share in instruments.items():
                row = shares[project.id, funder, instrument]
                assert row["Share of capex"] == same(share)
                assert row["million EUR"] == same(share * project.capex_meur)
    assert funding[-1]["million EUR"] == same(sum(p.capex_meur for p in plan.projects))


def test_stockpiles_by_year(plan: Plan, book: Any) -> None:
    rows = {
        (row["Id of the stockpile"], row["Field"]): row
        for row in records(book["Stockpiles"], "Field")
    }
    for pile in plan.stockpiles:
        for field in ("buy_t", "planned_t", "cost_meur"):
            by_year = getattr(pile, field)
            assert {y: rows[pile.id, field][y] for y in by_year} == same_years(by_year)
        assert rows[pile.id, "buy_t"]["All years"] == same(sum(pile.buy_t.values()))
        balance = rows[pile.id, "balance_t"]
        assert [balance[y] for y in pile.planned_t] == same_list(pile.planned_t.values())


def same_years(by_year: dict[str, float]) -> dict[str, Any]:
    return {year: same(value) for year, value in by_year.items()}


def same_list(values: Any) -> Any:
    return pytest.approx(list(values), rel=1e-9, abs=1e-9)


def test_budgets(plan: Plan, book: Any) -> None:
    rows = {
        (row["Id of the funder"], row["Id of the line"]): row
        for row in records(book["Budgets"], "Id of the line")
    }
    *_, (at,) = [[n] for n, row in enumerate(book["Budgets"].values) if row[0] == "Budget line"]
    below = itertools.takewhile(lambda row: row[0], list(book["Budgets"].values)[at:])
    limits = {row[0]: row[1:] for row in below}
    say = PlanWording(plan)
    assert plan.budget_lines
    for use in plan.budget_lines:
        used = rows[use.funder, use.line]
        assert {y: used[y] for y in use.used_meur} == same_years(use.used_meur)
        if use.kind != "guarantee_stock":
            assert used["Used"] == same(sum(use.used_meur.values()))
        if use.total_meur is not None and use.available_meur is None:
            assert used["Granted"] == same(use.total_meur)
        if use.available_meur is not None:
            there = limits[say.budget_line_name(use.funder, use.line)]
            assert there[: len(use.available_meur)] == tuple(map(same, use.available_meur.values()))
    for tab, money in (("Budgets", plan.spend_meur), ("Funding", plan.committed_meur)):
        rows = {row["Id of the funder"]: row for row in records(book[tab], "Funder", "All years")}
        for funder, by_year in money.items():
            if any(by_year.values()):
                assert {year: rows[funder][year] for year in by_year} == same_years(by_year)
                assert rows[funder]["All years"] == same(sum(by_year.values()))


def test_accounts_add_up_to_the_net_cost(plan: Plan, book: Any) -> None:
    rows = records(book["Accounts"], "Loss at most")
    *rows, total = rows
    assert len(rows) == len(plan.accounts)
    for row, position in zip(rows, plan.accounts, strict=True):
        assert row["Committed"] == same(position.committed_meur)
        assert row["Provided, undiscounted"] == same(sum(position.paid_meur.values()))
        assert row["Net cost, as the plan has it"] == same(position.cost_meur)
        assert row["Net cost, present value"] == pytest.approx(position.cost_meur, abs=1e-9)
        assert row["Loss at most"] == same(position.maximum_loss_meur)
        assert row["Loss expected, where known"] == same(position.expected_loss_meur)
    assert total["Net cost, present value"] == pytest.approx(plan.outcome.net_cost_meur)
    by_year = records(book["Accounts by year"], "Field")
    for place, position in enumerate(plan.accounts):
        for row in by_year[3 * place : 3 * place + 3]:
            for year, amount in getattr(position, f"{row['Field']}_meur").items():
                assert row[year] == same(amount)


def test_what_is_left(plan: Plan, book: Any) -> None:
    for header, items in (("Material", plan.materials), ("Consumer", plan.consumers)):
        shown = records(book["Damage"], header)
        *rows, total = [row for row in shown if row["With plan"] is not None]  # without the note
        items = sorted(items, key=lambda item: -item.expected_without_plan)
        assert [row["Id"] for row in rows] == [item.id for item in items]
        assert [row["With plan"] for row in rows] == same_list(i.expected for i in items)
        assert total["With plan"] == same(plan.outcome.expected)
        assert total["Without plan"] == same(plan.outcome.without_plan.expected)
    rows = {
        (row["Id of the material"], row["Field"]): row for row in records(book["Shortage"], "Field")
    }
    fields = ("demand_t", "expected_shortage_t", "expected_shortage_without_plan_t")
    cover = {row["Id of the material"]: row for row in records(book["Stockpiles"], "Material")}
    held = {pile.material for pile in plan.stockpiles if any(pile.planned_t.values())}
    for material in plan.materials:
        for year, of in material.by_year.items():
            for field in (*fields, "probability_of_shortage"):
                assert rows[material.id, field][year] == same(getattr(of, field))
            if material.id in held:
                assert cover[material.id][year] == pytest.approx(of.days_of_cover)


def test_cover_is_of_need_where_a_form_is_taken_in() -> None:
    """Of oxide 100 t are needed and 20 demanded; of magnets what is demanded is needed."""
    plan = best_plan(Case.model_validate(chained()))
    book = results(write(plan))
    rows = {
        (row["Id of the material"], row["Field"]): row for row in records(book["Shortage"], "Field")
    }
    assert rows["oxide", "need_t"]["2026"] == same(100)
    assert rows["terbium", "demand_t"]["2026"] == 0
    assert ("magnet", "need_t") not in rows
    (cover,) = records(book["Stockpiles"], "Material")[:1]
    oxide = next(one for one in plan.materials if one.id == "oxide")
    assert cover["2026"] == pytest.approx(oxide.by_year["2026"].days_of_cover)
    assert oxide.by_year["2026"].days_of_cover == pytest.approx(10 / 100 * 365)


def test_where_supply_comes_from(plan: Plan, book: Any) -> None:
    rows = {
        (row["Id of the material"], row["Case"], row["Country or figure"]): row
        for row in records(book["Supply"], "Case")
    }
    for material in plan.materials:
        for year, of in material.by_year.items():
            sides = {"With plan": of.supply, "Without plan": of.supply_without_plan}
            for side, mix in sides.items():
                assert mix is not None
                for code, share in mix.by_country.items():
                    assert rows[material.id, side, country_name(code)][year] == same(share)
                largest = rows[material.id, side, "largest supplier's share"]
                assert largest[year] == same(mix.largest_share)
                assert rows[material.id, side, "HHI"][year] == pytest.approx(mix.hhi)
                if mix.imports is not None:
                    assert rows[material.id, side, "imports"][year] == pytest.approx(mix.imports)


def test_distribution_and_certificate(plan: Plan, book: Any) -> None:
    spread = plan.outcome.distribution
    assert spread is not None
    rows = records(book["Distribution"], "With plan, million EUR")
    assert [row["With plan, million EUR"] for row in rows] == same_list(spread.with_plan)
    assert [row["Without plan, million EUR"] for row in rows] == same_list(spread.without_plan)
    proof = {row["Entry"]: row for row in records(book["Certificate"], "Entry")}
    assert proof["Objective"]["Content"] == same(plan.certificate.objective)
    assert proof["Objective"]["Derived"] == pytest.approx(plan.certificate.objective)
    assert proof["Bound"]["Content"] == same(plan.certificate.bound)


@pytest.mark.slow
def test_key_figures_have_names(plan: Plan, content: bytes, book: Any) -> None:
    expected = {
        "net_cost": plan.outcome.net_cost_meur,
        "capital_cost": sum(p.capex_meur for p in plan.projects),
        "expected_outcome": plan.outcome.expected,
        "expected_outcome_without_plan": plan.outcome.without_plan.expected,
        "worst_outcome": plan.outcome.worst,
        "discount_rate": 0.05,
        "first_year": 2026,
    }
    for name, value in expected.items():
        tab, cell = book.defined_names[name].attr_text.replace("'", "").split("!")
        assert book[tab][cell.replace("$", "")].value == same(value), name
    with using("de"):
        german = results(write(plan))
    assert set(german.defined_names) == set(book.defined_names)


def test_every_formula_has_its_result(content: bytes, book: Any) -> None:
    """What a preview or pandas shows: a figure for each formula, and no error."""
    count = 0
    for tab, cell in cells(formulas(content)):
        if cell.data_type == "f":
            count += 1
            value = book[tab][cell.coordinate].value
            assert value is None or not str(value).startswith("#"), (tab, cell.coordinate)
            if value is None:  # A quotient with nothing to divide by.
                assert '=0,""' in cell.value, (tab, cell.coordinate, cell.value)
    assert count > 300


def test_totals_cover_all_rows(content: bytes) -> None:
    """A sum begins below the header of its table and ends above itself."""
    seen = 0
    for sheet in formulas(content):
        for row in sheet.iter_rows():
            if row[0].value not in ("All together", "Sum"):
                continue
            for cell in row:
                match = re.fullmatch(r"=SUM\(([A-Z]+)(\d+):([A-Z]+)(\d+)\)", str(cell.value))
                if match is None:
                    continue
                seen += 1
                column, top, same_column, bottom = match.groups()
                assert column == same_column == get_column_letter(cell.column)
                assert int(bottom) == cell.row - 1
                above = sheet.cell(int(top) - 1, 1)
                assert above.font.b, (sheet.title, cell.coordinate)
                assert above.fill.fgColor.rgb.endswith("E9EDF2"), (sheet.title, cell.coordinate)
    assert seen > 20


def test_origins_differ_without_color(content: bytes) -> None:
    """Formulas are italic, figures of the scenario stand in a frame, the optimizer's do neither."""
    for tab, cell in cells(formulas(content)):
        if tab == "Checks" or (tab == "Answer" and cell.coordinate == "A3"):
            continue
        if cell.data_type == "f":
            assert cell.font.i, (tab, cell.coordinate)
        elif cell.data_type == "n" and cell.fill.fgColor.rgb.endswith("DCE9F7"):
            assert not cell.font.i
            assert cell.border.left.style is None
        elif cell.data_type == "n" and cell.fill.fgColor.rgb.endswith("FFF6D6"):
            assert cell.border.left.style == "dotted"


def test_every_sheet_is_set_up_for_a4(content: bytes) -> None:
    for sheet in formulas(content):
        assert sheet.page_setup.paperSize == 9
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        # None stands for one page, 0 for as many as it takes.
        assert sheet.page_setup.fitToHeight == (None if sheet.title == "Answer" else 0)
        assert sheet.print_area


def test_figures_of_the_scenario_carry_their_sources() -> None:
    raw = everything()
    raw["sources"] = {"survey": {"text": {"en": "A survey", "de": "Eine Umfrage"}, "kind": "read",
                                 "url": "https://example.org/survey"}}  # fmt: skip
    raw["materials"]["lithium"]["price_eur_per_t"] = {
        "value": {"2026": 9000, "2028": 11_000}, "source": "survey", "confidence": "low",
        "note": "spot",
    }  # fmt: skip
    raw["projects"]["upper_rhine"]["capex_meur"] = {"value": 400, "source": "a guess"}
    made = best_plan(Case.model_validate(raw))
    with using("de"):
        book = results(write(made))
    rows = {row["Pfad im Szenario"]: row for row in records(book["Annahmen"], "Pfad im Szenario")}
    price = rows["materials.lithium.price_eur_per_t.2028"]
    assert price["Wert"] == 11_000
    assert (price["Einheit"], price["Art"], price["Sicherheit"]) == (
        "EUR je t",
        "gelesen",
        "gering",
    )
    assert (price["Quelle"], price["Anmerkung"]) == ("Eine Umfrage", "spot")
    assert rows["projects.upper_rhine.capex_meur"]["Art"] == "andere Quelle"
    source, *_ = records(book["Quellen"], "Adresse")
    assert source["Zahlen, die darauf beruhen"] == 2


@pytest.mark.slow
def test_what_looks_like_a_formula_stays_text() -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("https://example.org")']
    raw = everything()
    raw["title"] = names[0]
    for item, name in zip(raw["projects"].values(), names[1:], strict=False):
        item["name"] = name
    raw["funders"] = {f: {**funder, "name": names[4]} for f, funder in raw["funders"].items()}
    content = write(best_plan(Case.model_validate(raw)))
    shown = 0
    for tab, cell in cells(formulas(content)):
        if cell.value in names:
            shown += 1
            assert cell.data_type == "s", (tab, cell.coordinate)
            if cell.coordinate != "A1":
                assert cell.quotePrefix, (tab, cell.coordinate)
        elif cell.data_type == "f":
            assert "HYPERLINK" not in cell.value
    assert shown > 5


@pytest.mark.slow
def test_ids_that_formulas_could_misread() -> None:
    """Wildcards, operators and the case of letters: ids tell rows apart all the same."""
    raw = everything()
    text = str(raw)
    renamed = {"upper_rhine": "*", "separation": "A", "fund": "<>x"}
    for old in renamed:
        assert old in text

    def rename(value: Any) -> Any:
        if isinstance(value, dict):
            return {renamed.get(k, k): rename(v) for k, v in value.items()}
        if isinstance(value, list):
            return [rename(v) for v in value]
        return renamed.get(value, value) if isinstance(value, str) else value

    book = results(write(best_plan(Case.model_validate(rename(copy.deepcopy(raw))))))
    assert_all_hold(book)


def assert_all_hold(book: Any, tab: str = "Checks") -> None:
    verdicts = {row["Check"]: row["Result"] for row in records(book[tab], "Check", "Result")}
    assert set(verdicts.values()) == {"adds up"}, verdicts


@pytest.mark.slow
def test_german(plan: Plan, content: bytes) -> None:
    with using("de"):
        german = write(plan)
    tabs = formulas(german).sheetnames
    assert set(GERMAN.values()) <= set(tabs)
    book = results(german)
    assert "gehen auf" in book["Ergebnis"]["A3"].value
    english, own = [
        sum(cell.data_type == "f" for _, cell in cells(formulas(of))) for of in (content, german)
    ]
    assert english == own
    assert not set(GERMAN) & set(tabs)


def test_a_plan_without_its_scenario() -> None:
    """An earlier plan: no present values, no assumptions, the rest as ever."""
    book = results(write(by_hand()))
    assert "Assumptions" not in book.sheetnames
    assert "Supply" in book.sheetnames
    rows = records(book["Projects"], "Id")
    assert rows[0]["Id"] == "mine"


def test_a_plan_that_does_nothing() -> None:
    raw = everything()
    raw["projects"], raw["stockpiles"], raw["policy"] = {}, [], {}
    raw["uncertainty"] = None
    raw.pop("hazards", None)
    book = results(write(best_plan(Case.model_validate(raw))))
    assert_all_hold(book)
    assert "Nothing is built." in [row[0].value for row in book["Projects"].iter_rows()]


def test_supports_stand_below_who_pays() -> None:
    """A floor at 12,000 for output worth 10,000 lets lenders carry the fifth that they lack."""
    floor = {
        "kind": "price_floor",
        "floor_eur_per_t": {"ore": 12_000},
        "market_finance_per_share": 0.5,
    }
    fund = {"kind": "public", "name": "Fund", "instruments": {"floor": floor}}
    works = small.project(market_finance_max=0.8, home_share=1.0)
    book = results(
        write(small.solve(small.case(projects={"works": works}, funders={"fund": fund})))
    )
    (row,) = [r for r in records(book["Funding"], "Share covered") if r["Share covered"]]
    assert [row[header] for header in ("Project", "Paid by", "Kind", "Instrument")] == [
        "Works",
        "Fund",
        "public funders",
        "floor",
    ]
    assert row["Share covered"] == pytest.approx(0.4)
    assert_all_hold(book)


def test_keys_are_not_printed_and_headers_stay_in_view(content: bytes) -> None:
    book = formulas(content)
    for tab, last, frozen in (
        ("Projects", "R", "B6"),
        ("Funding", "G", "B6"),
        ("Stockpiles", "H", "B12"),
        ("Budgets", "I", "B6"),
        ("Accounts by year", "H", "E8"),
        ("Damage", "F", "B6"),
        ("Shortage", "E", "C4"),
        ("Supply", "G", "D5"),
    ):
        assert book[tab].print_area.split(":")[1].startswith(f"${last}$"), tab
        assert book[tab].freeze_panes == frozen, tab
    assert book["Budgets"].print_title_rows is None
    assert book["Supply"].print_title_rows == "$4:$4"
