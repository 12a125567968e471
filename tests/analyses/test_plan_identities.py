"""Every figure of a report adds up to the plan: tables are read back from the page."""

from __future__ import annotations

from functools import cache

import pytest
from documents import tables_in
from pages import Table, shows
from saved_plans import ALL
from small import near

from models.language import Language
from models.results import Plan
from optimizer.analyses.plan import figure_sources

PLANS = pytest.mark.parametrize("name", ALL)
LANGUAGES = pytest.mark.parametrize("language", ["en", "de"])


@cache
def tables_of(name: str, language: Language = "en") -> dict[str, Table]:
    return tables_in(ALL[name](), language)


def paid(plan: Plan, *kinds: str) -> float:
    of = {funder.id for funder in plan.funders if funder.kind in kinds}
    return sum(sum(p.paid_meur.values()) for p in plan.accounts if p.funder in of)


def adds_up(table: Table, *headers: str) -> bool:
    """Whether the last row of columns is the sum of those above."""
    for header in headers:
        *parts, total = table.values(header)
        assert total == near(sum(part or 0.0 for part in parts)), header
    return True


@pytest.mark.quick(every=5)
@PLANS
@LANGUAGES
def test_cells_show_the_figures_behind_them(name: str, language: Language) -> None:
    seen = 0
    for called, table in tables_of(name, language).items():
        for row in table.rows:
            for cell in row:
                if "data-value" in cell.attributes:
                    assert shows(cell), (called, row[0].text, cell.text, cell.value)
                    seen += 1
    assert seen > 5


@pytest.mark.quick(every=7)
@PLANS
def test_money_by_source_and_year(name: str) -> None:
    plan = ALL[name]()
    found = tables_of(name)
    capex = sum(p.capex_meur * p.market_share for p in plan.projects)
    total = paid(plan, "public", "company", "private") + capex
    if "committed" not in found:
        assert total == 0
        return
    table = found["committed"]
    assert adds_up(table, *table.headers[1:])
    assert table.values("All years")[-1] == near(total)
    for funder in plan.funders:
        committed = plan.committed_meur[funder.id]
        if sum(committed.values()) > 1e-6:
            row = table.row(funder.name[:1].upper() + funder.name[1:])
            assert [c.value for c in row[1:-1]] == near([committed[y] for y in sorted(committed)])
    for row in table.rows:
        *parts, together = (cell.value for cell in row[1:])
        assert together == near(sum(parts))


@pytest.mark.quick(every=7)
@PLANS
def test_public_money_by_class(name: str) -> None:
    plan = ALL[name]()
    found = tables_of(name)
    if "classes" not in found:
        assert paid(plan, "public") == 0
        return
    assert adds_up(found["classes"], *found["classes"].headers[1:])
    assert found["classes"].values("All years")[-1] == near(paid(plan, "public"))


@pytest.mark.quick(every=7)
@PLANS
def test_who_finances_which_project(name: str) -> None:
    plan = ALL[name]()
    table = tables_of(name).get("financing")
    if table is None:
        assert not plan.projects
        return
    capex = table.headers[1]
    assert adds_up(table, capex)
    assert table.values(capex)[-1] == near(sum(p.capex_meur for p in plan.projects))
    state = {f.id for f in plan.funders if f.kind == "public"}
    for project, row in zip(plan.projects, table.rows, strict=False):
        shares = {f: sum(by.values()) for f, by in project.shares.items()}
        assert row[0].text == project.name
        assert row[2].value == near(sum(share for f, share in shares.items() if f in state))
        payers = [len([f for f in shares if shares[f] > 0]), project.market_share > 0]
        assert row[-1].text.count("%") == sum(payers)


@pytest.mark.quick(every=7)
@PLANS
def test_stocks(name: str) -> None:
    plan = ALL[name]()
    cost_in_all = sum(sum(pile.cost_meur.values()) for pile in plan.stockpiles)
    table = tables_of(name).get("stocks")
    if table is None:
        assert cost_in_all == 0
        return
    header = table.headers[-1]
    assert adds_up(table, header)
    assert table.values(header)[-1] == near(cost_in_all)
    bought = [sum(pile.buy_t.values()) for pile in plan.stockpiles]
    assert sum(t or 0 for t in table.values("Bought, t")) == near(sum(bought))


