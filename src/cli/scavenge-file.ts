import { existsSync } from 'node:fs';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { pinoLog } from '../adapters/pino-log.ts';
import { movedFrom } from '../adapters/move-mark.ts';
import { restoredFrom } from '../adapters/restore-mark.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { systemRandom } from '../adapters/system-random.ts';
import { Accounts } from '../commands/accounts.ts';
import { account } from '../commands/aggregates.ts';
import { isGuid, streamOf } from '../domain/ids.ts';
import { compactSqliteStore } from '../eventstore/sqlite-compact.ts';
import { readSqliteLog } from '../eventstore/sqlite-source.ts';
import { openSqliteStore } from '../eventstore/sqlite.ts';
import { load } from '../eventstore/transact.ts';
import { applyRetention, type Retained, type RetentionDeps } from '../migration/apply-retention.ts';
import { EXIT_FINDINGS, EXIT_OK, failed } from './command.ts';
import { count, Progress } from './migrate/progress.ts';

/** The part of `callboard scavenge` that works on the embedded store. */
export const scavengeFile = async (
  path: string,
  { apply, compact }: { readonly apply: boolean; readonly compact: boolean },
): Promise<number> => {
  if (!existsSync(path)) return failed(`${path} is not there`);
  const unfinished = movedFrom(path) ?? restoredFrom(path);
  if (unfinished !== undefined)
    return failed(`${path} is being made from ${unfinished}: let that come to its end first`);
  const done = await (apply ? remove(path) : look(path));
  if (isLeft(done)) return failed(done.left);
  report(done.right, apply);
  if (compact) {
    const progress = new Progress('checked');
    const compacted = await compactSqliteStore(path, progress.at);
    if (isLeft(compacted)) return failed(compacted.left.message);
    progress.end();
    const { bytesBefore, bytesAfter } = compacted.right;
    process.stdout.write(
      `${path} was written anew: ${count(bytesAfter)} bytes instead of ${count(bytesBefore)}.\n`,
    );
  }
  return done.right.broken.length > 0 ? EXIT_FINDINGS : EXIT_OK;
};

const look = async (path: string): Promise<Either<string, Retained>> => {
  const opened = readSqliteLog(path);
  if (isLeft(opened)) return left(opened.left.message);
  const log = opened.right;
  try {
    return await run({
      store: log,
      accounts: {
        get: async (company) => {
          const loaded = await load(log, streamOf.account(company), account);
          if (isLeft(loaded)) return loaded;
          const { state } = loaded.right;
          return right(state.situation === 'open' ? state : undefined);
        },
        noteRetention: async () => right(undefined),
      },
      apply: false,
    });
  } finally {
    log.close();
  }
};

const remove = async (path: string): Promise<Either<string, Retained>> => {
  const store = await openSqliteStore({ path, log: pinoLog('silent'), onFatal: () => undefined });
  if (isLeft(store)) {
    const also =
      store.left._tag === 'StoreInUse' ? '. A server removes by itself what policies let go of' : '';
    return left(`${store.left.message}${also}`);
  }
  try {
    const accounts = new Accounts({ store: store.right, clock: systemClock(), random: systemRandom() });
    return await run({ store: store.right, accounts, apply: true });
  } finally {
    await store.right.close();
  }
};

const run = async (
  deps: Pick<RetentionDeps, 'store' | 'accounts' | 'apply'>,
): Promise<Either<string, Retained>> => {
  const names = await deps.store.streamNames(streamOf.account(''))();
  if (isLeft(names)) return left(names.left.message);
  const companies = names.right.map((name) => name.slice(streamOf.account('').length)).filter(isGuid);
  const random = systemRandom();
  const progress = new Progress('looked through');
  const done = await applyRetention(
    {
      ...deps,
      companies,
      nowMs: systemClock().nowMs(),
      newId: () => random.uuid(),
      // Nobody does while the file is held; and what would go is the same.
      isSealing: false,
      breathe: () => new Promise((resolve) => setImmediate(() => resolve(true))),
      onProgress: progress.at,
    },
    0,
  );
  progress.end();
  return done;
};

const report = ({ companies, broken, unsealed }: Retained, applied: boolean): void => {
  const say = (line: string): boolean => process.stdout.write(`${line}\n`);
  for (const { company, settledBeforeMs, streams, events, bytes } of companies) {
    const what = `${count(events)} events of ${count(bytes)} bytes, the beginnings of ${count(streams)} invocations`;
    const settled = `settled before ${new Date(settledBeforeMs).toISOString()}`;
    say(`${company}: ${what} ${settled}, ${applied ? 'were removed' : 'would go'}.`);
  }
  if (companies.length === 0) say('Nothing is there that a policy in force lets go of.');
  else if (!applied) say('Nothing was changed: --apply does it.');
  if (unsealed > 0) say(`${count(unsealed)} more are not sealed yet and stay until they are.`);
  for (const reason of broken) say(reason);
  if (broken.length > 0)
    say('These do not hang together and were left as they are: see callboard audit verify.');
};
