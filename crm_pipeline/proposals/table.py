"""Reading one table of an export: what kind it is, and which field each of its columns becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from crm_pipeline.odoo.destination import FieldSchema
from crm_pipeline.proposals.advice import MOST, Adviser
from crm_pipeline.proposals.confidence import Confidence
from crm_pipeline.proposals.matching import NameMatch, object_words, read_name
from crm_pipeline.proposals.profile import Profile
from crm_pipeline.proposals.terms import tokens
from crm_pipeline.proposals.vocabulary import KEY, NO_FIELD, Vocabulary

#: Fields that several columns make together: the parts of a name; every link of a record.
_SHARED = frozenset({"name", "contact_name", "partner_id", "res_id", NO_FIELD})
_KEY_WORDS = frozenset({"id", "key", "guid", "uuid", "identifier", "number", "no"})
_MANY = 3
_TAKEN = 0.5
_CONTRADICTED = 0.4

#: What the values of a field of an Odoo type must be readable as (any of these), where anything but text is meant.
_NEEDED = {
    "date": ("date", "dt"), "datetime": ("date", "dt"), "float": ("dec", "money", "pct"), "monetary": ("money", "dec"),
    "integer": ("int", "dec"), "boolean": ("bool",),
}  # fmt: skip
#: Fields whose values have a form of their own.
_FORMS = {"email": "email", "email_from": "email", "website": "url", "phone": "phone", "mobile": "phone"}
_READABLE, _UNREADABLE, _SURELY = 0.8, 0.3, 0.9
#: What values of a form may become, where a name says little; and fields that never hold values of such a form.
_BY_FORM = {"email": ("email", "email_from"), "phone": ("phone", "mobile"), "url": ("website",), "dt": ("date",)}
_CALLED = {"email": "e-mail addresses", "phone": "telephone numbers", "url": "web addresses", "dt": "dates with times"}
_NEVER_OF_FORM = frozenset({"street", "street2", "city", "name", "function", "contact_name", "partner_name", "author_id", "user_id", "industry_id", "stage_id"})
_BY_VALUES, _UNSURE, _NAME_AND_FORM = 0.6, 0.75, 0.88
#: The field that names a record of a kind.
NAME_FIELDS = {"lead": "name", "deal": "name", "task": "summary", "person": "name", "company": "name", "note": "body", "user": "name", "stage": "name"}


@dataclass(frozen=True)
class Candidate:
    """One field a column may become, with how sure and why."""

    says: str
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ColumnReading:
    """A column with its candidates, best first; there is always one ('-' when nothing fits)."""

    name: str
    heading: str
    profile: Profile
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        """What is proposed."""
        return self.candidates[0]


@dataclass(frozen=True)
class TableReading:
    """A table with its kind (``None`` when it is none we know) and columns."""

    name: str
    label: str
    kind: str | None
    confidence: float
    reasons: tuple[str, ...]
    columns: tuple[ColumnReading, ...]

    def column(self, says: str) -> ColumnReading | None:
        """The first column that is read as a field."""
        return next((c for c in self.columns if c.best.says == says), None)

    def all_of(self, says: str) -> tuple[ColumnReading, ...]:
        """All columns that are read as a field."""
        return tuple(c for c in self.columns if c.best.says == says)


@dataclass(frozen=True)
class Reader:
    """Reads tables with a vocabulary, the experience with it, and the destination's fields; an adviser is asked where they say nothing."""

    vocabulary: Vocabulary
    confidence: Confidence
    schema: Mapping[str, Mapping[str, FieldSchema]] = field(default_factory=dict)
    adviser: Adviser | None = None
    shows_values: bool = False

    def kind(self, name: str, headings: Sequence[str]) -> tuple[str | None, float, tuple[str, ...]]:
        """The kind of a table by its name, else by its headings: (kind, confidence, reasons)."""
        words = tokens(name)
        found: list[tuple[float, str, str]] = []
        for kind in self.vocabulary.kinds.values():
            for term in kind.names:
                if words == term:
                    found.append((1.0, kind.name, f"called “{name}”"))
                elif words[-len(term) :] == term:
                    found.append((0.8, kind.name, f"its name ends with “{' '.join(term)}”"))
                elif words[: len(term)] == term:
                    found.append((0.6, kind.name, f"its name begins with “{' '.join(term)}”"))
        if found:
            score, best, why = max(found, key=lambda each: each[0])
            return best, {1.0: 0.97, 0.8: 0.9}.get(score, 0.7), (why,)
        shares = {kind: self._known(kind, name, headings) for kind in self.vocabulary.kinds}
        best = max(shares, key=lambda kind: shares[kind])
        if shares[best] < 0.75:
            return None, 0.0, ("neither its name nor its columns say what it is",)
        return best, 0.5, (f"{shares[best]:.0%} of its columns are those of a {best}",)

    def _known(self, kind: str, name: str, headings: Sequence[str]) -> float:
        readings = [read_name(self.vocabulary, kind, name, heading) for heading in headings]
        known = sum(bool(found) and found[0].says not in {NO_FIELD, KEY} and found[0].evidence.startswith("same") for found in readings)
        return known / max(1, len(headings))

    def read(self, name: str, label: str, columns: Mapping[str, tuple[str, Profile]], kind: str | None = None) -> TableReading:
        """Read a table.

        Args:
            name: of the object.
            label: as people call it.
            columns: name → (heading, profile).
            kind: where it is known already.
        """
        guessed = self.kind(label or name, [heading for heading, _ in columns.values()]) if kind is None else (kind, 1.0, ("known",))
        if guessed[0] is None:
            nothing = (Candidate(NO_FIELD, 0.5, ("the table has no kind",)),)
            return TableReading(name, label, *guessed, tuple(ColumnReading(c, h, p, nothing) for c, (h, p) in columns.items()))
        readings = [
            ColumnReading(column, heading, profile, self.candidates(guessed[0], label or name, heading, profile))
            for column, (heading, profile) in columns.items()
        ]
        return TableReading(name, label, *guessed, tuple(self._settled(guessed[0], label or name, readings)))

    def candidates(self, kind: str, object_name: str, heading: str, profile: Profile) -> tuple[Candidate, ...]:
        """What a column may become, best first."""
        readings = read_name(self.vocabulary, kind, object_name, heading)
        found = [c for c in self._weighed(kind, readings, profile) if c.says in {KEY, NO_FIELD} or self._exists(kind, c.says)]
        found = self._advised(kind, heading, self._with_form(kind, found, profile), profile)
        return tuple(found) or (Candidate(NO_FIELD, 0.5, ("nothing Odoo has is called so",)),)

    def _with_form(self, kind: str, found: list[Candidate], profile: Profile) -> list[Candidate]:
        """The candidates, and what the form of the values alone suggests where the name says little."""
        if found and found[0].confidence > _UNSURE:
            return found
        form = _form_of(profile)
        for says in [name for name in _BY_FORM.get(form, ()) if name in self.vocabulary.kinds_fields(kind) and self._exists(kind, name)][:1]:
            if all(c.says != says for c in found[:1]):
                found = [Candidate(says, _BY_VALUES, (f"{profile.share(form):.0%} of the values are {_CALLED[form]}",)), *found]
        return sorted(found, key=lambda c: -c.confidence)

    def _advised(self, kind: str, heading: str, found: list[Candidate], profile: Profile) -> list[Candidate]:
        """The candidates, with the adviser's opinion where nothing is surer than a guess."""
        if self.adviser is None or (found and found[0].confidence > MOST):
            return found
        said = self.adviser.suggest(kind, heading, self.vocabulary.labels.get(kind, {}), profile.samples if self.shows_values else ())
        if said is None or not self._exists(kind, said[0]):
            return found
        advised = Candidate(said[0], MOST * min(1.0, max(0.0, said[1])), ("the adviser says so",))
        return sorted([advised, *(c for c in found if c.says != advised.says)], key=lambda c: -c.confidence)

    def _exists(self, kind: str, name: str) -> bool:
        model = self.vocabulary.kinds[kind].model
        return not self.schema or name in self.schema.get(model, {})

    def _weighed(self, kind: str, readings: Sequence[NameMatch], profile: Profile) -> list[Candidate]:
        weighed = []
        sure = self.confidence.of(readings) if readings else 0.0
        for number, match in enumerate(readings):
            confidence = sure if number == 0 else min(sure, 1 - sure, 0.5) * match.score / readings[0].score
            reasons = [_why(match)] + ([self.confidence.experience(readings)] if number == 0 else [])
            factor, said = self._by_values(kind, match.says, profile)
            form = _FORMS.get(match.says, "")
            least = _NAME_AND_FORM if number == 0 and form == _form_of(profile) != "" else 0.0  # the values say the same as the name
            weighed.append(Candidate(match.says, max(least, min(0.99, confidence * factor)), (*reasons, *said)))
        order = {id(c): n for n, c in enumerate(weighed)}
        return sorted(weighed, key=lambda c: (-c.confidence, order[id(c)]))

    def _by_values(self, kind: str, says: str, profile: Profile) -> tuple[float, tuple[str, ...]]:
        """What the values say of a reading: a factor, and why."""
        if profile.is_empty or says == NO_FIELD:
            return 1.0, ()
        if says == KEY:
            if profile.is_unique:
                return 1.05, ("every row has its own value",)
            nearly = profile.distinct >= _READABLE * profile.filled >= _READABLE * _READABLE * profile.rows
            return (1.0, ("nearly every row has its own value",)) if nearly else (_CONTRADICTED, ("values repeat or are missing",))
        form = _FORMS.get(says)
        other = _form_of(profile)
        if says in _NEVER_OF_FORM and other not in {"", "email" if says.endswith("_id") else ""}:
            return _CONTRADICTED, (f"but the values are {_CALLED[other]}",)
        if form is not None and profile.share(form) >= _READABLE:
            return 1.05, (f"the values are {_CALLED[form]}",)
        schema = self.schema.get(self.vocabulary.kinds[kind].model, {}).get(says)
        needed = _NEEDED.get(schema.type, ()) if schema is not None and says != "active" else ()
        needed = (form,) if form in {"email", "url"} else needed
        if not needed:
            return 1.0, ()
        best = max(profile.share(each) for each in needed)
        if best >= _READABLE:
            return 1.02, (f"{best:.0%} of the values are readable as {needed[0]}",)
        return (_CONTRADICTED, (f"only {best:.0%} of the values are readable as {needed[0]}",)) if best <= _UNREADABLE else (0.85, ())

    def _settled(self, kind: str, object_name: str, readings: list[ColumnReading]) -> list[ColumnReading]:
        """One column for each field: of several the surest, and what every record needs finds a column at last."""
        surest: dict[str, ColumnReading] = {}
        for reading in readings:
            known = surest.get(reading.best.says)
            if known is None or _rank(reading) > _rank(known):
                surest[reading.best.says] = reading
        settled = []
        for reading in readings:
            best, first = reading.best, surest[reading.best.says]
            if best.says == KEY and first is not reading:
                settled.append(self._no_key(kind, object_name, reading, first))
            elif best.says not in _SHARED and first is not reading:
                settled.append(_lowered(reading, first, reading.candidates[1:]))
            else:
                settled.append(reading)
        return self._named(kind, settled)

    def _no_key(self, kind: str, object_name: str, reading: ColumnReading, first: ColumnReading) -> ColumnReading:
        """A column read as the key, where another is: what is called as the table is its records' name."""
        rest = tuple(c for c in reading.candidates if c.says != KEY)
        own = object_words(self.vocabulary, kind, object_name)
        if kind in NAME_FIELDS and all(word in own for word in tokens(reading.heading)):
            named = Candidate(NAME_FIELDS[kind], 0.91, (f"called as the table is, and “{first.heading}” is the key",))
            return replace(reading, candidates=(named, *(c for c in rest if c.says != named.says)))
        return _lowered(reading, first, rest)

    def _named(self, kind: str, readings: list[ColumnReading]) -> list[ColumnReading]:
        """Every record needs a name: where no column says so, those nothing is known of may be it."""
        needed = NAME_FIELDS.get(kind)
        if needed is None or any(reading.best.says == needed for reading in readings):
            return readings
        maybe = Candidate(needed, 0.3, (f"every {kind} needs one, and no other column is called so",))
        return [
            replace(reading, candidates=(*reading.candidates[: _MANY - 1], maybe)) if reading.best.says == NO_FIELD and reading.best.confidence <= _TAKEN
            else reading
            for reading in readings
        ]  # fmt: skip


