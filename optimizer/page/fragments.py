"""Parts of the page as HTML: figures of an answer, the page of a scenario, and search results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from models.base import display_name
from models.files import LoadedScenario
from models.language import LANGUAGES, Language, current_language, tr
from models.scenario.case import Case
from optimizer.page import controls, figure_controls, views
from optimizer.page.guard import BaseUrl
from optimizer.page.scenario_store import Question, ScenarioSource, value_in_words
from optimizer.page.worker import AnswerFailure, AnswerFigures, SolveRequest
from optimizer.report.number_format import (
    format_number,
    format_percent,
    format_rounded,
    format_small_percent,
    sanitize,
)

MAX_SEARCH_RESULTS = 12
"""Number of figures that a search shows."""


class PreparedQuestion(NamedTuple):
    """A question, with the request that a solver process gets for it."""

    question: Question
    request: SolveRequest
    titles: dict[Language, str]  # the question in words


AnsweredQuestion = tuple[PreparedQuestion, AnswerFigures]


def answer_event(
    answer: AnswerFigures | AnswerFailure,
    prepared: PreparedQuestion,
    previous_answer: AnsweredQuestion | None,
) -> dict[str, Any]:
    """Return the event that reports an answer to the page, with its HTML. ``previous_answer`` is
    the last answer to another question."""
    if isinstance(answer, AnswerFailure):
        html = render_template("failed.html.j2", failed=answer)
        return {"state": "failed", "html": html, "text": answer.message}
    case, previous_title = prepared.request.case, ""
    facts = answer_facts(answer, previous_answer[1] if previous_answer else None, case)
    if previous_answer is not None:
        previous = previous_answer[0]
        if previous.request.case.objective.cvar.level != case.objective.cvar.level:
            facts = [replace(f, previous="") if f.key == "tail" else f for f in facts]
        if previous.question.scenario == prepared.question.scenario:
            previous_title = tr("Before: {title}", title=previous.titles[current_language()])
    proof = proof_sentence(answer, objective_unit(case))
    html = render_template(
        "figures.html.j2",
        facts=facts,
        proof=proof,
        state=answer.state,
        previous_title=previous_title,
    )
    return {"state": answer.state, "html": html, "text": proof}


@dataclass(frozen=True)
class AnswerFact:
    """A figure of an answer in the form in which the page shows it, with a note and its previous
    value."""

    key: str
    label: str
    value: str
    note: str
    previous: str


def objective_unit(case: Case) -> str:
    """Return the unit in which the objective of a scenario is measured."""
    money_unit = tr("million {currency}", currency=case.currency)
    return {"damage": money_unit, "tonnes": tr("t")}.get(
        case.objective.measure, tr("years of demand")
    )


def answer_facts(
    answer: AnswerFigures, previous_answer: AnswerFigures | None, case: Case
) -> list[AnswerFact]:
    """Return the figures of an answer for the page, each with its value in ``previous_answer``."""
    counts_damage, unit = case.objective.measure == "damage", objective_unit(case)
    money_unit = tr("million {currency}", currency=case.currency)
    tail_share = format_percent(1 - float(case.objective.cvar.level))

    def paid_by_public(figures: AnswerFigures) -> float:
        return sum(
            meur
            for f, meur in figures.paid_by_funder.items()
            if f in case.funders and case.funders[f].kind == "public"
        )

    def fact(
        key: str,
        label: str,
        get_figure: Callable[[AnswerFigures], float | None],
        unit: str,
        note: str = "",
    ) -> AnswerFact:
        new_value, old_value = (
            get_figure(answer),
            None if previous_answer is None else get_figure(previous_answer),
        )
        previous_text = ""
        if old_value is not None and new_value is not None:
            # A difference within the sum of both gaps is not significant.
            combined_gap = sum(
                (x.gap or 0.0) * abs(x.objective) for x in (answer, previous_answer) if x
            )
            is_within_gap = key == "expected" and abs(new_value - old_value) <= combined_gap
            previous_text = tr("before: {value}", value=format_number(old_value))
            previous_text += (
                f" ({tr('not distinguished')})" if is_within_gap and new_value != old_value else ""
            )
        figure = (
            format_number(new_value)
            if new_value is None
            else f"{format_number(new_value)} {unit}".strip()
        )
        return AnswerFact(key, label, figure, note, previous_text)

    avoided_text = ""
    if answer.expected_without_plan and answer.expected is not None:
        share = format_percent(1 - answer.expected / answer.expected_without_plan)
        avoided_text = tr(
            "{before} without a plan; {share} avoided",
            before=format_number(answer.expected_without_plan),
            share=share,
        )
    paid_by_others = sum(answer.paid_by_funder.values()) - paid_by_public(answer)
    return [
        fact("expected", tr("Expected damage") if counts_damage else tr("Expected shortage"),
             lambda a: a.expected, unit, avoided_text),
        fact("tail", tr("On average in the worst {share}", share=tail_share),
             lambda a: a.cvar, unit,
             "" if answer.cvar_without_plan is None
             else tr("{before} without a plan", before=format_number(answer.cvar_without_plan))),
        fact("cost", tr("Net cost, whoever pays"), lambda a: a.net_cost, money_unit,
             tr("discounted")),
        fact("public", tr("Used of public budgets"), paid_by_public, money_unit,
             tr("of others: {rest}", rest=format_number(paid_by_others))),
        fact("projects", tr("Projects supported"), lambda a: len(a.start_by_project), "",
             tr("materials in stock: {count}", count=answer.stocked_materials)),
    ]  # fmt: skip


def proof_sentence(answer: AnswerFigures, unit: str) -> str:
    """Return a sentence on the gap of an answer and how long the solve took."""
    seconds = format_number(answer.seconds, 1)
    if answer.bound is None:
        return tr("First plan, after {seconds} s; the best plan is not known yet.", seconds=seconds)
    absolute_gap = (answer.gap or 0.0) * abs(answer.objective)
    share, amount = format_small_percent(answer.gap), format_rounded(absolute_gap)
    gap = tr("{share} ({amount} {unit})", share=share, amount=amount, unit=unit)
    fields = {"gap": gap, "seconds": seconds}
    if answer.state == "proven" and (answer.gap or 0.0) <= 1e-9:
        return tr("Proven for these assumptions: no plan is better. Took {seconds} s.",
                  seconds=seconds)  # fmt: skip
    return {
        "proven": tr("Proven for these assumptions: no plan is better by more than {gap}. Took "
                     "{seconds} s.", **fields),
        "stopped": tr("Stopped: a plan may be better by up to {gap}. Took {seconds} s.", **fields),
    }.get(
        answer.state, tr("So far: no plan is better by more than {gap}. {seconds} s.", **fields)
    )  # fmt: skip


# Templates


@cache
def _jinja_environment() -> Any:
    from optimizer.report.render.html import template_environment

    environment = template_environment("optimizer.page")
    environment.globals["shown"] = value_in_words
    return environment


def render_template(name: str, **values: Any) -> str:
    """Return a template rendered in the current language."""
    values |= {"language": current_language(), "languages": LANGUAGES}
    return str(_jinja_environment().get_template(name).render(**values))


@cache
def static_file(name: str) -> bytes:
    """Return the content of a style sheet, script or image of the page."""
    content = (files("optimizer.page") / "templates" / name).read_bytes()
    if name == "page.css":  # the page also shows parts of reports
        report = files("optimizer.report") / "templates" / "style.css"
        return report.read_bytes() + content
    return content


# The board of a scenario


def render_board(
    source: ScenarioSource,
    question: Question,
    loaded_scenario: LoadedScenario,
    base_case: Case,
    base: BaseUrl,
) -> str:
    """Return the page of a scenario as HTML. For a large scenario this takes seconds."""
    case, moved_values = loaded_scenario.case, dict(question.moved)
    language = current_language()
    known_controls = controls.controls_by_id(case)
    others = tuple(
        item
        for id in moved_values
        if id not in known_controls and (item := controls.find_control(case, id, known_controls))
    )
    return render_template(
        "board.html.j2",
        base=base,
        question=question,
        source=source,
        title=sanitize(display_name(case.title, question.scenario, language)),
        variants={
            id: display_name(item.title, id, language) for id, item in base_case.variants.items()
        },
        groups=list(controls.control_groups(case)),
        others=others,
        moved=moved_values,
        describe_source=figure_controls.source_describer(case),
        views={name: tr(title) for name, title in views.ALL_VIEWS.items()},
        files=views.DOWNLOADS,
        hazards=stress_events(case),
        # Companies first, since the question of taking part is mostly theirs.
        funders={
            f: display_name(item.name, f, language)
            for f, item in sorted(case.funders.items(), key=lambda pair: pair[1].kind == "public")
            if item.kind != "private"
            and {f"funders.{f}.budget_meur", f"total.{f}"} & known_controls.keys()
        },
        years=list(case.horizon.years),
        periods=case.horizon.periods_per_year,
        doubts=[str(fault) for fault in loaded_scenario.warnings],
    )


def stress_events(case: Case) -> dict[str, str]:
    """Return the names of the events that a stress test can have, by id as in ``vorrat stress``."""
    events: dict[str, str] = {}
    for h, hazard in case.hazards.items():
        name = figure_controls.name_of_item(hazard, h)
        profile_texts = controls.describe_profiles(hazard)
        events |= {f"{h}.{profile}": f"{name} ({text})" for profile, text in profile_texts.items()}
        if not profile_texts:
            events[h] = name
    return events


def render_found_figures(case: Case, words: Sequence[str], moved_values: dict[str, str]) -> str:
    """Return a list of figures as HTML: those whose name contains all ``words``. ``moved_values``
    has the values that were changed, by id."""
    known_controls = controls.controls_by_id(case)
    matching_controls = [
        (control, True)
        for control in known_controls.values()
        if _has_words(words, control.full_label, control.id)
    ]
    count = len(matching_controls)
    del matching_controls[MAX_SEARCH_RESULTS // 2 :]
    for path in figure_controls.figure_paths(case):
        if path not in known_controls and _has_words(
            words, figure_controls.path_in_words(case, path), path
        ):
            count += 1
            if (
                len(matching_controls) < MAX_SEARCH_RESULTS
                and (control := controls.find_control(case, path, known_controls)) is not None
            ):
                matching_controls.append((control, False))
    values: dict[str, Any] = {"controls": matching_controls, "count": count, "moved": moved_values}
    describe_source = figure_controls.source_describer(case)
    return render_template("found.html.j2", **values, describe_source=describe_source)


def _has_words(words: Sequence[str], label: str, path: str) -> bool:
    label = label.casefold()
    return all(word in label or word in path for word in words)
