"""Hidden figures: what is hidden, and that nothing of it is left in what is written."""

from __future__ import annotations

import copy
import math
import random
import re
from typing import Any

import pytest
import yaml
from everything import everything
from hypothesis import given, settings, strategies as st
from random_cases import small_case
from redacting import hide, two_consumers
from small import near

from models.faults import ScenarioError
from models.files import read_case, read_case_text
from models.scenario.case import Case
from optimizer.analyses.redaction import redact_scenario
from optimizer.errors import Misuse
from optimizer.solve.planner import solve_to_plan

Raw = dict[str, Any]
FIGURE = st.integers(10_000, 999_999).filter(lambda n: n % 10)


def in_digits(number: float) -> set[str]:
    """How a text may write a number: as it is, in thousands, and with separators."""
    return {f"{number:g}", f"{number:.15g}", f"{number:,.15g}", f"{number / 1000:.15g}"}


def scenario_with(figures: list[float], name: str) -> tuple[str, set[str]]:
    """The text of a scenario that names its hidden figures and a removed item wherever it can, and
    the words that may not be left of it."""
    need, damage, budget, stock, capex = figures
    raw = two_consumers(
        title=f"Chips need {need:,.15g} t, and {name.upper()} is built",
        description={"en": f"with {budget:g} million EUR", "de": f"mit {budget:g} Mio. EUR"},
        policy={"budget_meur": 4.4},
    )
    raw["demand"][0]["t_per_year"] = {"value": need, "source": "ledger", "note": f"{need / 1e3} kt"}
    raw["demand"][1]["t_per_year"] = {"value": 100, "note": f"the rest after {need}"}
    raw["damage"][0]["steps"][0]["eur_per_t"] = damage
    raw["funders"]["chip_co"] |= {"budget_meur": budget, "description": f"owns {name}"}
    raw["funders"]["fund"]["name"] = f"Fund beside {budget}"
    raw["stockpiles"][0] |= {"initial_t": 0, "max_t": stock, "name": f"for {stock} t"}
    raw["sources"]["ledger"]["text"] = f"Ledger: {need}, {damage}"
    raw["projects"][name] = raw["projects"]["works"] | {
        "capex_meur": capex,
        "name": {"en": "Secret mill", "de": "Geheime Hütte"},
    }
    raw["hazards"]["cut"]["name"] = {"en": "Cut for the secret mill", "de": "Kürzung"}
    raw["variants"] = {
        "more": {"title": f"with {need * 2:g}", "set": {"demand.0.t_per_year": need * 2}},
        "mill": {"set": {f"projects.{name}.capex_meur": 1}},
        "rich": {"title": f"not {damage:g}", "set": {"funders.fund.budget_meur": 9}},
    }
    text = yaml.safe_dump(raw, sort_keys=False, allow_unicode=True)
    text = f"# {need} t, {name}\n" + text.replace("\nfunders:", f"  # {budget}\nfunders:")
    words = {word for number in (*figures, need * 2) for word in in_digits(number)}
    return text, words | {name, "Secret", "Geheime", "Ledger", "ledger", "#", "the rest"}


@settings(deadline=None, max_examples=25)
@given(st.lists(FIGURE, min_size=5, max_size=5, unique=True), st.integers(1, 5))
def test_no_figure_name_title_or_comment_survives(whole: list[int], scale: int) -> None:
    figures = [number / 10 ** (scale - 1) for number in whole]
    text, words = scenario_with(figures, "mill_of_ours")
    loaded = read_case_text(text)
    redacted = redact_scenario(loaded, ("chips",), ("chip_co",), remove=["projects.mill_of_ours"])
    for written in (redacted.yaml_text, redacted.stand_in):
        # Edges of bands depend on no figure, and may be one by chance.
        shown = re.sub(
            r"redacted: [^']+|[Ff]igures in this file[^']+|value: [\d.e+-]+", "", written
        )
        kept = [w for w in words if re.search(rf"(?<![\w.,]){re.escape(w)}(?![\w]|[.,]\d)", shown)]
        assert not kept
        assert "mill_of_ours" not in written.casefold()
    case = read_case_text(redacted.yaml_text, check_variants=True).case
    assert list(case.variants) == ["rich"]
    assert set(redacted.removed) == {"projects.mill_of_ours", "variants.more", "variants.mill"}
    assert "may compute them" in str(case.description)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(1e-4, 1e9), min_size=4, max_size=4), st.floats(0.05, 9), st.data())
