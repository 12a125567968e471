"""docs/replay.md: past decisions, as observed and as the scenario files model them.

``python -m docs.replay docs/replay.md`` writes everything between the two marks in the file, from
docs/replay.csv and the scenario files; the text before and after them is written by hand.

Every event is put into one year of the file, in a separate state of the world, without a plan and
without projects. Its damage is the increase over an undisturbed state, not discounted.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from docs.results_reference import between
from models.base import display_name
from models.files import read_case, read_case_text
from models.scenario.case import Case
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import read_states
from optimizer.solve.outcomes import PlanEvaluation, evaluate_commitments
from optimizer.solve.recourse import RecourseEvaluator

BEGIN = "<!-- What follows is written by `make docs` from docs/replay.csv and the scenarios. -->"
END = "<!-- What follows is written by hand. -->"
ROOT = Path(__file__).parents[1]
RECORD = ROOT / "docs" / "replay.csv"
FOUND, ASSUMED = "observed, known quarters only", "observed, gaps filled by assumptions"
AHEAD = "the same, minus purchases ahead"
WHOLE = ", all materials it affects"
SHORT = 1e-3
"""Share of a year's demand above which a material is listed as missing."""


class Decision(NamedTuple):
    """A past decision, and the hazards that represent it in a file."""

    id: str
    """As in the record."""
    title: str
    file: str
    start: tuple[int, int]
    """Year and period in which its events start."""
    hazards: tuple[str, ...]


GERMANY, FIRST = "germany-2026.yaml", (2026, 1)
"""Demand of its first year is closest to demand at the time of the decisions."""
DECISIONS = (
    Decision(
        "gallium_germanium_2023",
        "Gallium and germanium, August 2023",
        GERMANY,
        FIRST,
        ("china_semiconductor_metals",),
    ),
    Decision("graphite_2023", "Graphite, December 2023", GERMANY, FIRST, ("china_battery_chain",)),
    Decision(
        "antimony_2024", "Antimony, September 2024", GERMANY, FIRST, ("china_semiconductor_metals",)
    ),
    Decision(
        "five_metals_2025",
        "Tungsten, bismuth and indium, February 2025",
        GERMANY,
        FIRST,
        ("china_tool_metals",),
    ),
    Decision(
        "rare_earths_2025",
        "Seven rare earths and magnets, April 2025",
        GERMANY,
        FIRST,
        ("china_rare_earths",),
    ),
    Decision("cobalt_2025", "Congolese cobalt, February 2025", GERMANY, FIRST, ("congo_cobalt",)),
    Decision(
        "japan_2010",
        "China against Japan, September 2010",
        "japan-2010.yaml",
        (2010, 4),
        ("political_stop", "hard_quota", "history_embargo"),
    ),
)


class Seen(NamedTuple):
    """Observed supply of one material in one quarter, counted from the start of an event."""

    country: str
    material: str
    quarter: int
    months: str
    remains: float
    """Share of the base that was supplied; above 1 if it was more."""
    assumed: bool
    basis: str
    source: str

    @property
    def loss(self) -> float:
        """Share that was not supplied."""
        return max(0.0, 1 - self.remains)


def record(path: Path = RECORD) -> dict[str, list[Seen]]:
    """Observations by decision, in the order of the file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[str, list[Seen]] = {}
    for row in rows:
        given = float(row["remains"] or float(row["amount_t"] or 0) / float(row["base_t"] or 1))
        found.setdefault(row["decision"], []).append(
            Seen(
                row["country"],
                row["material"],
                int(row["quarter"]),
                row["months"],
                given,
                row["kind"] == "assumption",
                row["basis"],
                row["source"],
            )
        )
    return found


Losses = dict[tuple[str, str], list[float]]
"""Share lost in each quarter, by country and material."""


@dataclass(frozen=True)
class Way:
    """One possible course of an event."""

    name: str
    losses: Losses
    probability: float | None = None
    """That of the profile, if the decision has one hazard with profiles; otherwise None."""


class Outcome(NamedTuple):
    """Increase over an undisturbed state."""

    damage: float  # million
    missing: dict[str, tuple[float, float]]
    """Tonnes, and as a share of a year's demand, by material."""


def effects(losses: Losses) -> list[dict[str, Any]]:
    """In the format of a scenario file."""
    return [
        {"country": country, "materials": "all" if m == "all" else [m], "loss": loss or [0]}
        for (country, m), loss in losses.items()
    ]