def _form_of(profile: Profile) -> str:
    """The form nearly all values have, of those in ``_BY_FORM``; plain numbers are no telephone numbers."""
    found = (form for form in _BY_FORM if profile.share(form) >= _SURELY and (form != "phone" or profile.share("int") < _UNREADABLE))
    return next(found, "")


def _rank(reading: ColumnReading) -> tuple[bool, float]:
    """Of columns that say one field the highest is taken: a key is called so before it looks so."""
    return reading.best.says != KEY or bool(set(tokens(reading.heading)) & _KEY_WORDS), reading.best.confidence


def _lowered(reading: ColumnReading, first: ColumnReading, rest: tuple[Candidate, ...]) -> ColumnReading:
    """A reading that another column has more surely."""
    why = f"“{first.heading}” says the same more surely"
    best = replace(reading.best, confidence=min(_TAKEN, reading.best.confidence), reasons=(*reading.best.reasons, why))
    return replace(reading, candidates=(best, *rest))


def _why(match: NameMatch) -> str:
    by = {"label": "Odoo's label", "general": "the general word", "learnt": f"the heading of {match.crms} CRM{'s' if match.crms != 1 else ''}",
          "elsewhere": f"the heading of another kind of table in {match.crms} CRM{'s' if match.crms != 1 else ''}"}[match.origin]  # fmt: skip
    how = {
        "same_words": "equals", "same_meaning": "means the same as", "but_for_filler": "but for qualifying words equals",
        "used_elsewhere": "equals", "most_words": "shares most words with", "spelling": "is spelled nearly as", "some_words": "shares words with",
    }[match.evidence]  # fmt: skip
    return f"{how} {by} “{match.term}”"
