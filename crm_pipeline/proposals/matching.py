"""Which field a column means, by its name: candidates with the kind of evidence that speaks for each.

Pure: takes names and a vocabulary, gives candidates. What the values say is weighed in ``evidence``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import fuzz

from crm_pipeline.proposals.terms import tokens
from crm_pipeline.proposals.vocabulary import KEY, NO_FIELD, Said, Term, Vocabulary

#: Kinds of evidence a name gives, strongest first; each has a confidence measured on the gold mappings.
EVIDENCE = ("same_words", "same_meaning", "but_for_filler", "used_elsewhere", "most_words", "spelling", "some_words")
_SIMILARITY = {"same_meaning": 0.95, "but_for_filler": 0.9}
_ELSEWHERE, _PARTIAL, _LEAST, _SPELLED = 0.84, 0.82, 0.3, 86.0
#: What a heading resembles that only repeats the table's name: 'Company' in a table of companies.
OWN_NAME = "the table's own name"
#: Meanings of words that tables are called by.
_TABLE_WORDS = frozenset({"company", "person", "deal"})
_MOST, _NOT_THE_MAIN = 0.6, 0.35


@dataclass(frozen=True)
class NameMatch:
    """One reading of a heading.

    Attributes:
        says: a field, ``id`` or ``-``.
        score: 0 to 1, for order only.
        evidence: one of ``EVIDENCE``.
        term: the known term it resembles, as text.
        origin: who says so ('general', 'label', 'learnt', 'elsewhere').
        crms: how many mapped CRMs call it so.
    """

    says: str
    score: float
    evidence: str
    term: str
    origin: str
    crms: int


def object_words(vocabulary: Vocabulary, kind: str, name: str) -> frozenset[str]:
    """Words that only repeat what the table holds: 'deal' in the headings of a table of deals."""
    own = {word for term in vocabulary.kinds[kind].names for word in term} if kind in vocabulary.kinds else set()
    own |= set(tokens(name))
    meant = {vocabulary.words.get(word, word) for word in own if vocabulary.words.get(word, word) in _TABLE_WORDS}
    return frozenset(own | {word for word, meaning in vocabulary.words.items() if meaning in meant}) - vocabulary.secondary - vocabulary.filler


def variants(heading: str, own: frozenset[str]) -> tuple[Term, ...]:
    """A heading's words, and without words that repeat what the table holds (at its beginning, or anywhere)."""
    whole = tokens(heading)
    start = 0
    while start < len(whole) - 1 and whole[start] in own:
        start += 1
    anywhere = tuple(word for word in whole if word not in own)
    return tuple(dict.fromkeys(term for term in (whole, whole[start:], anywhere) if term))


def read_name(vocabulary: Vocabulary, kind: str, object_name: str, heading: str) -> tuple[NameMatch, ...]:
    """Readings of a heading in a table of a kind, the best of each field, best first."""
    own = object_words(vocabulary, kind, object_name)
    best: dict[str, NameMatch] = {}
    words = tokens(heading)
    if words and all(word in own for word in words):
        best[KEY] = NameMatch(KEY, 0.5, "some_words", OWN_NAME, "general", 0)
    counts = is_count(words)
    for number, term in enumerate(variants(heading, own)):
        name = _Name(vocabulary, term)
        for known in _prepared(vocabulary, kind):
            found = _compared(vocabulary, name, known, own)
            if found is None:
                continue
            evidence, score = found
            said = known.said
            score -= 0.02 * number + (_NOT_THE_MAIN if counts and said.says != NO_FIELD and evidence != "same_words" else 0.0)
            before = best.get(said.says)
            if before is None or (score, said.crms) > (before.score, before.crms):
                best[said.says] = NameMatch(said.says, score, evidence, " ".join(said.term), said.origin, said.crms)
    return tuple(sorted(best.values(), key=lambda m: (-m.score, -m.crms, m.says == NO_FIELD, m.says)))


def is_count(words: Term) -> bool:
    """Whether a heading speaks of how many there are: 'number of contacts' is no contact."""
    return len(words) > 2 and words[0] in {"number", "no", "count"} and words[1] == "of"


class _Name:
    """A term with what comparing it takes."""

    __slots__ = ("joined", "meaning", "plain", "term")

    def __init__(self, vocabulary: Vocabulary, term: Term) -> None:
        self.term, self.joined = term, "".join(term)
        self.meaning = frozenset(vocabulary.meaning(term))
        self.plain = self.meaning - vocabulary.filler


class _Known(_Name):
    """A term of the vocabulary."""

    __slots__ = ("said",)

    def __init__(self, vocabulary: Vocabulary, said: Said) -> None:
        super().__init__(vocabulary, said.term)
        self.said = said


def _prepared(vocabulary: Vocabulary, kind: str) -> tuple[_Known, ...]:
    prepared = vocabulary.prepared
    if kind not in prepared:
        prepared[kind] = tuple(_Known(vocabulary, said) for said in vocabulary.said[kind])
    return tuple(prepared[kind])


def _compared(vocabulary: Vocabulary, name: _Name, other: _Known, own: frozenset[str]) -> tuple[str, float] | None:
    """(evidence, score) of a heading's words against a known term."""
    said = other.said
    elsewhere = said.origin == "elsewhere"
    extra = 0.002 * min(said.crms, 5)
    if name.term == other.term:
        return ("used_elsewhere", _ELSEWHERE + extra) if elsewhere else ("same_words", 1.0 + extra)
    penalty = 0.12 if elsewhere else 0.0
    if name.meaning == other.meaning:
        return ("used_elsewhere" if elsewhere else "same_meaning"), _SIMILARITY["same_meaning"] - penalty + extra
    known = other.plain - own
    if name.plain and name.plain == known:
        return ("used_elsewhere" if elsewhere else "but_for_filler"), _SIMILARITY["but_for_filler"] - penalty + extra
    if (name.meaning ^ other.meaning) & vocabulary.secondary:
        penalty += _NOT_THE_MAIN
    mine, theirs = name.plain or name.meaning, known or other.meaning
    spelled = fuzz.ratio(name.joined, other.joined, score_cutoff=_SPELLED) if len(name.joined) > 4 else 0.0
    if spelled:
        return "spelling", 0.85 * spelled / 100 - penalty
    if not mine & theirs:
        return None
    shared = _overlap(vocabulary, mine, theirs)
    score = _PARTIAL * shared - penalty
    if score < _LEAST:
        return None
    return ("most_words" if shared >= _MOST else "some_words"), score + extra / 2


def _overlap(vocabulary: Vocabulary, mine: frozenset[str], theirs: frozenset[str]) -> float:
    """Shared words against all, weighed by how much each tells; 0 to 1."""

    def weight(words: Iterable[str]) -> float:
        return sum(vocabulary.weights.get(word, 1.0) for word in words)

    both = weight(mine) + weight(theirs)
    return 2 * weight(mine & theirs) / both if both else 0.0
