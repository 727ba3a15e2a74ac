import { LIMIT } from '../eventstore/sqlite-limit.ts';
import { isGuid } from '../domain/ids.ts';
import type { InvocationEvent } from '../domain/invocation.ts';
import {
  evolveJob,
  initialJob,
  isOver,
  type JobEvent,
  type JobState,
  type KnownJob,
  scopeKeyOf,
} from '../domain/job.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Database } from './database.ts';
import type { Dictionary } from './dictionary.ts';
import { guidBytes, guidText } from './guid.ts';
import type { JobRow, Jobs } from './read-models.ts';
import { OPEN } from './schema.ts';

export interface JobTable extends Jobs {
  add(decoded: Decoded<JobEvent>): void;
  /** Counts what a job led to. */
  did(event: InvocationEvent): void;
}

const PREFIX_LENGTH = 'job-'.length;

/** Jobs as they stand now: their streams hold every step of their progress. */
export const openJobs = (db: Database, companies: Dictionary): JobTable => {
  const insert = db.prepare('INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)');
  const update = db.prepare('UPDATE jobs SET status = ?, is_over = ?, state = ? WHERE position = ?');
  const count = db.prepare('UPDATE jobs SET done = done + 1 WHERE guid = ?');
  const select = db.prepare('SELECT position, guid, done, state FROM jobs WHERE guid = ?');
  const selectOpen = db.prepare(
    'SELECT position, guid, done, state FROM jobs WHERE is_over = 0 ORDER BY position',
  );
  const selectLast = db.prepare(
    'SELECT position, guid, done, state FROM jobs WHERE scope = ? ORDER BY position DESC LIMIT 1',
  );
  const pages = {
    all: db.prepare(
      `SELECT position, guid, done, state FROM jobs WHERE position < ? ORDER BY position DESC ${LIMIT}`,
    ),
    ofCompany: db.prepare(`
      SELECT position, guid, done, state FROM jobs WHERE company = ? AND position < ? ORDER BY position DESC ${LIMIT}`),
  };

  const find = (guid: string): JobRow | undefined =>
    isGuid(guid) ? rowOf(select.get(guidBytes(guid))) : undefined;

  return {
    add: ({ event, stream, position }) => {
      const guid = stream.slice(PREFIX_LENGTH);
      if (event.type === 'JobCreated') {
        const state = evolveJob(initialJob, event);
        insert.run(
          position,
          guidBytes(guid),
          companies.idOf(event.companyId),
          guidBytes(scopeKeyOf(event)),
          event.generation,
          state.situation,
          0,
          JSON.stringify(state),
        );
        return;
      }
      const row = find(guid);
      if (row === undefined) throw new Error(`job ${guid} was never created`);
      const state = evolveJob(row.job, event);
      update.run(state.situation, Number(isOver(state)), JSON.stringify(state), row.position);
    },
    did: (event) => {
      const job =
        event.type === 'RetryRequested'
          ? event.job
          : event.type === 'InvocationScheduled'
            ? event.backfill?.job
            : undefined;
      if (job !== undefined) count.run(guidBytes(job));
    },
    job: find,
    jobs: (companyId, before = OPEN, limit) => {
      if (companyId === null) return pages.all.all(before, limit).flatMap((row) => rowOf(row) ?? []);
      const company = companies.find(companyId);
      if (company === undefined) return [];
      return pages.ofCompany.all(company, before, limit).flatMap((row) => rowOf(row) ?? []);
    },
    openJobs: () => selectOpen.all().flatMap((row) => rowOf(row) ?? []),
    lastJob: (scope) => rowOf(selectLast.get(guidBytes(scopeKeyOf(scope)))),
  };
};

const rowOf = (row: unknown): JobRow | undefined => {
  if (row === undefined) return undefined;
  const { position, guid, done, state } = row as JobColumns;
  return { position, guid: guidText(guid), done, job: known(JSON.parse(state) as JobState) };
};

interface JobColumns {
  readonly position: number;
  readonly guid: Uint8Array;
  readonly done: number;
  readonly state: string;
}

const known = (state: JobState): KnownJob => {
  if (state.situation === 'unknown') throw new Error('a job that stands here was created');
  return state;
};
