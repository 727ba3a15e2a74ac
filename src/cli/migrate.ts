import { chmodSync } from 'node:fs';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { readConfig } from '../config.ts';
import { describeBreak } from '../eventstore/sqlite-verify.ts';
import { NO_STREAM } from '../eventstore/event-store.ts';
import { type KeyRow, keysOf, keysPath, openKeysFile } from '../eventstore/sqlite-keys-file.ts';
import { lastRemovals } from '../eventstore/removals.ts';
import { checkLog } from '../migration/check-log.ts';
import { compareLogs } from '../migration/compare-logs.ts';
import { copyLog } from '../migration/copy-log.ts';
import { undoneChanges } from '../migration/undone.ts';
import { pinoLog } from '../adapters/pino-log.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from './command.ts';
import { count, Progress } from './migrate/progress.ts';
import {
  isSameFile,
  type MovableStore,
  openSource,
  openTarget,
  showStore,
  type Source,
  type Target,
} from './migrate/sides.ts';

const HELP = `callboard migrate --from <store> --to <store>

Copies a whole history from one event store to another: all events in their order, with their ids, revisions and hashes,
to the byte. Both ways between sqlite:[path] and esdb://… or esdb+discover://…, or between two of a kind; stores are
written as in CALLBOARD_STORE, and users of a database come from CALLBOARD_STORE_USER and so on.

The servers on both stores must be down. The source is never written. It is checked before anything is copied, and at the
end both sides are read again and compared event by event. The target must be empty, or hold the beginning of the same
source: a copy that was cut short, even by kill -9, goes on where it was when the same command is given again. No server
starts on the target before the copy is complete. The key of the webhook secrets is bound to the target as it is to the
source: start with the same CALLBOARD_SECRET (or the same file "secret" in CALLBOARD_DATA_DIR).

A database whose servers have not told everybody of all changes is refused: start a server on it, stop it (SIGTERM) once
'GET /nodes' shows that it has handled everything, and migrate then.

A database on which 'callboard scavenge --apply' has run is refused: streams that begin in their middle cannot be written
to another store with their revisions.

Exit code 0: both hold the same. 1: they do not, or it could not be done; with the place. 2: wrong use.
`;

export const migrate: Command = {
  summary: 'copy the history to another event store',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, { from: { type: 'string' }, to: { type: 'string' } });
    if (isLeft(options)) return misused(options.left, HELP);
    const { from, to } = options.right.values;
    if (from === undefined) return misused('--from is missing', HELP);
    if (to === undefined) return misused('--to is missing', HELP);
    const [fromStore, toStore] = [storeOf('--from', from), storeOf('--to', to)];
    if (isLeft(fromStore)) return misused(fromStore.left, HELP);
    if (isLeft(toStore)) return misused(toStore.left, HELP);
    if (isSameFile(fromStore.right, toStore.right))
      return misused('--from and --to are the same store', HELP);
    const moved = await move(fromStore.right, toStore.right);
    if (isLeft(moved)) return failed(moved.left);
    process.stdout.write(moved.right);
    return EXIT_OK;
  },
};

/** Left: what is wrong with the option. */
const storeOf = (option: string, value: string): Either<string, MovableStore> => {
  const config = readConfig({ ...process.env, CALLBOARD_STORE: value }, process.cwd());
  if (isLeft(config)) {
    const named = config.left.map(({ name, reason }) =>
      name === 'CALLBOARD_STORE' ? `${option} ${reason}` : `${name} ${reason}`,
    );
    return left(named.join('\n'));
  }
  const { store } = config.right;
  return store.kind === 'memory' ? left(`${option} must be a store that lasts, not memory:`) : right(store);
};

/** Right: what is to be said at the end. */
const move = async (from: MovableStore, to: MovableStore): Promise<Either<string, string>> => {
  const log = pinoLog('silent');
  const source = await openSource(from, log);
  if (isLeft(source)) return source;
  try {
    const scavenged = await wasScavenged(source.right, from);
    if (isLeft(scavenged)) return scavenged;
    const done = await isDone(source.right, from);
    if (isLeft(done)) return done;
    const keys = keysFor(from, to);
    if (isLeft(keys)) return keys;
    const target = await openTarget(to, log, (message) => process.stderr.write(`${message}\n`));
    if (isLeft(target)) return target;
    try {
      if (source.right.id === target.right.id && from.kind === 'esdb') {
        return left('--from and --to are the same database');
      }
      const events = await check(source.right, target.right, from);
      if (isLeft(events)) return events;
      return await copyAndCompare(source.right, target.right, {
        from,
        to,
        events: events.right,
        keys: keys.right,
      });
    } finally {
      await target.right.close();
    }
  } finally {
    await source.right.close();
  }
};

