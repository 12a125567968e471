"""The figures of a brief: by hand, and as identities with the plans that they are made of."""

import math
from pathlib import Path
from typing import Any

import pytest
from deal_points import overrun
from evaluations import by_hand
from saved_plans import rich, treasury, tutorial

from models.files import read_case
from models.language import Language, using
from models.results import Evaluation, Plan
from models.results.evaluation import BudgetRisk, Estimate
from models.results.plan import Position
from models.scenario.case import Case
from optimizer.analyses.comparison.benefit import compute_benefit
from optimizer.analyses.comparison.money import compute_cost, fiscal_figures, rate_of_return
from optimizer.analyses.comparison.plan_comparison import compute_brief
from optimizer.analyses.evaluation.plan_evaluation import solve_counterfactual
from optimizer.analyses.plan.document import brief_document as brief_of, build_document
from optimizer.analyses.plan.executive_facts import _describe_yearly_amounts, compared_references
from optimizer.analyses.plan.executive_summary import describe_turning_points
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.analyses.saved_plan import load_saved_plan
from optimizer.model.instance import read_instance
from optimizer.report.number_format import NO_BREAK_SPACE
from optimizer.report.render import html
from optimizer.solve.planner import solve_to_plan

TUTORIAL = "scenarios/tutorial.yaml"
PLANS = {"treasury": treasury, "rich": rich, "tutorial": tutorial}
EACH = pytest.mark.parametrize("name", PLANS)


def near(value: float) -> float:
    return pytest.approx(value, rel=1e-9, abs=1e-6)  # type: ignore[no-any-return]


def public(found: Plan) -> list[Position]:
    kinds = {funder.id: funder.kind for funder in found.funders}
    return [one for one in found.accounts if kinds[one.funder] == "public"]


@EACH
def test_approvals_are_all_that_public_funders_commit(name: str) -> None:
    found = PLANS[name]()
    approvals = fiscal_figures(found).approvals
    assert sum(one.meur for one in approvals) == near(
        compute_cost(found, compute_benefit(found)).public.committed_meur
    )
    start = {built.id: built.start for built in found.projects}
    assert all(one.year == start[one.project] for one in approvals if one.project)
    for funder in {one.funder for one in public(found)}:
        reported = sum(one.meur for one in approvals if one.funder == funder)
        assert reported == near(sum(p.committed_meur for p in public(found) if p.funder == funder))


@EACH
def test_money_by_country_is_all_money_of_projects(name: str) -> None:
    found = PLANS[name]()
    of = fiscal_figures(found)
    kinds = {funder.id: funder.kind for funder in found.funders}
    for kind in ("public", "private"):
        reported = sum(getattr(one, f"{kind}_meur") for one in of.countries)
        paid = [
            p
            for p in found.accounts
            if p.project and (kinds[p.funder] == "public") == (kind == "public")
        ]
        assert reported == near(math.fsum(x for p in paid for x in p.paid_meur.values()))
    market = sum(built.market_share * built.mean_capex_meur for built in found.projects)
    assert sum(one.market_meur for one in of.countries) == near(market)
    stocks = [p for p in public(found) if p.project is None]
    assert of.stocks_meur == near(math.fsum(x for p in stocks for x in p.paid_meur.values()))


@EACH
def test_aid_is_what_the_rule_of_the_model_counts(name: str) -> None:
    """P8, whose coefficients the model has from elsewhere."""
    found = PLANS[name]()
    assert found.case is not None
    instance = read_instance(found.case)
    built = {project.id: project for project in found.projects}
    for one in fiscal_figures(found).aid:
        project, counted = built[one.project], 0.0
        held = [*project.shares.items(), *project.supports.items()]
        for funder, shares in held:
            for instrument, share in shares.items():
                money = instance.cash_flows(project.id, funder, instrument, project.start)
                counted += money.instrument.grant_equivalent * money.state_aid_base * share
        assert one.aid_meur == pytest.approx(counted, rel=1e-6, abs=1e-6)
        assert one.most_meur is None or one.most_meur >= one.aid_meur - 1e-6
        if one.limit_meur is not None:
            assert one.aid_meur <= one.limit_meur * (1 + 1e-6) + 1e-6


def test_the_most_aid_is_unknown_where_floors_or_interest_may_give_some() -> None:
    """Only of what is part of capex is it known by capex, share and ticket."""
    assert {one.most_meur for one in fiscal_figures(treasury()).aid} == {None}
    found = fiscal_figures(rich())
    assert found.aid
    for one in found.aid:
        assert one.most_meur is not None


