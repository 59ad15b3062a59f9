-- What is never recomputed from files and specs, and what runs found. One place for all tables of the schema ops.

-- Findings of reading and staging
CREATE TABLE IF NOT EXISTS ops.issue (
    object VARCHAR NOT NULL, row_id BIGINT, key VARCHAR, file VARCHAR, "row" BIGINT, "column" VARCHAR, value VARCHAR,
    reason VARCHAR NOT NULL, severity VARCHAR NOT NULL CHECK (severity IN ('error', 'warning')), message VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.fate (
    object VARCHAR NOT NULL, row_id BIGINT NOT NULL, key VARCHAR, file VARCHAR NOT NULL, "row" BIGINT NOT NULL,
    fate VARCHAR NOT NULL CHECK (fate IN ('loaded', 'merged', 'excluded', 'quarantined', 'queued', 'duplicate')),
    reason VARCHAR, detail VARCHAR
);
-- Every exported row with its fate in the environment last accounted for
CREATE TABLE IF NOT EXISTS ops.row_fate (
    object VARCHAR, row_id BIGINT, key VARCHAR, file VARCHAR, "row" BIGINT, fate VARCHAR, reason VARCHAR, detail VARCHAR
);

-- The drop that raw, typed, derived and staged tables were made of
CREATE TABLE IF NOT EXISTS ops.reading ("drop" VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, read_at TIMESTAMP NOT NULL);
ALTER TABLE ops.reading ADD COLUMN IF NOT EXISTS exported_at TIMESTAMP;
-- Drops that were read together: a delta's last, the full one first
ALTER TABLE ops.reading ADD COLUMN IF NOT EXISTS layers VARCHAR[];
-- What dates were read with, and the run that read; with only_changes it sends and reads back nothing else
ALTER TABLE ops.reading ADD COLUMN IF NOT EXISTS time_zone VARCHAR;
ALTER TABLE ops.reading ADD COLUMN IF NOT EXISTS date_order VARCHAR;
ALTER TABLE ops.reading ADD COLUMN IF NOT EXISTS run_id VARCHAR;
ALTER TABLE ops.reading ADD COLUMN IF NOT EXISTS only_changes BOOLEAN;
-- What all tables before the load are made of, and whether all of them are there: equal inputs give equal tables
ALTER TABLE ops.reading ADD COLUMN IF NOT EXISTS inputs VARCHAR;
ALTER TABLE ops.reading ADD COLUMN IF NOT EXISTS staged BOOLEAN;
-- Objects whose typed rows are kept as they were read: what they are made of, the columns they were read with, what was read, and
-- whether that is a copy, because references or rules changed the typed rows since.
-- Their issues and fates of then are beside them
CREATE TABLE IF NOT EXISTS ops.kept_object (
    object VARCHAR NOT NULL, inputs VARCHAR NOT NULL, spec VARCHAR NOT NULL, files VARCHAR NOT NULL, is_copied BOOLEAN NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.kept_issue (
    object VARCHAR NOT NULL, row_id BIGINT, key VARCHAR, file VARCHAR, "row" BIGINT, "column" VARCHAR, value VARCHAR, reason VARCHAR NOT NULL,
    severity VARCHAR NOT NULL, message VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.kept_fate (
    object VARCHAR NOT NULL, row_id BIGINT NOT NULL, key VARCHAR, file VARCHAR NOT NULL, "row" BIGINT NOT NULL, fate VARCHAR NOT NULL,
    reason VARCHAR, detail VARCHAR
);
-- What the columns of typed and derived tables hold, and what good staged tables were made of: statement and columns
CREATE TABLE IF NOT EXISTS ops.column_digest (name VARCHAR NOT NULL, "column" VARCHAR NOT NULL, digest VARCHAR);
CREATE TABLE IF NOT EXISTS ops.staged_table (name VARCHAR NOT NULL, inputs VARCHAR NOT NULL);
-- Typed tables that were found as their schema says
CREATE TABLE IF NOT EXISTS ops.valid_table (name VARCHAR NOT NULL, digest VARCHAR NOT NULL);
-- Digests of delivered files, so that a file that has not changed is read once
CREATE TABLE IF NOT EXISTS ops.file_digest (
    "drop" VARCHAR NOT NULL, path VARCHAR NOT NULL, bytes BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,
    sha256 VARCHAR NOT NULL, sha1 VARCHAR NOT NULL, mime VARCHAR
);

-- What the delta's lists say was deleted in the CRM
CREATE TABLE IF NOT EXISTS ops.deleted_row (
    object VARCHAR, object_text VARCHAR, key VARCHAR, deleted_at TIMESTAMP, deleted_by VARCHAR, file VARCHAR, "row" BIGINT, layer INTEGER,
    known BOOLEAN NOT NULL, made_again BOOLEAN NOT NULL
);

-- Decisions of people
CREATE TABLE IF NOT EXISTS ops.owner_decision (source_email VARCHAR, decision VARCHAR, odoo_login VARCHAR);
CREATE TABLE IF NOT EXISTS ops.product_decision (
    source_sku VARCHAR, source_name VARCHAR, decision VARCHAR, odoo_default_code VARCHAR
);
CREATE TABLE IF NOT EXISTS ops.conflict_decision (model VARCHAR, external_id VARCHAR, field VARCHAR, decision VARCHAR);
CREATE TABLE IF NOT EXISTS ops.orphan_decision (
    object VARCHAR, key VARCHAR, decision VARCHAR, parent_object VARCHAR, parent_key VARCHAR, used BOOLEAN DEFAULT FALSE
);
CREATE TABLE IF NOT EXISTS ops.value_decision (
    object VARCHAR, "column" VARCHAR, source_value VARCHAR, decision VARCHAR, target_value VARCHAR, decided_in VARCHAR, decided_row BIGINT,
    used BOOLEAN DEFAULT FALSE
);
CREATE TABLE IF NOT EXISTS ops.row_decision (
    object VARCHAR, key VARCHAR, decision VARCHAR, "column" VARCHAR, new_value VARCHAR, decided_in VARCHAR, decided_row BIGINT,
    heading VARCHAR, used BOOLEAN DEFAULT FALSE
);
-- Exported rows that decisions about rows name
CREATE TABLE IF NOT EXISTS ops.addressed_row (object VARCHAR NOT NULL, row_id BIGINT NOT NULL, decided_row BIGINT NOT NULL);
-- What the decisions about values and rows did: cells with the exported text and the new one, rows skipped, warnings accepted
CREATE TABLE IF NOT EXISTS ops.decided (
    object VARCHAR NOT NULL, row_id BIGINT NOT NULL, key VARCHAR, file VARCHAR NOT NULL, "row" BIGINT NOT NULL,
    decision VARCHAR NOT NULL CHECK (decision IN ('map', 'blank', 'skip_row', 'fix', 'accept', 'skip')),
    "column" VARCHAR, before VARCHAR, after VARCHAR, reason VARCHAR, note VARCHAR, decided_in VARCHAR NOT NULL, decided_row BIGINT NOT NULL
);
-- Values that are none of those they may be, and that people decide about
CREATE TABLE IF NOT EXISTS ops.open_value (
    object VARCHAR NOT NULL, "column" VARCHAR NOT NULL, source_value VARCHAR NOT NULL, "rows" BIGINT NOT NULL, reason VARCHAR NOT NULL,
    allowed VARCHAR
);

-- What is in Odoo: the ledger, and the database it belongs to
CREATE TABLE IF NOT EXISTS ops.environment (env VARCHAR NOT NULL, database_uuid VARCHAR NOT NULL, first_seen TIMESTAMP NOT NULL);
CREATE TABLE IF NOT EXISTS ops.ledger (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, block VARCHAR, external_id VARCHAR NOT NULL, odoo_id BIGINT,
    origin VARCHAR NOT NULL CHECK (origin IN ('created', 'linked', 'unassigned')),
    row_hash VARCHAR, "values" JSON, run_id VARCHAR NOT NULL, loaded_at TIMESTAMP NOT NULL,
    finished BOOLEAN  -- for models with finishing steps: whether all of them were taken
);
ALTER TABLE ops.ledger ADD COLUMN IF NOT EXISTS finished BOOLEAN;
-- The run that created the record, kept when it is updated later; NULL where only Odoo's creation time tells
ALTER TABLE ops.ledger ADD COLUMN IF NOT EXISTS created_run VARCHAR;
-- Records just created, until the ledger takes them over with what stands of them in ops.pending: the rows under way
CREATE TABLE IF NOT EXISTS ops.arrived (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, external_id VARCHAR NOT NULL, odoo_id BIGINT NOT NULL, run_id VARCHAR NOT NULL,
    loaded_at TIMESTAMP NOT NULL
);
-- Loaded records that the newest export makes no more, why, and what is done about them
CREATE TABLE IF NOT EXISTS ops.departed (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, external_id VARCHAR NOT NULL, odoo_id BIGINT,
    cause VARCHAR NOT NULL CHECK (cause IN ('absent', 'merged', 'set_aside', 'not_made')), action VARCHAR NOT NULL CHECK (action IN ('keep', 'archive'))
);
-- Staged records that are not in Odoo, and why
CREATE TABLE IF NOT EXISTS ops.refusal (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, block VARCHAR, external_id VARCHAR NOT NULL,
    kind VARCHAR NOT NULL CHECK (kind IN ('failed', 'held', 'queued')), reason VARCHAR NOT NULL, message VARCHAR NOT NULL
);
-- Staged records that an environment does without, and why (the app that brings their model is not installed)
CREATE TABLE IF NOT EXISTS ops.left_out (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, external_id VARCHAR NOT NULL, reason VARCHAR NOT NULL, message VARCHAR NOT NULL
);
-- What preflight saw: facts about the destination, and what it has of each target model
CREATE TABLE IF NOT EXISTS ops.preflight_fact (
    env VARCHAR NOT NULL, position INTEGER NOT NULL, topic VARCHAR NOT NULL, name VARCHAR NOT NULL, value VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.preflight_model (
    env VARCHAR NOT NULL, position INTEGER NOT NULL, model VARCHAR NOT NULL, title VARCHAR NOT NULL, staged BIGINT, in_odoo BIGINT,
    ours BIGINT, shipped BIGINT, "foreign" BIGINT, linked BIGINT, created BIGINT, waiting BIGINT, left_out BIGINT, skipped BOOLEAN NOT NULL
);
-- Records in Odoo that could not be finished (posted, paid …), and why
CREATE TABLE IF NOT EXISTS ops.unfinished (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, external_id VARCHAR NOT NULL, odoo_id BIGINT, reason VARCHAR NOT NULL, message VARCHAR NOT NULL
);
-- What was changed on records that were in Odoo before (a currency switched on), with the value to restore
CREATE TABLE IF NOT EXISTS ops.touched (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, odoo_id BIGINT NOT NULL, field VARCHAR NOT NULL, before JSON, after JSON,
    run_id VARCHAR NOT NULL, touched_at TIMESTAMP NOT NULL
);
-- Rollbacks that were applied, to the end or not
CREATE TABLE IF NOT EXISTS ops.rollback (
    env VARCHAR NOT NULL, run_id VARCHAR NOT NULL, to_run VARCHAR, started_at TIMESTAMP NOT NULL, ended_at TIMESTAMP, ok BOOLEAN,
    deleted BIGINT, kept BIGINT, started_by VARCHAR
);
-- Reference data of the destination: text looked up → id, and fields through which records are linked
CREATE TABLE IF NOT EXISTS ops.lookup (env VARCHAR NOT NULL, reference VARCHAR NOT NULL, key VARCHAR NOT NULL, odoo_id BIGINT);
CREATE TABLE IF NOT EXISTS ops.via (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, field VARCHAR NOT NULL, odoo_id BIGINT NOT NULL, linked_id BIGINT
);

-- Findings of verification
CREATE TABLE IF NOT EXISTS ops.difference (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, external_id VARCHAR NOT NULL, odoo_id BIGINT, field VARCHAR NOT NULL,
    expected VARCHAR, actual VARCHAR, class VARCHAR NOT NULL, source_object VARCHAR, source_row BIGINT
);
-- Who wrote the record last, and when; with a difference after the load it was a person
ALTER TABLE ops.difference ADD COLUMN IF NOT EXISTS changed_by VARCHAR;
ALTER TABLE ops.difference ADD COLUMN IF NOT EXISTS changed_at TIMESTAMP;
CREATE TABLE IF NOT EXISTS ops.conflict (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, external_id VARCHAR NOT NULL, field VARCHAR NOT NULL,
    last_loaded VARCHAR, odoo_now VARCHAR, new_source VARCHAR
);
-- Highest id of ir.model.data that was read for each model
CREATE TABLE IF NOT EXISTS ops.seen_identity (env VARCHAR NOT NULL, model VARCHAR NOT NULL, highest BIGINT NOT NULL);
-- Fields that people changed in Odoo since they were loaded; they are theirs
CREATE TABLE IF NOT EXISTS ops.edit (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, external_id VARCHAR NOT NULL, odoo_id BIGINT, field VARCHAR NOT NULL,
    last_loaded VARCHAR, odoo_now VARCHAR, noticed_at TIMESTAMP NOT NULL
);
-- What an update overwrites of its own accord in Odoo, kept until it is put back
CREATE TABLE IF NOT EXISTS ops.put_back (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, odoo_id BIGINT NOT NULL, field VARCHAR NOT NULL, value JSON
);
-- Updates that Odoo refused, by the hash of the row: they are not tried again before the row changes
CREATE TABLE IF NOT EXISTS ops.refused_update (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, external_id VARCHAR NOT NULL, row_hash VARCHAR NOT NULL, message VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.verified (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, records BIGINT NOT NULL, fields BIGINT NOT NULL, in_odoo BIGINT NOT NULL
);
-- Values compared by field, and how many of them are not to the letter what was sent
CREATE TABLE IF NOT EXISTS ops.verified_field (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, field VARCHAR NOT NULL, found_as VARCHAR NOT NULL, "values" BIGINT NOT NULL,
    normalised BIGINT NOT NULL, rounded BIGINT NOT NULL, truncated BIGINT NOT NULL, changed BIGINT NOT NULL, missing BIGINT NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.control_total (
    env VARCHAR NOT NULL, name VARCHAR NOT NULL, currency VARCHAR, source VARCHAR, odoo VARCHAR, equal BOOLEAN, records BIGINT
);
ALTER TABLE ops.control_total ADD COLUMN IF NOT EXISTS rounding VARCHAR;
ALTER TABLE ops.control_total ADD COLUMN IF NOT EXISTS kind VARCHAR;
ALTER TABLE ops.control_total ADD COLUMN IF NOT EXISTS edited VARCHAR;
-- Amounts of the exported rows by what became of them
CREATE TABLE IF NOT EXISTS ops.exported_amount (
    env VARCHAR NOT NULL, object VARCHAR NOT NULL, "column" VARCHAR NOT NULL, fate VARCHAR NOT NULL, "rows" BIGINT NOT NULL,
    amount VARCHAR NOT NULL, staged VARCHAR
);
-- Highest ids before a load and after it: what people do later is not the migration's doing
CREATE TABLE IF NOT EXISTS ops.baseline (env VARCHAR NOT NULL, model VARCHAR NOT NULL, highest BIGINT NOT NULL);
ALTER TABLE ops.baseline ADD COLUMN IF NOT EXISTS until BIGINT;
ALTER TABLE ops.baseline ADD COLUMN IF NOT EXISTS run_id VARCHAR;

-- Runs, their counts and checks
CREATE TABLE IF NOT EXISTS ops.run (
    run_id VARCHAR NOT NULL, env VARCHAR NOT NULL, "drop" VARCHAR NOT NULL, fingerprint VARCHAR, mapping_hash VARCHAR,
    odoo_kind VARCHAR, odoo_version VARCHAR, odoo_database VARCHAR, odoo_url VARCHAR,
    started_at TIMESTAMP NOT NULL, ended_at TIMESTAMP, ok BOOLEAN
);
CREATE TABLE IF NOT EXISTS ops.check_result (
    env VARCHAR NOT NULL, asset VARCHAR NOT NULL, "check" VARCHAR NOT NULL, passed BOOLEAN NOT NULL, severity VARCHAR NOT NULL,
    blocking BOOLEAN NOT NULL, message VARCHAR NOT NULL, description VARCHAR NOT NULL, rows JSON, query VARCHAR, run_id VARCHAR
);
-- Models whose records were all found equal, with the state of Odoo's stamps at that time: of our records, and of the others
CREATE TABLE IF NOT EXISTS ops.proof (env VARCHAR NOT NULL, model VARCHAR NOT NULL, stamp VARCHAR NOT NULL, digest VARCHAR NOT NULL);
ALTER TABLE ops.proof ADD COLUMN IF NOT EXISTS others VARCHAR;
CREATE TABLE IF NOT EXISTS ops.load_count (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, staged BIGINT, created BIGINT, updated BIGINT, unchanged BIGINT,
    linked BIGINT, failed BIGINT, held BIGINT, seconds DOUBLE
);
-- The run that loaded a model last; what is held back is not loaded
CREATE TABLE IF NOT EXISTS ops.loaded_model (env VARCHAR NOT NULL, model VARCHAR NOT NULL, run_id VARCHAR NOT NULL);

-- The spot check: records drawn for people to look at, and what Odoo shows of them
CREATE TABLE IF NOT EXISTS ops.sample (
    env VARCHAR NOT NULL, seed VARCHAR NOT NULL, object VARCHAR NOT NULL, position INTEGER NOT NULL, row_id BIGINT NOT NULL, key VARCHAR,
    file VARCHAR, "row" BIGINT, fate VARCHAR NOT NULL, external_id VARCHAR NOT NULL, model VARCHAR NOT NULL, odoo_id BIGINT NOT NULL,
    stratum VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.sample_value (
    env VARCHAR NOT NULL, model VARCHAR NOT NULL, odoo_id BIGINT NOT NULL, position INTEGER NOT NULL, field VARCHAR NOT NULL,
    label VARCHAR NOT NULL, value VARCHAR
);
CREATE TABLE IF NOT EXISTS ops.sample_mark (external_id VARCHAR NOT NULL, object VARCHAR NOT NULL, decision VARCHAR NOT NULL, remark VARCHAR);

-- Reports that were written, and who signed which of them off
CREATE TABLE IF NOT EXISTS ops.report (
    env VARCHAR NOT NULL, run_id VARCHAR NOT NULL, path VARCHAR NOT NULL, sha256 VARCHAR NOT NULL, built_at TIMESTAMP NOT NULL
);
CREATE TABLE IF NOT EXISTS ops.sign_off (
    env VARCHAR NOT NULL, signed_by VARCHAR NOT NULL, signed_at TIMESTAMP NOT NULL, run_id VARCHAR NOT NULL, "drop" VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL, mapping_hash VARCHAR NOT NULL, report_sha256 VARCHAR NOT NULL, odoo_kind VARCHAR NOT NULL,
    odoo_version VARCHAR NOT NULL, odoo_database VARCHAR NOT NULL, drawn BIGINT NOT NULL, looked_at BIGINT NOT NULL
);
-- Cutovers: from when on Odoo is the system of record, until somebody reopens the migration
CREATE TABLE IF NOT EXISTS ops.cutover (
    env VARCHAR NOT NULL, cut_over_by VARCHAR NOT NULL, cut_over_at TIMESTAMP NOT NULL, frozen_at TIMESTAMP NOT NULL, run_id VARCHAR NOT NULL,
    "drop" VARCHAR NOT NULL, fingerprint VARCHAR NOT NULL, mapping_hash VARCHAR NOT NULL, report_sha256 VARCHAR NOT NULL,
    reopened_by VARCHAR, reopened_at TIMESTAMP, reopened_why VARCHAR
);
ALTER TABLE ops.run ADD COLUMN IF NOT EXISTS started_by VARCHAR;
-- What a run did: 'load' wrote to the environment; 'look' read and verified
ALTER TABLE ops.run ADD COLUMN IF NOT EXISTS kind VARCHAR;
UPDATE ops.run SET kind = 'load' WHERE kind IS NULL;
-- Whether the run has a last step that reports; where it ends before, a report is still to be written
ALTER TABLE ops.run ADD COLUMN IF NOT EXISTS owes_report BOOLEAN;
-- People's decisions that the run followed, as one digest
ALTER TABLE ops.run ADD COLUMN IF NOT EXISTS decisions VARCHAR;
