"""A second program draws the same states, from the description in docs/formulation.md alone.

It is written in plain Python: the generator is Philox 4x64-10 of Salmon et al. (2011), and the
normal distribution that of the standard library.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest
from drawing import drawing

from models.files import read_case
from models.scenario.references import Case
from optimizer.model.instance import read_instance
from optimizer.model.states import read_states

SCENARIOS = Path(__file__).parents[1] / "scenarios"
WORD = 2**64


def philox(key: int) -> Iterator[int]:
    """The words of 64 bits that Philox 4x64-10 gives from counter 1 on."""
    for counter in itertools.count(1):
        words = [counter % WORD, counter // WORD, 0, 0]
        k0, k1 = key % WORD, key // WORD
        for _ in range(10):
            product0, product1 = 0xD2E7470EE14C6C93 * words[0], 0xCA5A826395121157 * words[2]
            words = [
                (product1 // WORD) ^ words[1] ^ k0,
                product1 % WORD,
                (product0 // WORD) ^ words[3] ^ k1,
                product0 % WORD,
            ]
            k0, k1 = (k0 + 0x9E3779B97F4A7C15) % WORD, (k1 + 0xBB67AE8584CAA73B) % WORD
        yield from words


def halves(words: Iterator[int]) -> Iterator[int]:
    """The words of 32 bits, the low half of each word first."""
    for word in words:
        yield word % 2**32
        yield word >> 32


def permutation(count: int, words: Iterator[int]) -> list[int]:
    order, parts = list(range(count)), halves(words)
    for i in range(count - 1, 0, -1):
        masked = (part % 2 ** i.bit_length() for part in parts)
        j = next(part for part in masked if part <= i)
        order[i], order[j] = order[j], order[i]
    return order


class Streams:
    def __init__(self, case: Case) -> None:
        assert case.uncertainty is not None
        assert case.uncertainty.sample is not None
        self.sample = case.uncertainty.sample
        self.count = int(self.sample.states)

    def draws(self, *key: str | int) -> list[float]:
        text = repr((int(self.sample.seed), *key))
        digest = hashlib.sha256(text.encode()).digest()
        words = philox(int.from_bytes(digest[:16], "little"))
        draws = [(next(words) >> 11) * 2.0**-53 for _ in range(self.count)]
        if self.sample.method == "random":
            return draws
        strata = permutation(self.count, words)
        return [(n + u) / self.count for n, u in zip(strata, draws, strict=True)]

    def project_draws(self, kind: str, project: str) -> list[float]:
        draws, rho = self.draws(kind, project), float(self.sample.project_correlation)
        if rho == 0:
            return draws
        normal, common = NormalDist(), self.draws("projects")
        return [
            normal.cdf(
                math.sqrt(rho) * normal.inv_cdf(max(z, 2.0**-54))
                + math.sqrt(1 - rho) * normal.inv_cdf(max(u, 2.0**-54))
            )
            for z, u in zip(common, draws, strict=True)
        ]


def category(probabilities: Sequence[float], draw: float) -> int:
    sums = itertools.accumulate(probabilities)
    return next((n for n, total in enumerate(sums) if draw < total), len(probabilities) - 1)


def drawn(case: Case) -> list[dict[str, Any]]:
    """The states of a scenario by the description."""
    streams, uncertainty = Streams(case), case.uncertainty
    assert uncertainty is not None
    years, n = case.horizon.years, int(case.horizon.periods_per_year)
    count = streams.count
    states: list[dict[str, Any]] = [
        {name: [] for name in ("regimes", "events", "failed", "delays", "anyway")}
        | {"demand": {}, "prices": {}}
        for _ in range(count)
    ]
    if (chain := uncertainty.regimes) is not None:
        for year in years:
            for state, draw in zip(states, streams.draws("regime", year), strict=True):
                row = chain.yearly[state["regimes"][-1]] if state["regimes"] else chain.first
                shares = [float(row.get(name, 0.0)) for name in chain.yearly]
                chosen = category([share / sum(shares) for share in shares], draw)
                state["regimes"].append(list(chain.yearly)[chosen])
    for h, hazard in case.hazards.items():
        profiles = list(hazard.effects_by_profile.items())
        ends = [0] * count
        for y, year in enumerate(years):
            strikes = streams.draws("hazard", h, year, "strikes")
            periods = streams.draws("hazard", h, year, "period")
            chosen = [0] * count
            if len(profiles) > 1:
                shares = [float(hazard.profiles[str(name)].probability) for name, _ in profiles]
                draws = streams.draws("hazard", h, year, "profile")
                chosen = [category(shares, draw) for draw in draws]
            for s, state in enumerate(states):
                start = y * n + min(int(periods[s] * n), n - 1)
                factor = hazard.regime_factors.get(state["regimes"][y], 1.0) if chain else 1.0
                probability = min(factor * hazard.annual_probability.at(year), 1.0)
                if strikes[s] < probability and start >= ends[s]:
                    name, effects = profiles[chosen[s]]
                    ends[s] = start + max(len(effect.loss) for effect in effects)
                    state["events"].append((h if name is None else f"{h}.{name}", start))
    for p, project in case.projects.items():
        delays = sorted((int(years), float(share)) for years, share in project.delay_years.items())
        delays = delays or [(0, 1.0)]
        draws = streams.project_draws("success", p), streams.project_draws("delay", p)
        for state, success, delay in zip(states, *draws, strict=True):
            if success >= float(project.success_probability):
                state["failed"].append(p)
            if years_late := delays[category([share for _, share in delays], delay)][0]:
                state["delays"].append((p, years_late))
        if project.anyway is not None:
            for state, draw in zip(states, streams.draws("anyway", p), strict=True):
                if draw < float(project.anyway.probability):
                    state["anyway"].append(p)
    for m, factors in uncertainty.demand.items():
        shares = [float(one.probability) for one in factors]
        for state, draw in zip(states, streams.draws("demand", m), strict=True):
            state["demand"][m] = float(factors[category(shares, draw)].factor)
    for m, material in case.materials.items():
        shares = [float(one.probability) for one in material.price_states]
        decides = any(m in project.cash_cost_eur_per_t for project in case.projects.values())
        review = case.planned_review
        observed = review is not None and any(one.price == m for one in review.observe)
        if shares and (decides or observed):
            for state, draw in zip(states, streams.draws("price", m), strict=True):
                state["prices"][m] = category(shares, draw)
    return states


def as_drawn(case: Case) -> list[dict[str, Any]]:
    """The states that Vorrat draws, in the same form."""
    order = {p: n for n, p in enumerate(case.projects)}
    factors = case.uncertainty.demand if case.uncertainty is not None else {}
    return [
        {
            "regimes": list(state.regimes),
            "events": list(state.events),
            "failed": sorted(state.failed_projects, key=order.__getitem__),
            "delays": list(state.delays),
            "anyway": sorted(state.unaided_projects, key=order.__getitem__),
            "demand": dict.fromkeys(factors, 1.0) | dict(state.demand_factors),
            "prices": dict(state.price_states),
        }
        for state in read_states(read_instance(case))
    ]


@pytest.mark.parametrize("seed", range(20))
def test_a_second_program_draws_the_states_of_random_cases(seed: int) -> None:
    case = Case.model_validate(drawing(random.Random(f"streams {seed}").choice, seed % 2))
    assert drawn(case) == as_drawn(case)


@pytest.mark.parametrize("method", ["random", "stratified"])
@pytest.mark.parametrize("name", ["tutorial", "japan-2010", "germany-2026"])
@pytest.mark.slow
def test_a_second_program_draws_the_states_of_shipped_scenarios(name: str, method: str) -> None:
    settings = [f"uncertainty.sample.method={method}", "uncertainty.sample.states=200"]
    if name == "tutorial":
        sample = f"{{states: 200, seed: 5, method: {method}}}"
        settings = ["uncertainty.states=null", f"uncertainty.sample={sample}"]
        settings += ["hazards.export_stop.annual_probability=0.3"]
    case = read_case(SCENARIOS / f"{name}.yaml", settings=settings).case
    states = drawn(case)
    assert states == as_drawn(case)
    assert any(state["events"] for state in states)
