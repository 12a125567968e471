"""Options that several commands share, options that are made from the declarations of analyses, and
the engine that is set up from options."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import click
from click.core import ParameterSource
from pydantic.fields import FieldInfo

from models.faults import SourceLocation
from models.files.decoding import read_bytes
from models.language import set_language
from models.scenario.case import Case
from optimizer.analyses.options import CliFlag, Options, option_help
from optimizer.cli import child_process, output_files, usage
from optimizer.cli.usage import usage_error

if TYPE_CHECKING:
    from optimizer.parallel import Engine
    from optimizer.solve.decomposition import CutPool

_Command = TypeVar("_Command", bound=Callable[..., Any])
_OptionsClass = TypeVar("_OptionsClass", bound=Options)
BESIDE_RESULTS_FOLDER = "beside the results"  # value of --reuse without a folder
MIN_MEMORY = 300 * 10**6  # bytes that a process needs to start


def parse_size(text: str) -> int:
    """Return the bytes of an amount of memory that is written like 500MB or 8GB. Raise
    click.BadParameter if it is written otherwise or too small."""
    match = re.fullmatch(r"(\d{1,6})(?:[.,](\d{1,3}))? ?(MB|GB|MiB|GiB)", text.strip())
    if match is None:
        raise click.BadParameter(f"{text} is no size such as 500MB or 8GB.")
    unit = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}[match[3]]
    amount = int(float(f"{match[1]}.{match[2] or 0}") * unit)
    if amount < MIN_MEMORY:
        minimum = f"{MIN_MEMORY // 10**6}MB"
        raise click.BadParameter(f"{text} is too little: a solve takes {minimum}.")
    return amount


memory_limit_option = click.option(
    "--memory-limit",
    type=parse_size,
    metavar="SIZE",
    help="Memory that one process may take, such as 8GB; one that takes more is ended.",
)
reuse_option = click.option(
    "--reuse",
    is_flag=False,
    flag_value=BESIDE_RESULTS_FOLDER,
    type=click.Path(path_type=Path),
    metavar="[DIR]",
    help="Start from the cuts that earlier runs left in this folder, and leave more there; without "
    "DIR, the folder of --out. Write --reuse=DIR, or --reuse after FILE.",
)
quiet_option = click.option("--quiet", is_flag=True, help="Show no progress.")


def json_option(
    help_text: str = "Write one JSON document to stdout.",
) -> Callable[[_Command], _Command]:
    """Return the option --json. Programs read its output, so it is in English unless a language is
    requested."""

    def choose_language(_ctx: click.Context, _option: click.Parameter, value: bool) -> bool:
        if value and usage.requested_language() is None:
            set_language("en")
        return value

    return click.option("--json", "as_json", is_flag=True, callback=choose_language, help=help_text)


def force_option(help_text: str) -> Callable[[_Command], _Command]:
    """Return the option --force, without which no file is overwritten."""
    return click.option("--force", is_flag=True, help=help_text)


def path_option(
    name: str, metavar: str, help_text: str, exists: bool = False, is_required: bool = False
) -> Callable[[_Command], _Command]:
    """Return an option for the path of a file or folder. ``metavar`` is its placeholder in the
    help."""
    kind = click.Path(exists, "FILE" in metavar, "DIR" in metavar, path_type=Path)
    return click.option(name, type=kind, metavar=metavar, help=help_text, required=is_required)


scheduler_option = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Solve on the workers of this dask.distributed scheduler, such as tls://10.0.0.5:8786.",
)


def engine_options(command: _Command) -> _Command:
    """Add the options --memory-limit and --scheduler to a command. With the number of jobs they
    determine the engine (:func:`engine_in_use`)."""
    return memory_limit_option(scheduler_option(command))


def with_memory_limit(command: Callable[..., int]) -> Any:
    """Add --memory-limit to a command that solves in its own process only."""

    @wraps(command)
    def with_limit(*, memory_limit: int | None, **others: Any) -> int:
        child_process.limit_memory(memory_limit)
        return command(**others)

    return memory_limit_option(with_limit)


def with_engine_options(command: Callable[..., int]) -> Any:
    """Add the options of an engine to a command, and use this engine while the command runs. Of
    these options the command itself gets only ``jobs``. Its process has the memory limit of an
    engine process."""

    @wraps(command)
    def with_engine(**values: Any) -> int:
        engine_values = take_engine_values(values)
        child_process.limit_memory(engine_values["memory_limit"])
        with engine_in_use(jobs=values["jobs"], single_answer=True, **engine_values):
            return command(**values)

    return engine_options(with_engine)


def take_engine_values(option_values: dict[str, Any]) -> dict[str, Any]:
    """Remove the values of the options of :func:`engine_options` from ``option_values``, and return
    them as parameters of :func:`engine_in_use`."""
    return {name: option_values.pop(name) for name in ("memory_limit", "scheduler")}


@contextmanager
def engine_in_use(
    jobs: int | None = None,
    memory_limit: int | None = None,
    scheduler: str | None = None,
    task_timeout: float | None = None,
    single_answer: bool = False,
) -> Iterator[Engine]:
    """Within the context, use the engine for which these options ask, and yield it.

    ``task_timeout`` is the time limit of one task in seconds. With ``single_answer`` no local
    processes are started if one process suffices, and a cluster is connected only when it is first
    used. Raise click.UsageError if dask is not installed, and ClusterError if the cluster cannot be
    used.
    """
    from optimizer.parallel import Limits, current_engine, use_engine
    from optimizer.parallel.processes import LocalProcesses

    limits = Limits(memory_bytes=memory_limit, seconds=task_timeout)
    if scheduler is None:
        with use_engine(LocalProcesses(limits, jobs, limits_this_process=single_answer)):
            yield current_engine()
        return
    from optimizer.errors import ClusterError
    from optimizer.parallel.cluster import Cluster

    try:
        cluster = Cluster(scheduler, limits=limits, jobs=jobs, connect_lazily=single_answer)
    except ClusterError as error:  # before any connection, so the options are wrong
        raise click.UsageError(str(error)) from None
    with cluster, use_engine(cluster):
        yield cluster


def cut_pool_folder(reuse: Path | None, out: Path | None, method: str = "auto") -> Path | None:
    """Return the folder in which the cut pool is kept; None if ``reuse`` is None. Raise
    click.UsageError if --reuse cannot be combined with the other options."""
    if reuse is None:
        return None
    if method == "extensive":
        raise usage_error("--reuse goes with the decomposition, not with --method extensive.")
    if reuse.is_file():
        raise usage_error(
            "--reuse takes a folder, and '{path}' is a file: put FILE first.", path=reuse
        )
    if str(reuse) == BESIDE_RESULTS_FOLDER and out is None:
        raise usage_error("--reuse keeps cuts beside the results: name a folder, or --out.")
    return out if str(reuse) == BESIDE_RESULTS_FOLDER else reuse


@dataclass(frozen=True, eq=False)
class StoredCutPool:
    """The cut pool of a scenario, with its key and the file that contains it."""

    path: Path
    key: str
    pool: CutPool

    def write(self) -> None:
        """Write the pool to its file, for later runs."""
        from optimizer.solve.decomposition import write_pool

        output_files.write_files([(self.path, write_pool(self.pool))], force=True)


def read_cut_pool(folder: Path, case: Case) -> StoredCutPool:
    """Read the cut pool of a scenario from a folder. It is empty if the folder contains none for
    the scenario."""
    from optimizer.model.instance import read_instance
    from optimizer.solve.decomposition import CutPool, pool_key, read_pool
    from optimizer.solve.decomposition.cut_pool import MAX_POOL_BYTES as MAX_POOL

    output_files.make_folder(folder)
    key = pool_key(read_instance(case))
    path = folder / f"cuts-{key[:16]}.npz"
    if not path.exists():
        return StoredCutPool(path, key, CutPool())
    # A file larger than any that is written here is refused before it takes memory.
    raw = read_bytes(path, SourceLocation(str(path)), MAX_POOL, "cuts")
    return StoredCutPool(path, key, read_pool(raw, str(path)))


class FiniteFloat(click.types.FloatParamType):
    """A click type for numbers that refuses infinity and NaN, unlike that of click."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert a value to a finite number. Raise a usage error if this fails."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


