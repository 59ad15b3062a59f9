"""What differs between the versions, as data: one row a version (ODOO_FACTS 1-5, confirmed on 17.0, 18.0, 19.0)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Differences:
    """How one version behaves where the versions differ.

    Attributes:
        empty_lead_contact_erases_partner: an empty email_from or phone given with partner_id empties the partner's.
        child_address_goes_up: writing a contact's address writes its parent's.
        commercial_goes_up: commercial fields a contact pushes up to its company.
        commercial_fields: what contacts take from their company.
        won_needs_full_probability: a lead in a won stage with probability ≠ 100 is refused.
        won_create_sets_date_closed: creating a lead in a won stage sets an empty date_closed to now.
        won_write_reactivates: writing a won stage also sets active.
        stores_record_name: mail.message.record_name is stored.
        stamps_compare_in_seconds: domains compare create_date and write_date without microseconds.
        activity_needs_document: mail.activity requires res_model_id.
        activity_default_type: activity_type_id of an activity created without one, an external id.
        unknown_load_column: how load complains about a column, ``{name}`` filled in.
        group_field: res.users field of the groups.
        attachment_needs_document: ir.attachment refuses a res_id that does not exist.
        unchecked_selections: selections that create and write do not check (load does in all versions).
        semicolon_separates_addresses: ``a@x;b@x`` has a normalized e-mail.
        commercial_sync_overwrites_with_empty: a company's empty commercial values empty its contacts' ones.
        order_line_needs_product: a line of a quotation without product is refused.
        order_line_taxes, order_line_unit: fields of sale.order.line.
        cancelling_orders_asks: cancelling an order that is no draft opens a wizard instead.
        order_takes_pricelist: an order without pricelist takes the first active one.
        knows_global_rounding: how ``round_globally`` rounds is known.
        first_rate_is_earlier_too: days before a currency's first rate have that rate, not 1.
        draft_has_name: the first draft of a journal's period is numbered, others are ``/``.
        number_has_range_with_month: two years and a month in a number are read as such.
        number_contradicts_date: the refusal of a number, ``{date}`` and ``{name}`` filled in.
        nothing_to_post, invoice_without_partner: refusals of posting, ``{field}`` and ``{title}`` filled in.
        invoice_line_amount_by_hand: a product line keeps an amount that is not its price times its quantity.
        tax_balance_by_line: a tax line's amount in company currency is the sum of its lines' ones.
        posting_adds_follower: the partner of a posted entry follows it.
        posted_readonly: fields of a posted entry that must not be in a write at all.
        draft_undoes_matches: making an entry a draft undoes its reconciliation.
        reconciles_drafts: drafts can be reconciled.
        account_names_have_code: accounts are named with their code.
        posted_payment_is_kept: a posted payment is neither changed nor deleted.
        payment_follows_invoices: a payment's state is ``paid`` when what it pays is.
        entry_payment: field of account.move with the payment it belongs to.
        journals_get_a_code: a journal without code gets the next one of its type.
        loaded_models_have_name: a custom model that is loaded gets ``x_name`` too, as a created one does.
        dropped_models_lose_external_ids: the external ids of a custom model's records go with the model.
        fixed_field_quote: around the field's label when a custom model's name is written.
        last_of_list: between the last two items of a list in a message.
        no_model: the refusal of a call on a model that does not exist, ``{name}`` filled in.
        default_get_takes_fields: models whose ``default_get`` names its argument ``fields``, not ``fields_list``.
        html_keeps_outer_div, html_keeps_data_attributes: see :class:`~crm_pipeline.odoo.embedded.markup.Markup`.
    """

    empty_lead_contact_erases_partner: bool
    child_address_goes_up: bool
    commercial_goes_up: tuple[str, ...]
    commercial_fields: tuple[str, ...]
    won_needs_full_probability: bool
    won_create_sets_date_closed: bool
    won_write_reactivates: bool
    stores_record_name: bool
    stamps_compare_in_seconds: bool
    activity_needs_document: bool
    activity_default_type: str | None
    unknown_load_column: str
    group_field: str
    attachment_needs_document: bool
    unchecked_selections: frozenset[str]
    semicolon_separates_addresses: bool
    commercial_sync_overwrites_with_empty: bool
    order_line_needs_product: bool
    order_line_taxes: str
    order_line_unit: str
    cancelling_orders_asks: bool
    order_takes_pricelist: bool
    knows_global_rounding: bool
    first_rate_is_earlier_too: bool
    draft_has_name: bool
    number_has_range_with_month: bool
    number_contradicts_date: str
    nothing_to_post: str
    invoice_without_partner: str
    invoice_line_amount_by_hand: bool
    tax_balance_by_line: bool
    posting_adds_follower: bool
    posted_readonly: frozenset[str]
    draft_undoes_matches: bool
    reconciles_drafts: bool
    account_names_have_code: bool
    posted_payment_is_kept: bool
    payment_follows_invoices: bool
    entry_payment: str
    journals_get_a_code: bool
    loaded_models_have_name: bool
    dropped_models_lose_external_ids: bool
    fixed_field_quote: str
    last_of_list: str
    no_model: str
    default_get_takes_fields: frozenset[str] | None
    html_keeps_outer_div: bool
    html_keeps_data_attributes: bool

    def listed(self, items: Sequence[str]) -> str:
        """Items in a message: ``a, b and c``, in 17.0 ``a, b, c``."""
        return self.last_of_list.join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


#: in 17.0 and 18.0; the ones that were tried
_TAKE_FIELDS = frozenset(
    {
        "account.move", "calendar.event", "crm.lead", "crm.stage", "mail.activity", "mail.mail", "mail.message",
        "mail.template", "res.partner", "res.users", "sale.order",
    }
)  # fmt: skip
_COMMERCIAL = ("vat", "company_registry", "industry_id")

_MISALIGNED = (
    "The Date ({date}) you've entered isn't aligned with the existing sequence number ({name}). Clear the sequence number "
    "to proceed.\nTo maintain date-based sequences, select entries and use the resequence option from the actions menu, "
    "available in developer mode."
)
_POSTED_READONLY = frozenset(
    {
        "invoice_line_ids", "line_ids", "invoice_date", "date", "partner_id", "partner_bank_id", "invoice_payment_term_id",
        "currency_id", "fiscal_position_id", "invoice_cash_rounding_id",
    }
)  # fmt: skip

_V17 = Differences(
    empty_lead_contact_erases_partner=True,
    child_address_goes_up=False,
    commercial_goes_up=(),
    commercial_fields=_COMMERCIAL,
    won_needs_full_probability=False,
    won_create_sets_date_closed=False,
    won_write_reactivates=False,
    stores_record_name=True,
    stamps_compare_in_seconds=False,
    activity_needs_document=True,
    activity_default_type=None,
    unknown_load_column="{name!r}",
    group_field="groups_id",
    attachment_needs_document=False,
    unchecked_selections=frozenset(),
    semicolon_separates_addresses=False,
    commercial_sync_overwrites_with_empty=True,
    order_line_needs_product=True,
    order_line_taxes="tax_id",
    order_line_unit="product_uom",
    cancelling_orders_asks=True,
    order_takes_pricelist=True,
    knows_global_rounding=False,
    first_rate_is_earlier_too=False,
    draft_has_name=True,
    number_has_range_with_month=False,
    number_contradicts_date=(
        "The Date ({date}) doesn't match the sequence number of the related Journal Entry ({name})\n"
        "You will need to clear the Journal Entry's Number to proceed.\n"
        "In doing so, you might want to resequence your entries in order to maintain a continuous date-based sequence."
    ),
    nothing_to_post="You need to add a line before posting.",
    invoice_without_partner="The field '{field}' is required, please complete it to validate the {title}.",
    invoice_line_amount_by_hand=False,
    tax_balance_by_line=False,
    posting_adds_follower=True,
    posted_readonly=frozenset(),
    draft_undoes_matches=True,
    reconciles_drafts=False,
    account_names_have_code=True,
    posted_payment_is_kept=False,
    payment_follows_invoices=False,
    entry_payment="payment_id",
    journals_get_a_code=False,
    loaded_models_have_name=False,
    dropped_models_lose_external_ids=False,
    fixed_field_quote='"',
    last_of_list=", ",
    no_model="Object {name} doesn't exist",
    default_get_takes_fields=_TAKE_FIELDS,
    html_keeps_outer_div=False,
    html_keeps_data_attributes=False,
)
_V18 = Differences(
    empty_lead_contact_erases_partner=False,
    child_address_goes_up=False,
    commercial_goes_up=(),
    commercial_fields=_COMMERCIAL,
    won_needs_full_probability=False,
    won_create_sets_date_closed=False,
    won_write_reactivates=False,
    stores_record_name=True,
    stamps_compare_in_seconds=False,
    activity_needs_document=True,
    activity_default_type=None,
    unknown_load_column="Invalid field name {name!r}",
    group_field="groups_id",
    attachment_needs_document=False,
    unchecked_selections=frozenset({"res.partner.lang"}),
    semicolon_separates_addresses=True,
    commercial_sync_overwrites_with_empty=True,
    order_line_needs_product=False,
    order_line_taxes="tax_id",
    order_line_unit="product_uom",
    cancelling_orders_asks=True,
    order_takes_pricelist=True,
    knows_global_rounding=False,
    first_rate_is_earlier_too=True,
    draft_has_name=False,
    number_has_range_with_month=True,
    number_contradicts_date=_MISALIGNED,
    nothing_to_post="You need to add a line before posting.",
    invoice_without_partner="The field '{field}' is required, please complete it to validate the {title}.",
    invoice_line_amount_by_hand=True,
    tax_balance_by_line=True,
    posting_adds_follower=True,
    posted_readonly=_POSTED_READONLY,
    draft_undoes_matches=True,
    reconciles_drafts=False,
    account_names_have_code=True,
    posted_payment_is_kept=True,
    payment_follows_invoices=False,
    entry_payment="origin_payment_id",
    journals_get_a_code=False,
    loaded_models_have_name=False,
    dropped_models_lose_external_ids=False,
    fixed_field_quote='"',
    last_of_list=" and ",
    no_model="Object {name} doesn't exist",
    default_get_takes_fields=_TAKE_FIELDS,
    html_keeps_outer_div=False,
    html_keeps_data_attributes=False,
)
_V19 = Differences(
    empty_lead_contact_erases_partner=False,
    child_address_goes_up=True,
    commercial_goes_up=("vat",),
    commercial_fields=_COMMERCIAL,
    won_needs_full_probability=True,
    won_create_sets_date_closed=True,
    won_write_reactivates=True,
    stores_record_name=False,
    stamps_compare_in_seconds=True,
    activity_needs_document=False,
    activity_default_type="mail.mail_activity_data_todo",
    unknown_load_column="Invalid field name {name!r}",
    group_field="group_ids",
    attachment_needs_document=True,
    unchecked_selections=frozenset({"res.partner.lang"}),
    semicolon_separates_addresses=True,
    commercial_sync_overwrites_with_empty=False,
    order_line_needs_product=False,
    order_line_taxes="tax_ids",
    order_line_unit="product_uom_id",
    cancelling_orders_asks=False,
    order_takes_pricelist=False,
    knows_global_rounding=True,
    first_rate_is_earlier_too=True,
    draft_has_name=False,
    number_has_range_with_month=True,
    number_contradicts_date=_MISALIGNED,
    nothing_to_post="Even magicians can't post nothing!",
    invoice_without_partner=(
        "The '{field}' field is required to validate the invoice.\n"
        "You probably don't want to explain to your auditor that you invoiced an invisible man :)"
    ),
    invoice_line_amount_by_hand=True,
    tax_balance_by_line=True,
    posting_adds_follower=False,
    posted_readonly=_POSTED_READONLY,
    draft_undoes_matches=False,
    reconciles_drafts=True,
    account_names_have_code=False,
    posted_payment_is_kept=False,
    payment_follows_invoices=True,
    entry_payment="origin_payment_id",
    journals_get_a_code=True,
    loaded_models_have_name=True,
    dropped_models_lose_external_ids=True,
    fixed_field_quote="",
    last_of_list=" and ",
    no_model="the model '{name}' does not exist",
    default_get_takes_fields=None,
    html_keeps_outer_div=True,
    html_keeps_data_attributes=True,
)

DIFFERENCES: dict[str, Differences] = {"17.0": _V17, "18.0": _V18, "19.0": _V19}
