import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { isLeft } from 'fp-ts/lib/Either.js';
import { verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { memoryOf } from '../support/memory.ts';
import { serveWorker } from '../support/worker.ts';

/** The verification as it is shipped, or the least that any has to do: read all rows and hash their bytes. */

export interface VerifyBenchAsk {
  readonly path: string;
  readonly bare: boolean;
}

export interface VerifyBenchAnswer {
  readonly events: number;
  readonly elapsedMs: number;
  readonly rssMaxMb: number;
}

const bareRead = (path: string): number => {
  const db = new DatabaseSync(path, { readOnly: true });
  const statement = db.prepare(
    'SELECT position, stream_no, revision, id, type, data, metadata FROM events ORDER BY position',
  );
  statement.setReturnArrays(true);
  let events = 0;
  for (const row of statement.iterate() as unknown as Iterable<
    readonly [number, number, number, string, string, string, string]
  >) {
    hash('sha256', `${row[3]}\n${row[4]}\n${row[5]}\n${row[6]}`);
    events += 1;
  }
  db.close();
  return events;
};

const verified = async (path: string): Promise<number> => {
  const result = await verifySqliteStore(path);
  if (isLeft(result)) throw new Error(result.left.message);
  const { breaks, events, seals } = result.right;
  if (breaks.length > 0 || seals.holding === 0) throw new Error('the history should be whole, and sealed');
  return events;
};

serveWorker<VerifyBenchAsk, VerifyBenchAnswer>(async ({ path, bare }) => {
  const startedMs = performance.now();
  const events = bare ? bareRead(path) : await verified(path);
  const elapsedMs = performance.now() - startedMs;
  return { events, elapsedMs, rssMaxMb: memoryOf(process.pid).rssMaxMb };
});
