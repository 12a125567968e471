"""Options that several commands share, those made of what an analysis declares, and the engine that
some of them ask for."""

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
from models.language import mark_translatable, set_language, tr
from models.scenario.case import Case
from optimizer.analyses.options import CliFlag, Options, option_help
from optimizer.cli import child_process, output_files, usage
from optimizer.cli.usage import usage_error

if TYPE_CHECKING:
    from optimizer.parallel import Engine
    from optimizer.solve.decomposition import CutPool

_Command = TypeVar("_Command", bound=Callable[..., Any])
_OptionsClass = TypeVar("_OptionsClass", bound=Options)
BESIDE_RESULTS = "beside the results"  # what --reuse stands for without a folder
MIN_MEMORY = 300 * 10**6  # bytes that a process needs to begin at all


def parse_size(text: str) -> int:
    """Bytes of an amount of memory that is written as 500MB or 8GB."""
    found = re.fullmatch(r"(\d{1,6})(?:[.,](\d{1,3}))? ?(MB|GB|MiB|GiB)", text.strip())
    if found is None:
        raise click.BadParameter(tr("{value} is no size such as 500MB or 8GB.", value=text))
    unit = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}[found[3]]
    amount = int(float(f"{found[1]}.{found[2] or 0}") * unit)
    if amount < MIN_MEMORY:
        least = f"{MIN_MEMORY // 10**6}MB"
        raise click.BadParameter(
            tr("{value} is too little: a solve takes {least}.", value=text, least=least)
        )
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
    flag_value=BESIDE_RESULTS,
    type=click.Path(path_type=Path),
    metavar="[DIR]",
    help="Start from the cuts that earlier runs left in this folder, and leave more there; without "
    "DIR, the folder of --out. Write --reuse=DIR, or --reuse after FILE.",
)
quiet_option = click.option("--quiet", is_flag=True, help="Show no progress.")


def json_option(
    help_text: str = "Write one JSON document to stdout.",
) -> Callable[[_Command], _Command]:
    """The option for what programs read, which is in English unless a language is asked for."""

    def taken(_ctx: click.Context, _option: click.Parameter, value: bool) -> bool:
        if value and usage.requested_language() is None:
            set_language("en")
        return value

    return click.option("--json", "as_json", is_flag=True, callback=taken, help=help_text)


def force_option(help_text: str) -> Callable[[_Command], _Command]:
    """The option without which nothing is overwritten."""
    return click.option("--force", is_flag=True, help=help_text)


def path_option(
    name: str, metavar: str, help_text: str, exists: bool = False, required: bool = False
) -> Callable[[_Command], _Command]:
    """An option for a file or a folder, as its metavar says."""
    kind = click.Path(exists, "FILE" in metavar, "DIR" in metavar, path_type=Path)
    return click.option(name, type=kind, metavar=metavar, help=help_text, required=required)


def out_option(help_text: str, metavar: str = "DIR") -> Callable[[_Command], _Command]:
    """The option for what results are written to."""
    return path_option("--out", metavar, help_text)


scheduler_option = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Solve on the workers of this dask.distributed scheduler, such as tls://10.0.0.5:8786, or "
    "of one begun here for the run: local.",
)
TLS_OPTIONS = {
    "--tls-ca": mark_translatable(
        "Certificates of the authority that scheduler and workers are certified by."
    ),
    "--tls-cert": mark_translatable("The certificate by which the scheduler knows this side."),
    "--tls-key": mark_translatable("The private key of that certificate."),
}


def engine_options(command: _Command) -> _Command:
    """--memory-limit, --scheduler and the files of TLS: what ``asked_for`` takes beside jobs."""
    for name, what in reversed(TLS_OPTIONS.items()):
        command = path_option(name, "FILE", what, exists=True)(command)
    return memory_limit_option(scheduler_option(command))


def with_memory_limit(command: Callable[..., int]) -> Any:
    """--memory-limit, of a command that solves in its own process alone."""

    @wraps(command)
    def with_limit(*, memory_limit: int | None, **others: Any) -> int:
        child_process.limit_memory(memory_limit)
        return command(**others)

    return memory_limit_option(with_limit)


