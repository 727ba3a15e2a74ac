import { DatabaseSync } from 'node:sqlite';
import { serveWorker } from '../support/worker.ts';

/** The least that any rebuild has to do: read all events in their order and parse their JSON. */

export interface ReadAsk {
  readonly path: string;
}

export interface BareRead {
  readonly events: number;
  readonly elapsedMs: number;
}

serveWorker<ReadAsk, BareRead>(async ({ path }) => {
  const db = new DatabaseSync(path, { readOnly: true });
  const statement = db.prepare('SELECT data, metadata FROM events ORDER BY position');
  statement.setReturnArrays(true);
  const startedMs = performance.now();
  let events = 0;
  for (const row of statement.iterate() as unknown as Iterable<readonly [string, string]>) {
    JSON.parse(row[0]);
    JSON.parse(row[1]);
    events += 1;
  }
  const elapsedMs = performance.now() - startedMs;
  db.close();
  return { events, elapsedMs };
});
