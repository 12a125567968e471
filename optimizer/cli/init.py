"""``vorrat init``: a commented scenario file to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click


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
    text = template(language)
    if path == "-":
        click.echo(text, nl=False)
        return
    try:
        with Path(path).open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise click.UsageError(f"'{path}' exists already; --force overwrites it.") from None
    except OSError as error:
        raise click.UsageError(f"'{path}' cannot be written: {error.strerror}.") from None
    click.echo(f"{path} is written; try: vorrat validate {path}", err=True)


def template(language: str) -> str:
    """The text of the starter scenario with comments in a language."""
    folder = files("optimizer.cli") / "templates"
    return (folder / f"starter.{language}.yaml").read_text(encoding="utf-8")
