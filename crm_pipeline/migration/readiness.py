"""What must be confirmed of a mapping before anything of it can be staged: what other parts of it build on."""

from __future__ import annotations

from collections.abc import Iterator

from crm_pipeline.specs import Mapping, TargetSpec

#: Fields that decisions about owners are found by.
_OF_OWNERS = ("name", "login", "email")


def unconfirmed_needs(mapping: Mapping) -> list[str]:
    """What stands against staging, as sentences; empty for a mapping that was confirmed far enough.

    Single fields may stay proposed: they are not loaded. But a block of which nothing is confirmed makes no record others
    could link to, and a model can't be matched, ordered or counted by a field that is not loaded.
    """
    found = [
        f"nothing is confirmed of {target.model}/{block.name}"
        for target in mapping.targets for block in target.sources
        if block.fields and all(spec.status != "confirmed" for spec in block.fields.values())
    ]  # fmt: skip
    return found or [f"{target.model}.{name} is not confirmed, and {why}" for target in mapping.targets for name, why in _needed(target)]


def _needed(target: TargetSpec) -> Iterator[tuple[str, str]]:
    """(field, what for) of fields that are mapped, but proposed or ignored."""
    for name, why in _named(target):
        specs = [block.fields[name] for block in target.sources if name in block.fields]
        if specs and all(spec.status != "confirmed" for spec in specs):
            yield name, why


def _named(target: TargetSpec) -> Iterator[tuple[str, str]]:
    yield from ((name, "records are matched by it") for name in (*target.match.by, *target.match.or_by))
    yield from ((name, "owners are decided about by it") for name in (_OF_OWNERS if target.match.queue == "owners" else ()))
    yield from ((name, "records are loaded in its order") for name in target.load.order_by)
    yield from ((total.field, "it is a control total") for total in target.control_totals)
    yield from ((count.by, "records are counted by it") for count in target.counts)
    for block in target.sources:
        confirmed = (spec for spec in block.fields.values() if spec.status == "confirmed" and spec.named_for_model is not None)
        yield from ((str(spec.named_for_model), "another field says its model") for spec in confirmed)
