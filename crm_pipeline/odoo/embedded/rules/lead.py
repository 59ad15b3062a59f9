"""crm.lead: what the partner, the stage and the probability do (ODOO_FACTS 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_pipeline.odoo.destination import Context
from crm_pipeline.odoo.embedded.registry import Model
from crm_pipeline.odoo.embedded.rules.family import ADDRESS
from crm_pipeline.odoo.embedded.rules.partner import clean_website, normalized_email
from crm_pipeline.odoo.embedded.rules.rule import Given, Rule
from crm_pipeline.odoo.embedded.store import Doc
from crm_pipeline.odoo.errors import DataError

if TYPE_CHECKING:
    from crm_pipeline.odoo.embedded.orm import Orm, Pairs

#: fields a lead takes one by one from its partner; the address only as a whole
_FROM_PARTNER = ("email", "phone", "mobile", "function", "title", "website")
_LEAD_NAME = {"email": "email_from"}
_WRITTEN_BACK = (("email_from", "email"), ("phone", "phone"))
_FULL = 100.0  # percent
_RANGE = "The operation cannot be completed: The probability of closing the deal should be between 0% and 100%!"
_WON_LOST = "A lead in a Won stage cannot be lost. Move it to another stage first."


class LeadRule(Rule):
    """Leads and opportunities."""

    def prepare_create(self, orm: Orm, model: Model, docs: list[Doc], given: Given, context: Context) -> None:
        """Fill from partner, user, team and stage what was not given."""
        del context
        won, fallback = _won_stages(orm), _Fallback(orm)
        partners = _Partners(orm, model, {doc["partner_id"] for doc in docs if doc.get("partner_id")}, given)
        for doc, names in zip(docs, given, strict=True):
            if doc.get("website"):
                doc["website"] = clean_website(doc["website"])
            fallback.fill(doc, names)
            for name, value in partners.values(doc.get("partner_id"), names).items():
                doc.setdefault(name, value)
            is_won = doc.get("stage_id") in won
            if "probability" not in names:
                doc["probability"] = _FULL if is_won and doc.get("active") else None
            if is_won and orm.differences.won_create_sets_date_closed and not doc.get("date_closed"):
                doc["date_closed"] = orm.now
            doc["email_normalized"] = _normalized(orm, doc.get("email_from"))
            _check(orm, doc, is_won=is_won)
            _compute(model, doc, is_won=is_won)

    def after_create(self, orm: Orm, model: Model, pairs: Pairs, given: Given, context: Context) -> None:
        """A given e-mail or phone is written back to the partner."""
        del model
        _write_back(orm, pairs, given, context)

    def prepare_write(
        self, orm: Orm, model: Model, pairs: Pairs, old: dict[int, Doc], given: Given, context: Context
    ) -> None:
        """What a write of stage, user, probability or partner changes besides."""
        del context
        won = _won_stages(orm)
        partners = _Partners(orm, model, {vals["partner_id"] for _, vals in pairs if vals.get("partner_id")}, given)
        for (key, vals), names in zip(pairs, given, strict=True):
            before = old[key]
            if vals.get("website"):
                vals["website"] = clean_website(vals["website"])
            _close(orm, vals, before, won)
            if vals.get("partner_id") and vals["partner_id"] != before.get("partner_id"):
                taken = partners.values(vals["partner_id"], names)
                vals |= {name: value for name, value in taken.items() if value != before.get(name)}
            if "email_from" in vals:
                vals["email_normalized"] = _normalized(orm, vals["email_from"])
            doc = {**before, **vals}
            is_won = doc.get("stage_id") in won
            _check(orm, doc, is_won=is_won)
            computed = dict(doc)
            _compute(model, computed, is_won=is_won)
            vals |= {name: computed.get(name) for name in _COMPUTED if computed.get(name) != doc.get(name)}

    def after_write(
        self,
        orm: Orm,
        model: Model,
        pairs: Pairs,
        old: dict[int, Doc],
        new: dict[int, Doc],
        given: Given,
        context: Context,
    ) -> None:
        """A given e-mail or phone is written back to the partner."""
        del model, old
        _write_back(orm, [(key, new[key]) for key, _ in pairs], given, context)

    def read(self, orm: Orm, model: Model, name: str, key: int, doc: Doc) -> Any:
        """``is_automated_probability`` and the company's currency."""
        del orm, model, key
        if name == "is_automated_probability":
            return doc.get("probability", 0.0) == doc.get("automated_probability", 0.0)
        if name == "company_currency":
            return 1
        return NotImplemented


def _normalized(orm: Orm, email: str | None) -> str | None:
    return normalized_email(email, semicolons=orm.differences.semicolon_separates_addresses)


_COMPUTED = ("won_status", "prorated_revenue")


class _Fallback:
    """What a lead gets that was not given: type, team, stage, company and the dates of owner and stage."""

    def __init__(self, orm: Orm) -> None:
        self._now = orm.now
        self._type = "lead" if orm.store.meta("use_leads") else "opportunity"
        self._stage, self._team = _first_stage(orm), _first_team(orm)

    def fill(self, doc: Doc, given: frozenset[str]) -> None:
        """Complete one record."""
        owned = bool(doc.get("user_id"))
        if "type" not in given:
            doc["type"] = self._type
        if "company_id" not in given:
            doc["company_id"] = 1 if owned else None
        if "date_open" not in given and owned:
            doc["date_open"] = self._now
        if "date_last_stage_update" not in given:
            doc["date_last_stage_update"] = self._now
        doc.setdefault("team_id", self._team if owned else None)
        doc.setdefault("stage_id", self._stage)


