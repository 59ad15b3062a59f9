"""What companies and their contacts take from each other (ODOO_FACTS 2): addresses and commercial fields, up and down.

The partners of one call are read once and stored once; what one takes, the next sees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from crm_pipeline.odoo.embedded.chatter import ADMIN
from crm_pipeline.odoo.embedded.store import Doc

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm

ADDRESS = ("street", "street2", "zip", "city", "state_id", "country_id")
_ADDRESS_SET = frozenset(ADDRESS)
_MODEL = "res.partner"


class Family:
    """The partners of one call; ``docs`` are stored documents that were read already."""

    def __init__(self, orm: Orm, docs: dict[int, Doc]) -> None:
        self._orm, self._docs = orm, docs
        self._below: dict[int, list[int]] = {}
        self._changed: set[int] = set()

    def read(self, keys: Iterable[int]) -> None:
        """Read partners, those that are needed one by one later."""
        self._docs |= self._orm.store.get(_MODEL, set(keys) - self._docs.keys())

    def read_children(self, keys: list[int]) -> None:
        """Read the children of partners."""
        self._below |= {key: [] for key in keys}
        for child, doc in self._orm.store.find(_MODEL, parent_id=keys):
            self._docs.setdefault(child, doc)
            self._below[doc["parent_id"]].append(child)

    def children(self, key: int) -> list[tuple[int, Doc]]:
        """A partner's children, archived ones too."""
        if key not in self._below:
            self.read_children([key])
        return [(child, self._docs[child]) for child in self._below[key]]

    def put(self, key: int, values: Doc, *, stamped: bool = True) -> None:
        """Change a partner; None empties a value."""
        doc = self._docs[key]
        doc.update(values)
        for name in [name for name, value in values.items() if value is None]:
            del doc[name]
        if stamped:
            doc |= {"write_date": self._orm.stamp, "write_uid": ADMIN}
        self._changed.add(key)

    def store(self) -> None:
        """Store what changed."""
        self._orm.store.update(_MODEL, [(key, self._docs[key]) for key in sorted(self._changed)])
        self._changed.clear()

    def sync(self, key: int, names: frozenset[str]) -> None:
        """From upstream, in 19.0 to upstream, to downstream; ``names`` are the fields that were written."""
        doc = self._doc(key)
        parent_id = doc.get("parent_id")
        parent = self._doc(parent_id) if parent_id else None
        if parent is not None and "parent_id" in names:
            self._take_commercial(key, doc)
        if parent is not None and doc.get("type") == "contact" and ("parent_id" in names or "type" in names):
            address = _address(parent)
            if any(address.values()):
                self.put(key, address)
        if parent is not None and parent_id is not None:
            self._give_up(key, doc, parent_id, parent, names)
        self._give_down(key, doc, names)

    def first_contact(self, key: int) -> None:
        """The first contact of a company without an address gives it its own."""
        doc = self._doc(key)
        parent_id = doc["parent_id"]
        parent = self._doc(parent_id)
        address = _address(doc)
        root = parent.get("is_company") or "parent_id" not in parent
        if not root or not any(address.values()) or any(_address(parent).values()):
            return
        if sum(bool(other.get("active")) for _, other in self.children(parent_id)) == 1:
            self.put(parent_id, address)

    def _doc(self, key: int) -> Doc:
        if key not in self._docs:
            self.read([key])
        return self._docs[key]

    def _take_commercial(self, key: int, doc: Doc) -> None:
        commercial = doc.get("commercial_partner_id", key)
        if commercial == key:
            return
        company = self._doc(commercial)
        values = {name: company.get(name) for name in self._orm.differences.commercial_fields}
        if self._orm.differences.commercial_sync_overwrites_with_empty or any(values.values()):
            self.put(key, values)

    def _give_up(self, key: int, doc: Doc, parent_id: int, parent: Doc, names: frozenset[str]) -> None:
        if not self._orm.differences.child_address_goes_up:
            return
        if doc.get("type") == "contact" and names & (_ADDRESS_SET | {"parent_id"}):
            address = _address(doc)
            if any(address.values()) and address != _address(parent):
                self.put(parent_id, address)
                self.sync(parent_id, _ADDRESS_SET)
        upward = self._orm.differences.commercial_goes_up
        if doc.get("commercial_partner_id") != key and names & {*upward, "parent_id"}:
            values = {name: doc.get(name) for name in upward if doc.get(name)}
            if values and any(parent.get(name) != value for name, value in values.items()):
                self.put(parent_id, values)
                self.sync(parent_id, frozenset(upward))

    def _give_down(self, key: int, doc: Doc, names: frozenset[str]) -> None:
        commercial = names & set(self._orm.differences.commercial_fields)
        address = names & _ADDRESS_SET
        if not commercial and not address:
            return
        for child_id, child in self.children(key):
            if not child.get("active"):
                continue
            values: Doc = {}
            if doc.get("commercial_partner_id") == key and not child.get("is_company"):
                values |= {name: doc.get(name) for name in commercial}
            if child.get("type") == "contact":
                values |= {name: doc.get(name) for name in address}
            if values:
                self.put(child_id, values)


def _address(doc: Doc) -> Doc:
    return {name: doc.get(name) for name in ADDRESS}
