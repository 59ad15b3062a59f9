"""What single models do beyond storing values: one rule per model, by name."""

from crm_pipeline.odoo.embedded.rules.accounting import JournalRule, PrecisionRule, TaxRule
from crm_pipeline.odoo.embedded.rules.attachment import AttachmentRule
from crm_pipeline.odoo.embedded.rules.blacklist import BlacklistRule
from crm_pipeline.odoo.embedded.rules.custom_fields import CustomFieldRule, OptionRule
from crm_pipeline.odoo.embedded.rules.custom_models import CustomModelRule
from crm_pipeline.odoo.embedded.rules.event import EventRule
from crm_pipeline.odoo.embedded.rules.invoice import MoveLineRule, MoveRule
from crm_pipeline.odoo.embedded.rules.lead import LeadRule
from crm_pipeline.odoo.embedded.rules.message import ActivityRule, MessageRule
from crm_pipeline.odoo.embedded.rules.names import DataRule, NumberedNameRule, TeamRule, UniqueRule
from crm_pipeline.odoo.embedded.rules.partner import PartnerRule
from crm_pipeline.odoo.embedded.rules.payment import PaymentRule
from crm_pipeline.odoo.embedded.rules.product import ProductRule
from crm_pipeline.odoo.embedded.rules.rule import Rule
from crm_pipeline.odoo.embedded.rules.sale import OrderLineRule, OrderRule
from crm_pipeline.odoo.embedded.rules.settings import SettingsRule
from crm_pipeline.odoo.embedded.rules.user import UserRule
from crm_pipeline.odoo.embedded.rules.views import ViewRule

_ONE_RATE_A_DAY = "Only one currency rate per day allowed!"

RULES: dict[str, Rule] = {
    "account.journal": JournalRule(),
    "account.move": MoveRule(),
    "account.move.line": MoveLineRule(),
    "account.payment": PaymentRule(),
    "account.tax": TaxRule(),
    "crm.lead": LeadRule(),
    "crm.tag": UniqueRule(("name",), "Tag name already exists!"),
    "crm.team": TeamRule(),
    "calendar.event": EventRule(),
    "decimal.precision": PrecisionRule(),
    "ir.attachment": AttachmentRule(),
    "ir.model": CustomModelRule(),
    "ir.model.data": DataRule(),
    "ir.model.fields": CustomFieldRule(),
    "ir.model.fields.selection": OptionRule(),
    "ir.ui.view": ViewRule(),
    "mail.activity": ActivityRule(),
    "mail.blacklist": BlacklistRule(),
    "mail.message": MessageRule(),
    "maintenance.equipment": UniqueRule(("serial_no",), "Another asset already exists with this serial number!"),
    "product.product": ProductRule(),
    "res.currency.rate": UniqueRule(("currency_id", "name", "company_id"), _ONE_RATE_A_DAY),
    "res.config.settings": SettingsRule(),
    "res.partner": PartnerRule(),
    "res.users": UserRule(),
    "sale.order": OrderRule(),
    "sale.order.line": OrderLineRule(),
    "utm.campaign": NumberedNameRule(),
    "utm.medium": NumberedNameRule(),
    "utm.source": NumberedNameRule(),
    "utm.tag": UniqueRule(("name",), "Tag name already exists!"),
}
