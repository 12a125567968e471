"""Attacks on redacted scenarios: what true results give away, and what redacted ones do not."""

from __future__ import annotations

import random
from typing import Any

import pytest
from random_cases import small_case
from redacting import BAND, attacked, hide, solved, truth, two_consumers
from small import case, chance_of_cut, funder, near

from models.results import Redaction
from models.scenario.case import Case
from optimizer.analyses.redaction.assessment import assess_redaction
from optimizer.analyses.redaction.attack import Attacker
from optimizer.analyses.redaction.insider import (
    Insider,
    OutcomeEvaluator,
    printed_slack,
    round_as_printed,
    with_figure_values,
)
from optimizer.analyses.redaction.options import RedactOptions
from optimizer.analyses.redaction.ranges import (
    Equation,
    find_fitting_range,
    log_width,
    tighten_ranges,
)
from optimizer.errors import Infeasible
from optimizer.model.instance import read_instance
from optimizer.solve.checked_solution import input_hash
from optimizer.solve.plan_document import commitment_from_plan

Raw = dict[str, Any]


def judged(raw: Raw, **options: Any) -> Redaction:
    redacted = hide(raw)
    asked = RedactOptions(consumers=("chips",), companies=("chip_co",), gap=1e-9, **options)
    return assess_redaction(redacted, BAND, asked).redaction


def test_true_results_give_hidden_figures_away() -> None:
    """Demand, budget and stock by identities; the value of a tonne as damage over shortage."""
    redacted = hide(two_consumers())
    found = attacked(redacted, solved(redacted))
    for path, value in truth(redacted).items():
        low, high = found[path]
        assert low * (1 - 1e-6) <= value <= high * (1 + 1e-6), path
        if path != "stockpiles.0.max_t":
            assert log_width(low, high) < 1e-5, path


@pytest.mark.parametrize(
    ("result", "path"),
    [
        ("materials.by_year.demand_t", "demand.0.t_per_year"),
        ("materials.by_year.need_t", "demand.0.t_per_year"),
        ("materials.by_year.days_of_cover", "demand.0.t_per_year"),
        ("budget_lines", "funders.chip_co.budget_meur"),
        ("stockpiles.planned_t", "stockpiles.0.initial_t"),
    ],
)
def test_one_result_is_enough(result: str, path: str) -> None:
    redacted = hide(two_consumers())
    low, high = attacked(redacted, solved(redacted), result)[path]
    assert (low, high) == pytest.approx((truth(redacted)[path],) * 2, rel=1e-6)


@pytest.mark.slow
def test_flows_of_a_chain_tell_demand_in_their_year() -> None:
    """What plants make of the ore does not matter: the flows say what is demanded of it."""
    raw = two_consumers()
    raw["materials"] |= {"powder": {"price_eur_per_t": 1}}
    plant = {"country": "DE", "output": "powder", "capacity_t_per_year": 20}
    raw["conversions"] = {"mill": plant | {"inputs_t_per_t": {"ore": 1.5}}}
    raw["demand"].append({"consumer": "others", "material": "powder", "t_per_year": 20})
    raw["damage"].append({"material": "powder", "steps": [{"share": 1, "eur_per_t": 1_000}]})
    redacted = hide(raw)
    published, path = solved(redacted), "demand.0.t_per_year"
    assert attacked(redacted, published, "chains")[path] == pytest.approx((41.7, 41.7), rel=1e-6)
    without = published.model_copy(update={"chains": ()})
    assert log_width(*attacked(redacted, without, "chains")[path]) > 0.1
    (reported,) = [one for one in judged(raw).telling if one.result == "chains"]
    assert reported.exact == (path,)


@pytest.mark.parametrize("figure", ["need_t", "days_of_cover"])
def test_need_tells_what_conversions_leave_of_it(figure: str) -> None:
    """Of 171.7 t needed, 30 go into powder, which everybody knows: the rest is demand."""
    raw = two_consumers()
    raw["materials"] |= {"powder": {"price_eur_per_t": 1}}
    plant = {"country": "DE", "output": "powder", "inputs_t_per_t": {"ore": 1.5}}
    redacted = hide(raw)
    published = solved(redacted)
    with_plant = hide(raw | {"conversions": {"mill": plant | {"capacity_t_per_year": 20}}})
    (ore, *others), text = published.materials, "2026"
    held = sum(one.planned_t[text] for one in published.stockpiles)
    reported = {"need_t": 171.7, "days_of_cover": 365 * held / 171.7}
    year = ore.by_year[text].model_copy(update={figure: reported[figure]})
    ore = ore.model_copy(update={"by_year": {text: year}})
    published = published.model_copy(update={"materials": (ore, *others)})
    result, path = f"materials.by_year.{figure}", "demand.0.t_per_year"
    assert attacked(with_plant, published, result)[path] == pytest.approx((41.7, 41.7), rel=1e-6)


