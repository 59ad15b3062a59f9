"""Rows whose parent is not in the export: what people decided about them in ``orphans.csv``.

``attach`` gives the row another parent, ``detach`` loads it without one, ``skip`` leaves it out. A decision about a row
that is no orphan (any more) is not used.
"""

from __future__ import annotations

from crm_pipeline.specs import SourceSpec
from crm_pipeline.specs.source import ReferenceSpec
from crm_pipeline.staging.aside import set_aside
from crm_pipeline.staging.kept import copy_as_read
from crm_pipeline.staging.store import StagingStore, literal, quote


def decide_orphans(store: StagingStore, spec: SourceSpec, name: str, reference: ReferenceSpec) -> bool:
    """Apply the decisions about the rows of ``_broken`` (row id, value, parent object); says whether there were any.

    Rows that are skipped get their fate here; the others are to be checked again.
    """
    typed, key, column = quote(f"typed.{name}"), quote(spec.objects[name].key), quote(reference.column)
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _decided AS
        SELECT t._row_id, decision.key, decision.decision, decision.parent_object, decision.parent_key
        FROM {typed} AS t JOIN _broken USING (_row_id)
        JOIN ops.orphan_decision AS decision ON decision.object = {literal(name)} AND decision.key = t.{key}::VARCHAR
    """)
    if not store.value("SELECT count(*) FROM _decided"):
        return False
    copy_as_read(store, name)
    kinds = {} if not isinstance(reference.to, dict) else {target: word for word, target in reversed(reference.to.items())}
    cases = " ".join(f"WHEN {literal(target)} THEN {literal(word)}" for target, word in kinds.items())
    by = f", {quote(str(reference.by))} = CASE parent_object {cases} ELSE {quote(str(reference.by))} END" if kinds else ""
    store.execute(
        f"UPDATE {typed} SET {column} = decided.parent_key{by} FROM _decided AS decided "
        f"WHERE {typed}._row_id = decided._row_id AND decided.decision = 'attach'"
    )
    store.execute(
        f"UPDATE {typed} SET {column} = NULL WHERE _row_id IN (SELECT _row_id FROM _decided WHERE decision = 'detach')"
    )
    store.execute("UPDATE ops.orphan_decision SET used = TRUE WHERE object = ? AND key IN (SELECT key FROM _decided)", [name])
    skipped = "SELECT _row_id, 'excluded', 'skipped_by_decision', 'orphans.csv' FROM _decided WHERE decision = 'skip'"
    set_aside(store, name, spec.objects[name].key, skipped)
    store.execute("DROP TABLE _decided")
    return True
