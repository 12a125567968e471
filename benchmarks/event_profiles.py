"""Fits profiles of events to a record of disruptions, and prints them as YAML for a hazard.

    python benchmarks/event_profiles.py [FILE] [--severity 2] [--country China] [--as CN] ...

FILE has a row for each event and material, with the columns ``event``, ``start`` and ``end``
(2023-08; no end: not over on ``--recorded``), ``country``, ``target``, ``severity`` and
``change_pct``, the known change of what the country exports or supplies, where it is known. One
decision counts once, however many materials it hits.

Method. How long an event lasts is estimated by the product limit (Kaplan and Meier 1958): one
that is not over yet lasts longer than it has lasted, and is not left out, for that would make
events too short. Events are grouped by duration, at ``--groups`` months. A group's probability is
the difference of the survival function between its ends. Its loss in a period is its level times
the share of its events that still run, in the mean of the period's months: an average of events of
unlike length, which never rises. The level is the mean known loss of its events, in which one that
is not over counts in each group by the probability that it ends there (Efron 1967); a group
without any known loss has that of all.

Assumed, since the record does not say it: an event takes the same share for as long as it lasts, or
less by ``--eases`` of it a year, as trade gets used to licences; what lasts longer than
``--longest`` months is cut off there; events of unknown loss are like the others; an event aimed at
one country is like one aimed at all, unless ``--target`` leaves it out. Known losses are those of
exports or of output, whichever was published, at their height as a rule: where trade goes on by
other ways or from stocks abroad, less is missing.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RECORD = Path(__file__).parents[1] / "scenarios" / "germany-2026" / "disruptions.csv"


@dataclass(frozen=True)
class Event:
    """A disruption: how many months it lasted, or has lasted so far, and its known loss."""

    months: int
    over: bool
    loss: float | None  # share of one, the mean over its materials


@dataclass(frozen=True)
class Profile:
    """A group of events: its probability, and its mean loss by period."""

    probability: float
    loss: tuple[float, ...]


def month(text: str) -> int:
    """A month such as 2023-08, counted from the year 0."""
    year, number = text.split("-")
    return 12 * int(year) + int(number) - 1


def events_in(
    path: Path,
    first: int = 2005,
    last: int = 2025,
    severity: int = 2,
    country: str | None = None,
    target: str | None = None,
    recorded: str = "2026-11",
) -> list[Event]:
    """Events of a record that began in these years, of this severity or more in any material."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["event"]].append(row)
    found = []
    for own in rows.values():
        one = own[0]
        asked = (
            first <= int(one["start"][:4]) <= last
            and max(int(row["severity"]) for row in own) >= severity
            and country in (None, one["country"])
            and target in (None, one["target"])
        )
        known = [-float(row["change_pct"]) / 100 for row in own if row["change_pct"]]
        if asked:
            months = max(1, month(one["end"] or recorded) - month(one["start"]))
            loss = math.fsum(known) / len(known) if known else None
            found.append(Event(months, bool(one["end"]), loss))
    return found


def survival(events: Sequence[Event], longest: int) -> list[float]:
    """The probability that an event lasts longer than so many months, from 0 to ``longest``."""
    found = [1.0]
    for months in range(1, longest + 1):
        running = sum(e.months >= months for e in events)
        ended = sum(e.over and e.months == months for e in events)
        found.append(found[-1] * (1 - ended / running if running else 1.0))
    return found


