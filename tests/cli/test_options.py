"""Options of analyses: declared once, and made into options of the command line and a schema."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import click
import pytest
from click.testing import CliRunner

from optimizer.analyses.options import (
    CliFlag,
    Count,
    Options,
    SolveOptions,
    parse_named_values,
    parse_share,
)
from optimizer.analyses.registry import ANALYSES, ANALYSES_BY_NAME, Analysis
from optimizer.cli import vorrat
from optimizer.cli.options import build_options, declared_options
from optimizer.errors import Misuse

ROOT = Path(__file__).parents[2]
DECLARED = [one for one in ANALYSES if one.name != "batch"]


class Asked(SolveOptions):
    """Asked."""

    supported_options = ("gap",)

    times: Count = 3
    """How often."""
    loud: bool = False
    """Whether loud."""
    whole: bool = True
    """Leave a part out."""
    only: Annotated[tuple[str, ...], CliFlag("ID")] = ()
    """These alone."""
    part: Annotated[float, CliFlag("SHARE", "--share-of", parse_share)] | None = None
    """A share."""
    within: Annotated[float, CliFlag("SHARE", parse=parse_share, default_text="2%")] = 0.02
    """A share with a default."""


def given(*words: str) -> Asked | str:
    """What a command gets of its command line, or what it says of it."""
    found: list[Asked] = []

    @click.command
    @declared_options(Asked)
    def command(**values: object) -> None:
        found.append(build_options(Asked, values))

    done = CliRunner().invoke(command, words)
    return found[0] if found else done.output


def test_options_of_the_command_line_are_those_of_the_class() -> None:
    words = ["--times", "5", "--loud", "--no-whole", "--only", "a", "--only", "b"]
    found = given(*words, "--share-of", "60%", "--gap", "0.1")
    assert isinstance(found, Asked)
    assert (found.times, found.loud, found.whole) == (5, True, False)
    assert (found.only, found.part, found.gap) == (("a", "b"), 0.6, 0.1)


def test_omitted_options_have_their_default_and_count_as_unset() -> None:
    found = given("--times", "3")
    assert isinstance(found, Asked)
    assert found == Asked()
    assert found.model_fields_set == {"times"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--times", "-1"], "x>=0"),
        (["--gap", "nan"], "not a finite number"),
        (["--jobs", "2"], "No such option"),
        (["--help"], "--times N"),
        (["--help"], "[default: 3; x>=0]"),
        (["--help"], "[default: 2%]"),
    ],
)
def test_limits_and_help_come_from_the_class(words: list[str], says: str) -> None:
    found = given(*words)
    assert isinstance(found, str)
    assert says in found


@pytest.mark.parametrize("analysis", DECLARED, ids=lambda one: one.name)
def test_every_command_has_the_options_that_its_analysis_declares(analysis: Analysis) -> None:
    command = vorrat.get_command(click.Context(vorrat), analysis.name)
    assert command is not None
    names = {param.name for param in command.params}
    assert {*analysis.options_class.user_fields()} <= names
    assert issubclass(analysis.options_class, Options)


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda one: one.name)
def test_every_result_that_is_written_is_registered(analysis: Analysis) -> None:
    assert analysis.result_file.endswith(".json")
    assert ANALYSES_BY_NAME[analysis.name] is analysis
    assert analysis.kind == analysis.result_class.model_fields["kind"].default


@pytest.mark.parametrize(
    "analysis", [one for one in DECLARED if one.run_module], ids=lambda one: one.name
)
def test_what_runs_it_is_found(analysis: Analysis) -> None:
    assert callable(analysis.runner)


@pytest.mark.slow
def test_help_of_an_analysis_needs_no_solver() -> None:
    code = (
        "import sys; from optimizer.analyses.registry import ANALYSES; "
        "print([one.options_class for one in ANALYSES if one.name != 'batch'], file=sys.stderr); "
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {*done.stdout.split()} & {"pyomo", "highspy", "numba", "numpy", "pandas", "click"}


def test_options_that_do_not_go_together_are_refused_from_python_as_well() -> None:
    asks = ANALYSES_BY_NAME["target"].options_class
    with pytest.raises(Misuse, match="A goal is missing"):
        asks()
    with pytest.raises(Misuse, match="exclude each other"):
        asks.model_validate({"below": 1, "reduction": 0.5})


def test_a_name_that_comes_twice_is_refused() -> None:
    assert parse_named_values(("a=1", "b=2"), float, str) == {"a": 1.0, "b": 2.0}
    with pytest.raises(ValueError, match="'a' is named twice"):
        parse_named_values(("a=1", "a=2"), float, str)
    with pytest.raises(ValueError, match="wrong: a=x"):
        parse_named_values(("a=x",), float, lambda text: f"wrong: {text}")
