"""An untrusted folder: it contains files that Python and libraries might load from the current
folder, and each leaves a mark if it is executed or read."""

from __future__ import annotations

import importlib
import inspect
import os
import pickle
import pkgutil
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

SETTINGS = {
    ".numba_config.yaml": b"cache_dir: .c\n",
    "matplotlibrc": b"\xff\xfe",
    "dask.yaml": b"distributed: {client: {preload: [json]}, nanny: {preload: [json]}}\n",
    "distributed.yaml": b"distributed: {worker: {preload: [json]}}\n",
    "json.pth": b"import json\n",
    "pyvenv.cfg": b"home = .\n",
    ".pdbrc": b"import json\n",
    ".env": b"PYTHONPATH=.\n",
    "highs.opt": b"time_limit = 0\n",
}
ELSEWHERE = (".config/dask", "~/.config/dask", ".config/matplotlib", ".pyomo", "etc/dask")
"""Folders in which libraries look for settings of the user, if they take this one for his."""
HOOK = """\
import os, sys
def watch(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        path = os.path.abspath(os.fsdecode(args[0]))
        if path.startswith({folder!r} + os.sep):
            note("read " + path)
def note(line):
    log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, (line + "\\n").encode())
    os.close(log)
note("process " + " ".join(sys.orig_argv))
sys.addaudithook(watch)
"""


class _Trap:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> object:
        return os.mkdir, (str(self.mark),)


class Traps:
    """A folder of traps, and what became of them."""

    def __init__(self, folder: Path, beside: Path) -> None:
        self.folder, self._log, self.mark = folder, beside / "log", beside / "sprung"
        hooks = beside / "hooks"
        hooks.mkdir(parents=True)
        hook = HOOK.format(folder=str(folder), log=str(self._log))
        (hooks / "sitecustomize.py").write_text(hook, encoding="utf-8")
        self.environment = os.environ | {"PYTHONPATH": str(hooks), "VORRAT_TRACEBACK": "1"}
        self.environment.pop("PYTHONSAFEPATH", None)
        before = {*folder.rglob("*")}
        self._set()
        self._all = {str(path) for path in folder.rglob("*")} - {*map(str, before)}

    def _set(self) -> None:
        packages = {name for name in packages_distributions() if name.isidentifier()}
        own = {"models", "optimizer", "vorrat", "sitecustomize", "usercustomize"}
        code = f"import os\nos.mkdir({str(self.mark)!r} + '-' + __name__)\n"
        for name in {*sys.stdlib_module_names, *packages, *own}:
            (self.folder / f"{name}.py").write_text(code, encoding="utf-8")
        for name, content in SETTINGS.items():
            (self.folder / name).write_bytes(content)
        for name in ELSEWHERE:
            (self.folder / name).mkdir(parents=True)
            (self.folder / name / "matplotlibrc").write_bytes(SETTINGS["matplotlibrc"])
            (self.folder / name / "dask.yaml").write_bytes(SETTINGS["dask.yaml"])
        for cache in (".c", ".cache/numba", "~/.cache/numba", "__pycache__"):
            self._poison(self.folder / cache)

    def _poison(self, cache: Path) -> None:
        """Put code where numba keeps what it compiles of the sweep."""
        from numba.core.caching import UserProvidedCacheLocator
        from numba.core.dispatcher import Dispatcher

        import optimizer.solve.recourse as sweep

        code = pickle.dumps(_Trap(self.mark))
        for info in pkgutil.iter_modules(sweep.__path__):
            module = importlib.import_module(f"{sweep.__name__}.{info.name}")
            for made in vars(module).values():
                if isinstance(made, Dispatcher):
                    source = inspect.getfile(made.py_func)
                    inner = UserProvidedCacheLocator.get_suitable_cache_subpath(source)
                    (cache / inner).mkdir(parents=True, exist_ok=True)
                    version = f"py{sys.version_info[0]}{sys.version_info[1]}"
                    line = made.py_func.__code__.co_firstlineno
                    name = f"{Path(source).stem}.{made.py_func.__qualname__}-{line}.{version}.nbi"
                    (cache / inner / name).write_bytes(code)

    def reset(self) -> None:
        """Forget what was done by now."""
        self._log.unlink(missing_ok=True)
        for mark in self.mark.parent.glob(f"{self.mark.name}*"):
            mark.rmdir()

    def log(self) -> list[str]:
        """What was read in the folder, and the processes of Python that were started."""
        return self._log.read_text("utf-8").splitlines() if self._log.exists() else []

    def processes(self, part: str) -> int:
        """How many processes of Python had this in their command line."""
        return sum(line.startswith("process ") and part in line for line in self.log())

    def sprung(self) -> list[str]:
        """The traps that were read, or executed."""
        read = {line.removeprefix("read ") for line in self.log()}
        marks = self.mark.parent.glob(f"{self.mark.name}*")
        return sorted((read & self._all) | {path.name for path in marks})
