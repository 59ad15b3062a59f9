"""What columns are called: general words, Odoo's own labels, and what the headings of other CRMs taught.

A term is a tuple of words (``terms.tokens``). For each kind of table (company, person, lead, deal, task, note …) a term
says a field of the kind's Odoo model, ``id`` (the row's key, which becomes the external id) or ``-`` (Odoo has no field).
"""

from __future__ import annotations

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.proposals.terms import tokens
from crm_pipeline.specs.documents import read_yaml

Term = tuple[str, ...]

#: What a term says where Odoo has no field for it.
NO_FIELD = "-"
#: What a term says of the column that tells rows apart.
KEY = "id"

#: Fields nobody maps a CRM's column to: Odoo fills them, or they mean something else than their label says.
_NOT_OFFERED = frozenset(
    ["company_id", "company_registry", "color", "active", "barcode", "employee", "message_bounce", "company_name", "type", "name", "parent_id", "res_id", "user_id", "additional_info", "signature", "partner_gid", "starred_partner_ids", "image_1920", "login_date", "record_name", "date", "referred", "title"]
)
_OFFERED_TYPES = frozenset(["char", "text", "html", "selection", "many2one", "float", "monetary", "integer", "date", "datetime", "boolean"])


@dataclass(frozen=True)
class Kind:
    """A kind of table: what its tables are called and the Odoo model a row becomes."""

    name: str
    model: str
    names: tuple[Term, ...]


@dataclass(frozen=True)
class Concept:
    """A meaning of columns: what they are called, and the field of each kind that holds it (``any`` for all kinds)."""

    name: str
    terms: tuple[Term, ...]
    fields: Mapping[str, str]

    def field_of(self, kind: str) -> str:
        """The field of a kind, ``-`` where it has none."""
        return self.fields.get(kind) or self.fields.get("any") or NO_FIELD


@dataclass(frozen=True)
class Learnt:
    """What the headings of mapped CRMs taught: a term of a kind says a field, in so many CRMs."""

    kind: str
    term: Term
    says: str
    crms: int


@dataclass(frozen=True)
class Said:
    """A term of a kind's vocabulary with what it says and who says so.

    Attributes:
        origin: 'general', 'label' (Odoo's), 'learnt', or 'elsewhere' (learnt from another kind of table).
        crms: how many CRMs use it so; 0 where it is not learnt.
    """

    term: Term
    says: str
    origin: str
    crms: int = 0


@dataclass(frozen=True)
class Vocabulary:
    """All that is known about names; immutable.

    Attributes:
        labels: kind → Odoo field → label, of fields a column may become.
    """

    kinds: Mapping[str, Kind]
    words: Mapping[str, str]
    filler: frozenset[str]
    secondary: frozenset[str]
    concepts: tuple[Concept, ...]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    learnt: tuple[Learnt, ...] = ()

    def meaning(self, term: Iterable[str]) -> Term:
        """A term with every word replaced by the one that stands for its meaning."""
        return tuple(self.words.get(word, word) for word in term)

    def kinds_fields(self, kind: str) -> frozenset[str]:
        """The fields that columns of a kind of table usually become."""
        return frozenset(c.fields[kind] for c in self.concepts if kind in c.fields)

    @cached_property
    def said(self) -> Mapping[str, tuple[Said, ...]]:
        """Kind → its vocabulary."""
        return {kind: tuple(self._of(kind)) for kind in self.kinds}

    def _of(self, kind: str) -> Iterable[Said]:
        held = {term for concept in self.concepts if concept.field_of(kind) != NO_FIELD for term in concept.terms}
        for concept in self.concepts:
            says = concept.field_of(kind)
            for term in concept.terms if concept.name != kind else ():  # 'lead id' in a table of leads is no link
                if says != NO_FIELD or term not in held:
                    yield Said(term, says, "general")
        for name, label in self.labels.get(kind, {}).items():
            yield Said(tokens(label), name, "label")
        for each in self.learnt:
            if each.kind == kind:
                yield Said(each.term, each.says, "learnt", each.crms)
            else:
                carried = self._carried(each, kind)
                if carried is not None:
                    yield Said(each.term, carried, "elsewhere", each.crms)

    def _carried(self, each: Learnt, kind: str) -> str | None:
        """What a term learnt from another kind of table says here; ``None`` where that is not clear."""
        if each.says in {NO_FIELD, KEY}:
            return each.says
        found = {c.fields[kind] for c in self.concepts if c.fields.get(each.kind) == each.says and kind in c.fields}
        return found.pop() if len(found) == 1 else None

    @cached_property
    def prepared(self) -> dict[str, Any]:
        """What ``matching`` keeps of each kind's terms."""
        return {}

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """How much each word tells: rare words more than those of many terms (0.3 to 1)."""
        counts = Counter(word for concept in self.concepts for term in concept.terms for word in set(self.meaning(term)))
        most = math.log1p(max(counts.values(), default=1))
        return {word: max(0.3, 1 - 0.6 * math.log1p(count - 1) / most) for word, count in counts.items()}

    def with_labels(self, schema: Mapping[str, Mapping[str, FieldSchema]]) -> Vocabulary:
        """The same with the labels of a destination's fields."""
        labels = {}
        for kind in self.kinds.values():
            fields = schema.get(kind.model, {})
            labels[kind.name] = {name: f.string for name, f in fields.items() if is_offered(f) and name not in _NOT_OFFERED}
        return replace(self, labels=labels)

    def without(self, terms: Collection[Term], words: Collection[str]) -> Vocabulary:
        """The same without some general terms and words; for measuring what is known of a CRM never seen."""
        concepts = tuple(replace(c, terms=tuple(t for t in c.terms if t not in terms)) for c in self.concepts)
        return replace(self, concepts=concepts, words={w: m for w, m in self.words.items() if w not in words})


