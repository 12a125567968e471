"""Figures and texts that were made from hidden ones: each is hidden along, refused or reported."""

from __future__ import annotations

import random
from typing import Any

import pytest
from redacting import BAND, hide, truth, two_consumers
from small import stockpile

from models.files import read_case, read_case_text
from models.scenario.case import Case
from optimizer.analyses.redaction.ranges import log_width
from optimizer.analyses.redaction.redacted_scenario import RedactedScenario, redact_scenario

Raw = dict[str, Any]
DRIVES = ("drive_makers",)


def consortium(**changes: Any) -> Raw:
    raw = read_case("scenarios/consortium.yaml").case.model_dump(
        mode="json", by_alias=True, exclude_unset=True, exclude_none=True
    )
    return raw | changes


def remade(needed: float, budget: float) -> Raw:
    """The consortium with other figures of the drive makers, and all that was made from them."""
    raw = consortium()
    rows = {row["consumer"]: row for row in raw["demand"] if row["material"] == "magnets"}
    for row in rows.values():
        row["t_per_year"] = {year: x["value"] for year, x in row["t_per_year"].items()}
    years = {"2026": 1.0, "2030": 1.35, "2035": 1.6, "2040": 1.8}
    for year, growth in years.items():
        rows["drive_makers"]["t_per_year"][year] = round(needed * growth)
    raw["funders"]["drive_makers"]["budget_meur"]["value"] = budget
    raw["funders"]["drive_makers"]["description"] = f"EUR {budget:g} million"
    piles = {pile["id"]: pile for pile in raw["stockpiles"]}
    own, joint = piles["drives_magnets"], piles["joint_magnets"]
    users = ["car_makers_a", "car_makers_b", "drive_makers", "wind"]
    first, later = ({u: rows[u]["t_per_year"][year] for u in users} for year in ("2026", "2035"))
    own["max_t"]["value"] = later["drive_makers"]
    own["max_purchase_t_per_year"]["value"] = first["drive_makers"] / 40
    joint["max_t"]["value"] = sum(later.values())
    joint["max_purchase_t_per_year"]["value"] = sum(first.values()) / 20
    # A tenth of what plants take in of metal to make a year's magnets.
    piles["federal_magnet_metal"]["max_t"]["value"] = round(0.036 * sum(later.values()))
    shares = {u: round(first[u] / sum(first.values()), 2) for u in users}
    shares["wind"] = round(1 - sum(shares[u] for u in users[:-1]), 2)
    joint["paid_by"] = shares
    total = 525 + budget
    raw["sources"]["a_budgets"]["text"] = f"EUR {total:g} million of eight purses"
    return raw


@pytest.mark.slow
@pytest.mark.parametrize(("needed", "budget"), [(3480, 80), (3200, 75), (3800, 86)])
def test_the_consortium_reveals_only_the_bands_of_its_drive_makers(
    needed: float, budget: float
) -> None:
    """Limits of stocks, of joint ones too, shares and texts all follow from the six figures: the
    file is the same to the last sign for all values in the bands, so that no attack on it gets
    any closer, but by supply that adds up to need."""
    raw = remade(needed, budget)
    assert hide(raw, DRIVES, DRIVES).yaml_text == hide(remade(3300, 72), DRIVES, DRIVES).yaml_text
    raw["supply"] = [row for row in raw["supply"] if row["material"] != "magnets"]
    redacted = hide(raw, DRIVES, DRIVES)
    assert not redacted.revealing
    for path in ("demand.3.t_per_year.2026", "funders.drive_makers.budget_meur"):
        (one,) = [one for one in redacted.replaced_figures if one.figure.dotted_path == path]
        assert one.high / one.low == pytest.approx(1.25)
    assert "purses" not in redacted.yaml_text


@pytest.mark.quick(1)
@pytest.mark.parametrize(
    ("consumer", "path", "supply", "low", "high"),
    [
        ("electronics", "demand.8.t_per_year.2026", "supply.41.share", 11.698, 11.738),
        ("defence", "demand.11.t_per_year.2026", "supply.41.share", 6.298, 6.338),
        # 800 t and 500 t and shares of 89.3 % agree with 12,000 t to 1.2 % only.
        ("drive_makers", "demand.3.t_per_year.2026", "supply.16.share", 3466, 3679),
    ],
)
def test_the_remainder_of_shares_in_tonnes_equals_the_need(
    consumer: str, path: str, supply: str, low: float, high: float
) -> None:
    """8 t of germanium from a plant beside shares of 55.6 % are 18 t, of which 6.3 t are known."""
    redacted = hide(consortium(), (consumer,), (consumer,))
    (one,) = [one for one in redacted.replaced_figures if one.figure.dotted_path == path]
    assert low - 1e-3 <= one.low <= one.figure.value <= one.high <= high + 1e-3
    assert supply in {hint.path for hint in redacted.hints if hint.reason == "supply_adds_up"}


