"""What differs between the versions, as data: one row a version (ODOO_FACTS 1-5, confirmed on 17.0, 18.0, 19.0)."""

from __future__ import annotations

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
        order_takes_pricelist: an order without pricelist takes the first active one.
        knows_global_rounding: how ``round_globally`` rounds is known.
        posting_adds_follower: posting a document makes its customer a follower.
        payment_paid_with_document: a payment is paid when its document is.
        number_contradicts_date: refusal of a number that speaks of another date.
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
    order_takes_pricelist: bool
    knows_global_rounding: bool
    posting_adds_follower: bool
    payment_paid_with_document: bool
    number_contradicts_date: str
    html_keeps_outer_div: bool
    html_keeps_data_attributes: bool


_COMMERCIAL = ("vat", "company_registry", "industry_id")

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
    order_takes_pricelist=True,
    knows_global_rounding=False,
    posting_adds_follower=True,
    payment_paid_with_document=False,
    number_contradicts_date="The Date ({date}) doesn't match the sequence number of the related Journal Entry ({number})",
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
    order_takes_pricelist=True,
    knows_global_rounding=False,
    posting_adds_follower=True,
    payment_paid_with_document=False,
    number_contradicts_date="The Date ({date}) you've entered isn't aligned with the existing sequence number ({number}). Clear the sequence number to proceed.",
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
    order_takes_pricelist=False,
    knows_global_rounding=True,
    posting_adds_follower=False,
    payment_paid_with_document=True,
    number_contradicts_date="The Date ({date}) you've entered isn't aligned with the existing sequence number ({number}). Clear the sequence number to proceed.",
    html_keeps_outer_div=True,
    html_keeps_data_attributes=True,
)

DIFFERENCES: dict[str, Differences] = {"17.0": _V17, "18.0": _V18, "19.0": _V19}
