import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isLeft } from 'fp-ts/lib/Either.js';
import { describeBreak, verifySqliteStore } from '../../src/eventstore/sqlite-verify.ts';
import { callboard } from './server-process.ts';
import { promised } from './violation.ts';

/** The embedded store of a data folder. */
export const logPath = (dataDir: string): string => join(dataDir, 'events.db');

/** Read from the store itself, without the product's reading side. The server must be down. */
export const headOf = (dataDir: string): number => {
  const db = new DatabaseSync(logPath(dataDir), { readOnly: true });
  try {
    const row = db
      .prepare('SELECT count(*) AS events, max(position) AS last, min(position) AS first FROM events')
      .get();
    const { events, last, first } = row as {
      readonly events: number;
      readonly last: number;
      readonly first: number;
    };
    promised(first === 1 && last === events, () => `${events} events have positions ${first} to ${last}`);
    return last;
  } finally {
    db.close();
  }
};

/** No attempt number stands twice in an invocation's stream, and none is missing. Answers how many there are. */
export const checkAttemptNumbers = (dataDir: string): number => {
  const db = new DatabaseSync(logPath(dataDir), { readOnly: true });
  try {
    const rows = db
      .prepare(
        "SELECT stream_no, data FROM events WHERE type = 'AttemptStarted' ORDER BY stream_no, revision",
      )
      .iterate();
    const started = new Map<number, number>();
    let attempts = 0;
    for (const row of rows) {
      const { stream_no: stream, data } = row as { readonly stream_no: number; readonly data: string };
      const { number } = JSON.parse(data) as { readonly number: number };
      const expected = (started.get(stream) ?? 0) + 1;
      promised(number === expected, () => `stream ${stream}: attempt ${number} where ${expected} was next`);
      started.set(stream, number);
      attempts += 1;
    }
    return attempts;
  } finally {
    db.close();
  }
};

/** Every hash fits, by the store's own check and by the command line, which also accounts for every invocation. */
export const checkHistory = async (dataDir: string): Promise<void> => {
  const verified = await verifySqliteStore(logPath(dataDir));
  promised(!isLeft(verified), () => `the store cannot be verified: ${JSON.stringify(verified)}`);
  const [broken] = verified.right.breaks;
  promised(
    broken === undefined,
    () => `the history is broken: ${broken === undefined ? '' : describeBreak(broken)}`,
  );
  const audit = await callboard(dataDir, 'audit', 'verify');
  promised(audit.code === 0, () => `audit verify ended with ${audit.code}: ${audit.stdout}${audit.stderr}`);
  const account = await callboard(dataDir, 'audit', 'conserve');
  promised(
    account.code === 0,
    () => `audit conserve ended with ${account.code}: ${account.stdout}${account.stderr}`,
  );
};
