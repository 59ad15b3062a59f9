"""Who owns and who wrote what (R-6)."""

from __future__ import annotations

from crm_pipeline.specs.source import Identifier, SpecModel
from crm_pipeline.staging.store import StagingStore, literal, quote


class UserColumns(SpecModel):
    """The object that lists the CRM's users."""

    object: Identifier
    key: Identifier
    name: Identifier
    email: Identifier
    status: Identifier
    inactive: str


class OwnerColumn(SpecModel):
    """A column that names a user, by e-mail or by full name."""

    object: Identifier
    column: Identifier


class OwnerOptions(SpecModel):
    """Where users are listed and where they are named."""

    users: UserColumns
    owns: tuple[OwnerColumn, ...]
    writes: tuple[OwnerColumn, ...] = ()


def owners(store: StagingStore, name: str, options: OwnerOptions) -> None:
    """Everyone who owns or wrote something, one row for each person.

    A name in an owner column is matched to the users by e-mail (ignoring case), else by full name when exactly one
    user has it. Whoever matches no user gets a row of their own under the text itself, so that nobody is dropped.

    Writes ``derived.<name>``: owner_key, name, email, is_active, is_listed (in the users' list), records (owned),
    writings; and ``derived.<name>_members``: owner_text (folded), owner_key.
    """
    u = options.users
    mentions = [
        f"SELECT fold(src.{quote(c.column)}) AS owner_text, trim(src.{quote(c.column)}) AS spelling, {owned} AS owned "
        f"FROM {quote(f'typed.{c.object}')} AS src WHERE src.{quote(c.column)} IS NOT NULL"
        for columns, owned in ((options.owns, 1), (options.writes, 0))
        for c in columns
    ]
    store.execute(f"""
        CREATE OR REPLACE TEMP TABLE _mention AS
        SELECT owner_text, min(spelling) AS spelling, sum(owned) AS records, count(*) - sum(owned) AS writings
        FROM ({" UNION ALL ".join(mentions)}) GROUP BY owner_text
    """)
    users = f"""
        SELECT src.{quote(u.key)} AS user_key, src.{quote(u.name)} AS name, src.{quote(u.email)} AS email,
               src.{quote(u.status)} IS DISTINCT FROM {literal(u.inactive)} AS is_active, src._row_id
        FROM {quote(f"typed.{u.object}")} AS src
    """
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}_members")} AS
        WITH users AS ({users}),
        by_mail AS (SELECT fold(email) AS owner_text, arg_min(user_key, _row_id) AS user_key FROM users GROUP BY 1),
        by_name AS (
            SELECT fold(name) AS owner_text, min(user_key) AS user_key FROM users WHERE name IS NOT NULL
            GROUP BY 1 HAVING count(*) = 1
        )
        SELECT owner_text, coalesce(by_mail.user_key, by_name.user_key, spelling) AS owner_key
        FROM _mention LEFT JOIN by_mail USING (owner_text) LEFT JOIN by_name USING (owner_text) ORDER BY ALL
    """)
    store.execute(f"""
        CREATE OR REPLACE TABLE {quote(f"derived.{name}")} AS
        WITH users AS ({users}),
        counted AS (
            SELECT owner_key, min(spelling) AS spelling, sum(records) AS records, sum(writings) AS writings
            FROM _mention JOIN {quote(f"derived.{name}_members")} USING (owner_text) GROUP BY owner_key
        )
        SELECT coalesce(users.user_key, owner_key) AS owner_key, coalesce(users.name, spelling) AS name,
               CASE WHEN users.user_key IS NOT NULL THEN users.email
                    WHEN contains(spelling, '@') THEN lower(spelling) END AS email,
               coalesce(users.is_active, TRUE) AS is_active, users.user_key IS NOT NULL AS is_listed,
               coalesce(records, 0)::BIGINT AS records, coalesce(writings, 0)::BIGINT AS writings, users._row_id
        FROM users FULL JOIN counted ON counted.owner_key = users.user_key ORDER BY owner_key
    """)
    store.execute("DROP TABLE _mention")