class FiniteFloatRange(FiniteFloat, click.FloatRange):
    """A click type for finite numbers in a range."""


def declared_options(options: type[Options], *names: str) -> Callable[[_Command], _Command]:
    """Return a decorator that adds the options that a class declares: those of the fields in
    ``names``, in this order, or of all fields if none is named."""

    def decorate(command: _Command) -> _Command:
        for name in reversed(names or options.user_fields()):
            command = field_option(options, name)(command)
        return command

    return decorate


def option_name(options: type[Options], name: str) -> str:
    """Return the name of the option for a field of a class, such as ``--time-limit``."""
    field = options.model_fields[name]
    value_type, metadata, _ = _unwrap_field(field)
    is_negated = value_type is bool and field.get_default() is True
    declared_name = _flag_settings(metadata).get("name")
    return declared_name or f"--{'no-' if is_negated else ''}{name.replace('_', '-')}"


def _flag_settings(metadata: list[Any]) -> dict[str, Any]:
    """Return the settings of an option on the command line. The last declaration of each counts."""
    flags = (vars(mark) for mark in metadata if isinstance(mark, CliFlag))
    return {part: value for flag in flags for part, value in flag.items() if value is not None}


def field_option(options: type[Options], name: str) -> Callable[[_Command], _Command]:
    """Return the click option for one field of a class. The command receives its value under the
    name of the field."""
    field = options.model_fields[name]
    value_type, metadata, is_multiple = _unwrap_field(field)
    flag_settings, declared_name = _flag_settings(metadata), option_name(options, name)
    parse = flag_settings.get("parse")
    settings: dict[str, Any] = {
        "help": option_help(options)[name],
        "metavar": flag_settings.get("metavar"),
    }
    if value_type is bool:
        return click.option(declared_name, name, is_flag=True, **settings)
    default_value = None if field.is_required() else field.get_default(call_default_factory=True)
    if default_value not in (None, (), {}):
        shown_default = flag_settings.get("default_text") or default_value
        settings |= {"default": shown_default, "show_default": True}
    if is_multiple and (field.is_required() or default_value is not None):
        settings["multiple"] = True
    settings["type"] = str if parse is not None else _click_type(value_type, metadata)
    if parse is not None:
        settings["callback"] = parse_callback(parse)
    names = [declared_name, *filter(None, [flag_settings.get("alias")])]
    return click.option(*names, name, required=field.is_required(), **settings)


