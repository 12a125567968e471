"""A disruption, period by period: what is short, who is hit, and how long stocks last."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import numpy as np

from models.language import tr
from models.results.stress import (
    ConsumerHit,
    ShortMaterial,
    Stress,
    StressCase,
    StressedStock,
    StressPeriod,
)
from optimizer.analyses.evaluation.elsewhere import in_world_of
from optimizer.analyses.head import head
from optimizer.analyses.running import Input, Outcome
from optimizer.analyses.stress.disruption import disruption
from optimizer.analyses.stress.one_state import Lived, live_through
from optimizer.analyses.stress.options import StressOptions
from optimizer.errors import Misuse
from optimizer.model.commitment import Commitment, planned_stock
from optimizer.model.instance import Floats, Instance
from optimizer.solve.checked_solution import Found
from optimizer.solve.outcomes import SHORT
from optimizer.solve.planner import Problem, find

EMPTY = 1e-6
"""A stock is empty if less is left of it than this share of what it would hold at most."""

Lives = Mapping[StressCase, Lived]


def run(given: Input, options: StressOptions) -> Outcome:
    """Stress a saved plan, or the best plan for a scenario, which is solved first."""
    if given.plan is not None:
        if options.plan is not None:
            raise Misuse(tr("--plan goes with a scenario file, not with a saved plan."))
        found = given.plan.found
    elif options.plan is not None:
        assert given.read_plan is not None
        found = in_world_of(given.read_plan(options.plan), given.reading, options.threads).found
    else:
        problem = Problem.of(given.reading.case)
        disruption(problem.instance, options)  # what cannot be asked is refused before a long solve
        found = find(
            problem,
            gap=options.gap,
            time_limit=options.time_limit,
            threads=options.threads,
            on_progress=options.on_progress,
        )
        stressed = stress(found, options, given.title, given.variant, solved=True)
        code = 0 if found.certificate.status == "optimal" else 1
        return Outcome(stressed, code, {"plan": found.plan(given.title, given.variant)})
    return Outcome(stress(found, options, given.title, given.variant), 0)


def stress(
    found: Found,
    options: StressOptions,
    title: str | None = None,
    variant: str | None = None,
    *,
    solved: bool = False,
) -> Stress:
    """What a disruption does in the market alone and with a plan.

    ``solved`` says that the plan's certificate is of this scenario.

    Raises Misuse where the scenario has no such hazard, state or time.
    """
    began = time.perf_counter()
    what = disruption(found.instance, options)
    instance, state = what.instance, what.state
    commitments: dict[StressCase, Commitment] = {"market": Commitment(), "plan": found.commitment}
    lives = {case: live_through(instance, state, own) for case, own in commitments.items()}
    window = _window(lives)
    materials = [m for m in instance.case.materials if _is_open(m, lives)]
    return Stress(
        state=what.name,
        events=what.events,
        failed=tuple(p for p in instance.projects if p in state.failed),
        late=dict(state.delays),
        cases=tuple(commitments),
        periods=tuple(_period(instance, k) for k in window),
        damage={case: math.fsum(lived.damage.values()) for case, lived in lives.items()},
        materials=tuple(_material(instance, m, lives, window) for m in materials),
        consumers=tuple(_consumers(instance, materials, lives)),
        stocks=tuple(
            _stock(instance, h, commitments, lives, window)
            for h, pile in instance.stockpiles.items()
            if pile.material in materials
        ),
        solved=solved,
        gap=found.certificate.gap if solved else None,
        **head(Stress, instance.case, title, variant, began),
    )


def _is_open(material: str, lives: Lives) -> bool:
    figures = (lived.materials.get(material) for lived in lives.values())
    return any(own is not None and own.open.any() for own in figures)


def _window(lives: Lives) -> range:
    """From the first to the last period in which anything is open in any case."""
    every = [own.open > 0 for lived in lives.values() for own in lived.materials.values()]
    at = np.flatnonzero(np.any(every, axis=0)) if every else np.zeros(0, dtype=int)
    return range(int(at[0]), int(at[-1]) + 1) if len(at) else range(0)


def _period(instance: Instance, k: int) -> StressPeriod:
    year, period = divmod(k, instance.per_year)
    return StressPeriod(year=instance.years[year], period=period + 1)


def _material(instance: Instance, m: str, lives: Lives, window: range) -> ShortMaterial:
    lot = instance.lot_t[m]

    def tonnes(lots: Floats) -> tuple[float, ...]:
        return tuple(float(lots[k]) * lot for k in window)

    any_case = lives["market"].materials[m]
    own = {case: lived.materials[m] for case, lived in lives.items()}
    return ShortMaterial(
        id=m,
        demand_t=tonnes(any_case.demand),
        market_t=tonnes(any_case.market),
        delivered_t={case: tonnes(figures.delivered) for case, figures in own.items()},
        released_t={case: tonnes(figures.released) for case, figures in own.items()},
        missing_t={case: tonnes(figures.missing) for case, figures in own.items()},
        damage={
            case: math.fsum(cost for (_, of), cost in lived.damage.items() if of == m)
            for case, lived in lives.items()
        },
    )


def _consumers(instance: Instance, materials: list[str], lives: Lives) -> list[ConsumerHit]:
    """Those who miss something of a material in any case."""
    hit = []
    for u, m in ((u, m) for u in instance.case.consumers for m in materials):
        if (u, m) not in instance.demand:
            continue
        lots = {case: float(lived.missing[u, m].sum()) for case, lived in lives.items()}
        if max(lots.values()) > SHORT * float(instance.demand[u, m].max()):
            hit.append(
                ConsumerHit(
                    consumer=u,
                    material=m,
                    missing_t={case: own * instance.lot_t[m] for case, own in lots.items()},
                    damage={case: lived.damage[u, m] for case, lived in lives.items()},
                )
            )
    return hit


def _stock(
    instance: Instance,
    h: str,
    commitments: Mapping[StressCase, Commitment],
    lives: Lives,
    window: range,
) -> StressedStock:
    pile = instance.stockpiles[h]
    lot = instance.lot_t[pile.material]
    begins: dict[StressCase, float] = {}
    empty: dict[StressCase, StressPeriod | None] = {}
    for case, lived in lives.items():
        left, planned = lived.left[h], planned_stock(instance, commitments[case], h)
        begins[case] = lot * (float(left[window[0] - 1]) if window[0] else pile.initial)
        least = EMPTY * float(planned.max())
        gone = [k for k in window if planned[k] > least and left[k] <= least]
        empty[case] = _period(instance, gone[0]) if gone else None
    return StressedStock(
        id=h,
        material=pile.material,
        begins_t=begins,
        released_t={case: lot * float(lived.released[h].sum()) for case, lived in lives.items()},
        left_t={
            case: tuple(max(0.0, float(lived.left[h][k])) * lot for k in window)
            for case, lived in lives.items()
        },
        empty=empty,
    )