@pytest.mark.quick(every=7)
@PLANS
def test_accounts(name: str) -> None:
    plan = ALL[name]()
    found = tables_of(name)
    if not plan.accounts:
        assert "by-class" not in found
        return
    for table in (found["by-class"], found["by-funder"]):
        assert adds_up(table, "Committed", "Net cost, present value", "Maximum loss")
        paid_pv, back = "Paid, present value", "Expected back, present value"
        assert adds_up(table, paid_pv, back)
        left = "Residual value, present value"
        assert (left in table.headers) == (plan.outcome.residual_meur > 0)
        last = {header: table.values(header)[-1] for header in table.headers[-7:]}
        assert (last.get(left) or 0.0) == near(plan.outcome.residual_meur)
        assert last["Net cost, present value"] == near(plan.outcome.net_cost_meur)
        assert last["Committed"] == near(sum(p.committed_meur for p in plan.accounts))
        assert last["Maximum loss"] == near(sum(p.maximum_loss_meur for p in plan.accounts))
        net = (last[paid_pv] or 0.0) - (last[back] or 0.0) - plan.outcome.residual_meur
        assert net == near(plan.outcome.net_cost_meur)


@pytest.mark.quick(every=7)
@PLANS
def test_money_at_risk(name: str) -> None:
    plan = ALL[name]()
    public = {funder.id for funder in plan.funders if funder.kind == "public"}
    table = tables_of(name).get("at-risk")
    for year in table.headers[1:] if table else ():
        at_risk = sum(p.outstanding_meur[year] for p in plan.accounts if p.funder in public)
        assert table is not None
        assert table.values(year)[-1] == near(at_risk)
    if table is None:
        assert not any(
            max(p.outstanding_meur.values()) for p in plan.accounts if p.funder in public
        )


@pytest.mark.quick(every=7)
@PLANS
def test_what_comes_back(name: str) -> None:
    plan = ALL[name]()
    public = {funder.id for funder in plan.funders if funder.kind == "public"}
    back = sum(sum(p.returned_meur.values()) for p in plan.accounts if p.funder in public)
    table = tables_of(name).get("returned")
    if table is None:
        assert back == 0
        return
    assert adds_up(table, *table.headers[1:])
    assert table.values("All years")[-1] == near(back)


def test_the_treasury_has_every_table() -> None:
    """What the tests above rest on."""
    assert {"returned", "supports", "available", "by-funder"} <= set(tables_of("treasury"))
    supported = [p for p in ALL["treasury"]().projects if p.supports]
    assert len(tables_of("treasury")["supports"].rows) == sum(
        len(of) for p in supported for of in p.supports.values()
    )


@pytest.mark.quick(every=7)
@PLANS
def test_budgets(name: str) -> None:
    plan = ALL[name]()
    table = tables_of(name).get("lines")
    own = [line for line in plan.budget_lines if line.line == "budget"]
    if table is None:
        assert not plan.budget_lines
        return
    used = table.values("Used")
    for line, figure in zip(plan.budget_lines, used, strict=False):
        if line in own:
            assert figure == near(sum(plan.spend_meur[line.funder].values()))
    limited = [line.available_meur for line in plan.budget_lines if line.available_meur is not None]
    for row, known in zip(
        tables_of(name)["available"].rows if limited else (), limited, strict=True
    ):
        assert [cell.value for cell in row[1:]] == near(list(known.values()))
    for granted, spent in zip(table.values("Granted"), used, strict=True):
        assert granted is None or (spent or 0.0) <= granted + 1e-6
    charged = tables_of(name)["spend"]
    assert adds_up(charged, *charged.headers[1:])
    assert charged.values("All years")[-1] == near(
        sum(sum(of.values()) for of in plan.spend_meur.values())
    )