def fitted(
    events: Sequence[Event], groups: Sequence[int], longest: int, per_year: int, eases: float = 0.0
) -> list[Profile]:
    """A profile for each group of events that ends at so many months, and one for those that last
    longer; groups that nothing falls in are left out.

    By hand: three events end after 3, 6 and 12 months, one has run for 9, all take a half. By the
    product limit 3/4 outlast 3 months, 1/2 outlast 6, all that is left ends at 12. So with a group
    up to 6 months and quarters there is 1/2 with the loss 1/2 and then 1/4, since half of its
    events are over, and 1/2 with four times 1/2.
    """
    outlasts = survival(events, longest)
    known = [e for e in events if e.loss is not None]
    if not known:
        raise ValueError("no event has a known loss")
    mean = math.fsum(e.loss or 0.0 for e in known) / len(known)
    width = 12 // per_year
    found = []
    ends = [end for end in groups if end < longest]
    for begin, end in zip([0, *ends], [*ends, None], strict=True):
        beyond = 0.0 if end is None else outlasts[end]
        probability = outlasts[begin] - beyond
        if probability <= 0:
            continue
        weights = [_in_group(e, begin, end, outlasts) for e in known]
        total = math.fsum(weights)
        level = mean
        if total > 0:
            level = math.fsum(w * (e.loss or 0.0) for w, e in zip(weights, known, strict=True))
            level /= total
        last = longest if end is None else end
        # Share of the group that runs in each month, from the first on, and of its loss that is
        # left then.
        runs = [
            min(1.0, (outlasts[before] - beyond) / probability) * (1 - eases) ** (before / 12)
            if before < last
            else 0.0
            for before in range(-(-last // width) * width)
        ]
        by_period = [
            level * math.fsum(runs[k : k + width]) / width for k in range(0, len(runs), width)
        ]
        while len(by_period) > 1 and by_period[-1] < 0.005:  # shown as nothing
            by_period.pop()
        found.append(Profile(probability, tuple(by_period)))
    return found


def _in_group(event: Event, begin: int, end: int | None, outlasts: Sequence[float]) -> float:
    """The probability that an event ends after more than ``begin`` months, ``end`` at most."""
    if event.over or event.months >= len(outlasts) or outlasts[event.months] <= 0:
        return float(event.months > begin and (end is None or event.months <= end))
    beyond = 0.0 if end is None else outlasts[max(end, event.months)]
    return (outlasts[max(begin, event.months)] - beyond) / outlasts[event.months]


NAMES = {1: ["all"], 2: ["short", "long"], 3: ["short", "middle", "long"]}


def as_yaml(profiles: Sequence[Profile], country: str) -> str:
    """The profiles as a hazard of a scenario file has them; probabilities add up to 1."""
    names = NAMES.get(len(profiles)) or [f"p{n + 1}" for n in range(len(profiles))]
    shares = [round(100 * own.probability) for own in profiles]
    shares[shares.index(max(shares))] += 100 - sum(shares)
    lines = ["profiles:"]
    for name, share, own in zip(names, shares, profiles, strict=True):
        loss = ", ".join(f"{part:.2f}" for part in own.loss)
        effects = f"[{{country: {country}, loss: [{loss}]}}]"
        lines.append(f"  {name}: {{probability: {share / 100:.2f}, effects: {effects}}}")
    return "\n".join(lines)


def main() -> None:
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("file", nargs="?", type=Path, default=RECORD)
    asked.add_argument("--first", type=int, default=2005)
    asked.add_argument("--last", type=int, default=2025)
    asked.add_argument("--recorded", default="2026-11", help="month up to which the record goes")
    asked.add_argument("--severity", type=int, default=2, help="least severity, of 1 to 3")
    asked.add_argument("--country", help="of these alone, as the file has it")
    asked.add_argument("--target", help="aimed at this alone, as the file has it")
    asked.add_argument("--groups", type=int, nargs="*", default=[6, 18], help="ends, in months")
    asked.add_argument("--longest", type=int, default=48, help="months after which all is over")
    asked.add_argument("--eases", type=float, default=0.0, help="share of a loss that goes a year")
    asked.add_argument("--per-year", type=int, default=4, choices=(1, 2, 4, 12))
    asked.add_argument("--as", dest="code", default="CN", help="country of the effects")
    args = asked.parse_args()
    events = events_in(
        args.file, args.first, args.last, args.severity, args.country, args.target, args.recorded
    )
    profiles = fitted(events, sorted(args.groups), args.longest, args.per_year, args.eases)
    running, known = sum(not e.over for e in events), sum(e.loss is not None for e in events)
    print(
        f"# {len(events)} events of {args.first} to {args.last}, severity {args.severity} and more"
    )
    print(f"# {running} of them not over in {args.recorded}; a known loss of {known}")
    print(as_yaml(profiles, args.code))


if __name__ == "__main__":
    main()