def test_what_is_written_depends_on_the_bands_alone(
    figures: list[float], band: float, data: st.DataObject
) -> None:
    """Therefore results computed from it reveal no more than the bands."""
    step, written = math.log1p(band), []
    places = [math.floor(math.log(x) / step) for x in figures]
    for _ in range(2):
        share = data.draw(st.floats(0.001, 0.999))
        values = [math.exp((place + share) * step) for place in places]
        raw = two_consumers(supply=[{"material": "ore", "country": "CN", "share": 1}])
        raw["demand"][0]["t_per_year"] = values[0]
        raw["damage"][0]["steps"][0]["eur_per_t"] = values[1]
        raw["funders"]["chip_co"]["budget_meur"] = values[2]
        raw["stockpiles"][0] |= {"initial_t": 0, "max_t": values[3]}
        redacted = hide(raw, band=band)
        for (low, high, _), value in zip(redacted.figures.values(), values, strict=True):
            assert low * (1 - 1e-6) <= value <= high * (1 + 1e-6)
            assert high / low == near(1 + band)
        written.append((redacted.yaml_text, redacted.stand_in))
    assert written[0] == written[1]


def test_what_belongs_to_a_consumer_and_its_purse() -> None:
    paths = {*hide(two_consumers()).figures}
    assert paths == {
        "demand.0.t_per_year",
        "damage.0.steps.0.eur_per_t",
        "funders.chip_co.budget_meur",
        "stockpiles.0.initial_t",
        "stockpiles.0.max_t",
    }
    alone = {*hide(two_consumers(), companies=()).figures}
    assert alone == paths - {"funders.chip_co.budget_meur"}


def test_budgets_of_years_and_lines_belong_to_the_purse() -> None:
    raw = everything()
    raw["funders"]["motor_co"] |= {
        "budget_by_year_meur": {2026: 40, 2027: 50},
        "budget_lines": {
            "cash": {"kind": "cash", "total_meur": 60, "by_year_meur": {2026: 30}},
            "stock": {"kind": "guarantee_stock", "limit_meur": {2026: 5, 2028: 7}},
        },
    }
    found = hide(raw, (), ("motor_co",)).figures
    assert [one.removeprefix("funders.motor_co.") for one in found] == [
        "budget_meur",
        "budget_by_year_meur.2026",
        "budget_by_year_meur.2027",
        "budget_lines.cash.total_meur",
        "budget_lines.cash.by_year_meur.2026",
        "budget_lines.stock.limit_meur.2026",
        "budget_lines.stock.limit_meur.2028",
    ]


def test_a_curve_of_chosen_consumers_alone_is_theirs() -> None:
    """The entry that names no consumer is that of all who have none of their own."""

    def curves(*consumers: str) -> set[str]:
        found = hide(two_consumers(), consumers, ()).figures
        return {one[:8] for one in found if one.startswith("damage")}

    assert curves("chips", "others") == {"damage.0", "damage.1"}
    assert curves("others") == {"damage.1"}
    assert curves("chips") == {"damage.0"}


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(1e-4, 1e9), min_size=2, max_size=5))
def test_the_growth_of_a_profile_reveals_one_band_only(values: list[float]) -> None:
    """Were each year banded by itself, the level would lie where all bands meet."""
    raw = two_consumers()
    raw["demand"][0]["t_per_year"] = {2026 + n: value for n, value in enumerate(values)}
    made = list(hide(raw, companies=()).figures.values())[: len(values)]
    lows = [low * values[0] / value for (low, *_), value in zip(made, values, strict=True)]
    highs = [high * values[0] / value for (_, high, _), value in zip(made, values, strict=True)]
    assert max(lows) == pytest.approx(made[0][0], rel=1e-6)
    assert min(highs) == pytest.approx(made[0][1], rel=1e-6)


def test_zero_stays_zero() -> None:
    raw = two_consumers()
    raw["demand"][0]["t_per_year"] = {2026: 0, 2027: 12, 2028: 0}
    demand = read_case_text(hide(raw).yaml_text).case.demand[0].t_per_year
    assert [float(value) for value in demand.values] == [0, 13.1, 0]