def test_a_value_is_damage_over_shortage() -> None:
    """One consumer, one step, a stop with 0.3: 0.3 · 97 t · 0.123456 million are published."""
    raw = case(
        consumers={"chips": {}},
        demand=[{"consumer": "chips", "material": "ore", "t_per_year": 97}],
        damage=[{"material": "ore", "steps": [{"share": 1, "eur_per_t": 123_456}]}],
        **chance_of_cut(0.3),
    )
    redacted = hide(raw, companies=())
    published = solved(redacted)
    (material,) = published.materials
    missing = material.by_year["2026"].expected_shortage_without_plan_t
    assert material.expected_without_plan * 1e6 / missing == near(123_456)
    low, high = attacked(redacted, published)["damage.0.steps.0.eur_per_t"]
    assert (low, high) == pytest.approx((123_456, 123_456), rel=1e-6)


@pytest.mark.slow
def test_redacted_results_give_no_more_than_the_redacted_scenario() -> None:
    """The same attack finds the figures of the file, which a whole band is written as."""
    redacted = hide(two_consumers())
    found = attacked(redacted, solved(redacted, true=False))
    for one in redacted.replaced_figures:
        low, high = found[one.figure.dotted_path]
        assert low * (1 - 1e-6) <= one.published <= high * (1 + 1e-6)
        if log_width(low, high) < 1e-3:
            assert not low <= one.figure.value <= high


def test_of_two_hidden_consumers_results_give_the_sum_alone() -> None:
    redacted = hide(two_consumers(), ("chips", "others"))
    found = attacked(redacted, solved(redacted), "materials.by_year.demand_t")
    (low, high), (other_low, other_high) = (
        found[f"demand.{n}.t_per_year"] for n in (0, 1)
    )  # fmt: skip
    assert low < 41.7 < high
    assert log_width(low, high) > 0.1
    assert low + other_high == near(141.7)
    assert high + other_low == near(141.7)


def test_a_budget_is_no_less_than_what_is_spent() -> None:
    raw = two_consumers()
    raw["funders"] = {"fund": funder(budget=0.0), "chip_co": funder("company", 6.2)}
    redacted = hide(raw)
    published = solved(redacted)
    spent = sum(published.spend_meur["chip_co"].values())
    assert spent == near(6.0)
    low, high = attacked(redacted, published, "spend_meur")["funders.chip_co.budget_meur"]
    assert low == near(6.0 * (1 - 1e-6))
    assert high > 6.2


@pytest.mark.quick(1, ci=3)
@pytest.mark.parametrize("seed", range(20))
def test_no_attack_rules_out_the_truth(seed: int) -> None:
    """Whatever the scenario, each range holds the true figure."""
    raw = small_case(random.Random(seed).choice)
    raw["policy"] = {}
    payers = tuple(f for f, x in raw["funders"].items() if x["kind"] == "company")
    redacted = hide(raw, tuple(raw["consumers"])[:1], payers)
    try:
        published = solved(redacted)
    except Infeasible:
        return
    found = attacked(redacted, published)
    insider = Insider(
        redacted.true_case, published, OutcomeEvaluator.for_plan(redacted.true_case, published)
    )
    for number, one in enumerate(redacted.replaced_figures):
        low, high = found[one.figure.dotted_path]
        value = one.figure.value
        assert low * (1 - 1e-6) <= value <= high * (1 + 1e-6), one.figure.dotted_path
        if number < 2:
            for (low, high), _ in (
                insider.recover_range(one.figure, one.low, one.high),
                insider.recover_range(one.figure, one.low, one.high, by_consumer=True),
            ):
                assert low * (1 - 1e-6) <= value <= high * (1 + 1e-6), one.figure.dotted_path


def test_an_insider_finds_a_figure_from_a_printed_total() -> None:
    """Who knows all else needs three digits of the total: not exact, but far below the band."""
    redacted = hide(two_consumers())
    published = solved(redacted)
    insider = Insider(
        redacted.true_case, published, OutcomeEvaluator.for_plan(redacted.true_case, published)
    )
    value = next(one for one in redacted.replaced_figures if one.figure.kind == "damage_value")
    (low, high), by = insider.recover_range(value.figure, value.low, value.high)
    assert by in ("outcome.expected", "outcome.without_plan.expected")
    assert low <= 731_000 <= high
    assert 1e-4 < log_width(low, high) < 0.2 * log_width(value.low, value.high)


def test_a_total_is_taken_as_it_is_printed() -> None:
    """12 345.6 as 12 346, give or take a half; 0.12345 as 0.123; arithmetic as 0."""
    assert (round_as_printed(12_345.6), printed_slack(12_346)) == (12_346, 0.5)
    assert (round_as_printed(0.12345), printed_slack(0.123)) == (0.123, pytest.approx(0.0005))
    assert (round_as_printed(7e-15), printed_slack(0.0)) == (0.0, 1e-6)