def _won_stages(orm: Orm) -> set[int]:
    return {key for key, doc in orm.store.find("crm.stage") if doc.get("is_won")}


def _first_stage(orm: Orm) -> int | None:
    """The first unfolded stage by sequence, whatever its team (all versions)."""
    stages = [(doc.get("sequence", 0), key) for key, doc in orm.store.find("crm.stage") if not doc.get("fold")]
    return min(stages)[1] if stages else None


def _first_team(orm: Orm) -> int | None:
    teams = [(doc.get("sequence", 0), key) for key, doc in orm.store.find("crm.team") if doc.get("active")]
    return min(teams)[1] if teams else None


class _Partners:
    """What leads take from their partners for the fields that were not given."""

    def __init__(self, orm: Orm, model: Model, ids: set[int], given: Given) -> None:
        self._taken = {names: _Taken(model, names) for names in set(given)}
        taken = self._taken.values()
        self._partners = orm.store.get("res.partner", ids) if any(any(vars(one).values()) for one in taken) else {}
        parents = {doc["parent_id"] for doc in self._partners.values() if "parent_id" in doc} if any(one.company for one in taken) else set()
        self._parents = self._partners | orm.store.get("res.partner", parents - self._partners.keys())

    def values(self, partner_id: int | None, given: frozenset[str]) -> Doc:
        """The values a lead takes; nothing where it has no partner."""
        partner = self._partners.get(partner_id or 0)
        if partner is None:
            return {}
        taken = self._taken[given]
        values: Doc = {}
        if taken.address and any(partner.get(name) for name in ADDRESS):
            values = {name: partner.get(name) for name in taken.address}
        for theirs, mine in taken.single:
            if partner.get(theirs):
                values[mine] = partner[theirs]
        if taken.contact and not partner.get("is_company") and partner.get("name"):
            values["contact_name"] = partner["name"]
        if taken.company:
            parent = self._parents.get(partner.get("parent_id", 0), {})
            company = parent.get("name") or partner.get("name" if partner.get("is_company") else "company_name")
            if company:
                values["partner_name"] = company
        return values


class _Taken:
    """Which fields are taken where others are given."""

    def __init__(self, model: Model, given: frozenset[str]) -> None:
        free = model.columns.keys() - given
        named = [(name, _LEAD_NAME.get(name, name)) for name in _FROM_PARTNER]
        self.single = [(theirs, mine) for theirs, mine in named if mine in free]
        self.address = [name for name in ADDRESS if name in free]
        self.contact, self.company = "contact_name" in free, "partner_name" in free


def _check(orm: Orm, doc: Doc, *, is_won: bool) -> None:
    probability = doc.get("probability") or 0.0
    if not 0 <= probability <= _FULL:
        raise DataError(_RANGE, call="crm.lead")
    if is_won and orm.differences.won_needs_full_probability and probability != _FULL:
        raise DataError(_WON_LOST, call="crm.lead")


def _compute(model: Model, doc: Doc, *, is_won: bool) -> None:
    probability = doc.get("probability") or 0.0
    if "won_status" in model.columns:
        if is_won and probability == _FULL:
            doc["won_status"] = "won"
        else:
            doc["won_status"] = "lost" if not doc.get("active") and probability == 0 else "pending"
    revenue = doc.get("expected_revenue") or 0.0
    doc["prorated_revenue"] = round(revenue * probability / 100.0, 2) or None


def _close(orm: Orm, vals: Doc, before: Doc, won: set[int]) -> None:
    """date_closed := now on closing values, also unchanged ones; other dates only on a change (all versions)."""
    moved = "stage_id" in vals and vals["stage_id"] != before.get("stage_id")
    into_won = moved and vals["stage_id"] in won
    if moved:
        vals["date_last_stage_update"] = orm.now
    if into_won:
        vals |= {"probability": 100.0, "automated_probability": 100.0}
        if orm.differences.won_write_reactivates:
            vals["active"] = True
    if "user_id" in vals:
        if not vals["user_id"]:
            vals["date_open"] = None
        elif vals["user_id"] != before.get("user_id"):
            vals["date_open"] = orm.now
    probability = vals.get("probability") or 0.0
    if probability >= _FULL or ("active" in vals and not vals["active"]):
        vals["date_closed"] = orm.now
    elif probability > 0 or (moved and not into_won and "probability" not in vals):
        vals["date_closed"] = None
    if into_won and before.get("stage_id") in won:
        vals.pop("date_closed", None)


def _write_back(orm: Orm, pairs: Pairs, given: Given, context: Context) -> None:
    for (_, doc), names in zip(pairs, given, strict=True):
        partner_id = doc.get("partner_id")
        if not partner_id or not names & {"email_from", "phone"}:
            continue
        partner = orm.store.get("res.partner", [partner_id]).get(partner_id, {})
        changed: Doc = {}
        for mine, theirs in _WRITTEN_BACK:
            if mine not in names or doc.get(mine) == partner.get(theirs):
                continue
            if doc.get(mine) or orm.differences.empty_lead_contact_erases_partner:
                same = mine == "email_from" and _normalized(orm, doc.get(mine)) == partner.get("email_normalized")
                if not (same and doc.get(mine)):
                    changed[theirs] = doc.get(mine)
        if changed:
            orm.write_converted(orm.registry.model("res.partner"), [(partner_id, changed)], context)