@settings(deadline=None, max_examples=25)
@given(st.floats(min_value=0.01, max_value=0.49), st.floats(min_value=0.01, max_value=0.49))
def test_shares_of_steps_still_add_up(first: float, second: float) -> None:
    raw = two_consumers()
    shares = [first, second, 1 - first - second]
    raw["damage"][0]["steps"] = [
        {"share": share, "eur_per_t": price} for share, price in zip(shares, (1, 2, 3), strict=True)
    ]
    (steps, *_) = (x.steps for x in read_case_text(hide(raw).yaml_text).case.damage)
    assert math.fsum(step.share for step in steps) == pytest.approx(1, abs=1e-9)


def test_ranges_and_paths_of_the_owner() -> None:
    path = "projects.works.capex_meur"
    redacted = hide(two_consumers(), ranges={path: (4.0, 9.0)}, also=["funders.fund.budget_meur"])
    case = read_case_text(redacted.yaml_text).case
    assert case.projects["works"].capex_meur == 6.5
    assert case.projects["works"].capex_meur.source == "redacted: 4 to 9"
    assert case.funders["fund"].budget_meur == pytest.approx(4.4, rel=0.12)
    assert "works" not in redacted.stand_in
    with pytest.raises(Misuse, match=f"'{path}' lies outside its range"):
        hide(two_consumers(), ranges={path: (6.5, 9.0)})


def test_the_redacted_scenario_differs_in_what_is_hidden_alone_and_is_solved() -> None:
    raw = two_consumers()
    redacted = hide(raw)
    before = Case.model_validate(raw).model_dump(mode="json")
    case = read_case_text(redacted.yaml_text).case
    after = case.model_dump(mode="json")
    for content in (before, after):
        content["demand"][0]["t_per_year"] = content["consumers"]["chips"]["description"] = None
        content["damage"][0]["steps"][0]["eur_per_t"] = None
        content["funders"]["chip_co"]["budget_meur"] = None
        content["stockpiles"][0] |= {"initial_t": None, "max_t": None}
        content["sources"] = content["description"] = None
    assert before == after
    assert solve_to_plan(case, gap=0.0).certificate.status == "optimal"


def test_two_stand_ins_included_give_the_redacted_scenario(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    raw = two_consumers()
    redacted, other = hide(raw), hide(raw, ("others",), ())
    common = copy.deepcopy(raw)
    del common["demand"], common["damage"], common["sources"]
    del common["consumers"]["chips"]["description"]
    del common["funders"]["chip_co"]["budget_meur"]
    del common["stockpiles"][0]["initial_t"], common["stockpiles"][0]["max_t"]
    common["include"] = [
        {"private": "own.yaml", "otherwise": "stand-in.yaml"},
        {"private": "other.yaml", "otherwise": "other-stand-in.yaml"},
    ]
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(common), encoding="utf-8")
    (tmp_path / "stand-in.yaml").write_text(redacted.stand_in, encoding="utf-8")
    (tmp_path / "other-stand-in.yaml").write_text(other.stand_in, encoding="utf-8")
    read, whole = read_case("scenario.yaml").case, read_case_text(redacted.yaml_text).case
    assert (read.demand[0], read.damage[0]) == (whole.demand[0], whole.damage[0])
    assert len(read.demand) == len(read.damage) == 2
    assert read.funders == whole.funders
    assert read.stockpiles == whole.stockpiles


