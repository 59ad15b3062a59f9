"""Second opinions on columns whose name says nothing: an embedding model, or a language model, behind one interface.

None is needed and none ships: ``crm-pipeline propose --adviser package.module:factory`` names one that is installed. An
adviser is asked about headings and labels only; values are shown to it only when ``--show-values`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

#: What an adviser says counts as a guess, however sure it is itself.
MOST = 0.6


class Adviser(Protocol):
    """Says which field a column may be."""

    def suggest(self, kind: str, heading: str, fields: Mapping[str, str], samples: Sequence[str]) -> tuple[str, float] | None:
        """The field and how sure, 0 to 1; ``None`` where it has no opinion.

        Args:
            kind: what a row of the table is (company, person, deal …).
            heading: the column's.
            fields: Odoo's fields with their labels.
            samples: a few values; none unless the user allowed it.
        """


class AdviserError(Exception):
    """An adviser can't be loaded."""


def load_adviser(name: str) -> Adviser:
    """The adviser that ``package.module:factory`` makes.

    Raises:
        AdviserError: there is no such factory.
    """
    module, _, factory = name.partition(":")
    try:
        make: Callable[[], Any] = getattr(import_module(module), factory)
    except (ImportError, AttributeError, ValueError) as error:
        raise AdviserError(f"--adviser '{name}': {error}. Write package.module:factory of an installed package") from error
    return cast("Adviser", make())


def embeddings() -> Adviser:
    """The adviser by sentence embeddings; needs the extra 'embeddings' and a model that is on this machine (HF_HOME)."""
    try:
        model = import_module("sentence_transformers").SentenceTransformer("all-MiniLM-L6-v2", local_files_only=True)
    except (ImportError, OSError) as error:
        raise AdviserError(f"embeddings: {error}. pip install 'crm-pipeline[embeddings]' and download all-MiniLM-L6-v2 once") from error
    return _Embeddings(model)


class _Embeddings:
    def __init__(self, model: Any) -> None:
        self._model = model

    def suggest(self, kind: str, heading: str, fields: Mapping[str, str], samples: Sequence[str]) -> tuple[str, float] | None:  # noqa: ARG002
        """The field whose label is nearest in meaning."""
        if not fields:
            return None
        vectors = self._model.encode([f"{kind} {heading}", *(f"{kind} {label}" for label in fields.values())], normalize_embeddings=True)
        scores = vectors[1:] @ vectors[0]
        best = int(scores.argmax())
        return list(fields)[best], float(scores[best])
