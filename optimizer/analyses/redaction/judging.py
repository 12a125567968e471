"""The whole account for the owner: what was hidden, what it costs, and what can be recovered."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.base import named
from models.results import (
    AnswerState,
    Plan,
    Recovered,
    RedactedFigure,
    Redaction,
    TellingResult,
)
from models.scenario.quantities import Number
from optimizer.analyses.redaction.attack import TOLD, Attacker
from optimizer.analyses.redaction.hidden import Figure
from optimizer.analyses.redaction.insider import Insider
from optimizer.analyses.redaction.loss import Answers, answer, loss
from optimizer.analyses.redaction.methods import Band, Method, Replaced
from optimizer.analyses.redaction.options import RedactOptions
from optimizer.analyses.redaction.ranges import Ranges, middle, narrow, width
from optimizer.analyses.redaction.rewriting import Redacted
from optimizer.errors import Infeasible, NoPlan
from optimizer.solve.plan_document import UNITS

APART = 0.01
"""Values of a figure that are told apart, relatively, where bits are counted."""
PRIOR = math.log(100)
"""Width of what an outsider knew before: up to a factor of ten, either way."""
EXACT = 1e-3
"""A range this narrow, relatively, gives a figure away."""
GUESSES = 1e9
"""Scenarios that can be tried against a published hash."""


@dataclass(frozen=True, eq=False)
class Judged:
    """The account, and the plan that may be published."""

    redaction: Redaction
    plan: Plan | None
    proven: bool
    """Whether both plans are proven to the gap that was asked for."""


def judge(
    redacted: Redacted,
    method: Method,
    options: RedactOptions,
    *,
    title: str | None = None,
) -> Judged:
    """Solve both scenarios, follow one plan in the other, and attack.

    Raises
    ------
    Interrupted
        If the user stopped it before both had a plan.
    """
    began = time.perf_counter()
    case = redacted.true
    name = title or named(case.title, "scenario")
    state, answers = _answers(redacted, options, name)
    lost = None if answers is None else loss(answers, options)
    attacked = None if answers is None else _Attacked.of(redacted, answers.true.plan(name))
    figures = tuple(_figure(one, redacted, attacked, options.values) for one in redacted.replaced)
    measure = case.objective.measure
    redaction = Redaction(
        title=name,
        currency=case.currency,
        method="band" if isinstance(method, Band) else "scale",
        width=method.width,
        consumers=options.consumers,
        companies=options.companies,
        figures=figures,
        left_out=redacted.left_out,
        hints=redacted.hints,
        answer=state,
        unit=UNITS[measure].format(currency=case.currency),
        loss=lost,
        telling=() if attacked is None else attacked.telling,
        seconds=time.perf_counter() - began,
    )
    if answers is None:
        return Judged(redaction, None, False)
    statuses = {found.certificate.status for found in (answers.true, answers.redacted)}
    return Judged(redaction, answers.redacted_plan, statuses == {"optimal"})


def _answers(
    redacted: Redacted, options: RedactOptions, title: str
) -> tuple[AnswerState, Answers | None]:
    if not options.solve:
        return "skipped", None
    try:
        found = answer(redacted.true, redacted.case, options, title)
    except Infeasible:
        return "infeasible", None
    except NoPlan:
        return "no_plan", None
    if isinstance(found, Answers):
        return "solved", found
    return ("redacted_infeasible" if isinstance(found, Infeasible) else "no_plan"), None


@dataclass(frozen=True, eq=False)
class _Attacked:
    """What results of the true scenario told."""

    ranges: Ranges
    by: dict[str, str]
    """The result that narrowed most, by figure."""
    insider: Insider
    telling: tuple[TellingResult, ...]

    @classmethod
    def of(cls, redacted: Redacted, plan: Plan) -> _Attacked:
        attacker = Attacker(redacted, plan)
        ranges = attacker.from_file()
        by: dict[str, str] = {}
        gains: dict[str, float] = {}
        told: list[TellingResult] = []
        for result, tells in TOLD.items():
            # Damage tells the more the better demand is known: what came before is known there.
            start = ranges if result.startswith("materials.expected") else attacker.from_file()
            one = _telling(result, start, tells(attacker, start))
            if one is not None:
                told.append(one)
            after = tells(attacker, ranges)
            for name, ends in after.items():
                gain = width(*ranges[name]) - width(*ends)
                if gain > max(EXACT / 10, gains.get(name, 0.0)):
                    by[name], gains[name] = result, gain
            ranges = after
        insider = Insider(redacted.true, plan, attacker.world)
        told += _outright(redacted)
        told.sort(key=lambda one: (-len(one.exact), -len(one.narrowed)))
        return cls(ranges, by, insider, tuple(told))


def _telling(result: str, before: Ranges, after: Ranges) -> TellingResult | None:
    exact, narrowed = [], []
    for name, ends in after.items():
        old, new = width(*before[name]), width(*ends)
        if new <= EXACT < old:
            exact.append(name)
        elif new < old / 2:
            narrowed.append(name)
    if not exact and not narrowed:
        return None
    return TellingResult(result=result, exact=tuple(exact), narrowed=tuple(narrowed))


def _outright(redacted: Redacted) -> list[TellingResult]:
    """What gives all figures away at once: the scenario in the plan, and its hash if few fit."""
    names = tuple(one.figure.dotted for one in redacted.replaced)
    found = [TellingResult(result="scenario", exact=names, narrowed=())]
    texts = any(one.reason in ("note", "description", "source") for one in redacted.left_out)
    fitting = math.prod(_round_values(one) for one in redacted.replaced)
    if fitting <= GUESSES and not texts and not _with_sources(redacted):
        found.append(TellingResult(result="certificate.input_sha256", exact=names, narrowed=()))
    return found


def _round_values(one: Replaced) -> float:
    """How many values with three digits lie in a range: what an attacker would try first."""
    return max(1.0, math.ceil(width(one.low, one.high) / math.log(10) * 900))


def _with_sources(redacted: Redacted) -> bool:
    """Whether hidden figures carry texts that an attacker would have to guess as well."""

    def carries(figure: Figure) -> bool:
        item: Any = redacted.true
        for step in figure.path:
            if isinstance(item, dict):
                item = item[step]
            elif isinstance(item, tuple):
                item = item[int(step)]
            else:
                item = getattr(item, str(step))
        numbers = getattr(item, "values", (item,))
        numbers = tuple(numbers()) if callable(numbers) else numbers
        return any(isinstance(n, Number) and (n.source or n.note) for n in numbers)

    return any(carries(one.figure) for one in redacted.replaced)


def _figure(
    one: Replaced, redacted: Redacted, attacked: _Attacked | None, values: bool
) -> RedactedFigure:
    figure, ends = one.figure, width(one.low, one.high)
    results = insider = by_consumer = None
    if attacked is not None:
        results = _recovered(figure, attacked.ranges[figure.dotted], attacked.by.get(figure.dotted))
        insider = _recovered(figure, *attacked.insider.totals(figure, one.low, one.high))
        by_consumer = _recovered(figure, *attacked.insider.by_consumer(figure, one.low, one.high))
    return RedactedFigure(
        path=figure.dotted,
        kind=figure.kind,
        owner=figure.owner,
        material=figure.material,
        published=one.published,
        value=figure.value if values else None,
        low=one.low,
        high=one.high,
        error=math.expm1(ends / 2),
        bits_left=math.log2(max(1.0, ends / math.log1p(APART))),
        bits_told=math.log2(max(1.0, PRIOR / max(ends, math.log1p(APART)))),
        known_shape=_known_shape(one, redacted.replaced),
        results=results,
        insider=insider,
        insider_by_consumer=by_consumer,
    )


def _recovered(figure: Figure, ends: tuple[float, float], by: str | None) -> Recovered:
    low, high = ends
    guess = middle(low, high)
    error = abs(guess / figure.value - 1) if figure.value > 0 else 0.0
    return Recovered(low=low, high=high, error=error, by=by)


def _known_shape(one: Replaced, replaced: Sequence[Replaced]) -> Recovered | None:
    """The level of a profile lies in the bands of all its years at once."""
    years = [other for other in replaced if other.figure.path == one.figure.path]
    if len(years) < 2 or one.figure.value <= 0:
        return None
    level: Ranges = {"": (one.low, one.high)}
    for other in years:
        if other.figure.value > 0:
            ratio = one.figure.value / other.figure.value
            narrow(level, "", other.low * ratio, other.high * ratio)
    return _recovered(one.figure, level[""], None)
