"""How often each kind of evidence was right: measured on mapped CRMs, each read without what was learnt from itself."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from crm_pipeline.proposals.matching import NameMatch
from crm_pipeline.proposals.vocabulary import data_file

#: (kind of evidence, CRMs that call it so: 0, 1 or 2 and more, whether no other field comes close).
Class = tuple[str, int, bool]

#: How far the next reading must be behind for a reading to be the only one.
CLEAR = 0.03
_NEVER_SEEN = 0.5


def class_of(readings: Sequence[NameMatch]) -> Class:
    """The class of the first of a heading's readings."""
    first = readings[0]
    clear = len(readings) < 2 or first.score - readings[1].score > CLEAR
    return first.evidence, min(first.crms, 2), clear


@dataclass(frozen=True)
class Confidence:
    """Confidence by class of evidence: (right + 1) / (seen + 2), so that little experience never looks certain.

    Attributes:
        counts: class → (right, seen).
    """

    counts: Mapping[Class, tuple[int, int]] = field(default_factory=dict)

    def of(self, readings: Sequence[NameMatch]) -> float:
        """How sure the first reading is."""
        kind = class_of(readings)
        right, seen = self.counts.get(kind, (0, 0))
        if seen < 2:  # too rare to say: all of this kind of evidence that are as clear
            pooled = [n for (name, _, clear), n in self.counts.items() if name == kind[0] and clear == kind[2]]
            right, seen = sum(n[0] for n in pooled), sum(n[1] for n in pooled)
        return (right + 1) / (seen + 2) if seen else _NEVER_SEEN

    def experience(self, readings: Sequence[NameMatch]) -> str:
        """The measure behind it, in words."""
        right, seen = self.counts.get(class_of(readings), (0, 0))
        return f"{right} of {seen} such readings were right" if seen else "no experience with such a reading"


def measured(outcomes: Iterable[tuple[Class, bool]]) -> Confidence:
    """The confidence that outcomes on mapped CRMs give."""
    counts: dict[Class, list[int]] = defaultdict(lambda: [0, 0])
    for kind, right in outcomes:
        counts[kind][0] += right
        counts[kind][1] += 1
    return Confidence({kind: (right, seen) for kind, (right, seen) in sorted(counts.items())})


@cache
def shipped_confidence() -> Confidence:
    """What was measured when the vocabulary was learnt last (``confidence.csv``)."""
    file = data_file("confidence.csv")
    if not file.exists():
        return Confidence()
    with file.open(encoding="utf-8", newline="") as rows:
        return Confidence(
            {(row["evidence"], int(row["crms"]), row["clear"] == "yes"): (int(row["right"]), int(row["seen"])) for row in csv.DictReader(rows)}
        )


def write_confidence(file: Path, confidence: Confidence) -> None:
    """Keep a measure as a CSV."""
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["evidence", "crms", "clear", "right", "seen"])
        for (evidence, crms, clear), (right, seen) in confidence.counts.items():
            rows.writerow([evidence, crms, "yes" if clear else "no", right, seen])
