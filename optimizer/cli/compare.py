"""``vorrat compare``: funding options side by side."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.base import display_name
from models.faults import Fault, ScenarioError
from models.files import LoadedScenario, read_case, shipped_files
from models.language import mark_translatable
from models.results import Comparison, Plan
from models.results.comparison import FailedOption
from models.results.option import BilingualName
from models.scenario.case import Case
from optimizer.analyses.options import CompareOptions, ProgressListener, with_budget
from optimizer.cli import (
    analysis_commands,
    diagnostics,
    manifest,
    options,
    output_files,
    saved_results,
)
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.options import build_options
from optimizer.cli.saved_results import COMPARISON_FILE, PLAN_FILE, option_plan_paths
from optimizer.cli.scenario_files import scenario_summary
from optimizer.cli.usage import announce, usage_error
from optimizer.errors import Infeasible, NoPlan

if TYPE_CHECKING:
    from optimizer.analyses.break_even import SolveFailure

NOT_SOLVED_MESSAGE = mark_translatable("stopped before it was solved")


def _compare(
    given: tuple[str, ...], as_json: bool, out: Path | None, force: bool, **values: Any
) -> int:
    progress, reuse = ProgressDisplay(values.pop("quiet")), values.pop("reuse")
    compare_options = build_options(CompareOptions, values, listener=progress)
    pool_folder = options.cut_pool_folder(reuse, out)
    shown_as: analysis_commands.Shown = "json" if as_json else "text"
    output = analysis_commands.ResultOutput(out, force, shown_as, pool_folder)
    return compare_items(given, compare_options, output)[0]


def compare_items(
    given: Sequence[str], compare_options: CompareOptions, output: analysis_commands.ResultOutput
) -> tuple[int, tuple[Comparison, dict[str, Plan]] | None]:
    """Compare saved plans and scenarios, and write and print the comparison with its plans. Return
    the exit code, and the comparison with its plans by label; None if there is no plan."""
    out, folder, progress = output.folder, output.cuts, compare_options.listener
    settings = with_budget(compare_options.settings, compare_options.budget)
    from optimizer.analyses.comparison.plan_comparison import check_options

    items = read_items(given, compare_options.variants, settings)
    to_solve = [item for item in items if item.loaded_scenario is not None]
    with analysis_commands.misuse_as_usage_error():
        by_label = {item.label: item.plan or item.case for item in items}
        checked_names = compare_options.names_to_check
        checked_names["of_scenarios"] |= folder is not None
        check_options({label: item for label, item in by_label.items() if item}, **checked_names)
    paths = option_plan_paths([item.label for item in items])
    output_files.check_destination(out, [COMPARISON_FILE, *paths.values()], output.force)
    pools: dict[str, options.StoredCutPool] = {}
    if folder is not None:
        cases = [
            item.loaded_scenario.case
            for item in reversed(to_solve)
            if item.loaded_scenario is not None
        ]
        pools = {
            stored.key: stored for stored in (options.read_cut_pool(folder, case) for case in cases)
        }

    answers = _solve_scenarios(
        to_solve, compare_options, progress, None if folder is None else pools
    )
    answers_by_id = {id(item): answer for item, answer in zip(to_solve, answers, strict=True)}
    # In the order given, not in that of solving.
    item_plans = ((item, item.plan or answers_by_id.get(id(item))) for item in items)
    plans = {item.label: plan for item, plan in item_plans if isinstance(plan, Plan)}
    unsolved_items = [
        (i, a) for i, a in zip(to_solve, answers, strict=True) if not isinstance(a, Plan)
    ]
    failures = [_report_failed(item, answer) for item, answer in unsolved_items]
    # An option that an interrupt left unsolved counts as stopped (1), as does a plan cut short.
    code = max((1 if a is None else a.exit_code for _, a in unsolved_items), default=0)
    if not plans:
        return code, None
    base = compare_options.base
    if base is not None and base not in plans:
        first_label = next(iter(plans))
        announce(
            "{base} has no plan; the others are compared with {label}.",
            base=base,
            label=first_label,
        )
        base = None

    from optimizer.analyses.comparison.plan_comparison import compare_plans

    saved = [item.saved_result for item in items if item.saved_result is not None]
    for saved_result in saved:
        saved_results.announce_warning(saved_result)
    comparison = compare_plans(
        list(plans.values()), list(plans), base=base, year=compare_options.year,
        federal=compare_options.federal or None, failed=failures,
    )  # fmt: skip
    is_stopped = any(isinstance(a, Plan) and a.certificate.status != "optimal" for a in answers)
    code = code or int(is_stopped) or saved_results.exit_code_of(saved)
    with analysis_commands.show_after_writing(comparison, output.shown) as document:
        files = {paths[label]: output_files.to_json_bytes(plan) for label, plan in plans.items()}
        # Saved plans are copied byte by byte, so that their hashes stay the same.
        files |= {
            paths[item.label]: item.saved_result.raw
            for item in items
            if item.saved_result is not None
        }
        files[COMPARISON_FILE] = document
        manifest.publish_with_manifest(
            out, "comparison", files, code, output.invocation, force=output.force
        )
        for stored in pools.values():
            if stored.pool.cuts and any(isinstance(answer, Plan) for answer in answers):
                stored.write()
    return code, (comparison, plans)


compare = analysis_commands.assemble_command(
    _compare, "compare", "given", nargs=-1, required=True, metavar="ITEM..."
)


def _solve_scenarios(
    to_solve: Sequence[ComparedItem],
    compare_options: CompareOptions,
    progress: ProgressListener,
    pools: dict[str, options.StoredCutPool] | None,
) -> list[Plan | SolveFailure | None]:
    """Solve the scenarios one after the other. Return one entry for each: its plan, the reason why
    there is none, or None if the user stopped before its turn."""
    if not to_solve:
        return []
    items_with_scenario = [
        (item, item.loaded_scenario) for item in to_solve if item.loaded_scenario is not None
    ]
    for file, loaded_scenario in {
        item.file: loaded_scenario for item, loaded_scenario in items_with_scenario
    }.items():
        progress.note(f"{file}: {scenario_summary(loaded_scenario.case)}")
    warnings = (
        fault
        for _, loaded_scenario in items_with_scenario
        for fault in diagnostics.unsampled_hazard_warnings(loaded_scenario)
    )
    diagnostics.show_faults(diagnostics.new_faults(warnings, set()))

    # Imported late: comparing saved plans needs neither the solver nor Pyomo.
    from optimizer.analyses.break_even import SolveTask, solve_sequentially

    width = max(len(item.label) for item in to_solve)
    tasks = [
        SolveTask(loaded_scenario.case, item.variant, item.title)
        for item, loaded_scenario in items_with_scenario
    ]
    option_names = ("gap", "time_limit", "threads", "on_progress", "break_even")
    solve_options: dict[str, Any] = {name: getattr(compare_options, name) for name in option_names}
    if pools is not None:
        solve_options["pools"] = {key: stored.pool for key, stored in pools.items()}
    with closing(progress):
        return solve_sequentially(
            tasks,
            on_start=lambda i: progress.set_label(f"{to_solve[i].label:<{width}} "),
            **solve_options,
        )


def _report_failed(item: ComparedItem, answer: SolveFailure | None) -> FailedOption:
    """Print to stderr why an option has no plan. Return the option in the form in which a
    comparison states it."""
    if isinstance(answer, Infeasible) and item.loaded_scenario is not None:
        diagnostics.show_conflict(answer, item.loaded_scenario, f"{item.label}: ")
    else:
        message = answer or NOT_SOLVED_MESSAGE
        click.echo(f"{item.label}: {message}", err=True)
    return failed_option(item, answer)


def failed_option(item: ComparedItem, answer: SolveFailure | None) -> FailedOption:
    """Return an option without a plan, in the form in which a comparison states it. ``answer`` is
    None if the option was not solved."""
    assert item.loaded_scenario is not None
    reasons = {Infeasible: "infeasible", NoPlan: "no_plan", type(None): "no_plan"}
    fields = {"label": item.label, "title": item.bilingual_title, "variant": item.variant}
    fields |= {"reason": reasons.get(type(answer), "failed"), "conflict": []}
    if isinstance(answer, Infeasible):
        fields["conflict"] = diagnostics.conflict_as_json(answer, item.loaded_scenario)
    fields["message"] = NOT_SOLVED_MESSAGE if answer is None else str(answer)
    return FailedOption.model_validate(fields)


@dataclass(frozen=True, eq=False)
class ComparedItem:
    """One item of a comparison: a saved plan, or a scenario that has yet to be solved."""

    label: str
    file: str
    variant: str | None = None
    loaded_scenario: LoadedScenario | None = None
    plan: Plan | None = None
    saved_result: saved_results.SavedResult | None = None  # the file of a saved plan

    @property
    def case(self) -> Case | None:
        """The scenario of the item; None if it has not been read."""
        if self.loaded_scenario is not None:
            return self.loaded_scenario.case
        return self.plan.case if self.plan else None

    @property
    def title(self) -> str:
        """The title that the plan of the item has."""
        return display_name(self.case.title if self.case else None, Path(self.file).stem)

    @property
    def bilingual_title(self) -> BilingualName:
        """The title of the variant, or of the scenario, in both languages."""
        from optimizer.analyses.comparison.plan_comparison import bilingual_text

        case = self.case
        variant = case.variants.get(self.variant) if case and self.variant else None
        if variant is not None:
            return bilingual_text(variant.title, self.variant or "")
        return bilingual_text(case.title if case else None, Path(self.file).stem)


def read_items(
    texts: Sequence[str], all_variants: bool, settings: tuple[str, ...]
) -> list[ComparedItem]:
    """Read all items of a comparison, each with a distinct label; with ``all_variants`` also all
    variants of scenario files. Raise ScenarioError with the faults of all items, and
    click.UsageError if a plan cannot be read."""
    from optimizer.analyses.comparison.plan_comparison import make_unique

    given_items = [_read_item(text) for text in texts]
    known_variants = {(item.file, item.variant) for item in given_items if item.plan is None}
    items: list[ComparedItem] = []
    faults: list[Fault] = []
    shown_keys: set[Hashable] = set()
    checked_files: set[str] = set()

    def read(item: ComparedItem) -> LoadedScenario | None:
        is_first = item.file not in checked_files
        checked_files.add(item.file)
        try:
            loaded_scenario = read_case(item.file, item.variant, settings, check_variants=is_first)
        except ScenarioError as error:
            faults.extend(error.faults)
            return None
        diagnostics.show_faults(diagnostics.new_faults(loaded_scenario.warnings, shown_keys))
        return loaded_scenario

    for item in given_items:
        if item.plan is not None:
            items.append(item)
            continue
        loaded_scenario = read(item)
        items.append(replace(item, loaded_scenario=loaded_scenario))
        if loaded_scenario is None or not all_variants:
            continue
        for variant in loaded_scenario.case.variants:
            if (item.file, variant) not in known_variants:
                known_variants.add((item.file, variant))
                variant_item = ComparedItem(variant, item.file, variant)
                items.append(replace(variant_item, loaded_scenario=read(variant_item)))
    if faults:
        raise ScenarioError(tuple(diagnostics.new_faults(faults, set())))
    labels = make_unique([item.label for item in items])
    return [replace(item, label=label) for item, label in zip(items, labels, strict=True)]


def _read_item(text: str) -> ComparedItem:
    """Return the item for a text. A saved plan is read from its file or folder; a scenario file,
    with its variant after an @, is not read yet. If a file with an @ in its name exists, the text
    means this file."""
    path = Path(text)
    if path.is_dir():
        path /= PLAN_FILE
        if not path.is_file():
            raise usage_error("the folder '{folder}' has no {file}.", folder=text, file=PLAN_FILE)
    kind = saved_results.result_kind(path)
    if kind is None and not Path(text).is_dir():
        file, separator, variant = text.rpartition("@")
        if path.is_file() or not separator or not shipped_files.resolve_scenario(file).is_file():
            return ComparedItem(path.stem, text)
        if not variant:
            raise usage_error("'{text}' names no variant behind the @.", text=text)
        return ComparedItem(variant, file, variant)
    if kind != "plan":
        raise usage_error("'{path}' holds no plan but '{kind}'.", path=path, kind=kind)
    saved_result = saved_results.read_result(str(path), scenario_optional=True)
    plan = saved_result.result
    assert isinstance(plan, Plan)
    return ComparedItem(
        saved_results.short_label(path), text, plan.variant, plan=plan, saved_result=saved_result
    )
