"""Docstrings of the fields of models, read from their source.

A field is documented by ``#:`` at the end of its line, or by the string below it. Sources are read
only when a message or a schema needs them: with pydantic's ``use_attribute_docstrings`` every
command would take a tenth longer to start.
"""

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def field_docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of a model's fields, inherited ones included, by field name.

    Fields without a docstring, or whose source is not available, are left out.
    """
    docstrings = {}
    for parent in reversed(model.__mro__):
        if issubclass(parent, BaseModel) and parent is not BaseModel:
            docstrings.update(_module_field_docstrings(parent.__module__).get(parent.__name__, {}))
    return docstrings


@cache
def _module_field_docstrings(module: str) -> dict[str, dict[str, str]]:
    """Return the docstrings of fields in a module, by class name and field name."""
    try:
        source = inspect.getsource(sys.modules[module])
    except OSError:
        return {}
    lines, docstrings = source.splitlines(), dict[str, dict[str, str]]()
    classes = [entry for entry in ast.parse(source).body if isinstance(entry, ast.ClassDef)]
    for class_node in classes:
        for node, next_node in pairwise([*class_node.body, None]):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            text = lines[(node.end_lineno or 0) - 1].partition("  #: ")[2]
            if isinstance(next_node, ast.Expr) and isinstance(next_node.value, ast.Constant):
                text = inspect.cleandoc(str(next_node.value.value))
            if text:
                docstrings.setdefault(class_node.name, {})[node.target.id] = text
    return docstrings