def with_engine_options(command: Callable[..., int]) -> Any:
    """The options of an engine, which is in use while the command runs; of them the command takes
    ``jobs`` alone. The process itself may take no more memory than one of the engine."""

    @wraps(command)
    def with_engine(**values: Any) -> int:
        where = take_engine_values(values)
        child_process.limit_memory(where["memory_limit"])
        with engine_in_use(jobs=values["jobs"], single_answer=True, **where):
            return command(**values)

    return engine_options(with_engine)


def take_engine_values(values: dict[str, Any]) -> dict[str, Any]:
    """What ``asked_for`` takes of the values of a command, which are left without it."""
    names = ("memory_limit", "scheduler", "tls_ca", "tls_cert", "tls_key")
    return {name: values.pop(name) for name in names}


@contextmanager
def engine_in_use(
    jobs: int | None = None,
    memory_limit: int | None = None,
    scheduler: str | None = None,
    task_timeout: float | None = None,
    single_answer: bool = False,
    **tls_files: Path | None,
) -> Iterator[Engine]:
    """The engine that these options ask for, in use for as long as the context lasts. ``seconds``
    is what one task may take. What is asked for ``alone`` is one answer: where that needs no second
    process it takes none, and a cluster is entered by the first who needs it. Raises
    click.UsageError where options do not go together, ClusterError where the cluster does not do.
    """
    from optimizer.parallel import Limits, LocalProcesses, current_engine, use_engine

    limits = Limits(memory_bytes=memory_limit, seconds=task_timeout)
    if scheduler is None:
        if any(tls_files.values()):
            raise usage_error("the files of TLS are for a --scheduler.")
        with use_engine(LocalProcesses(limits, jobs, limits_this_process=single_answer)):
            yield current_engine()
        return
    from optimizer.errors import ClusterError
    from optimizer.parallel.cluster import Cluster, TlsFiles

    try:
        tls = TlsFiles(*(tls_files.get(f"tls_{name}") for name in TlsFiles._fields))
        cluster = Cluster(
            scheduler, tls=tls, limits=limits, jobs=jobs, connect_lazily=single_answer
        )
    except ClusterError as error:  # nothing was tried as yet: it is how it was asked for
        raise click.UsageError(str(error)) from None
    with cluster, use_engine(cluster):
        yield cluster


def cut_pool_folder(reuse: Path | None, out: Path | None, method: str = "auto") -> Path | None:
    """The folder of the pool of cuts, if one is asked for."""
    if reuse is None:
        return None
    if method == "extensive":
        raise usage_error("--reuse goes with the decomposition, not with --method extensive.")
    if reuse.is_file():
        raise usage_error(
            "--reuse takes a folder, and '{path}' is a file: put FILE first.", path=reuse
        )
    if str(reuse) == BESIDE_RESULTS and out is None:
        raise usage_error("--reuse keeps cuts beside the results: name a folder, or --out.")
    return out if str(reuse) == BESIDE_RESULTS else reuse


@dataclass(frozen=True, eq=False)
class StoredCutPool:
    """The pool of cuts that suits a scenario, its key, and its file."""

    path: Path
    key: str
    pool: CutPool

    def write(self) -> None:
        """Leave it for the next run."""
        from optimizer.solve.decomposition import write_pool

        output_files.write_files([(self.path, write_pool(self.pool))], force=True)


def read_cut_pool(folder: Path, case: Case) -> StoredCutPool:
    """The pool that suits a case, empty if there is none yet."""
    from optimizer.model.instance import read_instance
    from optimizer.solve.decomposition import CutPool, pool_key, read_pool
    from optimizer.solve.decomposition.cut_pool import MAX_POOL_BYTES as MAX_POOL

    output_files.make_folder(folder)
    key = pool_key(read_instance(case))
    path = folder / f"cuts-{key[:16]}.npz"
    if not path.exists():
        return StoredCutPool(path, key, CutPool())
    # Larger ones than are written here are refused, before memory is.
    raw = read_bytes(path, SourceLocation(str(path)), MAX_POOL, "cuts")
    return StoredCutPool(path, key, read_pool(raw, str(path)))


