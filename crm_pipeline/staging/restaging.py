"""Target-shaped tables that need not be made again: their statement, and what it reads, are what they were.

While an export is read they are out of sight under another name, so that nothing takes them for what is staged.
"""

from __future__ import annotations

from crm_pipeline.staging.store import StagingStore, quote

#: What begins the name of a table that is out of sight.
_AWAY = "~"


def put_away(store: StagingStore, *, keep: bool = True) -> None:
    """Have nothing staged; tables whose inputs are known can be taken again, unless ``keep`` says no."""
    known = {name for (name,) in store.rows("SELECT name FROM ops.staged_table")} if keep else set()
    tables = set(store.tables("staged"))
    for name in sorted(tables):
        if name.removeprefix(_AWAY) not in known or _AWAY + name in tables:
            store.execute(f"DROP TABLE {quote(f'staged.{name}')}")
        elif not name.startswith(_AWAY):
            store.execute(f"ALTER TABLE {quote(f'staged.{name}')} RENAME TO {quote(_AWAY + name)}")


class PutAway:
    """Tables that are out of sight, with what they were made of."""

    def __init__(self, store: StagingStore) -> None:
        self._store = store
        tables = store.tables("staged")
        known = {} if not tables else dict(store.rows("SELECT name, inputs FROM ops.staged_table"))
        self._inputs = {name: inputs for name, inputs in known.items() if _AWAY + name in tables}

    def take_again(self, name: str, inputs: str) -> bool:
        """Take a table that was made of the same inputs; else it is dropped, if there was one, and ``False`` returned."""
        kept = self._inputs.pop(name, None)
        if kept is None:
            return False
        away = quote(f"staged.{_AWAY}{name}")
        if kept == inputs:
            self._store.execute(f"DELETE FROM {away} WHERE _departed; ALTER TABLE {away} RENAME TO {quote(name)}")
            return True
        self._store.execute(f"DROP TABLE {away}")
        return False


def note_inputs(store: StagingStore, name: str, inputs: str | None) -> None:
    """Note what a table that was just made, and found good, is made of; ``None`` for one that was not."""
    store.execute("DELETE FROM ops.staged_table WHERE name = ?", [name])
    if inputs is not None:
        store.execute("INSERT INTO ops.staged_table VALUES (?, ?)", [name, inputs])