CONSUMERS = {"consortium.yaml": 9, "germany-2026.yaml": 7, "japan-2010.yaml": 3}
"""The number of consumers of each shipped scenario: none is read before it is tested."""


@pytest.mark.slow
@pytest.mark.quick(every=11, ci=5)
@pytest.mark.parametrize(
    ("name", "number"), [(name, n) for name, count in CONSUMERS.items() for n in range(count)]
)
def test_hidden_consumers_are_in_the_ranges_and_their_stocks_are_removed(
    name: str, number: int
) -> None:
    reading = read_case(f"scenarios/{name}")
    assert len(reading.case.consumers) == CONSUMERS[name]
    consumer, company = [(id, of.company) for id, of in reading.case.consumers.items()][number]
    redacted = redact_scenario(reading, (consumer,), (company,) if company else (), BAND)
    for one in redacted.replaced_figures:
        assert one.low * (1 - 1e-6) <= one.figure.value <= one.high * (1 + 1e-6), one
    replaced = {one.figure.path for one in redacted.replaced_figures}
    for n, pile in enumerate(redacted.true_case.stockpiles):
        if pile.serves == (consumer,) and pile.max_purchase_t_per_year is not None:
            assert ("stockpiles", n, "max_purchase_t_per_year") in replaced
    for gone in ("note:", "description:", "\nsources:"):
        assert gone not in redacted.yaml_text


def planted(seed: int) -> dict[str, tuple[Raw, str]]:
    """Scenarios in which one figure or text was made from hidden ones, with its place."""
    draw = random.Random(seed)
    need, rest = draw.randrange(2103, 9997, 2), draw.randrange(1007, 9991, 4)
    budget, fund = draw.randrange(113, 997, 2), draw.randrange(201, 989, 4)
    value = draw.randrange(100_003, 999_983, 2)
    growth = {"2026": 1.0, "2030": draw.uniform(1.1, 1.4)}

    def raw(**changes: Any) -> Raw:
        made = two_consumers(**changes)
        made["demand"][0]["t_per_year"] = {y: need * g for y, g in growth.items()}
        made["demand"][1]["t_per_year"] = {"2026": rest, "2030": rest * 1.07}
        made["damage"][0]["steps"][0]["eur_per_t"] = value
        made["funders"]["chip_co"]["budget_meur"] = budget
        made["funders"]["fund"]["budget_meur"] = fund
        made["materials"]["powder"] = {"price_eur_per_t": 10}
        made["stockpiles"][0] |= {"initial_t": 0, "max_t": 91.3}
        return made

    def joint(**limits: Any) -> Raw:
        about = {"serves": ["chips", "others"], "paid_by": {"fund": 1.0}} | limits
        made = raw()
        made["stockpiles"].append(stockpile(id="joint", **about))
        return made

    own, grows = raw(), raw()
    own["stockpiles"][0]["max_purchase_t_per_year"] = round(0.05 * need, 2)
    grows["demand"][1]["t_per_year"] = {y: rest * g for y, g in growth.items()}
    noted, titled, described = raw(), raw(title=f"All need {need + rest:,} t"), raw()
    noted["funders"]["fund"]["budget_meur"] = {"value": fund, "note": f"with chips {fund + budget}"}
    described["sources"]["idle"]["text"] = f"{need} t and {rest} t"
    plant = {"country": "DE", "output": "ore", "inputs_t_per_t": {"powder": 1.1}}
    sized = raw(conversions={"mill": plant | {"capacity_t_per_year": need / 2}})
    named = raw()
    named["consumers"]["others"]["name"] = f"Others beside {need}"
    dear = raw()
    dear["materials"]["ore"]["price_eur_per_t"] = value / 5
    return {
        "own limit": (own, "stockpiles.0.max_purchase_t_per_year"),
        "sum with a known part": (joint(max_t=need + rest), "stockpiles.1.max_t"),
        "part of a sum": (joint(max_purchase_t_per_year=(need + rest) / 10),
                          "stockpiles.1.max_purchase_t_per_year"),
        "growth": (grows, "demand.1.t_per_year"),
        "supply": (raw(supply=[{"material": "ore", "country": "CN", "t_per_year": need + rest}]),
                   "supply.0.t_per_year"),
        "supply beside shares": (
            raw(supply=[{"material": "ore", "country": "CN", "share": 0.83},
                        {"material": "ore", "country": "AU", "t_per_year": 0.17 * (need + rest)}]),
            "supply.0.share",
        ),
        "limit of all budgets": (raw(policy={"budget_meur": budget + fund}), "policy.budget_meur"),
        "twice a budget": (raw(policy={"budget_meur": 2 * budget}), "policy.budget_meur"),
        "capacity": (sized, "conversions.mill.capacity_t_per_year"),
        "multiple of a price": (dear, "materials.ore.price_eur_per_t"),
        "variant": (raw(variants={"half": {"set": {"policy.budget_meur": budget / 2}}}),
                    "variants.half"),
        "note": (noted, "funders"),
        "source": (described, "sources"),
        "title": (titled, "title"),
        "name": (named, "consumers.others.name"),
    }  # fmt: skip