def test_without_a_home_no_share_stays_there() -> None:
    assert fiscal_figures(tutorial()).countries
    assert fiscal_figures(tutorial()).home_share is None


def test_expected_loss_covers_equity_loans_and_guarantees() -> None:
    found = treasury()
    kinds = ("loan", "financial_transaction", "guarantee")
    known = [p for p in public(found) if p.budget_class in kinds]
    assert any(p.expected_loss_meur for p in public(found) if p not in known)
    losses = [p.expected_loss_meur for p in known]
    expected = None if None in losses else near(math.fsum(x or 0.0 for x in losses))
    assert fiscal_figures(found).expected_loss_meur == expected


def test_some_of_these_plans_have_aid_and_countries() -> None:
    """Or the identities above would hold of nothing."""
    found = [fiscal_figures(make()) for make in PLANS.values()]
    assert any(one.aid_meur > 1 for of in found for one in of.aid)
    assert any(len(of.countries) > 1 for of in found)
    assert any(of.provision is not None for of in found)


def test_budgets_are_charged_the_provision_of_guarantees() -> None:
    found = treasury()
    assert found.case is not None
    reported = fiscal_figures(found).provision
    some = [p for p in public(found) if p.budget_class == "guarantee"]
    assert reported is not None
    terms = {p.funder: found.case.funders[p.funder].instruments[p.instrument] for p in some}
    charged = sum(float(terms[p.funder].budget_charge) * sum(p.paid_meur.values()) for p in some)
    assert reported.provision_meur == near(charged)
    assert reported.face_meur == near(sum(p.committed_meur for p in some))


@EACH
def test_the_debt_brake_excludes_equity_and_guarantees(name: str) -> None:
    found = PLANS[name]()
    assert found.case is not None
    reported = fiscal_figures(found).debt_brake_by_year_meur
    assert (reported is None) == ("DE" not in found.case.home)
    at_home = {**(found.scenario or {}), "home": ["DE"]}
    german = Plan.model_validate(found.model_dump() | {"scenario": at_home})
    counted = fiscal_figures(german).debt_brake_by_year_meur
    assert counted is not None
    free = ("financial_transaction", "loan", "guarantee")
    due = [p for p in public(found) if p.budget_class not in free]
    for year in {year for p in found.accounts for year in p.paid_meur}:
        assert counted.get(year, 0.0) == near(sum(p.paid_meur.get(year, 0.0) for p in due))


def test_years_in_a_row_with_one_amount_are_reported_together() -> None:
    say = PlanWording(tutorial())
    reported = _describe_yearly_amounts(
        say, {"2026": 100, "2027": 100, "2028": 0, "2029": 40, "2030": 40.1}
    )
    assert reported == [
        "100 million EUR a year in 2026 to 2027",
        "40 million EUR a year in 2029 to 2030",
    ]
    reported = _describe_yearly_amounts(say, {str(2026 + n): 10.0 * (n + 1) for n in range(4)})
    assert reported == ["at most 40 million EUR a year, in 2029"]


def test_a_rate_of_return_by_hand() -> None:
    assert rate_of_return({2030: -100.0, 2032: 121.0}) == pytest.approx(0.1)
    assert rate_of_return({2030: -100.0, 2031: 50.0}) == pytest.approx(-0.5)
    # 100 and 100, then 110 and 121: each earns 10 %.
    assert rate_of_return({2030: -200.0, 2031: 110.0, 2032: 121.0}) == pytest.approx(0.1)
    assert rate_of_return({2030: -100.0}) is None
    assert rate_of_return({}) is None


# Compared with what


def test_without_public_money_only_the_company_of_the_tutorial_invests() -> None:
    """What is found is the best plan of the file whose fund has nothing."""
    found = solve_counterfactual(load_saved_plan(tutorial()), gap=0.0)
    alone = solve_to_plan(
        read_case(TUTORIAL, settings=["funders.fund.budget_meur=0"]).case, gap=0.0
    )
    assert found is not None
    assert found.variant is None
    assert found.public_meur == 0
    assert found.expected == near(alone.outcome.expected)
    assert found.net_cost_meur == near(alone.outcome.net_cost_meur)
    assert found.expected > tutorial().outcome.expected + 1