class FiniteFloat(click.types.FloatParamType):
    """A number that is, unlike click's own, neither infinite nor NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(tr("{value} is not a finite number.", value=value), param, ctx)
        return number


class FiniteFloatRange(FiniteFloat, click.FloatRange):
    """Such a number in a range."""


def declared_options(options: type[Options], *names: str) -> Callable[[_Command], _Command]:
    """Give a command some of the options of a class, in this order; all where none is named."""

    def decorate(command: _Command) -> _Command:
        for name in reversed(names or options.user_fields()):
            command = field_option(options, name)(command)
        return command

    return decorate


def field_option(options: type[Options], name: str) -> Callable[[_Command], _Command]:
    """The option of one field, which a command takes by the name of that."""
    field = options.model_fields[name]
    plain, marks, often = _unwrap_field(field)
    flags = [mark for mark in marks if isinstance(mark, CliFlag)]
    said: dict[str, Any] = {}
    for flag in flags:
        said |= {part: value for part, value in vars(flag).items() if value is not None}
    written, parse = said.get("name"), said.get("parse")
    asked: dict[str, Any] = {"help": option_help(options)[name], "metavar": said.get("metavar")}
    dashed = name.replace("_", "-")
    if plain is bool:
        default = field.get_default()
        written = written or (f"--no-{dashed}" if default else f"--{dashed}")
        return click.option(written, name, is_flag=True, **asked)
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default not in (None, (), {}):
        asked |= {"default": said.get("shown") or default, "show_default": True}
    if often and (field.is_required() or default is not None):
        asked["multiple"] = True
    asked["type"] = str if parse is not None else _click_type(plain, marks)
    if parse is not None:
        asked["callback"] = _parse_callback(parse)
    return click.option(written or f"--{dashed}", name, required=field.is_required(), **asked)


def build_options(
    options: type[_OptionsClass], values: Mapping[str, Any], **more: Any
) -> _OptionsClass:
    """The options that a command was given; those that it was not keep their defaults. What a flag
    says of a field that holds by default is that it does not hold."""
    context = click.get_current_context()
    given = dict(more)
    for name in options.user_fields():
        source = context.get_parameter_source(name)
        if name not in values or source is ParameterSource.DEFAULT:
            continue
        value = values[name]
        given[name] = not value if options.model_fields[name].default is True else value
    return options(**given)


def _unwrap_field(field: FieldInfo) -> tuple[Any, list[Any], bool]:
    """The type of one value of a field, all that is said of it, and whether it may come often."""
    marks = list(field.metadata)
    found, often = field.annotation, False
    while True:
        origin, parts = get_origin(found), get_args(found)
        if origin is Annotated:
            found = parts[0]
            spread = (
                mark.metadata if isinstance(mark, FieldInfo) else [mark] for mark in parts[1:]
            )
            marks[:0] = itertools.chain(*spread)
        elif origin in (Union, UnionType):
            (found,) = (part for part in parts if part is not NoneType)
        elif origin is tuple and parts[1:] == (...,):
            found = parts[0]
            often = True
        elif origin is dict:
            return found, marks, True
        else:
            return found, marks, often


def _click_type(value_type: Any, constraints: list[Any]) -> Any:
    """What click checks a value by."""
    if get_origin(value_type) is Literal:
        return click.Choice(get_args(value_type))
    limits: dict[str, Any] = {}
    for mark in constraints:
        for name, limit in (("ge", "min"), ("gt", "min"), ("le", "max"), ("lt", "max")):
            if hasattr(mark, name):
                limits |= {limit: getattr(mark, name), f"{limit}_open": name in ("gt", "lt")}
    if value_type is float:
        return FiniteFloatRange(**limits) if limits else FiniteFloat()
    if value_type is int:
        return click.IntRange(**limits) if limits else int
    return value_type


def _parse_callback(parse: Callable[[Any], Any]) -> Callable[..., Any]:
    def callback(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
        if value is None or value == ():
            return value
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback
