"""Every command and every option explains itself."""

from __future__ import annotations

import click
import pytest

from optimizer.cli import vorrat

CONTEXT = click.Context(vorrat)


@pytest.mark.parametrize("name", vorrat.list_commands(CONTEXT))
def test_every_command_and_option_has_help(name: str) -> None:
    command = vorrat.get_command(CONTEXT, name)
    assert command is not None
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    assert "None]" not in command.get_help(CONTEXT)  # a range without an end