def found(redacted: RedactedScenario) -> set[str]:
    """All places that are hidden, taken out, refused or reported."""
    paths = {one.figure.dotted_path for one in (*redacted.replaced_figures, *redacted.revealing)}
    return paths | {one.path for one in (*redacted.left_out, *redacted.hints)}


@pytest.mark.quick(every=7)
@pytest.mark.parametrize("name", planted(0))
@pytest.mark.parametrize("seed", range(6))
def test_figures_derived_from_a_hidden_one_are_hidden_refused_or_reported(
    name: str, seed: int
) -> None:
    raw, path = planted(seed)[name]
    redacted = hide(raw)
    assert path in found(redacted)
    assert not redacted.revealing or path in {one.figure.dotted_path for one in redacted.revealing}
    for one in redacted.replaced_figures:
        assert one.low * (1 - 1e-6) <= one.figure.value <= one.high * (1 + 1e-6)
    if not redacted.revealing:
        assert "with chips" not in redacted.yaml_text
        return
    # Left as it is, it gives the figure away, and that is said; hidden as well, it does not.
    left, also = hide(raw, allow=[path]), hide(raw, also=[path])
    assert any(one.reason == "follows" for one in left.hints)
    assert min(log_width(one.low, one.high) for one in left.replaced_figures) < 0.01
    assert not left.revealing
    assert not also.revealing
    assert path in {one.figure.dotted_path for one in also.replaced_figures}
    own = [one for one in also.replaced_figures if one.figure.kind != "other"]
    assert min(log_width(one.low, one.high) for one in own) > 0.2


def test_two_hidden_consumers_hide_each_other_in_a_sum_that_stays() -> None:
    """36 t of two whose bands are 12.4 to 15.5 and 19.4 to 24.2: the linear program sees that one
    is no less than what the other leaves."""
    raw = two_consumers()
    raw["demand"][0]["t_per_year"], raw["demand"][1]["t_per_year"] = 13.37, 22.63
    raw["stockpiles"].append(
        stockpile(id="joint", serves=["chips", "others"], paid_by={"fund": 1.0}, max_t=36)
    )
    redacted = hide(raw, ("chips", "others"), allow=["stockpiles.joint"])
    ranges = {one.figure.dotted_path: (one.low, one.high) for one in redacted.replaced_figures}
    low, high = ranges["demand.0.t_per_year"]
    other_low, other_high = ranges["demand.1.t_per_year"]
    assert low == pytest.approx(max(1.25**11, 36 - other_high), rel=0.05)
    assert low <= 13.37 <= high
    assert other_low <= 22.63 <= other_high
    assert truth(redacted)["demand.0.t_per_year"] == 13.37


def test_texts_stay_on_request_but_for_those_that_name_figures() -> None:
    raw = two_consumers()
    raw["demand"][1]["t_per_year"] = {"value": 100, "note": "as in 2024", "source": "idle"}
    raw["sources"]["total"] = {"text": "141.7 t in all", "kind": "read"}
    raw["supply"] = [raw["supply"][0] | {"share": {"value": 1, "source": "total"}}]
    bare, kept = hide(raw), hide(raw, keep_texts=True)
    assert "as in 2024" not in bare.yaml_text
    assert "as in 2024" in kept.yaml_text
    assert "141.7" not in kept.yaml_text + bare.yaml_text
    assert ("sources.total.text", "mentioned") in {(x.path, x.reason) for x in kept.left_out}
    assert (
        Case.model_validate(read_case_text(kept.yaml_text).case.model_dump()) == kept.redacted_case
    )
