"""Imports of libraries that would otherwise read settings from the current folder.

numba reads ``.numba_config.yaml`` there, which can name a cache of code to be loaded, and
matplotlib reads ``matplotlibrc``. The folder may come from an untrusted source, and neither library
can be configured not to read it, so constants of their code are replaced during the import."""

import sys
import warnings
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

SETTINGS_MODULES = {"numba": "numba.core.config", "matplotlib": "matplotlib"}
"""Library -> its module that reads settings."""
_modules_being_imported: set[str] = set()


def import_isolated(name: str) -> None:
    """Import numba or matplotlib such that it reads no settings from the current folder. A library
    that has been imported already is left as it is."""
    _modules_being_imported.add(SETTINGS_MODULES[name])
    try:
        import_module(name)
    finally:
        _modules_being_imported.discard(SETTINGS_MODULES[name])


class _IsolatingFinder:
    """Finder of the settings modules while they are imported. It finds them where Python's path
    finder does, and loads them with :class:`_IsolatingLoader`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _modules_being_imported else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _IsolatingLoader(name, spec.loader.path)
        return spec


# Never removed: an import in another thread may miss a module while a finder is being removed.
sys.meta_path.insert(0, _IsolatingFinder())


class _IsolatingLoader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType | None:
        code = super().get_code(fullname)
        isolated_code = code and _without_local_settings(code)
        if code is not None and isolated_code == code:
            warnings.warn(
                f"{fullname} may read settings from the current folder: this version of it names "
                "them in another way than those that are known",
                RuntimeWarning,
                stacklevel=2,
            )
        return isolated_code


def _without_local_settings(code: CodeType) -> CodeType:
    """Return the code with changed constants, such that it reads no settings from the current
    folder; unchanged code if it has none of the known constants."""
    constants: list[object] = []
    for constant in code.co_consts:
        if constant == ".numba_config.yaml":
            constants.append("")  # the name of no file
        elif isinstance(constant, CodeType):
            constants.append(
                _matplotlib_settings_files.__code__
                if constant.co_name == "gen_candidates"  # matplotlib's list of settings files
                else _without_local_settings(constant)
            )
        else:
            constants.append(constant)
    return code.replace(co_consts=tuple(constants))


def _matplotlib_settings_files() -> Iterator[str]:
    """Yield the settings files that matplotlib tries in order, without the current folder. It runs
    in matplotlib's namespace, so it has to import what it needs."""
    import os
    import sys
    from pathlib import Path

    name, mpl = "matplotlibrc", sys.modules["matplotlib"]
    if "MATPLOTLIBRC" in os.environ:
        yield os.environ["MATPLOTLIBRC"]
        yield str(Path(os.environ["MATPLOTLIBRC"], name))
    for folder in (mpl.get_configdir(), mpl.get_data_path()):
        yield str(Path(folder, name))
