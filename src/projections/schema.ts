/**
 * All tables. Raise the version with every change of a table or of what is written to one: the file is then built
 * again from the log.
 *
 * Two things make writing cheap. A transaction spans many batches (see database.ts), so a page that many of them
 * touch is written once. And the indexes of `invocations` whose keys come in no order start with a generation, which
 * goes up by one every GENERATION_ROWS rows: only the newest part of an index is written to, and that part stays
 * small however long the log is. A look-up asks the generations one after the other, the newest first: what is asked
 * for is mostly young. Changes have no generations, as most guids asked for there do not exist.
 */
export const SCHEMA_VERSION = 12;

export const GENERATION_ROWS = 2 ** 17;

/** Rows that share one entry of `scheduled_times`, or of `change_times`. */
export const TIME_BLOCK_ROWS = 1024;

/** End of a range of positions that has not ended. */
export const OPEN = Number.MAX_SAFE_INTEGER;

const SHARED = `
CREATE TABLE built_from (event_store TEXT NOT NULL) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** The groups share no table, so that the ids they give out do not depend on which of them is ahead. */
const ROUTING = `
CREATE TABLE routing_companies (id INTEGER PRIMARY KEY, guid BLOB NOT NULL UNIQUE) STRICT;

-- One row per webhook; the key is the position of its WebhookCreated.
CREATE TABLE webhooks (
  position INTEGER PRIMARY KEY,
  guid BLOB NOT NULL UNIQUE,
  company INTEGER NOT NULL,
  dialect TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  settings TEXT NOT NULL
) STRICT;
-- The partition of a webhook's endpoint, from a position on; a row per change of it.
CREATE TABLE webhook_partitions (
  webhook INTEGER NOT NULL,
  from_pos INTEGER NOT NULL,
  partition INTEGER NOT NULL,
  PRIMARY KEY (webhook, from_pos)
) STRICT, WITHOUT ROWID;
-- Where each event of a webhook stands in the log, which its own stream does not tell on every store.
CREATE TABLE webhook_revisions (
  webhook INTEGER NOT NULL,
  position INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (webhook, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhooks_by_company ON webhooks (company);
CREATE INDEX webhooks_listed ON webhooks (company, dialect) WHERE deleted = 0;
CREATE INDEX webhooks_moshtix ON webhooks (company, json_extract(settings, '$.selection.id'))
  WHERE dialect = 'moshtix' AND deleted = 0;
-- What people search for among those that are not deleted: name, line break and URL in lower case.
CREATE TABLE webhook_names (
  company INTEGER NOT NULL,
  webhook INTEGER NOT NULL,
  enabled INTEGER NOT NULL,
  guid BLOB NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (company, webhook)
) STRICT, WITHOUT ROWID;

-- A Moshtix webhook stands here once for each system event, with that in place of the trigger and 'system' in place
-- of the resource. In force at a position p when from_pos <= p < to_pos; only while enabled and not deleted.
CREATE TABLE webhook_versions (
  company INTEGER NOT NULL,
  resource TEXT NOT NULL,
  "trigger" TEXT NOT NULL,
  identifier TEXT NOT NULL,
  to_pos INTEGER NOT NULL,
  webhook INTEGER NOT NULL,
  from_pos INTEGER NOT NULL,
  guid BLOB NOT NULL,
  triggered_by_child_resources INTEGER NOT NULL,
  retries INTEGER NOT NULL,
  retry_base_ms INTEGER,
  ordering TEXT NOT NULL,
  "coalesce" INTEGER NOT NULL,
  request TEXT,
  PRIMARY KEY (company, resource, "trigger", identifier, to_pos, webhook)
) STRICT, WITHOUT ROWID;

-- Where the reports of events and ticket types stand in their streams; only those that say what the thing is like.
CREATE TABLE reports (
  company INTEGER NOT NULL,
  resource TEXT NOT NULL,
  identifier TEXT NOT NULL,
  position INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  PRIMARY KEY (company, resource, identifier, position)
) STRICT, WITHOUT ROWID;

-- The ticket types of an event: the same relations from the other end.
CREATE TABLE ticket_types (
  company INTEGER NOT NULL,
  event TEXT NOT NULL,
  to_pos INTEGER NOT NULL,
  identifier TEXT NOT NULL,
  from_pos INTEGER NOT NULL,
  PRIMARY KEY (company, event, to_pos, identifier)
) STRICT, WITHOUT ROWID;

-- What a resource belongs to, as JSON; a row per change of it, none while it belongs to nothing.
CREATE TABLE relations (
  company INTEGER NOT NULL,
  resource TEXT NOT NULL,
  identifier TEXT NOT NULL,
  to_pos INTEGER NOT NULL,
  from_pos INTEGER NOT NULL,
  parents TEXT NOT NULL,
  PRIMARY KEY (company, resource, identifier, to_pos)
) STRICT, WITHOUT ROWID;

-- The same from the other end, with next to nothing to write: everything that something ever belonged to, and the
-- positions of the changes that began it. Whose changes they are stands in the changes, and whether it lasts in the relations.
CREATE TABLE parents (
  id INTEGER PRIMARY KEY,
  company INTEGER NOT NULL,
  resource TEXT NOT NULL,
  identifier TEXT NOT NULL,
  UNIQUE (company, resource, identifier)
) STRICT;
CREATE TABLE belongings (
  parent INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (parent, position)
) STRICT, WITHOUT ROWID;
`;

const LOG = `
CREATE TABLE log_companies (id INTEGER PRIMARY KEY, guid BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE log_webhooks (id INTEGER PRIMARY KEY, guid BLOB NOT NULL UNIQUE) STRICT;

CREATE TABLE changes (
  position INTEGER PRIMARY KEY,
  hash INTEGER NOT NULL,
  guid BLOB NOT NULL,
  company INTEGER NOT NULL,
  resource TEXT NOT NULL,
  identifier TEXT NOT NULL,
  revision INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  recorded_at INTEGER NOT NULL
) STRICT;
CREATE INDEX changes_by_guid ON changes (hash);
CREATE INDEX changes_by_company ON changes (company);

-- As scheduled_times, of the times at which changes were recorded.
CREATE TABLE change_times (
  block INTEGER PRIMARY KEY,
  first_position INTEGER NOT NULL,
  earliest INTEGER NOT NULL,
  latest INTEGER NOT NULL
) STRICT;

-- Every generation of invocations there is, from 0.
CREATE TABLE generations (generation INTEGER PRIMARY KEY) STRICT;

-- What never changes of an invocation; the key is the position of its InvocationScheduled. change_position is its own
-- one for a test. heard_position: from where on what happens to the webhook concerns it; the change's
-- position, or its own for one that a job scheduled long after. The origin stands in ordered_by and coalesced_by only where the webhook orders or coalesces.
CREATE TABLE invocations (
  position INTEGER PRIMARY KEY,
  generation INTEGER NOT NULL,
  hash INTEGER NOT NULL,
  guid BLOB NOT NULL,
  company INTEGER NOT NULL,
  webhook INTEGER NOT NULL,
  change_position INTEGER NOT NULL,
  heard_position INTEGER NOT NULL,
  resource TEXT NOT NULL,
  identifier TEXT NOT NULL,
  scheduled_at INTEGER NOT NULL,
  ordered_by TEXT,
  coalesced_by TEXT
) STRICT;
CREATE INDEX invocations_by_guid ON invocations (generation, hash);
CREATE INDEX invocations_by_company ON invocations (generation, company);
CREATE INDEX invocations_by_webhook ON invocations (generation, webhook);
CREATE INDEX invocations_by_identifier ON invocations (generation, identifier);
CREATE INDEX invocations_by_change ON invocations (change_position);
CREATE INDEX invocations_coalescing ON invocations (webhook, coalesced_by) WHERE coalesced_by IS NOT NULL;

-- What became of everything scheduled for a webhook on a day, in days since the epoch (UTC), and under webhook 0 of
-- everything scheduled for the company.
CREATE TABLE tallies (
  company INTEGER NOT NULL,
  webhook INTEGER NOT NULL,
  day INTEGER NOT NULL,
  scheduled INTEGER NOT NULL,
  waiting INTEGER NOT NULL,
  in_flight INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  exhausted INTEGER NOT NULL,
  cancelled INTEGER NOT NULL,
  superseded INTEGER NOT NULL,
  PRIMARY KEY (company, webhook, day)
) STRICT, WITHOUT ROWID;

-- Positions and times grow together but for clocks that jump, so the range of times of each block finds the
-- blocks that a range of times can lie in.
CREATE TABLE scheduled_times (
  block INTEGER PRIMARY KEY,
  first_position INTEGER NOT NULL,
  earliest INTEGER NOT NULL,
  latest INTEGER NOT NULL
) STRICT;

-- An invocation is in one of the next three tables, or else it is delivered: what most of them do leaves no trace.

-- What waits. An ordered one is blocked unless it is the oldest unsettled one of its webhook and origin.
CREATE TABLE due (
  position INTEGER PRIMARY KEY,
  company INTEGER NOT NULL,
  webhook INTEGER NOT NULL,
  retry INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  blocked INTEGER NOT NULL,
  ordered_by TEXT,
  coalesced_by TEXT
) STRICT;
CREATE INDEX due_by_company ON due (company);
CREATE INDEX due_by_webhook ON due (webhook);
CREATE INDEX due_ready ON due (webhook, retry, due_at) WHERE blocked = 0;
CREATE INDEX due_next ON due (due_at, retry, webhook) WHERE blocked = 0;
CREATE INDEX due_first ON due (due_at) WHERE blocked = 0 AND retry = 0;
CREATE INDEX due_failed ON due (webhook) WHERE failed = 1;
CREATE INDEX due_failed_by_company ON due (company) WHERE failed = 1;
CREATE INDEX due_ordered ON due (webhook, ordered_by) WHERE ordered_by IS NOT NULL;
CREATE INDEX due_unblocked ON due (webhook, ordered_by) WHERE ordered_by IS NOT NULL AND blocked = 0;
CREATE INDEX due_coalescing ON due (webhook, coalesced_by) WHERE coalesced_by IS NOT NULL;

-- By which node: empty where nodes do not share the store.
CREATE TABLE in_flight (
  position INTEGER PRIMARY KEY,
  webhook INTEGER NOT NULL,
  ordered_by TEXT,
  node TEXT NOT NULL
) STRICT;
CREATE INDEX in_flight_ordered ON in_flight (webhook, ordered_by) WHERE ordered_by IS NOT NULL;

-- What is settled otherwise: exhausted, cancelled, superseded.
CREATE TABLE undelivered (
  position INTEGER PRIMARY KEY,
  company INTEGER NOT NULL,
  webhook INTEGER NOT NULL,
  status TEXT NOT NULL
) STRICT;
CREATE INDEX undelivered_by_status ON undelivered (status);
CREATE INDEX undelivered_by_company ON undelivered (company, status);
CREATE INDEX undelivered_by_webhook ON undelivered (webhook, status);

-- How a webhook's attempts went: a ring of hours (see webhook-health.ts), and when the last of each kind ended (0: none).
CREATE TABLE webhook_hours (
  webhook INTEGER NOT NULL,
  slot INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  PRIMARY KEY (webhook, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_hours_by_hour ON webhook_hours (hour);
CREATE TABLE webhook_lasts (
  webhook INTEGER PRIMARY KEY,
  delivered_at INTEGER NOT NULL,
  failed_at INTEGER NOT NULL
) STRICT;
-- Attempts of all webhooks: a ring of minutes, by how long they took (see attempt-minutes.ts).
CREATE TABLE attempt_minutes (
  slot INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  minute INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  PRIMARY KEY (slot, bucket)
) STRICT, WITHOUT ROWID;
-- Jobs as they stand now; the key is the position of the JobCreated. scope: equal for jobs that are asked to do the same;
-- done: counted from the invocations.
CREATE TABLE jobs (
  position INTEGER PRIMARY KEY,
  guid BLOB NOT NULL UNIQUE,
  company INTEGER NOT NULL,
  scope BLOB NOT NULL,
  generation INTEGER NOT NULL,
  status TEXT NOT NULL,
  is_over INTEGER NOT NULL,
  done INTEGER NOT NULL,
  state TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_by_company ON jobs (company);
CREATE INDEX jobs_by_scope ON jobs (scope);
CREATE INDEX jobs_open ON jobs (position) WHERE is_over = 0;

-- Changes that hold the data of a customer, by the key it stands under, and which keys were forgotten; generation 0: there was none.
CREATE TABLE customer_changes (
  subject BLOB NOT NULL,
  generation INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (subject, generation, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE erasures (
  position INTEGER PRIMARY KEY,
  guid BLOB NOT NULL,
  company INTEGER NOT NULL,
  subject BLOB NOT NULL,
  generation INTEGER NOT NULL,
  changes INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL
) STRICT;
CREATE INDEX erasures_by_key ON erasures (subject, generation);
CREATE INDEX erasures_by_company ON erasures (company);
`;

export const SCHEMA = SHARED + ROUTING + LOG;
