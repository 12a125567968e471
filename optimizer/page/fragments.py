"""The pieces that the page is made of: figures of an answer, the board of a scenario, and what a
search of figures finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from models.base import display_name
from models.files import LoadedScenario
from models.language import Language, current_language, tr, using
from models.scenario.case import Case
from optimizer.page import controls, figure_controls, scenario_store, views
from optimizer.page.question import Question
from optimizer.page.worker import AnswerFailure, AnswerFigures, SolveRequest
from optimizer.report.number_format import (
    format_number,
    format_percent,
    format_rounded,
    format_small_percent,
    sanitize,
)

MAX_SEARCH_RESULTS = 12
"""Figures that a search shows."""
LANGUAGES: tuple[Language, ...] = ("en", "de")


class PreparedQuestion(NamedTuple):
    """A question as it was taken in."""

    question: Question
    request: SolveRequest
    process_name: str  # of the scenario, as its processes are known
    titles: dict[Language, str]  # what is asked, in words


AnsweredQuestion = tuple[PreparedQuestion, AnswerFigures]


def answer_event(
    answer: AnswerFigures | AnswerFailure,
    prepared: PreparedQuestion,
    previous: AnsweredQuestion | None,
    language: Language,
) -> dict[str, Any]:
    """What is known by now, as a piece of the page; ``before`` is the last other answer."""
    with using(language):
        if isinstance(answer, AnswerFailure):
            html = render_template("failed.html.j2", failed=answer)
            return {"state": "failed", "html": html, "text": answer.message}
        case, was = prepared.request.case, ""
        told = answer_facts(answer, previous[1] if previous else None, case)
        if previous and previous[0].request.case.objective.cvar.level != case.objective.cvar.level:
            told = [replace(one, previous="") if one.key == "tail" else one for one in told]
        if previous is not None and previous[0].question.scenario == prepared.question.scenario:
            was = tr("Before: {title}", title=previous[0].titles[language])
        proof = proof_sentence(answer, objective_unit(case))
        html = render_template(
            "figures.html.j2", facts=told, proof=proof, state=answer.state, was=was
        )
        return {"state": answer.state, "html": html, "text": proof}


@dataclass(frozen=True)
class AnswerFact:
    """A figure as the page shows it: what it is, the figure, what is beside it, and what it was."""

    key: str
    label: str
    value: str
    note: str
    previous: str


def objective_unit(case: Case) -> str:
    """What the objective is counted in."""
    money = tr("million {currency}", currency=case.currency)
    return {"damage": money, "tonnes": tr("t")}.get(case.objective.measure, tr("years of demand"))


def answer_facts(
    answer: AnswerFigures, previous: AnswerFigures | None, case: Case
) -> list[AnswerFact]:
    """What is known of a plan, and what it was with the question before."""
    damage, unit = case.objective.measure == "damage", objective_unit(case)
    amount = tr("million {currency}", currency=case.currency)
    worst = format_percent(1 - float(case.objective.cvar.level))

    def public(of: AnswerFigures) -> float:
        return sum(
            m
            for f, m in of.paid_by_funder.items()
            if f in case.funders and case.funders[f].kind == "public"
        )

    def fact(
        key: str,
        what: str,
        read: Callable[[AnswerFigures], float | None],
        of: str,
        beside: str = "",
    ) -> AnswerFact:
        now, then = read(answer), None if previous is None else read(previous)
        was = ""
        if then is not None and now is not None:
            # A difference that both proofs leave open is none.
            open_by = sum((x.gap or 0.0) * abs(x.objective) for x in (answer, previous) if x)
            same = key == "expected" and abs(now - then) <= open_by
            was = tr("before: {value}", value=format_number(then))
            was += f" ({tr('not told apart')})" if same and now != then else ""
        figure = format_number(now) if now is None else f"{format_number(now)} {of}".strip()
        return AnswerFact(key, what, figure, beside, was)

    left = ""
    if answer.expected_without_plan and answer.expected is not None:
        share = format_percent(1 - answer.expected / answer.expected_without_plan)
        left = tr(
            "{before} without a plan; {share} avoided",
            before=format_number(answer.expected_without_plan),
            share=share,
        )
    rest = sum(answer.paid_by_funder.values()) - public(answer)
    return [
        fact("expected", tr("Expected damage") if damage else tr("Expected shortage"),
             lambda of: of.expected, unit, left),
        fact("tail", tr("On average in the worst {share}", share=worst), lambda of: of.cvar, unit,
             "" if answer.cvar_without_plan is None
             else tr("{before} without a plan", before=format_number(answer.cvar_without_plan))),
        fact("cost", tr("Net cost, whoever pays"), lambda of: of.net_cost, amount,
             tr("discounted")),
        fact("public", tr("Used of public budgets"), public, amount,
             tr("of others: {rest}", rest=format_number(rest))),
        fact("projects", tr("Projects supported"), lambda of: len(of.start_by_project), "",
             tr("materials in stock: {count}", count=answer.stocked_materials)),
    ]  # fmt: skip


def proof_sentence(answer: AnswerFigures, unit: str) -> str:
    """What is proven, in a sentence."""
    took = format_number(answer.seconds, 1)
    if answer.bound is None:
        return tr("First plan, after {seconds} s; what is the best is still open.", seconds=took)
    open_by = (answer.gap or 0.0) * abs(answer.objective)
    gap = tr("{share} ({amount} {unit})", share=format_small_percent(answer.gap), amount=format_rounded(open_by),
             unit=unit)  # fmt: skip
    about = {"gap": gap, "seconds": took}
    if answer.state == "proven" and (answer.gap or 0.0) <= 1e-9:
        return tr("Proven for these assumptions: no plan is better. Took {seconds} s.",
                  seconds=took)  # fmt: skip
    return {
        "proven": tr("Proven for these assumptions: no plan is better by more than {gap}. Took "
                     "{seconds} s.", **about),
        "stopped": tr("Stopped: a plan may be better by up to {gap}. Took {seconds} s.", **about),
    }.get(
        answer.state, tr("So far: no plan is better by more than {gap}. {seconds} s.", **about)
    )  # fmt: skip


# Pieces of the page


@cache
def _jinja_environment() -> Any:
    from optimizer.report.render.html import template_environment

    made = template_environment("optimizer.page")
    made.globals["shown"] = scenario_store.value_in_words
    return made


def render_template(name: str, user: str = "", **values: Any) -> str:
    """A piece of the page, or all of it, in the current language; on a server, for a user."""
    values |= {"user": user} | {"language": current_language(), "languages": LANGUAGES}
    return str(_jinja_environment().get_template(name).render(**values))


@cache
def static_file(name: str) -> bytes:
    """A style sheet, script or picture of the page."""
    own = (files("optimizer.page") / "templates" / name).read_bytes()
    if name == "page.css":  # what a report is made of looks here as it does there
        report = files("optimizer.report") / "templates" / "style.css"
        return report.read_bytes() + own
    return own


# The board of a scenario


def render_board(
    source: scenario_store.ScenarioSource,
    question: Question,
    reading: LoadedScenario,
    base_case: Case,
    user: str,
    language: Language,
) -> str:
    """The page; of a large scenario it takes seconds to write."""
    case, moved = reading.case, dict(question.moved)
    known = controls.controls_by_id(case)
    others = tuple(
        one for id in moved if id not in known and (one := controls.find_control(case, id, known))
    )
    return render_template(
        "board.html.j2",
        user=user,
        question=question,
        source=source,
        title=sanitize(display_name(case.title, question.scenario, language)),
        variants={
            id: display_name(one.title, id, language) for id, one in base_case.variants.items()
        },
        groups=list(controls.control_groups(case)),
        others=others,
        moved=moved,
        rests=figure_controls.source_describer(case),
        views={name: tr(title) for name, title in views.ALL_VIEWS.items()},
        files=views.DOWNLOADS,
        hazards=stress_events(case),
        # Companies come first: for them it is the question.
        funders={
            f: display_name(one.name, f, language)
            for f, one in sorted(case.funders.items(), key=lambda pair: pair[1].kind == "public")
            if one.kind != "private" and {f"funders.{f}.budget_meur", f"total.{f}"} & known.keys()
        },
        years=list(case.horizon.years),
        periods=case.horizon.periods_per_year,
        doubts=[str(fault) for fault in reading.warnings],
    )


def stress_events(case: Case) -> dict[str, str]:
    """What may strike in a stress test, by the way in which ``vorrat stress`` names it."""
    found: dict[str, str] = {}
    for h, hazard in case.hazards.items():
        name = figure_controls.name_of_item(hazard, h)
        about = controls.describe_profiles(hazard)
        found |= {f"{h}.{profile}": f"{name} ({way})" for profile, way in about.items()}
        if not about:
            found[h] = name
    return found


def render_found_figures(case: Case, words: Sequence[str], moved: dict[str, str]) -> str:
    """Figures whose name has all words, as a piece of the page."""
    known = controls.controls_by_id(case)
    found = [(one, True) for one in known.values() if _has_words(words, one.full_label, one.id)]
    count = len(found)
    del found[MAX_SEARCH_RESULTS // 2 :]
    for path in figure_controls.figure_paths(case):
        if path not in known and _has_words(words, figure_controls.path_in_words(case, path), path):
            count += 1
            if (
                len(found) < MAX_SEARCH_RESULTS
                and (one := controls.find_control(case, path, known)) is not None
            ):
                found.append((one, False))
    rests = figure_controls.source_describer(case)
    return render_template("found.html.j2", controls=found, count=count, moved=moved, rests=rests)


def _has_words(words: Sequence[str], label: str, path: str) -> bool:
    label = label.casefold()
    return all(word in label or word in path for word in words)
