"""``vorrat init``: a commented scenario file to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from models.language import tr
from optimizer.cli import speaking


@click.command()
@click.argument("path", default="scenario.yaml")
@click.option(
    "--language",
    type=click.Choice(["en", "de"]),
    show_default="en",
    help="Language of the comments.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def init(path: str, language: str | None, force: bool) -> None:
    """Write a small, commented scenario to PATH (scenario.yaml; - for stdout)."""
    text = template(language or speaking.asked_for() or "en")
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
