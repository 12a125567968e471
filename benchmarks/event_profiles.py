"""Fit of event profiles to a record of disruptions. Prints them as YAML for a hazard.

    python benchmarks/event_profiles.py [FILE] [--severity 2] [--country China] [--as CN] ...

FILE has a row for each event and material, with the columns ``event``, ``start`` and ``end`` (such
as 2023-08; no end if the event was not over in month ``--recorded``), ``country``, ``target``,
``severity`` and ``change_pct``, the change of the country's exports or supply if it is known. An
event that hits several materials counts once.

Method. The distribution of durations is the product-limit estimate (Kaplan and Meier 1958), in
which events that are not over are censored; without them durations would be underestimated. Events
are grouped by duration, with limits of ``--groups`` months. A group's probability is the difference
of the survival function between its limits. Its loss in a period is its level times the share of
its events that still run, averaged over the months of the period, and therefore never rises. The
level is the mean known loss of its events; an event that is not over counts in each group with the
probability that it ends there (Efron 1967). A group without any known loss has the level of all
events.

Assumptions beyond the record: the loss is constant while an event lasts, or declines by the share
``--eases`` a year as trade adapts to licences; events that last longer than ``--longest`` months
end then; events of unknown loss are like the others; an event aimed at one country is like one
aimed at all, unless ``--target`` excludes it. Known losses are those of exports or of output,
whichever was published, usually at their maximum. Less is missing if trade continues by other ways
or from stocks abroad.
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
    """A disruption: its duration, or its duration so far if it is not over, and its known loss."""

    months: int
    over: bool
    loss: float | None  # as a share, mean over its materials; None if unknown


@dataclass(frozen=True)
class Profile:
    """A group of events: its probability, and its mean loss by period."""

    probability: float
    loss: tuple[float, ...]


def month(text: str) -> int:
    """Return the number of a month such as 2023-08, counted from the year 0."""
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
    """Return the events of a record that began in the years ``first`` to ``last``, with at least
    this severity in any material; only those of a country or target if given."""
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["event"]].append(row)
    events = []
    for event_rows in rows.values():
        first_row = event_rows[0]
        is_selected = (
            first <= int(first_row["start"][:4]) <= last
            and max(int(row["severity"]) for row in event_rows) >= severity
            and country in (None, first_row["country"])
            and target in (None, first_row["target"])
        )
        losses = [-float(row["change_pct"]) / 100 for row in event_rows if row["change_pct"]]
        if is_selected:
            months = max(1, month(first_row["end"] or recorded) - month(first_row["start"]))
            loss = math.fsum(losses) / len(losses) if losses else None
            events.append(Event(months, bool(first_row["end"]), loss))
    return events


def survival(events: Sequence[Event], longest: int) -> list[float]:
    """Return the probabilities that an event lasts longer than 0 to ``longest`` months."""
    probabilities = [1.0]
    for months in range(1, longest + 1):
        running = sum(e.months >= months for e in events)
        ended = sum(e.over and e.months == months for e in events)
        probabilities.append(probabilities[-1] * (1 - ended / running if running else 1.0))
    return probabilities


def fitted(
    events: Sequence[Event], groups: Sequence[int], longest: int, per_year: int, eases: float = 0.0
) -> list[Profile]:
    """Return a profile for each group of events, of which ``groups`` has the longest durations in
    months, and one for those that last longer. Groups with probability 0 are left out. Raise
    ValueError if no event has a known loss.

    Example: three events end after 3, 6 and 12 months, one has run for 9, and all have a loss of
    1/2. By the product-limit estimate 3/4 last longer than 3 months and 1/2 longer than 6, and the
    rest ends at 12. With one group up to 6 months and four periods a year, the short profile has
    probability 1/2 and the losses 1/2 and 1/4, since half of its events are over in the second
    period; the long one has probability 1/2 and the loss 1/2 in four periods.
    """
    outlasts = survival(events, longest)
    known = [e for e in events if e.loss is not None]
    if not known:
        raise ValueError("no event has a known loss")
    mean_loss = math.fsum(e.loss or 0.0 for e in known) / len(known)
    width = 12 // per_year
    profiles = []
    ends = [end for end in groups if end < longest]
    for begin, end in zip([0, *ends], [*ends, None], strict=True):
        beyond = 0.0 if end is None else outlasts[end]
        probability = outlasts[begin] - beyond
        if probability <= 0:
            continue
        weights = [_probability_in_group(e, begin, end, outlasts) for e in known]
        total = math.fsum(weights)
        level = mean_loss
        if total > 0:
            level = math.fsum(w * (e.loss or 0.0) for w, e in zip(weights, known, strict=True))
            level /= total
        last = longest if end is None else end
        # Share of the group that runs in each month, times the share of its loss that is left.
        remaining_shares = [
            min(1.0, (outlasts[before] - beyond) / probability) * (1 - eases) ** (before / 12)
            if before < last
            else 0.0
            for before in range(-(-last // width) * width)
        ]
        by_period = [
            level * math.fsum(remaining_shares[k : k + width]) / width
            for k in range(0, len(remaining_shares), width)
        ]
        while len(by_period) > 1 and by_period[-1] < 0.005:  # would be printed as 0.00
            by_period.pop()
        profiles.append(Profile(probability, tuple(by_period)))
    return profiles


def _probability_in_group(
    event: Event, begin: int, end: int | None, outlasts: Sequence[float]
) -> float:
    """Return the probability that an event ends after more than ``begin`` and at most ``end``
    months, given its duration so far. ``outlasts`` are the probabilities of :func:`survival`."""
    if event.over or event.months >= len(outlasts) or outlasts[event.months] <= 0:
        return float(event.months > begin and (end is None or event.months <= end))
    beyond = 0.0 if end is None else outlasts[max(end, event.months)]
    return (outlasts[max(begin, event.months)] - beyond) / outlasts[event.months]


NAMES = {1: ["all"], 2: ["short", "long"], 3: ["short", "middle", "long"]}


def as_yaml(profiles: Sequence[Profile], country: str) -> str:
    """Return profiles as YAML of a hazard in a scenario file. Rounded probabilities sum to 1."""
    names = NAMES.get(len(profiles)) or [f"p{n + 1}" for n in range(len(profiles))]
    percentages = [round(100 * profile.probability) for profile in profiles]
    percentages[percentages.index(max(percentages))] += 100 - sum(percentages)
    lines = ["profiles:"]
    for name, percentage, profile in zip(names, percentages, profiles, strict=True):
        loss = ", ".join(f"{x:.2f}" for x in profile.loss)
        effects = f"[{{country: {country}, loss: [{loss}]}}]"
        lines.append(f"  {name}: {{probability: {percentage / 100:.2f}, effects: {effects}}}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=RECORD)
    parser.add_argument("--first", type=int, default=2005)
    parser.add_argument("--last", type=int, default=2025)
    parser.add_argument("--recorded", default="2026-11", help="last month of the record")
    parser.add_argument("--severity", type=int, default=2, help="least severity, of 1 to 3")
    parser.add_argument("--country", help="only events of this country, as in the file")
    parser.add_argument("--target", help="only events with this target, as in the file")
    parser.add_argument("--groups", type=int, nargs="*", default=[6, 18], help="limits in months")
    parser.add_argument("--longest", type=int, default=48, help="longest duration, in months")
    parser.add_argument("--eases", type=float, default=0.0, help="yearly decline of a loss")
    parser.add_argument("--per-year", type=int, default=4, choices=(1, 2, 4, 12))
    parser.add_argument("--as", dest="code", default="CN", help="country of the effects")
    args = parser.parse_args()
    events = events_in(
        args.file, args.first, args.last, args.severity, args.country, args.target, args.recorded
    )
    profiles = fitted(events, sorted(args.groups), args.longest, args.per_year, args.eases)
    running_count = sum(not e.over for e in events)
    known_count = sum(e.loss is not None for e in events)
    print(
        f"# {len(events)} events of {args.first} to {args.last}, severity {args.severity} and more"
    )
    print(f"# {running_count} of them not over in {args.recorded}; {known_count} have a known loss")
    print(as_yaml(profiles, args.code))


if __name__ == "__main__":
    main()
