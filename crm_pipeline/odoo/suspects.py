"""Which rows of a refused call are the likely cause, by what Odoo and PostgreSQL said about it.

PostgreSQL shows the row or the key it refused (``Failing row contains (…)``, ``Key (country_id)=(7) is not present``), Odoo
sometimes a name. A row is suspected when more of what is its own, and of no other row, stands in that text. A suspicion only says
where to cut: whoever is suspected is sent alone, and refused only if Odoo refuses it again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

#: Bytes of a value that PostgreSQL shows (``maxfieldlen`` of its executor).
_SHOWN = 64
#: Values at least this long are looked for anywhere in the text, shorter ones only as a whole.
_LONG = 12
_PARTS = re.compile(r"[(),=\n]+\s*")


def suspects(rows: Sequence[Mapping[str, Any]], said: str) -> list[int]:
    """Positions of the suspected rows; empty when the text points at none, or at all alike.

    Args:
        rows: values of ``create``, one mapping for each record of the call.
        said: the refusal, with the database's detail where there is one.
    """
    parts = {part.strip() for part in _PARTS.split(said)}
    own = [{(name, text) for name, value in row.items() if (text := _as_shown(value))} for row in rows]
    among = Counter(cell for cells in own for cell in cells)
    seen = {cell for cell in among if cell[1] in parts or (len(cell[1]) >= _LONG and cell[1] in said)}
    scores = [sum(1 / among[cell] for cell in cells & seen) for cells in own]
    highest = max(scores, default=0)
    found = [position for position, score in enumerate(scores) if score == highest]
    return found if highest > 0 and len(found) < len(rows) else []


def _as_shown(value: Any) -> str:
    """A value as PostgreSQL shows it; empty for what is no column of text or numbers."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).removesuffix(".0").encode()[:_SHOWN].decode(errors="ignore").strip()
