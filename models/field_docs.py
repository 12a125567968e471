"""What a field of a model is, as its source says: after ``#:`` behind it, or in the string below.

Read when a message or the schema needs it: to have pydantic do so for every model would cost each
command a tenth of its time.
"""

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What is said of each field of a class or of one that it extends; nothing without source."""
    found = {}
    for parent in reversed(model.__mro__):
        if issubclass(parent, BaseModel) and parent is not BaseModel:
            found.update(_module_field_docstrings(parent.__module__).get(parent.__name__, {}))
    return found


@cache
def _module_field_docstrings(module: str) -> dict[str, dict[str, str]]:
    """The fields of all classes of a module."""
    try:
        source = inspect.getsource(sys.modules[module])
    except OSError:
        return {}
    lines, found = source.splitlines(), dict[str, dict[str, str]]()
    classes = [one for one in ast.parse(source).body if isinstance(one, ast.ClassDef)]
    for kind in classes:
        for field, below in pairwise([*kind.body, None]):
            if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
                continue
            said = lines[(field.end_lineno or 0) - 1].partition("  #: ")[2]
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                said = inspect.cleandoc(str(below.value.value))
            if said:
                found.setdefault(kind.name, {})[field.target.id] = said
    return found