def is_offered(schema: FieldSchema) -> bool:
    """Whether a column may become this field: it is stored, can be written, and holds a value of its own."""
    return schema.store and not schema.readonly and schema.type in _OFFERED_TYPES and not schema.name.startswith(("property_", "in_group_", "sel_groups_", "iap_"))


@cache
def general_vocabulary() -> Vocabulary:
    """The general words alone, as ``vocabulary.yaml`` has them."""
    data: dict[str, Any] = read_yaml(data_file("vocabulary.yaml"))
    kinds = {name: Kind(name, each["model"], tuple(tokens(word) for word in each["names"])) for name, each in data["kinds"].items()}
    words = {other: tokens(meaning)[0] for meaning, others in data["words"].items() for word in others for other in tokens(str(word))[:1]}
    concepts = tuple(
        Concept(name, tuple(tokens(str(term)) for term in each["terms"]), each["fields"]) for name, each in data["concepts"].items()
    )
    filler, secondary = (frozenset(w for word in data[key] for w in tokens(str(word))) for key in ("filler", "secondary"))
    return Vocabulary(kinds, words, filler, secondary, concepts)


@cache
def learnt_terms() -> tuple[Learnt, ...]:
    """What was learnt from the gold mappings (``python -m benchmarks.proposals --learn`` writes it)."""
    file = data_file("learnt.csv")
    if not file.exists():
        return ()
    with file.open(encoding="utf-8", newline="") as rows:
        return tuple(Learnt(row["kind"], tuple(row["term"].split()), row["says"], int(row["crms"])) for row in csv.DictReader(rows))


def learn(seen: Iterable[tuple[str, str, Term, str]]) -> tuple[Learnt, ...]:
    """What headings teach.

    Args:
        seen: (CRM, kind, term, what it says) for each heading of a gold mapping.
    """
    crms: dict[tuple[str, Term, str], set[str]] = defaultdict(set)
    for crm, kind, term, says in seen:
        if term:
            crms[kind, term, says].add(crm)
    return tuple(Learnt(*key, len(names)) for key, names in sorted(crms.items()))


def write_learnt(file: Path, learnt: Iterable[Learnt]) -> None:
    """Keep what was learnt as a CSV."""
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["kind", "term", "says", "crms"])
        rows.writerows([each.kind, " ".join(each.term), each.says, each.crms] for each in learnt)


def data_file(name: str) -> Path:
    """A data file of this package."""
    return Path(str(resources.files(__package__ or "crm_pipeline.proposals") / name))


@cache
def value_words() -> Mapping[str, tuple[str, ...]]:
    """Words that values use, by what they mean ('won', 'lost', 'done' …)."""
    return {meaning: tuple(map(str, words)) for meaning, words in read_yaml(data_file("vocabulary.yaml"))["values"].items()}