def ways(decision: Decision, case: Case, seen: Sequence[Seen]) -> list[Way]:
    """The observed courses: known quarters only, with assumptions, and minus purchases ahead;
    the courses of the file: for the materials of the decision, and for all of its hazard."""
    keys = dict.fromkeys((s.country, s.material) for s in seen)
    of = {key: [s for s in seen if (s.country, s.material) == key] for key in keys}
    later = {key: [s for s in own if s.quarter > 0] for key, own in of.items()}
    found = [
        Way(
            FOUND, {key: [0.0 if s.assumed else s.loss for s in own] for key, own in later.items()}
        ),
        Way(ASSUMED, {key: [s.loss for s in own] for key, own in later.items()}),
        Way(AHEAD, {key: _less_ahead(own) for key, own in of.items()}),
    ]
    for id in decision.hazards:
        hazard = case.hazards[id]
        for profile, course in hazard.effects_by_profile.items():
            whole: Losses = {
                (effect.country, m): [float(x) for x in effect.loss]
                for effect in course
                for m in (["all"] if effect.materials in (None, "all") else effect.materials)
            }
            own = {key: whole[key] for key in keys if key in whole}
            chance = float(hazard.profiles[profile].probability) if profile is not None else None
            label = f"`{id}`" if profile is None else f"`{id}.{profile}`"
            found += [Way(label, own, chance), Way(f"{label}{WHOLE}", whole, chance)]
    return found


def _less_ahead(seen: Sequence[Seen]) -> list[float]:
    """Loss of each quarter, minus purchases in the month before the first (quarter 0)."""
    ahead = sum(max(0.0, s.remains - 1) / 3 for s in seen if s.quarter == 0)
    losses = []
    for loss in (s.loss for s in seen if s.quarter > 0):
        losses.append(max(0.0, loss - ahead))
        ahead = max(0.0, ahead - loss)
    return losses


def outcomes(file: str, asked: Sequence[tuple[Decision, Way]]) -> list[Outcome]:
    """Increase over the undisturbed state, of each course in a separate state without a plan."""
    states: list[dict[str, Any]] = [{"name": "undisturbed", "probability": 1 / (len(asked) + 1)}]
    hazards = {}
    for number, (decision, way) in enumerate(asked):
        hazards[f"replay_{number}"] = {"annual_probability": 0, "effects": effects(way.losses)}
        year, period = decision.start
        event = {"hazard": f"replay_{number}", "start": year, "period": period}
        states.append({"probability": 1 / (len(asked) + 1), "events": [event]})
    overlay = {
        "schema_version": 1,
        "include": [file],
        "horizon": {"discount_rate": 0},
        "hazards": hazards,
        "uncertainty": {"states": states, "sample": None},
    }
    case = read_case_text(json.dumps(overlay), str(ROOT / "scenarios" / "replay.yaml")).case
    instance = read_instance(case)
    alone = [replace(state, probability=1.0) for state in read_states(instance)]
    found: list[PlanEvaluation] = []
    recourse = None
    for state in alone:
        recourse = RecourseEvaluator(instance, [state], threads=1, reuse_from=recourse)
        found += evaluate_commitments(instance, [state], [Commitment()], recourse=recourse)
    calm, *lives = found
    first = asked[0][0].start[0] - instance.years[0]
    return [_added(instance, lived, calm, first) for lived in lives]


def _added(instance: Instance, lived: PlanEvaluation, calm: PlanEvaluation, year: int) -> Outcome:
    """Increase over an undisturbed state; shares are of the demand in the given year."""
    missing = {}
    for m, short in lived.expected_shortage.items():
        lots = float((short - calm.expected_shortage[m]).sum())
        demand = float(instance.material_demand[m][year]) * instance.periods_per_year
        if demand > 0 and lots > SHORT * demand:
            missing[m] = (lots * instance.lot_tonnes[m], lots / demand)
    return Outcome(lived.expected - calm.expected, missing)


# The document


def written(document: str) -> str:
    """docs/replay.md with its generated part replaced and the rest unchanged."""
    between(document, BEGIN, END, "")  # to refuse it before anything is solved
    return between(document, BEGIN, END, "\n\n".join(replayed()) + "\n")


def replayed() -> Iterator[str]:
    """The summary of all decisions, and a section for each."""
    seen = record()
    results: dict[str, list[tuple[Way, Outcome]]] = {}
    cases = {
        file: read_case(ROOT / "scenarios" / file).case for file in (d.file for d in DECISIONS)
    }
    for file, own in groupby(DECISIONS, lambda d: d.file):
        asked = [(d, way) for d in own for way in ways(d, cases[file], seen[d.id])]
        for (d, way), outcome in zip(asked, outcomes(file, asked), strict=True):
            results.setdefault(d.id, []).append((way, outcome))
    yield from _summary(cases[GERMANY], results)
    for decision in DECISIONS:
        yield f"## {decision.title}"
        yield _lost(cases[decision.file], seen[decision.id], results[decision.id])
        yield _damage(cases[decision.file], results[decision.id])
        yield _sources(cases[decision.file], seen[decision.id])


def number(value: float) -> str:
    """Two significant digits, three from 1,000 on."""
    if abs(value) < 0.005:
        return "0"
    digits = (2 if abs(value) < 1000 else 3) - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    return f"{rounded:,.{max(0, digits)}f}"


def share(value: float) -> str:
    """Two digits after the point."""
    return "0" if abs(value) < 0.005 else f"{value:.2f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


Results = Sequence[tuple[Way, Outcome]]


def _of_file(results: Results, whole: bool) -> Results:
    """The courses of the file: for all materials of the hazard, or for those of the decision."""
    own = [(w, o) for w, o in results if w.name not in (FOUND, ASSUMED, AHEAD)]
    return [(w, o) for w, o in own if w.name.endswith(WHOLE) == whole]


