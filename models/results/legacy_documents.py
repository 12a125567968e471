"""Conversion of results that an earlier version of Vorrat wrote to the present format."""

from typing import Any

VERSION_WITHOUT_CHAINS = "0.1.0"
"""This version had no chains: need was demand, and nothing was made of other materials."""


def writing_version(content: Any) -> str | None:
    """Return the version of Vorrat that wrote a document; None if the document states none."""
    if not isinstance(content, dict):
        return None
    versions = content.get("versions")
    if isinstance(versions, dict) and isinstance(versions.get("vorrat"), str):
        return str(versions["vorrat"])
    return writing_version(content.get("certificate")) or writing_version(content.get("plan"))


def upgrade_document(content: Any) -> Any:
    """Return the content of a result, with the fields that version 0.1.0 did not write added."""
    if writing_version(content) != VERSION_WITHOUT_CHAINS or _mentions_need(content):
        return content
    upgraded = _add_need(content)
    if upgraded.get("kind") == "stress":
        upgraded = {"plants": [], **upgraded}
        upgraded["events"] = [{"profile": None, **e} for e in upgraded.get("events") or ()]
    return upgraded


def _mentions_need(content: Any) -> bool:
    """Return whether ``need_t`` occurs anywhere in the content.

    Documents that were written between two releases have this field.
    """
    if isinstance(content, list):
        return any(map(_mentions_need, content))
    return isinstance(content, dict) and (
        "need_t" in content or any(map(_mentions_need, content.values()))
    )


def _add_need(content: Any) -> Any:
    if isinstance(content, list):
        return [_add_need(item) for item in content]
    if not isinstance(content, dict):
        return content
    upgraded = {k: v if k == "scenario" else _add_need(v) for k, v in content.items()}
    if "demand_t" in upgraded:
        upgraded = {"need_t": upgraded["demand_t"], **upgraded}
        if "delivered_t" in upgraded:  # a stress test, with lists by period
            deliveries = upgraded["delivered_t"].items()
            zeros = {case: [0.0] * len(tonnes) for case, tonnes in deliveries}
            upgraded = {"made_t": zeros, "taken_t": zeros, **upgraded}
    return upgraded
