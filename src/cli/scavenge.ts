import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { pinoLog } from '../adapters/pino-log.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { systemRandom } from '../adapters/system-random.ts';
import { readEnvironment } from '../main.ts';
import { scavenge as truncate, type Scavenged, survey, type Surveyed } from '../migration/scavenge.ts';
import { type Command, EXIT_FINDINGS, EXIT_OK, failed, misused, parseOptions } from './command.ts';
import { count, Progress } from './migrate/progress.ts';
import { type MovableStore, openDatabase } from './migrate/sides.ts';
import { scavengeFile } from './scavenge-file.ts';

/**
 * An invocation that waits is never touched, however old. A settled one may be retried by hand as long as its body is
 * there: partners look back at a season, or at what their own outage of some weeks has cost them.
 */
const DAYS_MIN = 60;
const DAYS_MAX = 36_500;
const DAY_MS = 24 * 60 * 60 * 1000;

const HELP = `callboard scavenge [--apply] [--compact]                 the embedded store: by companies' policies
callboard scavenge --older-than <days>d [--apply]      an EventStoreDB

The embedded store: what a company's policy (PATCH /accounts/{company_id}/retention) lets go of is removed, but for the last event of
each invocation, and recorded in the stream callboard-removed; record and removal are one transaction. A server does the same by
itself, once a day. Without --apply it only says how much would go, with the server up or down; with it the server must be down.
--compact then gives the space back to the file system: it writes the file anew, checks the copy and puts it in the file's place.

An EventStoreDB:

Removes what invocations that were settled long ago (delivered, exhausted, cancelled, superseded) hold besides their last
event, from an EventStoreDB. Without --apply it only says how much that would be. With it, for each of them: the last event
that goes is written down with its hash in the stream callboard-removed, then the stream is truncated ($tb) so that its
last event stays. 'callboard audit verify' accepts such a stream exactly if what remains fits that hash. The disk space is
freed by the database's own scavenge, on every node: POST /admin/scavenge. Until that has run, nothing is gone for good.

Servers may be up. Killed at any point it is started again with the same command and goes on; done twice it changes nothing.
At least ${DAYS_MIN}d: from then on such an invocation cannot be retried by hand, the API says that it was removed (404), and leaves it out of its
lists. A store on which this has run cannot be the source of 'callboard migrate' any more. The database's user must be
allowed to write streams' metadata (by default: the group $admins).

Exit code 0: done. 1: it could not be done, or some streams do not hang together and were left as they are. 2: wrong use.
`;

export const scavenge: Command = {
  summary: 'remove settled invocations of long ago',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, {
      'older-than': { type: 'string' },
      apply: { type: 'boolean' },
      compact: { type: 'boolean' },
    });
    if (isLeft(options)) return misused(options.left, HELP);
    const { 'older-than': olderThan, apply = false, compact = false } = options.right.values;
    const config = readEnvironment();
    if (isLeft(config)) return failed(config.left.message);
    const { store } = config.right;
    if (store.kind === 'memory') return failed('there is nothing to remove: CALLBOARD_STORE=memory:');
    if (store.kind === 'sqlite') {
      if (olderThan !== undefined) {
        return misused(
          "--older-than is for an EventStoreDB: the embedded store goes by the companies' policies (PATCH /accounts/{company_id}/retention)",
          HELP,
        );
      }
      if (compact && !apply) return misused('--compact goes with --apply', HELP);
      return scavengeFile(store.path, { apply, compact });
    }
    if (compact)
      return misused('--compact is for the embedded store: the database has a scavenge of its own', HELP);
    const days = daysOf(olderThan);
    if (isLeft(days)) return misused(days.left, HELP);
    const done = await (apply ? remove(store, days.right) : look(store, days.right));
    if (isLeft(done)) return failed(done.left);
    for (const example of done.right.examples) process.stdout.write(`${example}\n`);
    if (done.right.broken > 0) {
      process.stdout.write(
        `${count(done.right.broken)} streams do not hang together and were left as they are: see callboard audit verify.\n`,
      );
    }
    return done.right.broken > 0 ? EXIT_FINDINGS : EXIT_OK;
  },
};

const DAYS = /^(\d{1,5})d$/;

const daysOf = (text: string | undefined): Either<string, number> => {
  if (text === undefined) return left('--older-than is missing');
  const days = Number(DAYS.exec(text)?.[1] ?? Number.NaN);
  return days >= DAYS_MIN && days <= DAYS_MAX
    ? right(days)
    : left(`--older-than takes days, from ${DAYS_MIN}d to ${DAYS_MAX}d, not ${text}`);
};

type Database = Extract<MovableStore, { readonly kind: 'esdb' }>;

const settledBefore = (nowMs: number, days: number): number => nowMs - days * DAY_MS;

const look = async (store: Database, days: number): Promise<Either<string, Surveyed>> => {
  const opened = await openDatabase(store, { log: pinoLog('silent'), readOnly: true });
  if (isLeft(opened)) return opened;
  const progress = new Progress('looked through');
  try {
    const settledBeforeMs = settledBefore(systemClock().nowMs(), days);
    const found = await survey(opened.right, { settledBeforeMs, onProgress: progress.at });
    if (isLeft(found)) return found;
    progress.end();
    process.stdout.write(
      `Settled more than ${days} days ago: ${amount(found.right)} would go.${earlier(found.right)}\n` +
        (found.right.streams > 0 ? 'Nothing was changed: --apply does it.\n' : ''),
    );
    return found;
  } finally {
    await opened.right.close();
  }
};

const remove = async (store: Database, days: number): Promise<Either<string, Scavenged>> => {
  const log = pinoLog('silent');
  // Opened for writing, a database without a history would become one of ours.
  const looked = await openDatabase(store, { log, readOnly: true });
  if (isLeft(looked)) return looked;
  await looked.right.close();
  const opened = await openDatabase(store, { log });
  if (isLeft(opened)) return opened;
  const database = opened.right;
  try {
    const moving = await database.movedFrom();
    if (isLeft(moving)) return moving;
    if (moving.right !== undefined) {
      return left(
        `events are being copied into it from ${moving.right}: let 'callboard migrate' come to its end first`,
      );
    }
    const progress = new Progress('looked through');
    const nowMs = systemClock().nowMs();
    const random = systemRandom();
    const done = await truncate(database, {
      settledBeforeMs: settledBefore(nowMs, days),
      nowMs,
      newId: () => random.uuid(),
      onProgress: progress.at,
    });
    if (isLeft(done)) return done;
    progress.end();
    const { keptWhole, resumed, streams } = done.right;
    process.stdout.write(
      `Settled more than ${days} days ago: ${amount(done.right)} truncated.${earlier(done.right)}\n` +
        (keptWhole > 0 ? `${count(keptWhole)} were retried meanwhile and stay whole.\n` : '') +
        (streams + resumed > 0
          ? 'Now let the database free the space, on every node: POST /admin/scavenge\n'
          : ''),
    );
    return done;
  } finally {
    await database.close();
  }
};

const amount = ({ streams, events, bytes }: Surveyed): string =>
  `the beginnings of ${count(streams)} streams, ${count(events)} events of ${count(bytes)} bytes,`;

const earlier = ({ before }: Surveyed): string => (before > 0 ? ` ${count(before)} lost theirs before.` : '');
