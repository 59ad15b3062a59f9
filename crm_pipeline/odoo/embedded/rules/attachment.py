"""ir.attachment (ODOO_FACTS 6). Contents are kept once per checksum, as Odoo's file store does."""

from __future__ import annotations

import base64
import binascii
import hashlib
import mimetypes
from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context, Record
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import AccessRightsError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crm_pipeline.odoo.embedded.orm import Orm

_COMPUTED = {"checksum", "file_size", "store_fname", "index_content", "db_datas"}


class AttachmentRule(Rule):
    """Files."""

    accepted = frozenset({"name", "datas", "raw", "url"})

    def accept(
        self, orm: Orm, model: Model, vals_list: Sequence[Record], context: Context, *, writing: bool = False
    ) -> Sequence[Record]:
        """``datas`` (base64) and ``raw`` (text) become checksum, size and mimetype; given ones are ignored."""
        del context
        accepted = []
        for vals in vals_list:
            kept = {name: value for name, value in vals.items() if name not in _COMPUTED}
            content = _content(kept, model)
            if content is not None:
                checksum = hashlib.sha1(content, usedforsecurity=False).hexdigest()
                orm.store.execute("INSERT OR IGNORE INTO embedded_file VALUES (?, ?)", (checksum, content))
                kept |= {"checksum": checksum, "file_size": len(content)}
            if not kept.get("mimetype") and not writing:
                guessed = mimetypes.guess_type(str(kept.get("name") or kept.get("url") or ""))[0]
                kept["mimetype"] = guessed or (_sniff(content) if content else "application/octet-stream")
            accepted.append(kept)
        return accepted

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """The record must exist: 19.0 refuses, 17.0 and 18.0 make a row that nobody can read."""
        del given, context
        wanted: dict[str, set[int]] = {}
        for doc in docs:
            if doc.get("res_model") and doc.get("res_id"):
                wanted.setdefault(doc["res_model"], set()).add(doc["res_id"])
        for target, ids in wanted.items():
            if target not in orm.registry or orm.store.missing(target, ids):
                if orm.differences.attachment_needs_document:
                    raise AccessRightsError("Sorry, you are not allowed to access this document.", call=model.name)
                message = (
                    f"{target} {sorted(ids)}: Odoo would store the file where nobody can read it; load the record first"
                )
                raise DataError(message, call=model.name)

    def read(self, orm: Orm, model: Model, name: str, key: int, doc: Doc) -> Any:
        """``datas`` as base64, ``raw`` as text."""
        del model, key
        if name not in {"datas", "raw"}:
            return NotImplemented
        found = orm.store.execute("SELECT content FROM embedded_file WHERE checksum = ?", (doc.get("checksum"),))
        if not found:
            return ""  # not False (all versions)
        content: bytes = found[0][0]
        return base64.b64encode(content).decode() if name == "datas" else content.decode(errors="replace")


def _content(vals: Record, model: Model) -> bytes | None:
    datas, raw = vals.pop("datas", None), vals.pop("raw", None)
    if datas:
        try:
            return base64.b64decode(datas)
        except (binascii.Error, TypeError, ValueError) as error:
            raise DataError(f"datas: {error}", call=model.name) from None
    return str(raw).encode() if raw else None


def _sniff(content: bytes) -> str:
    for magic, kind in ((b"%PDF", "application/pdf"), (b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg")):
        if content.startswith(magic):
            return kind
    try:
        content[:1024].decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain"
