"""What preflight says: facts about a destination, and findings that name what is wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 record``, ``2 records``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@dataclass(frozen=True)
class Fact:
    """Something to know about a destination: ``Company`` · ``Currency`` · ``USD``."""

    topic: str
    name: str
    value: str


@dataclass(frozen=True)
class Finding:
    """Something that would stop the load or change its result.

    Attributes:
        where: model, field, app or record concerned.
        problem: what is wrong, as a clause that follows ``where``.
        what_to_do: an instruction.
        records: how many staged records it concerns, where that can be counted.
    """

    where: str
    problem: str
    what_to_do: str
    records: int | None = None

    @property
    def sentence(self) -> str:
        """The finding in one line."""
        where = self.where[:1].upper() + self.where[1:] if " " in self.where else self.where
        return f"{where}: {self.problem}. {self.what_to_do[:1].upper()}{self.what_to_do[1:]}."

    def as_row(self) -> dict[str, Any]:
        """Columns where, problem, what_to_do, and records where counted."""
        row: dict[str, Any] = {"where": self.where, "problem": self.problem, "what_to_do": self.what_to_do}
        return row if self.records is None else row | {"records": self.records}


@dataclass(frozen=True)
class Verdict:
    """Outcome of one rule: its findings, and what to say when there is none."""

    findings: tuple[Finding, ...]
    when_green: str

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


@dataclass(frozen=True)
class Present:
    """What a destination has of one target model, and what would become of the staged rows.

    Attributes:
        model, title: of the target.
        staged: rows meant for it.
        in_odoo: records there, archived ones included; ``None`` when they can't be counted.
        ours: of these, made by this migration.
        shipped: of these, Odoo's own.
        linked: staged rows that match one of them.
        created: staged rows that would become new records.
        waiting: staged rows that a person must decide about: they match several records, or none and may not be created.
        left_out: staged rows that are not loaded because an app is missing.
        skipped: the whole target is left out.
    """

    model: str
    title: str
    staged: int
    in_odoo: int | None = None
    ours: int = 0
    shipped: int = 0
    linked: int = 0
    created: int = 0
    waiting: int = 0
    left_out: int = 0
    skipped: bool = False

    @property
    def foreign(self) -> int:
        """Records that are neither ours nor Odoo's own: the customer's."""
        return max((self.in_odoo or 0) - self.ours - self.shipped, 0)


@dataclass(frozen=True)
class Examination:
    """All that preflight found.

    Attributes:
        facts: about the destination.
        present: per target model, in order of loading.
        verdicts: by check name.
    """

    facts: tuple[Fact, ...]
    present: tuple[Present, ...]
    verdicts: dict[str, Verdict]
