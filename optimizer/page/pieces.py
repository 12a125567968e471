"""The pieces that the page is made of: figures of an answer, the board of a scenario, and what a
search of figures finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from models.base import named
from models.files import Reading
from models.language import Language, language, tr, using
from models.scenario.case import Case
from optimizer.page import controls, figures, scenarios, views
from optimizer.page.question import Question
from optimizer.page.worker import Asked, Failed, Figures
from optimizer.report.figures import clean, number, percent, rounded, small_percent

RESULTS = 12
"""Figures that a search shows."""
LANGUAGES: tuple[Language, ...] = ("en", "de")


class Taken(NamedTuple):
    """A question as it was taken in."""

    question: Question
    asked: Asked
    name: str  # of the scenario, as its processes are known
    titles: dict[Language, str]  # what is asked, in words


Answered = tuple[Taken, Figures]


def told(
    said: Figures | Failed, taken: Taken, before: Answered | None, language: Language
) -> dict[str, Any]:
    """What is known by now, as a piece of the page; ``before`` is the last other answer."""
    with using(language):
        if isinstance(said, Failed):
            html = template("failed.html.j2", failed=said)
            return {"state": "failed", "html": html, "text": said.message}
        case, was = taken.asked.case, ""
        told = facts(said, before[1] if before else None, case)
        if before and before[0].asked.case.objective.cvar.level != case.objective.cvar.level:
            told = [replace(one, before="") if one.key == "tail" else one for one in told]
        if before is not None and before[0].question.scenario == taken.question.scenario:
            was = tr("Before: {title}", title=before[0].titles[language])
        proof = proven(said, unit_of(case))
        html = template("figures.html.j2", facts=told, proof=proof, state=said.state, was=was)
        return {"state": said.state, "html": html, "text": proof}


@dataclass(frozen=True)
class Fact:
    """A figure as the page shows it: what it is, the figure, what is beside it, and what it was."""

    key: str
    what: str
    figure: str
    beside: str
    before: str


def unit_of(case: Case) -> str:
    """What the objective is counted in."""
    money = tr("million {currency}", currency=case.currency)
    return {"damage": money, "tonnes": tr("t")}.get(case.objective.measure, tr("years of demand"))


def facts(said: Figures, before: Figures | None, case: Case) -> list[Fact]:
    """What is known of a plan, and what it was with the question before."""
    damage, unit = case.objective.measure == "damage", unit_of(case)
    amount = tr("million {currency}", currency=case.currency)
    worst = percent(1 - float(case.objective.cvar.level))

    def public(of: Figures) -> float:
        return sum(
            m for f, m in of.paid.items() if f in case.funders and case.funders[f].kind == "public"
        )

    def fact(
        key: str, what: str, read: Callable[[Figures], float | None], of: str, beside: str = ""
    ) -> Fact:
        now, then = read(said), None if before is None else read(before)
        was = ""
        if then is not None and now is not None:
            # A difference that both proofs leave open is none.
            open_by = sum((x.gap or 0.0) * abs(x.objective) for x in (said, before) if x)
            same = key == "expected" and abs(now - then) <= open_by
            was = tr("before: {value}", value=number(then))
            was += f" ({tr('not told apart')})" if same and now != then else ""
        figure = number(now) if now is None else f"{number(now)} {of}".strip()
        return Fact(key, what, figure, beside, was)

    left = ""
    if said.without and said.expected is not None:
        share = percent(1 - said.expected / said.without)
        left = tr(
            "{before} without a plan; {share} avoided", before=number(said.without), share=share
        )
    rest = sum(said.paid.values()) - public(said)
    return [
        fact("expected", tr("Expected damage") if damage else tr("Expected shortage"),
             lambda of: of.expected, unit, left),
        fact("tail", tr("On average in the worst {share}", share=worst), lambda of: of.tail, unit,
             "" if said.tail_without is None
             else tr("{before} without a plan", before=number(said.tail_without))),
        fact("cost", tr("Net cost, whoever pays"), lambda of: of.net_cost, amount,
             tr("discounted")),
        fact("public", tr("Used of public budgets"), public, amount,
             tr("of others: {rest}", rest=number(rest))),
        fact("projects", tr("Projects supported"), lambda of: len(of.start), "",
             tr("materials in stock: {count}", count=said.stocks)),
    ]  # fmt: skip


def proven(said: Figures, unit: str) -> str:
    """What is proven, in a sentence."""
    took = number(said.seconds, 1)
    if said.bound is None:
        return tr("First plan, after {seconds} s; what is the best is still open.", seconds=took)
    open_by = (said.gap or 0.0) * abs(said.objective)
    gap = tr("{share} ({amount} {unit})", share=small_percent(said.gap), amount=rounded(open_by),
             unit=unit)  # fmt: skip
    about = {"gap": gap, "seconds": took}
    if said.state == "proven" and (said.gap or 0.0) <= 1e-9:
        return tr("Proven for these assumptions: no plan is better. Took {seconds} s.",
                  seconds=took)  # fmt: skip
    return {
        "proven": tr("Proven for these assumptions: no plan is better by more than {gap}. Took "
                     "{seconds} s.", **about),
        "stopped": tr("Stopped: a plan may be better by up to {gap}. Took {seconds} s.", **about),
    }.get(
        said.state, tr("So far: no plan is better by more than {gap}. {seconds} s.", **about)
    )  # fmt: skip


# Pieces of the page


@cache
def _environment() -> Any:
    from optimizer.report.render.html import templates_of

    made = templates_of("optimizer.page")
    made.globals["shown"] = scenarios.shown
    return made


def template(name: str, user: str = "", **values: Any) -> str:
    """A piece of the page, or all of it, in the current language; on a server, for a user."""
    values |= {"user": user} | {"language": language(), "languages": LANGUAGES}
    return str(_environment().get_template(name).render(**values))


@cache
def static(name: str) -> bytes:
    """A style sheet, script or picture of the page."""
    own = (files("optimizer.page") / "templates" / name).read_bytes()
    if name == "page.css":  # what a report is made of looks here as it does there
        report = files("optimizer.report") / "templates" / "style.css"
        return report.read_bytes() + own
    return own


# The board of a scenario


def board(
    source: scenarios.Source,
    question: Question,
    reading: Reading,
    whole: Case,
    user: str,
    language: Language,
) -> str:
    """The page; of a large scenario it takes seconds to write."""
    case, moved = reading.case, dict(question.moved)
    known = controls.every_control(case)
    others = tuple(
        one for id in moved if id not in known and (one := controls.control(case, id, known))
    )
    return template(
        "board.html.j2",
        user=user,
        question=question,
        source=source,
        title=clean(named(case.title, question.scenario, language)),
        variants={id: named(one.title, id, language) for id, one in whole.variants.items()},
        groups=list(controls.groups(case)),
        others=others,
        moved=moved,
        rests=figures.rests_on(case),
        views={name: tr(title) for name, title in views.ALL.items()},
        files=views.FILES,
        hazards=events(case),
        # Companies come first: for them it is the question.
        funders={
            f: named(one.name, f, language)
            for f, one in sorted(case.funders.items(), key=lambda pair: pair[1].kind == "public")
            if one.kind != "private" and {f"funders.{f}.budget_meur", f"total.{f}"} & known.keys()
        },
        years=list(case.horizon.years),
        periods=case.horizon.periods_per_year,
        doubts=[str(fault) for fault in reading.warnings],
    )


def events(case: Case) -> dict[str, str]:
    """What may strike in a stress test, by the way in which ``vorrat stress`` names it."""
    found: dict[str, str] = {}
    for h, hazard in case.hazards.items():
        name = figures.named_item(hazard, h)
        about = controls.ways(hazard)
        found |= {f"{h}.{profile}": f"{name} ({way})" for profile, way in about.items()}
        if not about:
            found[h] = name
    return found


def found(case: Case, wanted: Sequence[str], moved: dict[str, str]) -> str:
    """Figures whose name has all words, as a piece of the page."""
    known = controls.every_control(case)
    found = [(one, True) for one in known.values() if _has(wanted, one.called, one.id)]
    count = len(found)
    del found[RESULTS // 2 :]
    for path in figures.figures(case):
        if path not in known and _has(wanted, figures.words(case, path), path):
            count += 1
            if len(found) < RESULTS and (one := controls.control(case, path, known)) is not None:
                found.append((one, False))
    rests = figures.rests_on(case)
    return template("found.html.j2", controls=found, count=count, moved=moved, rests=rests)


def _has(wanted: Sequence[str], label: str, path: str) -> bool:
    label = label.casefold()
    return all(word in label or word in path for word in wanted)
