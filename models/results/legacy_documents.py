"""Results that an earlier version of Vorrat wrote, as this one reads them."""

from typing import Any

VERSION_WITHOUT_CHAINS = "0.1.0"
"""It knew no chains: all that is needed is demanded, and nothing is made of other materials."""


def writing_version(content: Any) -> str | None:
    """The version of Vorrat that a document says it was written by; None where it says none."""
    if not isinstance(content, dict):
        return None
    versions = content.get("versions")
    if isinstance(versions, dict) and isinstance(versions.get("vorrat"), str):
        return str(versions["vorrat"])
    return writing_version(content.get("certificate")) or writing_version(content.get("plan"))


def upgrade_document(content: Any) -> Any:
    """The content of a result with what one of an earlier version leaves unsaid."""
    if writing_version(content) != VERSION_WITHOUT_CHAINS or _mentions_need(content):
        return content
    told = _add_need(content)
    if told.get("kind") == "stress":
        told = {"plants": [], **told}
        told["events"] = [{"profile": None, **one} for one in told.get("events") or ()]
    return told


def _mentions_need(content: Any) -> bool:
    """Whether any part says what is needed: what was written between two releases does."""
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
    told = {k: v if k == "scenario" else _add_need(v) for k, v in content.items()}
    if "demand_t" in told:
        told = {"need_t": told["demand_t"], **told}
        if "delivered_t" in told:  # in a disruption, period by period
            none = {case: [0.0] * len(each) for case, each in told["delivered_t"].items()}
            told = {"made_t": none, "taken_t": none, **told}
    return told
