"""All assets and checks of a migration, derived from its mapping: one place for their keys and statements."""

from __future__ import annotations

from crm_pipeline.odoo.gates import is_blocking
from crm_pipeline.specs import Mapping, TargetSpec
from crm_pipeline.specs.custom_fields import DEFINITIONS, OPTIONS
from crm_pipeline.verification.checks import CheckSpec, Severity

#: What an empty queue means.
_QUEUES = {
    "owners": "Everyone who owns a record is an Odoo user.",
    "products": "Every line of a document has a product in Odoo.",
}

#: Checks before the first write: what each proves. These stop the load …
_PREFLIGHT_STOPS = {
    "version_is_supported": "The Odoo version is not older than those the load was proven on.",
    "access_granted": "The user may read, create and write all that is loaded.",
    "apps_installed": "The apps the mapping needs are installed.",
    "mapped_fields_exist": "Every mapped field exists in the destination, can be written and links to the right model; what Odoo requires is mapped.",
    "custom_fields_fit": "Custom fields that exist already are what the migration would make of them.",
    "values_fit": "Every staged value can be read as its field's type, and none would be cut off.",
    "values_allowed": "Every staged value of a selection is one that Odoo offers.",
    "documents_can_be_loaded": "Accounting is ready: chart of accounts, open periods, accounts of products.",
}
#: … and these are shown.
_PREFLIGHT_WARNS = {
    "amounts_can_be_kept": "Prices fit Odoo's decimal precision, and currencies have rates of their own.",
    "leads_feature_enabled": "The Leads menu is on, so that salespeople see what is loaded as leads.",
    "nothing_left_out": "Every app is there, so nothing is left out.",
    "nothing_would_fire": "No automation rule, mail server or scheduled action acts on records while they are loaded.",
    "destination_is_empty": "Only records of this migration and Odoo's own are in the models that are loaded without matching.",
    "matches_are_clear": "Every row that could be an existing record clearly is one, or clearly is none.",
    "settings_fit": "The company has a country, is the only one, and keeps its books in the currency of the exported account.",
    "destination_is_known": "Version, protocol and hosting are ones the load was proven on.",
    "customizations_known": "Nobody has customised the target models in Odoo.",
    "mapping_values_allowed": "Every value of a selection that the mapping names is one that Odoo offers.",
    "rollback_granted": "The user may delete what is loaded, so that a rollback is possible.",
}


