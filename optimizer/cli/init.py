"""``vorrat init``: a commented scenario file to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click
from click.core import ParameterSource

from models.language import tr
from optimizer.cli import speaking


@click.command()
@click.argument("path", default="scenario.yaml")
@click.option(
    "--language",
    type=click.Choice(["en", "de"]),
    default="en",
    show_default=True,
    help="Language of the comments.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init(path: str, language: str, force: bool) -> None:
    """Write a small, commented scenario to PATH (scenario.yaml; - for stdout)."""
    source = click.get_current_context().get_parameter_source("language")
    if source is ParameterSource.DEFAULT:
        language = speaking.asked_for() or language
    text = template(language)
    if path == "-":
        click.echo(text, nl=False)
        return
    try:
        with Path(path).open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        message = tr("'{path}' exists already; --force overwrites it.", path=path)
        raise click.UsageError(message) from None
    except OSError as error:
        problem = tr(str(error.strerror))
        message = tr("'{path}' cannot be written: {problem}.", path=path, problem=problem)
        raise click.UsageError(message) from None
    click.echo(tr("{path} is written; try: vorrat validate {path}", path=path), err=True)


def template(language: str) -> str:
    """The text of the starter scenario with comments in a language."""
    folder = files("optimizer.cli") / "templates"
    return (folder / f"starter.{language}.yaml").read_text(encoding="utf-8")
