"""Names that people could confuse: pairs that are nearly the same, found without comparing all with all.

Names are put in order three ways (as they are, from their end, and with their words sorted), and each is compared with its
next neighbours only: the work grows with the number of names, not with its square.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist

from crm_pipeline.specs.discovery import NamesSpec
from crm_pipeline.staging.store import StagingStore, quote

#: Names of one kind that are compared, the most frequent ones first.
MOST_NAMES = 20_000
#: Neighbours each name is compared with in each order.
NEIGHBOURS = 5
#: Likeness in per cent from which two names could be confused.
ALIKE = 88
#: Shorter names differ by too little for a likeness to mean anything; they count only where spelling alone differs.
SHORTEST = 5
#: Pairs of one kind that are kept.
SHOWN = 40


@dataclass(frozen=True)
class AlikePair:
    """Two names that are nearly alike, with the rows of each; ``likeness`` 100: only case, accents or punctuation differ."""

    kind: str
    first: str
    first_rows: int
    second: str
    second_rows: int
    likeness: int


def alike_names(store: StagingStore, specs: Iterable[NamesSpec]) -> list[AlikePair]:
    """Pairs of nearly equal names, most alike first; kinds in the order of their first spec."""
    by_kind: dict[str, list[NamesSpec]] = defaultdict(list)
    for spec in specs:
        by_kind[spec.title].append(spec)
    return [pair for kind, named in by_kind.items() for pair in alike_pairs(kind, _names(store, named))]


def _names(store: StagingStore, specs: list[NamesSpec]) -> pl.DataFrame:
    union = " UNION ALL ".join(
        f"SELECT ({spec.name})::VARCHAR AS name FROM {quote(f'typed.{spec.object}')}" for spec in specs if store.has_table(f"typed.{spec.object}")
    )
    if not union:
        return pl.DataFrame(schema={"name": pl.String, "rows": pl.Int64})
    return store.frame(
        f"SELECT name, count(*) AS rows FROM ({union}) WHERE trim(name) <> '' GROUP BY name ORDER BY rows DESC, name LIMIT {MOST_NAMES}"
    )


def alike_pairs(kind: str, names: pl.DataFrame) -> list[AlikePair]:
    """Pairs among names.

    Args:
        kind: what they are names of.
        names: columns name (each once) and rows.
    """
    forms = (
        names.with_columns(_words=pl.col("name").str.normalize("NFKD").str.to_lowercase().str.replace_all(r"\p{M}+", "").str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars())
        .with_columns(
            _form=pl.col("_words").str.replace_all(" ", "", literal=True),
            _sorted=pl.col("_words").str.split(" ").list.sort().list.join(" "),
            _digits=pl.col("_words").str.replace_all(r"[^\p{N}]+", ""),
        )
        .with_columns(_back=pl.col("_form").str.reverse())
        .filter(pl.col("_form") != "")
    )  # fmt: skip
    pairs = _neighbours(forms)
    if pairs.is_empty():
        return []
    plain = cpdist(pairs["_form"].to_list(), pairs["_form_2"].to_list(), scorer=fuzz.ratio)
    sorted_ = cpdist(pairs["_sorted"].to_list(), pairs["_sorted_2"].to_list(), scorer=fuzz.ratio)
    long = (pl.col("_form").str.len_chars() >= SHORTEST) & (pl.col("_form_2").str.len_chars() >= SHORTEST)
    found = (
        pairs.with_columns(likeness=pl.max_horizontal(pl.Series(plain), pl.Series(sorted_)).floor().cast(pl.Int64))
        .filter((pl.col("likeness") == 100) | ((pl.col("likeness") >= ALIKE) & long))
        .sort("likeness", "name", "name_2", descending=[True, False, False])
        .head(SHOWN)
    )
    return [
        AlikePair(kind, row["name"], row["rows"], row["name_2"], row["rows_2"], row["likeness"]) for row in found.iter_rows(named=True)
    ]  # fmt: skip


def _neighbours(forms: pl.DataFrame) -> pl.DataFrame:
    """Pairs of neighbours in each order, each once; numbers must be the same, because 'Phase 1' is not 'Phase 2'."""
    kept = ["name", "rows", "_form", "_sorted", "_digits"]
    parts = []
    for order in ("_form", "_back", "_sorted"):
        ordered = forms.sort(order, "name").select(kept)
        for distance in range(1, NEIGHBOURS + 1):
            other = ordered.shift(-distance).rename({column: f"{column}_2" for column in kept})
            parts.append(pl.concat([ordered, other], how="horizontal").drop_nulls())
    return (
        pl.concat(parts)
        .filter(pl.col("_digits") == pl.col("_digits_2"))
        .with_columns(_key=pl.min_horizontal("name", "name_2") + "\0" + pl.max_horizontal("name", "name_2"))
        .unique("_key", keep="first", maintain_order=True)
    )