@pytest.mark.quick(every=7)
@PLANS
def test_damage_by_material_and_consumer(name: str) -> None:
    plan = ALL[name]()
    found = tables_of(name)
    for called in ("by-material", "by-consumer"):
        if called not in found:
            assert plan.outcome.without_plan.expected == near(0)
            continue
        table = found[called]
        assert adds_up(table, "Without plan", "With plan", "Avoided")
        assert table.values("With plan")[-1] == near(plan.outcome.expected)
        assert table.values("Without plan")[-1] == near(plan.outcome.without_plan.expected)


@pytest.mark.quick(every=7)
@PLANS
def test_the_distribution(name: str) -> None:
    plan = ALL[name]()
    table = tables_of(name)["gain"]
    reached, without = plan.outcome, plan.outcome.without_plan
    for row, of in zip(table.rows, ("expected", "cvar", "worst"), strict=True):
        before, after = getattr(without, of), getattr(reached, of)
        assert [cell.value for cell in row[1:4]] == near([before, after, before - after])


@pytest.mark.quick(every=7)
@PLANS
def test_dependence(name: str) -> None:
    plan = ALL[name]()
    table = tables_of(name).get("suppliers")
    if table is None:
        assert not plan.scenario or not plan.scenario["supply"]
        return
    last = max(plan.materials[0].by_year)
    year = last if int(last) < 2030 else "2030"
    mixes = {m.name: m.by_year[year] for m in plan.materials}
    for row in table.rows:
        mix = mixes[row[0].text]
        assert mix.supply is not None
        assert mix.supply_without_plan is not None
        shares = [cell.value for cell in row if "%" in cell.text]
        assert mix.supply_without_plan.largest_share == near(shares[0])
        assert mix.supply.largest_share == near(shares[-1 if mix.supply.imports is None else -2])


@pytest.mark.quick(every=7)
@PLANS
def test_what_rests_on_assumptions(name: str) -> None:
    plan = ALL[name]()
    found = tables_of(name)
    assert plan.case is not None
    known = {id: source.text.in_language("en") for id, source in plan.case.sources.items()}
    used = [figure.source for figure in figure_sources.all_figures(plan.case)]
    for row in found["sources_list"].rows if known else ():
        assert row[2].value == sum(known.get(one or "") == row[0].text for one in used)
    for row in found["rests-on"].rows if "rests-on" in found else ():
        assert sum(cell.value for cell in row[1:]) == near(1.0)


# The first page, and where public money goes


@pytest.mark.quick(every=7)
@PLANS
def test_amounts_to_approve_are_commitments_of_public_funders(name: str) -> None:
    plan, found = ALL[name](), tables_of(name)
    public = {funder.id for funder in plan.funders if funder.kind == "public"}
    some = [p for p in plan.accounts if p.funder in public]
    if "approvals" not in found:
        assert sum(p.committed_meur for p in some) == near(0.0)
        return
    table = found["approvals"]
    assert adds_up(table, *table.headers[1:])
    assert table.values("All years")[-1] == near(sum(p.committed_meur for p in some))


@pytest.mark.quick(every=7)
@PLANS
def test_the_damage_table_begins_without_and_ends_with_the_plan(name: str) -> None:
    plan, table = ALL[name](), tables_of(name)["against"]
    of, without = plan.outcome, plan.outcome.without_plan
    first, *_, last = table.rows
    assert [cell.value for cell in first[1:]] == near([without.expected, without.cvar])
    assert [cell.value for cell in last[1:]] == near([of.expected, of.cvar])


@pytest.mark.quick(every=7)
@PLANS
def test_money_by_country_and_by_purse(name: str) -> None:
    plan, found = ALL[name](), tables_of(name)
    if "countries" in found:
        table = found["countries"]
        assert adds_up(table, *table.headers[2:])
        public = {funder.id for funder in plan.funders if funder.kind == "public"}
        due = (p for p in plan.accounts if p.project and p.funder in public)
        paid_for = sum(sum(p.paid_meur.values()) for p in due)
        assert table.values("Public funders")[-1] == near(paid_for)
    if "purses" in found:
        table = found["purses"]
        whole = paid(plan, "public", "company", "private")
        assert table.values("Pays, million EUR" if plan.currency == "EUR" else table.headers[2])[
            -1
        ] == near(whole)
        cost = sum(p.cost_meur for p in plan.accounts)
        assert table.values(table.headers[4])[-1] == near(cost)