def test_the_hash_is_met_by_trying_round_figures() -> None:
    """A SHA-256 hides nothing that can be guessed: who knows all else tries what fits the band."""
    raw = case(
        consumers={"chips": {}, "others": {}},
        demand=[
            {"consumer": "chips", "material": "ore", "t_per_year": 41.7},
            {"consumer": "others", "material": "ore", "t_per_year": 100},
        ],
    )
    redacted = hide(raw, companies=())
    (one,) = redacted.replaced_figures
    published = solved(redacted).certificate.input_sha256
    tried = [n / 10 for n in range(int(one.low * 10), int(one.high * 10) + 2)]
    met = [
        x
        for x in tried
        if input_hash(with_figure_values(redacted.redacted_case, {one.figure: x})) == published
    ]
    assert met == [41.7]
    (reported,) = [
        one
        for one in assess_redaction(
            redacted, BAND, RedactOptions(consumers=("chips",), gap=1e-9)
        ).redaction.telling
        if one.result == "certificate.input_sha256"
    ]
    assert reported.exact == ("demand.0.t_per_year",)


@pytest.mark.slow
def test_a_published_plan_can_be_followed_as_it_was_decided() -> None:
    """Evaluated in its own scenario, what is read off the document leads to what it says."""
    for seed in range(6):
        raw = small_case(random.Random(seed).choice)
        raw["policy"] = {}
        redacted = hide(raw, tuple(raw["consumers"])[:1], ())
        try:
            published = solved(redacted)
        except Infeasible:
            continue
        world = OutcomeEvaluator.for_plan(redacted.true_case, published)
        for material in published.materials:
            with_plan, without = world.chain_outcomes(redacted.true_case, material.id)
            assert with_plan.damage_by_material[material.id] == near(material.expected)
            assert without.damage_by_material[material.id] == near(material.expected_without_plan)
        instance = read_instance(redacted.true_case)
        starts = commitment_from_plan(instance, published).start
        assert starts == {p.id: p.start for p in published.projects}


def test_ranges_are_the_tightest_that_all_equations_allow_together() -> None:
    ranges = {"a": (1.0, 4.0), "b": (2.0, 6.0)}
    found = tighten_ranges(ranges, [Equation({"a": 1.0, "b": 2.0}, 8.0)])
    assert found["a"] == pytest.approx((1, 4))
    assert found["b"] == pytest.approx((2, 3.5))
    assert tighten_ranges(ranges, [Equation({"a": 1.0}, 9.0)]) == ranges
    # One after the other the two equations tell nothing; together they give both figures.
    wide = {"a": (0.0, 10.0), "b": (0.0, 10.0)}
    both = [Equation({"a": 1.0, "b": 1.0}, 10.0), Equation({"a": 1.0, "b": -1.0}, 2.0)]
    assert tighten_ranges(wide, both)["a"] == pytest.approx((6, 6))
    assert tighten_ranges(wide, [both[1]._replace(slack=1.0)])["a"] == pytest.approx((1, 10))


def test_what_fits_is_found_on_both_sides_of_a_dip() -> None:
    """(x - 2)² is 0.25 at 1.5 and at 2.5."""
    found = find_fitting_range(lambda x: (x - 2) ** 2, 1.0, 3.1, 0.25, 0.01)
    assert found is not None
    assert found[0] == pytest.approx(2 - 0.26**0.5)
    assert found[1] == pytest.approx(2 + 0.26**0.5)
    assert find_fitting_range(lambda x: x, 1.0, 2.0, 5.0, 0.1) is None


@pytest.mark.slow
def test_the_account_names_true_figures_only_on_request() -> None:
    found = judged(two_consumers())
    assert all(one.value is None for one in found.figures)
    reported = {one.result: one for one in found.telling}
    assert set(reported["scenario"].exact) == {one.path for one in found.figures}
    assert reported["materials.by_year.demand_t"].exact == ("demand.0.t_per_year",)
    assert reported["materials.expected"].exact == ("damage.0.steps.0.eur_per_t",)
    demand = found.figures[0]
    assert demand.results is not None
    assert demand.results.by == "materials.by_year.demand_t"
    assert demand.results.error < 1e-6 < demand.error
    assert demand.error == pytest.approx(1.25**0.5 - 1)
    assert Redaction.model_validate_json(found.model_dump_json()) == found
    named = judged(two_consumers(), values=True)
    assert {one.path: one.value for one in named.figures} == truth(hide(two_consumers()))


@pytest.mark.slow
def test_bits_add_up_to_what_was_hidden() -> None:
    """A factor of 100 holds 463 values 1 % apart: 8.85 bits, of which the band leaves 4.49."""
    found = judged(two_consumers()).figures[0]
    assert found.bits_left == pytest.approx(4.487, abs=0.001)
    assert found.bits_left + found.bits_told == pytest.approx(8.854, abs=0.001)


@pytest.mark.slow
def test_attackers_look_at_no_true_figure() -> None:
    """Two sets of true figures with the same redacted file give the same results of the attack."""
    first, raw = hide(two_consumers()), two_consumers()
    raw["demand"][0]["t_per_year"]["value"] = 37.1
    second = hide(raw)
    published = solved(first)
    assert (
        Attacker(first, published).ranges_from_file()
        == Attacker(second, published).ranges_from_file()
    )
    assert attacked(first, published) == attacked(second, published)
    assert Case.model_validate(raw) != first.true_case