class Catalogue:
    """Keys and check specs of one source CRM."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping

    def source_asset(self, name: str) -> str:
        """Key of a typed source object."""
        return f"{self.mapping.name}/src_{name}"

    def staged_asset(self, target: TargetSpec) -> str:
        """Key of a target-shaped table."""
        return f"{self.mapping.name}/stg_{target.table}"

    def loaded_asset(self, env: str, target: TargetSpec) -> str:
        """Key of a model in an environment."""
        return f"{self.mapping.name}/{env}/{target.table}"

    def environment_asset(self, env: str, name: str) -> str:
        """Key of ``preflight``, ``verification`` or ``report`` of an environment."""
        return f"{self.mapping.name}/{env}/{name}"

    def depends_on(self, target: TargetSpec) -> list[TargetSpec]:
        """Targets whose records this one links to, in order of loading."""
        parts = self.mapping.parts_of(target.model)
        created = [target, *([parts] if parts is not None else [])]  # in one call, so both must find what they link to
        linked = {
            self.mapping.blocks[link.to][0].model
            for each in created for block in each.sources for spec in block.fields.values() for link in spec.links
        } - {target.model}  # fmt: skip
        linked |= {self.mapping.blocks[c.tags.to][0].model for block in target.sources for c in block.custom_fields if c.tags}
        linked |= self._provisioned_for(target)
        if target.gate is not None:
            linked |= {t.model for t in self.mapping.targets if t.match.queue == target.gate.queue}
        return [t for t in self.mapping.targets if t.model in linked]

    def _provisioned_for(self, target: TargetSpec) -> set[str]:
        """Models of Odoo's own registry that a target needs: custom models, their fields, rights and options."""
        blocks = target.sources
        takes_custom = any(block.custom_fields for block in blocks)
        needed = {"ir.model"} if target.model == "ir.model.fields" else set()
        if target.model.startswith("x_") or takes_custom or any(n.startswith("x_") for b in blocks for n in b.fields):
            needed = {"ir.model.fields", "ir.model.access"}
        return {
            other.model for other in self.mapping.targets
            if other.model in needed or (takes_custom and any(b.object in {DEFINITIONS, OPTIONS} for b in other.sources))
        }  # fmt: skip

    def objects_of(self, target: TargetSpec) -> list[str]:
        """Source objects and derived tables a target is staged from."""
        names: dict[str, None] = {}
        for block in target.sources:
            for name in [block.object, *(join.table for join in block.join)]:
                if name in {DEFINITIONS, OPTIONS} and self.mapping.source.custom_fields is not None:
                    names[self.mapping.source.custom_fields.inventory] = None
                elif name is not None:
                    names[name.removesuffix("_members") if name not in self.mapping.source.objects else name] = None
        return list(names)

    def source_checks(self, name: str) -> dict[str, CheckSpec]:
        """Checks of one source object, by name."""
        asset = self.source_asset(name)
        specs = [
            CheckSpec(asset, "export_is_complete", "Files are readable, no required column is missing, and row counts agree with the manifest."),
            CheckSpec(asset, "typed_schema_holds", "Every accepted row fits the contract's types, keys and allowed values."),
            CheckSpec(asset, "export_is_proven", "A manifest proves that the export is complete, and its files hold nothing odd.", "WARN", blocking=False),
            CheckSpec(asset, "columns_are_mapped", "Every column of the files is known to the mapping.", "WARN", blocking=False),
            CheckSpec(asset, "rows_are_accepted", "No row is in quarantine.", "WARN", blocking=False),
            CheckSpec(asset, "values_are_readable", "Every value could be read as its type says.", "WARN", blocking=False),
        ]  # fmt: skip
        return {spec.name: spec for spec in specs}

    def staged_checks(self, target: TargetSpec) -> dict[str, CheckSpec]:
        """Checks of a target-shaped table, by name."""
        asset = self.staged_asset(target)
        specs = [
            CheckSpec(asset, "staged_schema_holds", "Every staged record has a valid external id of its own and the mapped fields."),
            CheckSpec(asset, "rows_without_warning", "No row breaks a rule that somebody should look at.", "WARN", blocking=False),
        ]  # fmt: skip
        return {spec.name: spec for spec in specs}

    def preflight_checks(self, env: str) -> dict[str, CheckSpec]:
        """Checks made before the first write, by name."""
        asset = self.environment_asset(env, "preflight")
        stops = [CheckSpec(asset, name, proves) for name, proves in _PREFLIGHT_STOPS.items()]
        warns = [CheckSpec(asset, name, proves, "WARN", blocking=False) for name, proves in _PREFLIGHT_WARNS.items()]
        specs = [*stops, *warns]
        return {spec.name: spec for spec in specs}

    def loaded_checks(self, env: str, target: TargetSpec) -> dict[str, CheckSpec]:
        """Checks of a model in an environment, by name."""
        asset = self.loaded_asset(env, target)
        specs = [
            CheckSpec(asset, "row_accounting", "Every staged record is in Odoo, or held or refused with a reason."),
            CheckSpec(asset, "fields_equal", "Every record was read back and every mapped field holds what was meant."),
            CheckSpec(asset, "identities_hold", "Every record still has its external id, and none leads to another record."),
            CheckSpec(
                asset, "records_accepted", "Odoo refused no record and none is held back.",
                "ERROR" if target.on_refusal == "stop" else "WARN", blocking=target.on_refusal == "stop",
            ),
            CheckSpec(asset, "no_conflicts", "Nobody changed in Odoo what the source changed too.", "WARN", blocking=False),
            CheckSpec(asset, "values_found", "Every looked-up value was found in Odoo.", "WARN", blocking=False),
            CheckSpec(asset, "records_still_exported", "Every record that is active in Odoo is still in the source.", "WARN", blocking=False),
        ]  # fmt: skip
        if target.identities:
            specs.append(CheckSpec(asset, "no_copies", "No record that is not the migration's is a copy of a loaded one."))
        queue = target.match.queue
        if queue is not None:
            blocking = is_blocking(self.mapping, queue)
            severity: Severity = "ERROR" if blocking else "WARN"
            specs.append(CheckSpec(asset, f"{queue}_resolved", _QUEUES[queue], severity, blocking=blocking))
        if target.finishing is not None:
            specs.append(
                CheckSpec(
                    asset, "records_finished", "Every record has its final state: proven totals, posted, paid, cancelled.",
                    blocking=False,
                )
            )  # fmt: skip
        if any(spec.tolerance for block in target.sources for spec in block.fields.values()):
            specs.append(
                CheckSpec(asset, "amounts_unrounded", "Odoo's decimal precision changed no amount.", "WARN", blocking=False)
            )
        return {spec.name: spec for spec in specs}

    def cutover_checks(self) -> dict[str, CheckSpec]:
        """Checks of the last export before production is cut over, by name."""
        asset = self.environment_asset("production", "cutover")
        specs = [
            CheckSpec(asset, "source_is_frozen", "Nothing in the last export was changed after the freeze."),
            CheckSpec(asset, "exported_after_freeze", "The last export was made after the freeze, so it holds everything.", "WARN", blocking=False),
        ]
        return {spec.name: spec for spec in specs}

    def rollback_checks(self, env: str) -> dict[str, CheckSpec]:
        """Checks after a rollback, by name."""
        asset = self.environment_asset(env, "rollback")
        specs = [
            CheckSpec(asset, "nothing_left", "Nothing that had to go is in Odoo any more, no external id of the migration leads nowhere."),
            CheckSpec(asset, "changes_restored", "What the migration changed on records that were there before is as it was."),
            CheckSpec(asset, "kept_records_unchanged", "Records that stay hold what they held before the rollback."),
            CheckSpec(asset, "nothing_kept", "Nothing had to stay because people made or changed something that depends on it.", "WARN", blocking=False),
        ]  # fmt: skip
        return {spec.name: spec for spec in specs}

    def verification_checks(self, env: str) -> dict[str, CheckSpec]:
        """Checks of an environment as a whole, by name."""
        asset = self.environment_asset(env, "verification")
        specs = [
            CheckSpec(asset, "every_row_accounted", "Exported = loaded + merged + excluded + quarantined + queued + duplicates, for every object."),
            CheckSpec(asset, "control_totals_equal", "Sums by currency, and counts by stage, owner and month, are equal on both sides."),
            CheckSpec(asset, "exported_amounts_accounted", "The amounts of the exported rows add up to those of the records made of them."),
            CheckSpec(asset, "no_mail_queued", "No mail was put into Odoo's outgoing queue and nobody was notified."),
            CheckSpec(asset, "no_followers_added", "No loaded record got a follower."),
            CheckSpec(asset, "no_foreign_messages", "No loaded record has a message that is not the migration's."),
            CheckSpec(asset, "messages_in_order", "Messages of a record show in the order of their time."),
            CheckSpec(asset, "no_drift", "Nobody changed a loaded value in Odoo since it was loaded.", "WARN", blocking=False),
        ]  # fmt: skip
        return {spec.name: spec for spec in specs}
