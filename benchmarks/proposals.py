"""How good proposed mappings are, for CRMs the vocabulary was not learnt from.

python -m benchmarks.proposals [--json FILE] [--verbose]   measure
python -m benchmarks.proposals --learn                     learn the shipped vocabulary from all gold mappings

Each gold mapping (``benchmarks/gold``) is read as if its CRM had never been seen: terms and experience come from the other
CRMs only, and general words that only this CRM's headings use (no other CRM, no label of Odoo's) are taken out. Headings
and names of tables are all there is; there are no values.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from crm_pipeline.odoo.schemas import load_schema
from crm_pipeline.proposals.confidence import Class, Confidence, class_of, measured, write_confidence
from crm_pipeline.proposals.matching import object_words, read_name, variants
from crm_pipeline.proposals.profile import Profile
from crm_pipeline.proposals.table import Reader
from crm_pipeline.proposals.terms import tokens
from crm_pipeline.proposals.vocabulary import (
    NO_FIELD,
    Term,
    Vocabulary,
    data_file,
    general_vocabulary,
    learn,
    write_learnt,
)
from crm_pipeline.specs.documents import read_yaml

GOLD = Path(__file__).parent / "gold"
#: The newest series in which every field of the gold mappings exists.
VERSION = "18.0"
SURE = 0.9
RECALL_TARGET, PRECISION_TARGET = 0.95, 0.98


@dataclass(frozen=True)
class GoldHeading:
    """One heading and the fields it may become; '-' where Odoo has none."""

    table: str
    kind: str
    heading: str
    says: tuple[str, ...]


@cache
def gold() -> Mapping[str, tuple[GoldHeading, ...]]:
    """CRM → its headings."""
    found = {}
    for file in sorted(GOLD.glob("*.yaml")):
        objects = read_yaml(file)["objects"]
        found[file.stem] = tuple(
            GoldHeading(table, each["kind"], str(heading), tuple(str(says).split("|")))
            for table, each in objects.items() for heading, says in each["headings"].items()
        )  # fmt: skip
    return found


@cache
def _general() -> Vocabulary:
    return general_vocabulary().with_labels(load_schema(VERSION))


@cache
def _terms(crm: str) -> frozenset[Term]:
    return frozenset(
        term for each in gold()[crm] for term in variants(each.heading, object_words(_general(), each.kind, each.table))
    )


def vocabulary_of(crms: tuple[str, ...], unseen: str | None = None) -> Vocabulary:
    """What some CRMs teach; with ``unseen``, without general words that only that one uses."""
    general = _general()
    seen = [
        (crm, each.kind, variants(each.heading, object_words(general, each.kind, each.table))[-1], each.says[0])
        for crm in crms for each in gold()[crm]
    ]  # fmt: skip
    if unseen is not None:
        labels = {tokens(label) for names in general.labels.values() for label in names.values()}
        elsewhere = labels.union(*(_terms(crm) for crm in crms))
        words = {word for term in _terms(unseen) for word in term} - {word for term in elsewhere for word in term}
        general = general.without(_terms(unseen) - elsewhere, words)
    return replace(general, learnt=learn(seen))


def experience_of(crms: tuple[str, ...]) -> Confidence:
    """How often readings are right among some CRMs, each read with what the others teach."""
    return measured(outcome for crm in crms for outcome in _outcomes(crm, tuple(c for c in crms if c != crm)))


def _outcomes(crm: str, others: tuple[str, ...]) -> Iterator[tuple[Class, bool]]:
    vocabulary = vocabulary_of(others, crm)
    for each in gold()[crm]:
        readings = read_name(vocabulary, each.kind, each.table, each.heading)
        if readings:
            yield class_of(readings), readings[0].says in each.says


def measure_crm(crm: str, *, strict: bool = True) -> tuple[Counter[str], list[str]]:
    """Counts for one CRM that was never seen, and the readings that were wrong.

    Args:
        crm: whose headings are read.
        strict: without general words that only this CRM uses.
    """
    others = tuple(name for name in gold() if name != crm)
    reader = Reader(vocabulary_of(others, crm if strict else None), experience_of(others), load_schema(VERSION))
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for table in dict.fromkeys(each.table for each in gold()[crm]):
        headings = [each for each in gold()[crm] if each.table == table]
        kind = reader.kind(table, [each.heading for each in headings])[0]
        counts["tables"] += 1
        counts["tables_right"] += kind == headings[0].kind
        read = reader.read(table, table, {each.heading: (each.heading, Profile()) for each in headings}, headings[0].kind)
        for each, column in zip(headings, read.columns, strict=True):
            _count(counts, wrong, crm, each, [(c.says, c.confidence) for c in column.candidates])
    return counts, wrong


def _count(counts: Counter[str], wrong: list[str], crm: str, each: GoldHeading, found: list[tuple[str, float]]) -> None:
    fields = [says for says, _ in found if says != NO_FIELD]
    has_field = NO_FIELD not in each.says
    counts["headings"] += 1
    if has_field:
        counts["with_field"] += 1
        counts["first"] += fields[:1] != [] and found[0][0] in each.says
        counts["first_of_fields"] += bool(fields) and fields[0] in each.says
        counts["among_three"] += any(says in each.says for says in fields[:3])
    best, confidence = found[0]
    if best != NO_FIELD:
        counts["proposed"] += 1
        counts["right"] += best in each.says
        if confidence > SURE:
            counts["sure"] += 1
            counts["sure_right"] += best in each.says
    sure_and_wrong = best != NO_FIELD and confidence > SURE and best not in each.says
    if sure_and_wrong or (has_field and not any(says in each.says for says in fields[:3])):
        read = ", ".join(f"{says} {sure:.2f}" for says, sure in found[:3])
        wrong.append(f"{crm} {each.table} '{each.heading}' is {'|'.join(each.says)}, read as {read}{' (SURE)' if sure_and_wrong else ''}")


def ratios(counts: Mapping[str, int]) -> dict[str, float]:
    """The figures of a row."""

    def ratio(part: str, whole: str) -> float:
        return round(counts.get(part, 0) / counts[whole], 4) if counts.get(whole) else 1.0

    return {
        "recall_at_1": ratio("first", "with_field"), "recall_at_3": ratio("among_three", "with_field"),
        "precision": ratio("right", "proposed"), "precision_sure": ratio("sure_right", "sure"),
        "sure_share": ratio("sure_right", "with_field"), "tables_share": ratio("tables_right", "tables"),
    }  # fmt: skip


def run(crms: tuple[str, ...] | None = None, *, strict: bool = True) -> tuple[dict[str, Any], list[str]]:
    """Measure CRMs, all when not given: name → counts and ratios, with 'all' for the sum; and what was wrong."""
    total: Counter[str] = Counter()
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for crm in crms or tuple(gold()):
        counts, missed = measure_crm(crm, strict=strict)
        found[crm] = dict(counts) | ratios(counts)
        total += counts
        wrong += missed
    found["all"] = dict(total) | ratios(total)
    return found, wrong


def learn_shipped() -> None:
    """Write the vocabulary and the experience the package ships, from all gold mappings."""
    crms = tuple(gold())
    write_learnt(data_file("learnt.csv"), vocabulary_of(crms).learnt)
    write_confidence(data_file("confidence.csv"), experience_of(crms))


def main() -> None:
    """Learn, or measure and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--verbose", action="store_true", help="also every heading that was read wrongly")
    options = parser.parse_args()
    if options.learn:
        learn_shipped()
        return
    strict, wrong = run()
    lenient, _ = run(strict=False)
    head = f"{'CRM, never seen':20}{'headings':>9}{'field':>7}{'R@1':>7}{'R@3':>7}{'P':>7}{'P>0.9':>7}{'sure':>6}{'tables':>8}"
    print(head)
    for name, row in strict.items():
        print(
            f"{name:20}{row['headings']:9}{row['with_field']:7}{row['recall_at_1']:7.3f}{row['recall_at_3']:7.3f}{row['precision']:7.3f}"
            f"{row['precision_sure']:7.3f}{row['sure']:6}{row['tables_right']:5}/{row['tables']}"
            if isinstance(row["tables"], int) else ""
        )
    row = lenient["all"]
    print(f"with all general words: R@1 {row['recall_at_1']:.3f}, R@3 {row['recall_at_3']:.3f}, P>0.9 {row['precision_sure']:.3f}")
    met = strict["all"]["recall_at_3"] >= RECALL_TARGET and strict["all"]["precision_sure"] >= PRECISION_TARGET
    print(f"targets R@3 ≥ {RECALL_TARGET}, P>0.9 ≥ {PRECISION_TARGET}: {'met' if met else 'NOT met'}")
    if options.verbose:
        print("\n".join(wrong))
    if options.json:
        options.json.write_text(json.dumps({"strict": strict, "all_general_words": lenient}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