/** A stream of a copy begins with revision 0, as on every store; the rest of a truncated one would not fit there. */
const wasScavenged = async (source: Source, from: MovableStore): Promise<Either<string, void>> => {
  const last = await lastRemovals(source.log);
  if (isLeft(last)) return left(`the source cannot be read: ${last.left.message}`);
  return last.right.head.revision === NO_STREAM
    ? right(undefined)
    : left(
        `${showStore(from)}, nothing was copied: 'callboard scavenge' has removed the beginnings of streams, which therefore cannot be written to another store with their revisions. The history as it was before is in a backup`,
      );
};

/** What is left of the fan-out would never be done on the other store, which cannot see that it is missing. */
const isDone = async (source: Source, from: MovableStore): Promise<Either<string, void>> => {
  if (from.kind !== 'esdb') return right(undefined);
  const undone = await undoneChanges(source.log);
  if (isLeft(undone)) return left(`the source cannot be read: ${undone.left}`);
  if (undone.right === 0) return right(undefined);
  return left(
    `${showStore(from)}, nothing was copied: its servers have not said that everybody was told of the last ${count(undone.right)} changes. Start a server on it, stop it with SIGTERM once 'GET /nodes' shows handled_up_to as far as read_up_to for all, then migrate`,
  );
};

/** A history that does not hang together is not worth copying. Answers how many events there are. */
const check = async (source: Source, target: Target, from: MovableStore): Promise<Either<string, number>> => {
  const progress = new Progress('checked');
  const checked = await checkLog(source.log, {
    breaksMax: 1,
    eventBytesMax: target.log.appendBytesMax,
    onProgress: progress.at,
  });
  if (isLeft(checked)) return left(`the source cannot be read: ${checked.left.message}`);
  progress.end();
  const { breaks, events } = checked.right;
  const [broken] = breaks;
  if (broken !== undefined) return left(`${showStore(from)}, nothing was copied: ${describeBreak(broken)}`);
  return events === 0 ? left(`${showStore(from)} holds no events`) : right(events);
};

interface Plan {
  readonly from: MovableStore;
  readonly to: MovableStore;
  readonly events: number;
  readonly keys: ReadonlyArray<KeyRow>;
}

/** Without its keys the personal data in a log is gone: they come along, or nothing does. */
const keysFor = (from: MovableStore, to: MovableStore): Either<string, ReadonlyArray<KeyRow>> => {
  const keys = from.kind === 'sqlite' ? keysOf(from.path) : [];
  if (keys.length === 0 || to.kind === 'sqlite') return right(keys);
  return left(
    `${showStore(from)}, nothing was copied: personal data in it stands under the keys of customers (${keys.length} of them), which an EventStoreDB does not keep yet. A history that is to move there one day is begun with CALLBOARD_CUSTOMER_KEYS=off`,
  );
};

/** Before the target counts as complete. */
const moveKeys = (to: MovableStore, keys: ReadonlyArray<KeyRow>): void => {
  if (to.kind !== 'sqlite' || keys.length === 0) return;
  const file = openKeysFile(keysPath(to.path));
  file.merge(keys, new Set());
  file.close();
  chmodSync(keysPath(to.path), 0o600);
};

const copyAndCompare = async (
  source: Source,
  target: Target,
  { from, to, events, keys }: Plan,
): Promise<Either<string, string>> => {
  const copying = new Progress('copied', events);
  const copied = await copyLog(source.log, target.log, {
    beforeCopying: async (found) => {
      if (found > 0) process.stderr.write(`${count(found)} events are there already\n`);
      const ready = await prepare(source, target, from);
      return isLeft(ready) ? left({ _tag: 'TargetDiffers', message: ready.left }) : ready;
    },
    onProgress: copying.at,
  });
  if (isLeft(copied)) return left(copied.left.message);
  copying.end();

  const all = copied.right.found + copied.right.copied;
  const comparing = new Progress('compared', all);
  const compared = await compareLogs(source.log, target.log, all, comparing.at);
  if (isLeft(compared)) return left(compared.left.message);
  comparing.end();
  moveKeys(to, keys);
  const ended = await target.endMove();
  if (isLeft(ended)) return ended;
  return right(
    `${count(compared.right.events)} events in ${count(compared.right.streams)} streams: ${showStore(to)} holds the same as ${showStore(from)}.\n` +
      (source.keyId === undefined
        ? ''
        : `Start it with the CALLBOARD_SECRET of the source (key ${source.keyId}).\n`) +
      'Start no server on the source any more: it would deliver what waits a second time.\n',
  );
};

/** Only now: a store that holds something else keeps its key, and its servers. */
const prepare = async (source: Source, target: Target, from: MovableStore): Promise<Either<string, void>> => {
  if (source.keyId !== undefined) {
    const bound = await target.bindKey(source.keyId);
    if (isLeft(bound)) return bound;
  }
  return target.beginMove(showStore(from));
};
