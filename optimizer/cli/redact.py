"""``vorrat redact``: widen or remove figures of a scenario before it is handed on."""

import math
from pathlib import Path

import click

from models.language import current_language, localize_number
from optimizer.analyses.options import parse_named_values, parse_share
from optimizer.cli import options, output_files, usage
from optimizer.cli.analysis_commands import misuse_as_usage_error, read_scenario
from optimizer.cli.usage import announce

FILE_NAMES = ("stand-in.yaml", "scenario.yaml")


def _parse_width(text: str) -> float:
    width = parse_share(text)
    if not 0.05 <= width <= 9:
        raise ValueError(f"'{text}' is not a width such as 25% or 0.25, from 5% to 900%.")
    return width


def _parse_ranges(texts: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    return parse_named_values(texts, _parse_range, lambda text: f"'{text}' is not PATH=LOW..HIGH.")


def _parse_range(text: str) -> tuple[float, float]:
    low, high = map(float, text.split(".."))
    if not -math.inf < low < high < math.inf:
        raise ValueError
    return low, high


@click.command(epilog="Exit codes: 0 written, 2 wrong usage or input, 5 failure.")
@click.argument("file", metavar="FILE")
@click.option(
    "--consumer",
    "consumers",
    multiple=True,
    metavar="ID",
    help="Widen the figures of this consumer: demand, its own damage curves and stocks; may be "
    "given often.",
)
@click.option(
    "--company",
    "companies",
    multiple=True,
    metavar="ID",
    help="Widen the budgets of this company, and stocks that it alone pays for; may be given "
    "often.",
)
@click.option(
    "--also",
    multiple=True,
    metavar="PATH",
    help="Widen this figure as well, or all figures below this path; may be given often.",
)
@click.option(
    "--range",
    "ranges",
    multiple=True,
    metavar="PATH=LOW..HIGH",
    callback=options.parse_callback(_parse_ranges),
    help="Widen this figure to a range of your own, in place of a band; may be given often.",
)
@click.option(
    "--band",
    default="25%",
    show_default=True,
    metavar="SHARE",
    callback=options.parse_callback(_parse_width),
    help="Relative width of the bands of all other figures.",
)
@click.option(
    "--remove",
    multiple=True,
    metavar="PATH",
    help="Remove this figure or item, so that the file has the default in its place; may be given "
    "often.",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="PATH",
    help="Leave this figure although it equals a hidden one; may be given often.",
)
@options.path_option(
    "--out",
    "DIR|FILE",
    "Write scenario.yaml and stand-in.yaml into this folder; or the redacted scenario alone to "
    "this file, which ends in .yaml or .yml.",
    is_required=True,
)
@options.force_option("Overwrite existing files.")
@click.option("--quiet", is_flag=True, help="Do not list what was replaced.")
@usage.language_option
def redact(
    file: str,
    consumers: tuple[str, ...],
    companies: tuple[str, ...],
    also: tuple[str, ...],
    ranges: dict[str, tuple[float, float]] | tuple[()],
    band: float,
    remove: tuple[str, ...],
    allow: tuple[str, ...],
    out: Path,
    force: bool,
    quiet: bool,
) -> None:
    """Widen or remove figures of the scenario FILE, with all texts that may name them."""
    is_file = out.suffix.lower() in (".yaml", ".yml")
    targets = [out] if is_file else [out / name for name in FILE_NAMES]
    output_files.refuse_existing(targets, force)
    loaded_scenario = read_scenario(file)
    from optimizer.analyses.redaction import plain_text, redact_scenario, warning_text

    with misuse_as_usage_error():
        redaction = redact_scenario(
            loaded_scenario, consumers, companies, also=also, ranges=dict(ranges), remove=remove,
            allow=allow, band=band,
        )  # fmt: skip
    # The scenario is the last of the targets, or the only one.
    texts = [redaction.yaml_text.encode(), redaction.stand_in.encode()]
    output_files.write_files(list(zip(reversed(targets), texts, strict=False)), force)
    for path, values in () if quiet else redaction.figures.items():
        low, high, value = (localize_number(plain_text(x)) for x in values)
        click.echo(f"{path}: {low} to {high}, written as {value}")
    for path in () if quiet else redaction.removed:
        click.echo(f"{path}: removed")
    for path in redaction.private:
        announce("{path}: a figure of a private file, which is not hidden", path=path)
    click.echo(warning_text(current_language()))
    for target in targets:
        announce("{path} is written", path=target)
