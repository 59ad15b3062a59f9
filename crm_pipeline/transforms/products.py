"""Products out of the lines of documents (R-11), for CRMs that export no catalogue."""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, literal, quote


class ProductLines(SpecModel):
    """An object whose rows name products by SKU and name."""

    object: Identifier
    sku: Identifier
    name: Identifier


class Fallback(SpecModel):
    """The product that takes lines for which people decided ``fallback``."""

    sku: str
    name: str


class ProductOptions(SpecModel):
    """Where products are named, and the product for lines that have none."""

    lines: tuple[ProductLines, ...]
    fallback: Fallback


def products_by_sku(store: StagingStore, name: str, options: ProductOptions) -> None:
    """One product for each SKU (ignoring case), else for each name (ignoring case and repeated blanks).

    A line without SKU belongs to the product whose name it has when exactly one SKU has that name. Products with a SKU
    may be created; one known by name only, or not at all, waits for a decision unless the destination has it already.
    Decisions of products.csv (``ops.product_decision``) come first: ``map`` looks for another code, ``create`` allows
    creation, ``fallback`` gives the lines to the fallback product.

    Writes ``derived.<name>``: product_key, sku, name, match_code (the code looked for in the destination), creatable,
    label, lines; and ``derived.<name>_members``: product_text (``product_text(sku, name)`` of a line), product_key.
    """
    selects = " UNION ALL ".join(
        f"SELECT {quote(o.sku)} AS sku, {quote(o.name)} AS name, {number} AS part, _row_id "
        f"FROM {quote(f'typed.{o.object}')}"
        for number, o in enumerate(options.lines)
    )
    members, products = quote(f"derived.{name}_members"), quote(f"derived.{name}")
    fallback_key = literal(options.fallback.sku.casefold())
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _product_text AS
        SELECT product_text(sku, name) AS product_text, fold(sku) AS sku_key, fold(name) AS name_key,
               arg_min(sku, (part, _row_id)) AS sku, arg_min(name, (part, _row_id)) AS name,
               min({{'part': part, 'row': _row_id}}) AS first, count(*) AS lines
        FROM ({selects}) GROUP BY ALL
    """)
    store.execute("""
        CREATE OR REPLACE TEMP TABLE _product_decision AS
        SELECT text.product_text, any_value(decision.decision) AS decision, any_value(decision.odoo_default_code) AS code
        FROM _product_text AS text JOIN ops.product_decision AS decision
        ON fold(decision.source_sku) IS NOT DISTINCT FROM text.sku_key
        AND (fold(decision.source_name) IS NOT DISTINCT FROM text.name_key
             OR (decision.source_name IS NULL AND text.sku_key IS NOT NULL))
        GROUP BY 1
    """)
    store.execute(f"""
        CREATE OR REPLACE TABLE {members} AS
        WITH named AS (
            SELECT name_key, min(sku_key) AS sku_key FROM _product_text WHERE sku_key IS NOT NULL AND name_key IS NOT NULL
            GROUP BY 1 HAVING count(DISTINCT sku_key) = 1
        )
        SELECT text.product_text,
               CASE WHEN decision.decision = 'fallback' THEN {fallback_key}
                    ELSE coalesce(text.sku_key, CASE WHEN decision.decision IS NULL THEN named.sku_key END,
                                  'name/' || text.name_key, 'none') END AS product_key
        FROM _product_text AS text LEFT JOIN named ON named.name_key = text.name_key
        LEFT JOIN _product_decision AS decision USING (product_text) ORDER BY 1
    """)
    store.execute(f"""
        CREATE OR REPLACE TABLE {products} AS
        SELECT *, row_number() OVER (ORDER BY product_key) AS _row_id FROM (
            SELECT product_key,
                   CASE WHEN product_key = {fallback_key} THEN {literal(options.fallback.sku)}
                        ELSE arg_min(sku, first) FILTER (sku IS NOT NULL) END AS sku,
                   CASE WHEN product_key = {fallback_key} THEN {literal(options.fallback.name)}
                        ELSE coalesce(arg_min(name, first) FILTER (name IS NOT NULL), min(sku)) END AS name,
                   CASE WHEN product_key = {fallback_key} THEN {literal(options.fallback.sku)}
                        ELSE coalesce(min(code) FILTER (decision = 'map'), arg_min(sku, first) FILTER (sku IS NOT NULL))
                        END AS match_code,
                   product_key = {fallback_key} OR coalesce(bool_or(decision = 'create'), FALSE)
                       OR (bool_or(sku IS NOT NULL) AND NOT coalesce(bool_or(decision = 'map'), FALSE)) AS creatable,
                   sum(lines)::BIGINT AS lines
            FROM _product_text JOIN {members} USING (product_text) LEFT JOIN _product_decision USING (product_text)
            GROUP BY product_key
        ) ORDER BY product_key
    """)
    for table in ("_product_text", "_product_decision"):
        store.execute(f"DROP TABLE {table}")
