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
    for name in store.tables("staged"):
        if name.removeprefix(_AWAY) not in known:
            store.execute(f"DROP TABLE {quote(f'staged.{name}')}")
        elif not name.startswith(_AWAY):
            store.execute(f"DROP TABLE IF EXISTS {_away(name)}")
            store.execute(f"ALTER TABLE {quote(f'staged.{name}')} RENAME TO {quote(_AWAY + name)}")


def take_again(store: StagingStore, name: str, inputs: str) -> bool:
    """Take a table that was made of the same inputs; else what there is of it is dropped and ``False`` returned."""
    kept = store.value("SELECT inputs FROM ops.staged_table WHERE name = ?", [name])
    if kept == inputs and store.has_table(f"staged.{_AWAY}{name}"):
        store.execute(f"ALTER TABLE {_away(name)} RENAME TO {quote(name)}")
        store.execute(f"DELETE FROM {quote(f'staged.{name}')} WHERE _departed")
        return True
    if kept is not None:
        store.execute("DELETE FROM ops.staged_table WHERE name = ?", [name])
    store.execute(f"DROP TABLE IF EXISTS {_away(name)}")
    return False


def note_inputs(store: StagingStore, name: str, inputs: str) -> None:
    """Note what a table that was just made, and found good, is made of."""
    store.execute("INSERT INTO ops.staged_table VALUES (?, ?)", [name, inputs])


def _away(name: str) -> str:
    return quote(f"staged.{_AWAY}{name}")
