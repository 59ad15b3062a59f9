"""Records of a loaded model that are not ours: whether one could be taken for a copy of ours, told without comparing all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_pipeline.odoo.destination import Destination
from crm_pipeline.odoo.resolved import ResolvedField, resolve_fields
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.staging.store import StagingStore, quote

#: Records of one read.
_PART = 2_000


def may_be_copies(
    store: StagingStore, mapping: Mapping, target: TargetSpec, destination: Destination, env: str, ids: Sequence[int]
) -> bool:
    """Whether one of some records of a target's model agrees with what records of ours have in common by the mapping.

    A copy (see :mod:`crm_pipeline.verification.identities`) links to the records ours link to, and has the constants ours
    have. What later loads bring along (a payment's own journal items and messages) does not.
    """
    schema = destination.fields_get(target.model)
    fields = {f.name: f for block in target.sources for f in resolve_fields(target, block, schema)}
    allowed = {name: _allowed(store, mapping, target, field, env) for name, field in fields.items()}
    sets = [{fields[n].schema.name: allowed[n] for n in names if allowed.get(n) is not None} for names in target.identities]
    if not all(sets):
        return True
    wanted = sorted({name for each in sets for name in each})
    for start in range(0, len(ids), _PART):
        domain = [("id", "in", list(ids[start : start + _PART]))]
        for record in destination.search_read(target.model, domain, wanted, context={"active_test": False}):
            if any(all(record[name] in (values or ()) for name, values in each.items()) for each in sets):
                return True
    return False


def _allowed(store: StagingStore, mapping: Mapping, target: TargetSpec, field: ResolvedField, env: str) -> frozenset[Any] | None:
    """All values that records of ours can have in a field; ``None`` where that is not known without comparing."""
    specs = [block.fields.get(field.name) for block in target.sources]
    if all(spec is not None and spec.const is not None for spec in specs):
        return frozenset(spec.const for spec in specs if spec is not None)
    links = [link for spec in specs if spec is not None for link in spec.links]
    plain = field.schema.type in {"many2one", "many2one_reference"} and links and not any(link.via for link in links)
    if not plain or any(spec is None or not spec.links for spec in specs):
        return None
    models = sorted({mapping.blocks[link.to][0].model for link in links})
    blank = store.value(f"SELECT EXISTS (SELECT 1 FROM {quote(f'staged.{target.table}')} WHERE {quote(field.name)} IS NULL)")
    rows = store.rows("SELECT odoo_id FROM ops.ledger WHERE env = ? AND list_contains(?, model)", [env, models])
    return frozenset({*([False] if blank else ()), *(odoo_id for (odoo_id,) in rows)})