def _mean(results: Results) -> tuple[Losses, float]:
    """Losses and damage of the only hazard of a decision: the mean over its profiles."""
    weights = [1.0 if way.probability is None else way.probability for way, _ in results]
    losses: Losses = {}
    for weight, (way, _) in zip(weights, results, strict=True):
        for key, own in way.losses.items():
            pairs = zip_longest(losses.get(key, []), own, fillvalue=0.0)
            losses[key] = [before + weight * loss for before, loss in pairs]
    return losses, math.fsum(x * o.damage for x, (_, o) in zip(weights, results, strict=True))


def _summary(case: Case, results: dict[str, list[tuple[Way, Outcome]]]) -> Iterator[str]:
    """One row for each decision of the German file, and their sum."""
    rows, sums = [], [0.0] * 5
    for decision in (d for d in DECISIONS if d.file == GERMANY):
        own = results[decision.id]
        observed = [o for w, o in own if w.name in (FOUND, ASSUMED, AHEAD)]
        losses, damage = _mean(_of_file(own, whole=False))
        figures = [*(o.damage for o in observed), damage, _mean(_of_file(own, whole=True))[1]]
        sums = [a + b for a, b in zip(sums, figures, strict=True)]
        seen = next(w.losses for w, _ in own if w.name == ASSUMED)
        lost = [
            f"{_name(case, m)} {share(sum(own))} / {share(sum(losses.get((c, m), [])))}"
            for (c, m), own in seen.items()
        ]
        rows.append([decision.title, "; ".join(lost), *map(number, figures)])
    rows.append(["**all**", "", *(f"**{number(x)}**" for x in sums)])
    yield "## All decisions of 2023 to 2025"
    yield (
        f"The damage columns are in million {case.currency}, for each decision alone. A hazard "
        "that represents two decisions counts twice."
    )
    heads = ["Decision", "Loss in quarters of supply: observed / file", FOUND, ASSUMED, AHEAD]
    yield table([*heads, "file, the same materials", "file, all materials of the hazard"], rows)


def _name(case: Case, m: str) -> str:
    return "All materials" if m == "all" else display_name(case.materials[m].name, m, "en")


def _lost(case: Case, seen: Sequence[Seen], results: Results) -> str:
    """Share lost by quarter: observed, and in the file."""
    own = _of_file(results, whole=False)
    ways = [(way.name, way.losses) for way, _ in own]
    if len(own) > 1 and all(way.probability is not None for way, _ in own):
        ways = [("file, mean", _mean(own)[0]), *ways]
    length = max(len(loss) for way, _ in results for loss in way.losses.values())
    rows = []
    for key in dict.fromkeys((s.country, s.material) for s in seen):
        by_quarter = {
            s.quarter: s for s in seen if (s.country, s.material) == key and s.quarter > 0
        }
        marks = [f"{share(s.loss)}{'*' if s.assumed else ''}" for s in by_quarter.values()]
        sums = share(sum(s.loss for s in by_quarter.values()))
        rows.append([_name(case, key[1]), "observed", *marks, *[""] * (length - len(marks)), sums])
        for name, losses in ways:
            lost = losses.get(key, [])
            cells = [*map(share, lost), *[""] * (length - len(lost))]
            rows.append(["", name, *cells, share(sum(lost))])
    quarters = [str(k + 1) for k in range(length)]
    return table(["Share lost in quarter", "", *quarters, "sum"], rows)


def _damage(case: Case, results: Results) -> str:
    """Damage and missing quantities of each course."""
    rows, met = [], []
    for way, outcome in results:
        if way.losses in met:  # no assumptions, purchases ahead or other materials
            continue
        met.append(way.losses)
        chance = "" if way.probability is None else f" ({way.probability:.2f})"
        missing = [
            f"{_name(case, m)} {number(tonnes)} t ({part:.0%})"
            for m, (tonnes, part) in outcome.missing.items()
        ]
        rows.append([way.name + chance, number(outcome.damage), "; ".join(missing) or "nothing"])
    unit = f"Damage, million {case.currency}"
    missing_head = "Total missing, and its share of a year's demand"
    return table(["Event (probability of its profile)", unit, missing_head], rows)


def _sources(case: Case, seen: Sequence[Seen]) -> str:
    """The source of each figure."""
    lines = []
    of_months = groupby(seen, lambda s: (s.material, s.months, s.remains))
    for (material, months, remains), several in of_months:
        own = list(several)
        first, last = own[0], own[-1]
        quarters = (
            f"quarter {first.quarter}"
            if first is last
            else f"quarters {first.quarter} to {last.quarter}"
        )
        outcome = f"{remains:.2f} of the base {'assumed' if first.assumed else 'supplied'}"
        where = f" [Source]({first.source})" if first.source else ""
        about = f"- {_name(case, material)}, {quarters} ({months}): {outcome}. "
        lines.append(f"{about}{first.basis[0].upper()}{first.basis[1:]}.{where}")
    return "\n".join(lines)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(written(target.read_text(encoding="utf-8")), encoding="utf-8")