def build_options(
    options: type[_OptionsClass], values: Mapping[str, Any], **more: Any
) -> _OptionsClass:
    """Return an options object with the values from the command line. Fields that were not given
    keep their defaults. A flag sets its field to false if the default is true. ``more`` has further
    fields."""
    context = click.get_current_context()
    option_values = dict(more)
    for name in options.user_fields():
        source = context.get_parameter_source(name)
        if name not in values or source is ParameterSource.DEFAULT:
            continue
        value = values[name]
        option_values[name] = not value if options.model_fields[name].default is True else value
    return options(**option_values)


def _unwrap_field(field: FieldInfo) -> tuple[Any, list[Any], bool]:
    """Return the type of one value of a field, its constraints and metadata, and whether the option
    can be repeated."""
    metadata = list(field.metadata)
    value_type, is_multiple = field.annotation, False
    while True:
        origin, type_arguments = get_origin(value_type), get_args(value_type)
        if origin is Annotated:
            value_type = type_arguments[0]
            annotations = (
                mark.metadata if isinstance(mark, FieldInfo) else [mark]
                for mark in type_arguments[1:]
            )
            metadata[:0] = itertools.chain(*annotations)
        elif origin in (Union, UnionType):
            (value_type,) = (part for part in type_arguments if part is not NoneType)
        elif origin is tuple and type_arguments[1:] == (...,):
            value_type = type_arguments[0]
            is_multiple = True
        elif origin is dict:
            return value_type, metadata, True
        else:
            return value_type, metadata, is_multiple


def _click_type(value_type: Any, constraints: list[Any]) -> Any:
    """Return the click type that checks values of a type under the constraints of its field."""
    if get_origin(value_type) is Literal:
        return click.Choice(get_args(value_type))
    limits: dict[str, Any] = {}
    for constraint in constraints:
        for name, limit in (("ge", "min"), ("gt", "min"), ("le", "max"), ("lt", "max")):
            if hasattr(constraint, name):
                limits |= {limit: getattr(constraint, name), f"{limit}_open": name in ("gt", "lt")}
    if value_type is float:
        return FiniteFloatRange(**limits) if limits else FiniteFloat()
    if value_type is int:
        return click.IntRange(**limits) if limits else int
    return value_type


def parse_callback(parse: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a callback of click that parses the value of an option, if it has one, and reports a
    ValueError as wrong usage."""

    def callback(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
        if value is None or value == ():
            return value
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback
