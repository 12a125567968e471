"""docs/commands.md names every command and every option, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from optimizer.cli import vorrat

TEXT = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
CONTEXT = click.Context(vorrat)
COMMANDS = vorrat.list_commands(CONTEXT)


def section(name: str) -> str:
    found = re.search(rf"^## vorrat {name}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section on {name}"
    return found[1]


def options(command: click.Command) -> set[str]:
    """The options of a command, help apart."""
    named = (p for p in command.params if isinstance(p, click.Option))
    return {name for option in named for name in (*option.opts, *option.secondary_opts)}


def test_every_command_has_a_section_and_no_other() -> None:
    sections = re.findall(r"^## vorrat (\w+)$", TEXT, re.MULTILINE)
    assert sorted(sections) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_row_and_no_other(name: str) -> None:
    command = vorrat.get_command(CONTEXT, name)
    assert command is not None
    rows = re.findall(r"^\| `(--[\w-]+)", section(name), re.MULTILINE)
    assert set(rows) == options(command)
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    command = vorrat.get_command(CONTEXT, name)
    assert command is not None
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    assert "None]" not in command.get_help(CONTEXT)  # a range without an end


def test_options_of_the_program_itself_are_named() -> None:
    assert all(f"`{name}`" in TEXT for name in {*options(vorrat), "--help", "-h"})


def test_every_exit_code_has_a_row() -> None:
    assert re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE) == [*"012345", "130"]
