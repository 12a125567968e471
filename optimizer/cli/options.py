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

from models.faults import Place
from models.files.decoding import read_bytes
from models.language import marked, speak, tr
from models.scenario.case import Case
from optimizer.analyses.options import Flag, Options, help_of
from optimizer.cli import child, disk, usage
from optimizer.cli.usage import misused

if TYPE_CHECKING:
    from optimizer.parallel import Engine
    from optimizer.solve.decomposition import CutPool

_Made = TypeVar("_Made", bound=Callable[..., Any])
_Asked = TypeVar("_Asked", bound=Options)
BESIDE = "beside the results"  # what --reuse stands for without a folder
LEAST_MEMORY = 300 * 10**6  # bytes that a process needs to begin at all


def size(text: str) -> int:
    """Bytes of an amount of memory that is written as 500MB or 8GB."""
    found = re.fullmatch(r"(\d{1,6})(?:[.,](\d{1,3}))? ?(MB|GB|MiB|GiB)", text.strip())
    if found is None:
        raise click.BadParameter(tr("{value} is no size such as 500MB or 8GB.", value=text))
    unit = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}[found[3]]
    amount = int(float(f"{found[1]}.{found[2] or 0}") * unit)
    if amount < LEAST_MEMORY:
        least = f"{LEAST_MEMORY // 10**6}MB"
        raise click.BadParameter(
            tr("{value} is too little: a solve takes {least}.", value=text, least=least)
        )
    return amount


memory_limit = click.option(
    "--memory-limit",
    type=size,
    metavar="SIZE",
    help="Memory that one process may take, such as 8GB; one that takes more is ended.",
)
reuse = click.option(
    "--reuse",
    is_flag=False,
    flag_value=BESIDE,
    type=click.Path(path_type=Path),
    metavar="[DIR]",
    help="Start from the cuts that earlier runs left in this folder, and leave more there; without "
    "DIR, the folder of --out. Write --reuse=DIR, or --reuse after FILE.",
)
quiet = click.option("--quiet", is_flag=True, help="Show no progress.")


def as_json(what: str = "Write one JSON document to stdout.") -> Callable[[_Made], _Made]:
    """The option for what programs read, which is in English unless a language is asked for."""

    def taken(_ctx: click.Context, _option: click.Parameter, value: bool) -> bool:
        if value and usage.asked_for() is None:
            speak("en")
        return value

    return click.option("--json", "as_json", is_flag=True, callback=taken, help=what)


def force(what: str) -> Callable[[_Made], _Made]:
    """The option without which nothing is overwritten."""
    return click.option("--force", is_flag=True, help=what)


def path(
    name: str, metavar: str, what: str, exists: bool = False, required: bool = False
) -> Callable[[_Made], _Made]:
    """An option for a file or a folder, as its metavar says."""
    kind = click.Path(exists, "FILE" in metavar, "DIR" in metavar, path_type=Path)
    return click.option(name, type=kind, metavar=metavar, help=what, required=required)


def out(what: str, metavar: str = "DIR") -> Callable[[_Made], _Made]:
    """The option for what results are written to."""
    return path("--out", metavar, what)


scheduler = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Solve on the workers of this dask.distributed scheduler, such as tls://10.0.0.5:8786, or "
    "of one begun here for the run: local.",
)
TLS = {
    "--tls-ca": marked(
        "Certificates of the authority that scheduler and workers are certified by."
    ),
    "--tls-cert": marked("The certificate by which the scheduler knows this side."),
    "--tls-key": marked("The private key of that certificate."),
}


def engine_options(command: _Made) -> _Made:
    """--memory-limit, --scheduler and the files of TLS: what ``asked_for`` takes beside jobs."""
    for name, what in reversed(TLS.items()):
        command = path(name, "FILE", what, exists=True)(command)
    return memory_limit(scheduler(command))


def limited(command: Callable[..., int]) -> Any:
    """--memory-limit, of a command that solves in its own process alone."""

    @wraps(command)
    def with_limit(*, memory_limit: int | None, **others: Any) -> int:
        child.limit_memory(memory_limit)
        return command(**others)

    return memory_limit(with_limit)


def chosen(command: Callable[..., int]) -> Any:
    """The options of an engine, which is in use while the command runs; of them the command takes
    ``jobs`` alone. The process itself may take no more memory than one of the engine."""

    @wraps(command)
    def with_engine(**values: Any) -> int:
        where = taken(values)
        child.limit_memory(where["memory_limit"])
        with asked_for(jobs=values["jobs"], alone=True, **where):
            return command(**values)

    return engine_options(with_engine)


def taken(values: dict[str, Any]) -> dict[str, Any]:
    """What ``asked_for`` takes of the values of a command, which are left without it."""
    names = ("memory_limit", "scheduler", "tls_ca", "tls_cert", "tls_key")
    return {name: values.pop(name) for name in names}