def test_a_counterfactual_variant_is_solved_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "named.yaml"
    text = Path(TUTORIAL).read_text(encoding="utf-8")
    path.write_text(f"counterfactual: small_tickets\n{text}", encoding="utf-8")
    reading = read_case(path)
    made = solve_to_plan(reading.case, gap=0.0)
    assert list((made.scenario or {})["variants"]) == ["small_tickets"]
    assert made.certificate.input_sha256 == tutorial().certificate.input_sha256
    found = solve_counterfactual(load_saved_plan(made), gap=0.0)
    other = solve_to_plan(read_case(path, "small_tickets").case, variant="small_tickets", gap=0.0)
    assert found is not None
    assert found.variant == "small_tickets"
    assert found.expected == near(other.outcome.expected)
    assert found.public_meur == near(
        compute_cost(other, compute_benefit(other)).public.paid_present_meur or 0.0
    )
    # The variant itself has nothing to be compared with.
    assert solve_counterfactual(load_saved_plan(other), gap=0.0) is None


def cheaper(left: float, times: float) -> Plan:
    """The tutorial's plan with so much damage left and so many times its public money."""
    found = tutorial()
    kinds = {funder.id: funder.kind for funder in found.funders}
    accounts = tuple(
        one
        if kinds[one.funder] != "public"
        else one.model_copy(
            update={"paid_meur": {year: times * x for year, x in one.paid_meur.items()}}
        )
        for one in found.accounts
    )
    outcome = found.outcome.model_copy(update={"expected": left})
    return found.model_copy(update={"accounts": accounts, "outcome": outcome})


def test_increments_are_over_nothing_over_no_public_money_and_over_the_next_cheaper() -> None:
    """12 are left for all the money, 40 without any plan."""
    options = {
        "alone": cheaper(30.0, 0.0),
        "worse_alone": cheaper(35.0, 0.0),
        "half": cheaper(20.0, 0.5),
        "beaten": cheaper(25.0, 0.75),  # “half” leaves less for less
        "dearer": cheaper(5.0, 2.0),
    }
    found = compute_brief(tutorial(), others=options)
    paid = compute_cost(tutorial(), compute_benefit(tutorial())).public.paid_present_meur
    assert paid is not None
    reported = [
        (one.to, one.over, one.left, one.avoided, one.public_present_meur)
        for one in found.increments
    ]
    assert reported == [
        ("nothing", None, near(40.0), near(28.0), near(paid)),
        ("counterfactual", "alone", 30.0, near(18.0), near(paid)),
        ("option", "half", 20.0, near(8.0), near(paid / 2)),
    ]
    assert [one.avoided_per_euro for one in found.increments] == [
        near(28 / paid), near(18 / paid), near(16 / paid)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("extra", "factor", "worth_it"), [(4.0, "0.50", True), (16.0, "2.00", False)]
)
def test_a_dominated_increment_is_named(extra: float, factor: str, worth_it: bool) -> None:
    """8 more are avoided than with half the money."""
    half = cheaper(20.0, 0.5)
    cost = tutorial().outcome.net_cost_meur - extra
    half = half.model_copy(
        update={"outcome": half.outcome.model_copy(update={"net_cost_meur": cost})}
    )
    text = " ".join(describe_turning_points(PlanWording(tutorial(), compared_plans={"half": half})))
    assert f"{factor} compared with “" in text
    assert ("it is not worth it by the scenario's own figures" in text) is not worth_it


def test_comparison_does_not_depend_on_names_of_plans() -> None:
    """Where objectives are of another kind, nobody knows whether the difference is significant."""
    half = cheaper(20.0, 0.5)
    assert half.scenario is not None
    otherwise = half.model_copy(
        update={
            "scenario": half.scenario | {"objective": {"cost_weight": 0.5}},
            "certificate": half.certificate.model_copy(update={"input_sha256": "0" * 64}),
        }
    )
    (_, found) = compute_brief(tutorial(), others={"plan": half}).increments
    assert (found.over, found.avoided, found.significant) == ("plan", near(8.0), False)
    otherwise = Plan.model_validate_json(otherwise.model_dump_json())  # its case is read again
    (_, found) = compute_brief(tutorial(), others={"plan": otherwise}).increments
    assert (found.over, found.avoided, found.significant) == ("plan", near(8.0), None)


def test_an_evaluation_adds_the_alternative_plan_and_the_tail_of_fresh_states() -> None:
    found = compute_brief(rich())
    assert [one.to for one in found.increments] == ["nothing"]
    assert found.tail.fresh_with_plan is None
    assert found.tail.with_plan == rich().outcome.cvar
    assert Evaluation.model_fields["counterfactual"].default is None


def first_paragraph(found: Plan, language: Language, **more: Any) -> str:
    with using(language):
        return next(part for part in brief_of(found, **more).answer if isinstance(part, str))


PREFERRED = {
    "en": "This is about the base case alone. Of the options compared with it (2), the comparison ",
    "de": "Hier geht es allein um den Ausgangsfall. Von den damit verglichenen Optionen (2)",
}


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_brief_names_an_option_that_the_comparison_prefers(language: Language) -> None:
    """In its first paragraph, and nothing where it does not."""
    cheap, dear = cheaper(5.0, 0.5), cheaper(12.5, 1.5)
    proof = cheap.certificate.model_copy(update={"objective": 20.0, "bound": 20.0})
    cheap = cheap.model_copy(update={"certificate": proof})
    assert [one.over for one in compute_brief(tutorial(), others={"dear": dear}).better] == []
    found = compute_brief(tutorial(), others={"cheap": cheap, "dear": dear})
    (one,) = found.better
    assert compared_references(found)[-1] == one  # so that the chart shows it
    assert (one.over, one.avoided) == ("cheap", near(-7.0))
    about = "This is about" if language == "en" else "Hier geht es"
    assert about not in first_paragraph(tutorial(), language, compared_plans={"dear": dear})
    proof = dear.certificate.model_copy(update={"input_sha256": "0" * 64})
    unlike = dear.model_copy(update={"certificate": proof, "case": None})
    assert compute_brief(tutorial(), others={"cheap": cheap, "unlike": unlike}).compared == 1
    reported = first_paragraph(tutorial(), language, compared_plans={"cheap": cheap, "dear": dear})
    assert PREFERRED[language] in reported
    less = "leaves 7 million EUR less for 7.75 million EUR less; each compared with this plan"
    assert language == "de" or less in reported


@pytest.mark.parametrize("language", ["en", "de"])
def test_how_likely_budgets_are_enough_stands_in_the_first_paragraph(language: Language) -> None:
    """And nowhere else on the first page."""
    odds = Estimate(value=0.39, standard_error=0.01)
    risk = BudgetRisk(draws=1000, seed=8, all_hold=odds, budgets=())
    judged = by_hand(budget_risk=risk)
    says = {"en": "with a probability of 39 %", "de": "mit einer Wahrscheinlichkeit von 39 %"}
    reported = first_paragraph(tutorial(), language, evaluation=judged).replace(NO_BREAK_SPACE, " ")
    assert says[language] in reported
    with using(language):
        page = html.render_page(brief_of(tutorial(), evaluation=judged)).replace(
            NO_BREAK_SPACE, " "
        )
    assert page.count(says[language]) == 1


def test_commitments_and_payments_name_their_overruns() -> None:
    """Works of 100 cost 130 in the mean; 150 are budgeted, so that 90 % of cases are enough."""
    fund = {"kind": "public", "budget_meur": 160, "instruments": {"equity": {}}}
    raw = overrun(fund, must_build=["works"])
    raw["projects"]["works"]["market_finance_max"] = 0
    found = solve_to_plan(Case.model_validate(raw))
    page = html.render_page(build_document(found)).replace(NO_BREAK_SPACE, " ")
    assert "130 million EUR not discounted, with expected overruns" in page
    assert "With the overruns that budgets allow for." in page
    assert "overruns that budgets allow for; 130 million EUR are expected." in page
    assert page.count("What is committed has the overruns that budgets allow for") == 2
    assert "overruns" not in html.render_page(build_document(tutorial()))


def test_figures_of_other_states_say_what_they_are_of() -> None:
    """With an evaluation there are two figures of what is left: on the plan's states, and fresh."""
    alone = html.render_page(brief_of(tutorial())).replace(NO_BREAK_SPACE, " ")
    assert "Expected to remain: 12 million EUR" in alone
    both = html.render_page(brief_of(tutorial(), evaluation=by_hand())).replace(NO_BREAK_SPACE, " ")
    assert "Expected to remain on the states that it was chosen on: 12 million EUR" in both
    assert "12 million EUR with it on the states that it was chosen on" in both
