"""What a field of a model is, as the string below it in the source says.

Read when a message or the schema needs it: to have pydantic do so for every model would cost each
command a tenth of its time.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """The string below each field of a class or of one that it extends, by the field's name.

    None without their source.
    """
    found = {}
    for parent in reversed(model.__mro__):
        if issubclass(parent, BaseModel) and parent is not BaseModel:
            found.update(_own(parent))
    return found


def _own(model: type[BaseModel]) -> dict[str, str]:
    try:
        tree = _tree(model.__module__)
    except OSError:
        return {}
    body = next(
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == model.__name__
    )
    found = {}
    for field, below in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            found[field.target.id] = inspect.cleandoc(str(below.value.value))
    return found


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module]))