def test_numbers_of_private_files_that_stay_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    common, own = two_consumers(), {}
    own["demand"], common["demand"] = common["demand"], []
    own["funders"] = {"chip_co": {"budget_meur": common["funders"]["chip_co"].pop("budget_meur")}}
    common["include"] = [{"private": "own.yaml"}]
    (tmp_path / "scenario.yaml").write_text(yaml.safe_dump(common), encoding="utf-8")
    own["materials"] = {"powder": {"price_eur_per_t": 1}}
    plant = {"country": "DE", "output": "powder", "capacity_t_per_year": {2026: 4, 2030: 5}}
    own["conversions"] = {"mill": plant | {"inputs_t_per_t": {"ore": 1.1}}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    redacted = redact_scenario(read_case("scenario.yaml"), ("chips",))
    assert redacted.private == (
        "demand.1.t_per_year",
        "funders.chip_co.budget_meur",
        "materials.powder.price_eur_per_t",
        "conversions.mill.capacity_t_per_year",
        "conversions.mill.inputs_t_per_t.ore",
    )


@pytest.mark.parametrize(
    "patch",
    [
        {"demand.0.t_per_year": 41.7},
        {"demand": two_consumers()["demand"]},
        {"damage.0.steps.0.eur_per_t": 5},
        {"damage.0.steps": [{"share": 1, "eur_per_t": 5}]},
        {"funders.chip_co.budget_meur": 13.3},
        {"funders.chip_co": {"kind": "company", "budget_meur": 13.3}},
        {"stockpiles.own.max_t": 9},
        {"stockpiles.0.initial_t": 1},
        {"consumers.chips.description": "as before: 41.7"},
        {"include": ["rohstofffonds"]},
        {"projects.works.capex_meur": 13.3},
    ],
    ids=lambda patch: next(iter(patch)),
)
def test_revealing_variants_are_removed(patch: Raw) -> None:
    keeps = {"funders.fund.budget_meur": 2, "demand.1.t_per_year": 90}
    variants = {"tells": {"set": patch}, "keeps": {"set": keeps}}
    redacted = hide(two_consumers(variants=variants, counterfactual="tells"))
    assert redacted.removed == ("variants.tells",)
    case = read_case_text(redacted.yaml_text).case
    assert (list(case.variants), case.counterfactual) == (["keeps"], None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"consumers": ("chip",)}, "There is no 'chip'; there are chips, others."),
        ({"companies": ("fund",)}, "There is no 'fund'; there are chip_co."),
        ({"also": ["projects.work.capex_meur"]}, "nothing to hide at 'projects.work.capex_meur'"),
        ({"also": ["stockpiles.owned"]}, "nothing to hide at 'stockpiles.owned'"),
        ({"ranges": {"demand.2": (1.0, 2.0)}}, "nothing to hide at 'demand.2'"),
        ({"allow": ["policy.budget_meur"]}, "nothing to hide at 'policy.budget_meur'"),
        ({"remove": ["projects.work"]}, "nothing to hide at 'projects.work'"),
        ({"remove": ["demand.7"]}, "nothing to hide at 'demand.7'"),
        ({"consumers": (), "companies": ()}, "no figure to hide"),
    ],
)
def test_a_misspelt_name_is_refused(options: Raw, said: str) -> None:
    with pytest.raises(Misuse, match=re.escape(said)):
        hide(two_consumers(), **options)


def test_a_figure_or_name_that_stands_elsewhere_is_refused_hidden_or_allowed() -> None:
    raw = two_consumers(policy={"budget_meur": 41.7})
    path = "policy.budget_meur"
    with pytest.raises(Misuse, match=f"^{path}: what you hide stands there too"):
        hide(raw)
    assert "41.7" not in hide(raw, also=[path]).yaml_text
    assert "41.7" in hide(raw, allow=[path]).yaml_text
    raw = two_consumers(policy={"must_build": ["works"]})
    with pytest.raises(Misuse, match=r"^policy\.must_build\.0: "):
        hide(raw, remove=["projects.works"])
    with pytest.raises(ScenarioError, match="works"):
        hide(raw, remove=["projects.works"], allow=["policy"])
    assert "orks" not in hide(raw, remove=["projects.works", "policy"]).yaml_text


def test_what_is_removed_leaves_the_default() -> None:
    redacted = hide(two_consumers(), remove=["funders.chip_co.budget_meur", "stockpiles.own"])
    case = read_case_text(redacted.yaml_text).case
    assert case.funders["chip_co"].budget_meur is None
    assert case.stockpiles == ()
    assert {*redacted.figures} == {"demand.0.t_per_year", "damage.0.steps.0.eur_per_t"}


@pytest.mark.quick(every=3)
@pytest.mark.parametrize("seed", range(8))
def test_any_scenario_can_be_redacted_and_read(seed: int) -> None:
    raw = small_case(random.Random(seed).choice)
    case = Case.model_validate(raw)
    companies = tuple(f for f, x in case.funders.items() if x.kind == "company")
    redacted = hide(raw, tuple(case.consumers), companies, allow=["damage"])
    found = read_case_text(redacted.yaml_text).case
    assert [*found.consumers] == [*case.consumers]
    assert len(redacted.figures) >= len(case.demand)