@contextmanager
def asked_for(
    jobs: int | None = None,
    memory_limit: int | None = None,
    scheduler: str | None = None,
    seconds: float | None = None,
    alone: bool = False,
    **files: Path | None,
) -> Iterator[Engine]:
    """The engine that these options ask for, in use for as long as the context lasts. ``seconds``
    is what one task may take. What is asked for ``alone`` is one answer: where that needs no second
    process it takes none, and a cluster is entered by the first who needs it. Raises
    click.UsageError where options do not go together, ClusterError where the cluster does not do.
    """
    from optimizer.parallel import Limits, Processes, in_use, using

    limits = Limits(memory=memory_limit, seconds=seconds)
    if scheduler is None:
        if any(files.values()):
            raise misused("the files of TLS are for a --scheduler.")
        with using(Processes(limits, jobs, watched=alone)):
            yield in_use()
        return
    from optimizer.errors import ClusterError
    from optimizer.parallel.cluster import Cluster, Tls

    try:
        tls = Tls(*(files.get(f"tls_{name}") for name in Tls._fields))
        cluster = Cluster(scheduler, tls=tls, limits=limits, jobs=jobs, when_needed=alone)
    except ClusterError as error:  # nothing was tried as yet: it is how it was asked for
        raise click.UsageError(str(error)) from None
    with cluster, using(cluster):
        yield cluster


def kept_in(reuse: Path | None, out: Path | None, method: str = "auto") -> Path | None:
    """The folder of the pool of cuts, if one is asked for."""
    if reuse is None:
        return None
    if method == "extensive":
        raise misused("--reuse goes with the decomposition, not with --method extensive.")
    if reuse.is_file():
        raise misused("--reuse takes a folder, and '{path}' is a file: put FILE first.", path=reuse)
    if str(reuse) == BESIDE and out is None:
        raise misused("--reuse keeps cuts beside the results: name a folder, or --out.")
    return out if str(reuse) == BESIDE else reuse


@dataclass(frozen=True, eq=False)
class Kept:
    """The pool of cuts that suits a scenario, its key, and its file."""

    path: Path
    key: str
    pool: CutPool

    def write(self) -> None:
        """Leave it for the next run."""
        from optimizer.solve.decomposition import write_pool

        disk.leave_all([(self.path, write_pool(self.pool))], force=True)


def read_kept(folder: Path, case: Case) -> Kept:
    """The pool that suits a case, empty if there is none yet."""
    from optimizer.model.instance import read_instance
    from optimizer.solve.decomposition import CutPool, pool_key, read_pool
    from optimizer.solve.decomposition.pool import MAX_BYTES as MAX_POOL

    disk.make_folder(folder)
    key = pool_key(read_instance(case))
    path = folder / f"cuts-{key[:16]}.npz"
    if not path.exists():
        return Kept(path, key, CutPool())
    # Larger ones than are written here are refused, before memory is.
    raw = read_bytes(path, Place(str(path)), MAX_POOL, "cuts")
    return Kept(path, key, read_pool(raw, str(path)))


class Finite(click.types.FloatParamType):
    """A number that is, unlike click's own, neither infinite nor NaN."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(tr("{value} is not a finite number.", value=value), param, ctx)
        return number


class FiniteRange(Finite, click.FloatRange):
    """Such a number in a range."""


def declared(options: type[Options], *names: str) -> Callable[[_Made], _Made]:
    """Give a command some of the options of a class, in this order; all where none is named."""

    def decorate(command: _Made) -> _Made:
        for name in reversed(names or options.asked()):
            command = option(options, name)(command)
        return command

    return decorate


def option(options: type[Options], name: str) -> Callable[[_Made], _Made]:
    """The option of one field, which a command takes by the name of that."""
    field = options.model_fields[name]
    plain, marks, often = _opened(field)
    flags = [mark for mark in marks if isinstance(mark, Flag)]
    said: dict[str, Any] = {}
    for flag in flags:
        said |= {part: value for part, value in vars(flag).items() if value is not None}
    written, parse = said.get("name"), said.get("parse")
    asked: dict[str, Any] = {"help": help_of(options)[name], "metavar": said.get("metavar")}
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
    asked["type"] = str if parse is not None else _type(plain, marks)
    if parse is not None:
        asked["callback"] = _parsed(parse)
    return click.option(written or f"--{dashed}", name, required=field.is_required(), **asked)


def built(options: type[_Asked], values: Mapping[str, Any], **more: Any) -> _Asked:
    """The options that a command was given; those that it was not keep their defaults. What a flag
    says of a field that holds by default is that it does not hold."""
    context = click.get_current_context()
    given = dict(more)
    for name in options.asked():
        source = context.get_parameter_source(name)
        if name not in values or source is ParameterSource.DEFAULT:
            continue
        value = values[name]
        given[name] = not value if options.model_fields[name].default is True else value
    return options(**given)


def _opened(field: FieldInfo) -> tuple[Any, list[Any], bool]:
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


def _type(plain: Any, marks: list[Any]) -> Any:
    """What click checks a value by."""
    if get_origin(plain) is Literal:
        return click.Choice(get_args(plain))
    limits: dict[str, Any] = {}
    for mark in marks:
        for name, limit in (("ge", "min"), ("gt", "min"), ("le", "max"), ("lt", "max")):
            if hasattr(mark, name):
                limits |= {limit: getattr(mark, name), f"{limit}_open": name in ("gt", "lt")}
    if plain is float:
        return FiniteRange(**limits) if limits else Finite()
    if plain is int:
        return click.IntRange(**limits) if limits else int
    return plain


def _parsed(parse: Callable[[Any], Any]) -> Callable[..., Any]:
    def callback(_ctx: click.Context, _option: click.Parameter, value: Any) -> Any:
        if value is None or value == ():
            return value
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback
