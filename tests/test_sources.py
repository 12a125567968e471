"""What the source does not do, read off the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    p for package in ("models", "optimizer", "vorrat") for p in (ROOT / package).rglob("*.py")
)
EXECUTING = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "runpy", "code", "codeop"}
REACHING = {"socket", "ssl", "http", "ftplib", "smtplib", "requests", "httpx", "webbrowser",
            "xmlrpc", "urllib.request"}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "os.fork", "os.getuid",
         "yaml.load", "yaml.unsafe_load", "yaml.full_load", "np.load", "numpy.load",
         "pd.read_pickle", "joblib.load", "click.launch"}  # fmt: skip
ALLOWED = {
    # A user asked with --open for the report that was just written.
    ("optimizer/cli/solve_commands.py", "click.launch")
}


@cache
def trees() -> dict[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in SOURCES
    }


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    for file, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield file, node, ast.unparse(node.func)


def imports() -> Iterator[tuple[str, str]]:
    for file, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((file, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield file, node.module or ""


BETWEEN_OWN_PROCESSES = {
    # Tasks and answers between this process and workers that it has begun itself, and those of a
    # cluster that both sides have shown certificates for, or that is on this machine.
    ("optimizer/parallel/task_server.py", "pickle"),
    # The best plan, in a folder that only this user can write into.
    ("optimizer/cli/child_process.py", "pickle"),
    ("optimizer/parallel/processes.py", "pickle"),
}


@pytest.mark.slow
def test_nothing_that_is_read_can_be_executed() -> None:
    executing = {(f, m) for f, m in imports() if m.split(".")[0] in EXECUTING}
    imported = executing - BETWEEN_OWN_PROCESSES
    called = {(file, name) for file, _, name in calls() if name in CALLS}
    shells = [
        file
        for file, call, _ in calls()
        for given in call.keywords
        if given.arg in ("shell", "allow_pickle") and ast.unparse(given.value) != "False"
    ]
    assert (imported, called - ALLOWED, shells) == (set(), set(), [])


ON_THIS_MACHINE = {
    # Bound to the loopback address, but for a container whose proxy is elsewhere.
    ("optimizer/cli/open_page.py", "socket"),
    ("optimizer/cli/open_page.py", "webbrowser"),
}


@pytest.mark.slow
def test_nothing_imports_what_reaches_other_machines() -> None:
    found = {(f, m) for f, m in imports() if m in REACHING or m.split(".")[0] in REACHING}
    assert found == ON_THIS_MACHINE


@pytest.mark.slow
def test_texts_are_read_and_written_in_a_stated_encoding() -> None:
    """The default is that of the system, which on Windows is a code page."""
    odd = []
    for file, call, name in calls():
        keywords = {given.arg for given in call.keywords}
        last = name.split(".")[-1]
        mode = next((str(a.value) for a in call.args if isinstance(a, ast.Constant)), "")
        opens = name == "open" or (last == "open" and "Path" in ast.unparse(call.func))
        text = last in ("read_text", "write_text") or (opens and "b" not in mode)
        if text and "encoding" not in keywords:
            odd.append((file, ast.unparse(call)))
    assert odd == []


@pytest.mark.slow
def test_paths_are_not_joined_as_texts() -> None:
    # Some of it has no like in pathlib: links are neither followed nor do they raise.
    lacking = {f"os.path.{name}" for name in ("expanduser", "lexists", "normpath", "relpath")}
    joined = {(file, name) for file, _, name in calls() if name.startswith("os.path.")}
    assert {(file, name) for file, name in joined if name not in lacking} == set()


@pytest.mark.slow
def test_names_of_some_systems_are_used_under_a_condition() -> None:
    """Names that only some systems have stand under a condition."""
    some = re.compile(r"(os\.(fork|getuid|geteuid|getpgid|killpg|setsid|sched_getaffinity)"
                      r"|signal\.(SIGKILL|SIGHUP|SIGUSR1|SIGALRM|pthread_sigmask))\b")  # fmt: skip
    odd = []
    for file, tree in trees().items():
        source = (ROOT / file).read_text(encoding="utf-8")
        used = {m[0] for n in ast.walk(tree) if isinstance(n, ast.Attribute)
                for m in [some.fullmatch(ast.unparse(n))] if m}  # fmt: skip
        for name in used:
            attribute = name.split(".")[-1]
            if (
                f'hasattr({name.split(".")[0]}, "{attribute}")' in source
                or "sys.platform" in source
            ):
                continue
            odd.append((file, name))
    assert odd == []
