import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { pinoLog } from '../../adapters/pino-log.ts';
import { rootFault, signedSeals } from '../../audit/kept-root.ts';
import { readRoot, type Root } from '../../audit/proof-check.ts';
import type { HistorySealed } from '../../domain/seal.ts';
import { readRemovals } from '../../eventstore/removals.ts';
import type { SealCounts } from '../../eventstore/seal-watch.ts';
import type { RemovedCounts } from '../../eventstore/sqlite-verify-removals.ts';
import { SealWatch } from '../../eventstore/seal-watch.ts';
import { readSeals } from '../../eventstore/seals.ts';
import { openRemovalIndex, type RemovalCounts } from '../../eventstore/sqlite-removals.ts';
import {
  BREAKS_MAX,
  describeBreak,
  type Verification,
  verifySqliteStore,
} from '../../eventstore/sqlite-verify.ts';
import { checkLog } from '../../migration/check-log.ts';
import { type Command, EXIT_FINDINGS, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import { count, Progress } from '../migrate/progress.ts';
import { type MovableStore, openSource } from '../migrate/sides.ts';
import { keepHeapSmall } from '../heap.ts';
import { readText } from './files.ts';
import { auditedStore } from './history.ts';
import { openLog } from './open-log.ts';

const BREAKS_SHOWN_MAX = 20;

const HELP = `callboard audit verify [--root FILE …] [--key FILE]

Checks the whole history: every stream's hash chain, revisions without gaps, and that what each seal covers is there as it was.
Works with the server up or down; writes and repairs nothing. Exit code 1 when something does not fit, with stream and revision
of each place.

  --root FILE  also that the history still contains what was kept then (callboard audit root); may be repeated
  --key FILE   also that every seal from the first signed one on is signed with this public key

In the embedded store also positions without gaps, and nothing missing at a stream's end. An EventStoreDB keeps no second
account of where a stream ends: events missing there are found as far as a seal covers them. A stream whose beginning is gone
is accepted exactly where retention has recorded the hash of the last event that went, and what remains fits it; in the embedded
store also each position that is missing. Else it is one of the places: from there on it is checked as any other.
`;

const OPTIONS = { root: { type: 'string', multiple: true }, key: { type: 'string' } } as const;

export const verify: Command = {
  summary: 'every hash, revision, position and seal of the history',
  help: HELP,
  run: async (args) => {
    const options = parseOptions(args, OPTIONS);
    if (isLeft(options)) return misused(options.left, HELP);
    const { root, key } = options.right.values;
    const audited = auditedStore();
    return isLeft(audited)
      ? failed(audited.left)
      : runVerify(audited.right.store, { roots: root ?? [], key });
  },
};

interface VerifyOptions {
  /** Files of roots that were kept. */
  readonly roots: ReadonlyArray<string>;
  /** File of the public key of who signs seals. */
  readonly key: string | undefined;
}

interface Verified extends Omit<Verification, 'removed'> {
  /** What `callboard scavenge` truncated in an EventStoreDB. */
  readonly removals?: RemovalCounts;
  /** What retention removed from the embedded store. */
  readonly removed?: RemovedCounts;
}

interface Kept {
  readonly roots: ReadonlyArray<{ readonly path: string; readonly root: Root }>;
  readonly keyPem: string | undefined;
}

const runVerify = async (store: MovableStore, options: VerifyOptions): Promise<number> => {
  keepHeapSmall();
  const kept = readKept(options);
  if (isLeft(kept)) return failed(kept.left);
  const verified: Either<string, Verified> =
    store.kind === 'esdb' ? await verifyDatabase(store) : await verifyFile(store.path);
  if (isLeft(verified)) return failed(verified.left);
  const fitting = store.kind === 'esdb' ? 'hash and revision' : 'hash, revision and position';
  const fits = report(verified.right, fitting);
  if (fits && verified.right.removals !== undefined) reportRemovals(verified.right.removals);
  if (fits && verified.right.removed !== undefined) reportRemoved(verified.right.removed);
  const { roots, keyPem } = kept.right;
  if (roots.length === 0 && keyPem === undefined) return fits ? EXIT_OK : EXIT_FINDINGS;
  const seals = await sealsOf(store);
  if (isLeft(seals)) return failed(seals.left);
  const contains = reportKept(kept.right, seals.right);
  return fits && contains ? EXIT_OK : EXIT_FINDINGS;
};

const readKept = ({ roots, key }: VerifyOptions): Either<string, Kept> => {
  const read: Array<{ readonly path: string; readonly root: Root }> = [];
  const keyPem = key === undefined ? right(undefined) : readText(key);
  if (isLeft(keyPem)) return keyPem;
  for (const path of roots) {
    const text = readText(path);
    if (isLeft(text)) return text;
    try {
      read.push({ path, root: readRoot(text.right, keyPem.right) });
    } catch (error) {
      return left(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return right({ roots: read, keyPem: keyPem.right });
};

const verifyFile = async (path: string): Promise<Either<string, Verification>> => {
  let progress: Progress | undefined;
  const verified = await verifySqliteStore(path, (done, all) => {
    progress ??= new Progress('verified', all);
    progress.at(done);
  });
  progress?.end();
  return isLeft(verified) ? left(verified.left.message) : verified;
};

const verifyDatabase = async (
  store: Extract<MovableStore, { readonly kind: 'esdb' }>,
): Promise<Either<string, Verified>> => {
  const source = await openSource(store, pinoLog('silent'));
  if (isLeft(source)) return source;
  const { log, id } = source.right;
  const removals = openRemovalIndex();
  try {
    const broken = await readRemovals(log, (removal) => removals.add(removal));
    if (isLeft(broken)) return left(broken.left.message);
    const seals = await readSeals(log);
    if (isLeft(seals)) return left(seals.left.message);
    const watch = new SealWatch(seals.right.seals, id, removals);
    const progress = new Progress('verified');
    const checked = await checkLog(log, { breaksMax: BREAKS_MAX, removals, watch, onProgress: progress.at });
    if (isLeft(checked)) return left(checked.left.message);
    progress.end();
    const { breaks } = checked.right;
    const [first, second] = [broken.right, seals.right.broken];
    const found = [...(first === undefined ? [] : [first]), ...(second === undefined ? [] : [second])];
    return right({
      ...checked.right,
      breaks: [...found, ...breaks],
      seals: watch.counts(),
      removals: removals.counts(),
    });
  } finally {
    removals.close();
    await source.right.close();
  }
};

const sealsOf = async (store: MovableStore): Promise<Either<string, ReadonlyArray<HistorySealed>>> => {
  const opened = await openLog(store);
  if (isLeft(opened)) return opened;
  try {
    const read = await readSeals(opened.right.log);
    return isLeft(read) ? left(read.left.message) : right(read.right.seals);
  } finally {
    await opened.right.close();
  }
};

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

const report = ({ breaks, events, streams, seals }: Verified, fitting: string): boolean => {
  for (const found of breaks.slice(0, BREAKS_SHOWN_MAX)) say(describeBreak(found));
  if (breaks.length > BREAKS_SHOWN_MAX) say(`… and ${breaks.length - BREAKS_SHOWN_MAX} more`);
  const counted = `${events} events in ${streams} streams`;
  if (breaks.length > 0) {
    say(`${counted}: the history is broken. Restore it from a backup; nothing was changed.`);
    return false;
  }
  say(`${counted}: every ${fitting} fits.`);
  reportSeals(seals);
  return true;
};

const reportSeals = ({ holding, thinned, unprovable, unsealed }: SealCounts): void => {
  if (holding + unprovable === 0) return;
  say(`Seals: ${count(holding)} hold; ${count(unsealed)} events came after the newest.`);
  if (thinned > 0) {
    say(
      `Of these ${count(thinned)} cover events that were removed by policy: where every stream ended still fits; the order of their events cannot be looked at any more.`,
    );
  }
  if (unprovable > 0) {
    say(
      `${count(unprovable)} more were made before the history moved here, and the event that one ends with was removed by policy: what they cover cannot be told apart any more.`,
    );
  }
};

const reportRemovals = ({ gone, whole }: RemovalCounts): void => {
  if (gone > 0) {
    say(
      `Truncated by policy: ${gone} streams whose beginning is gone; what remains fits the hash recorded of it.`,
    );
  }
  if (whole > 0) {
    say(
      `Recorded as truncated by policy, and still in the log: ${whole} streams, until the database's own scavenge.`,
    );
  }
};

const reportRemoved = ({ streams, events, pinned }: RemovedCounts): void => {
  if (streams === 0) return;
  say(
    `Removed by retention: ${count(events)} events, the beginnings of ${count(streams)} streams; each is recorded, and what remains fits the hash recorded of it. Accounts name the records ${count(pinned)} times: all fit.`,
  );
};

/** Whether all fits. */
const reportKept = ({ roots, keyPem }: Kept, seals: ReadonlyArray<HistorySealed>): boolean => {
  let fits = true;
  for (const { path, root } of roots) {
    const fault = rootFault(root, seals);
    fits &&= fault === undefined;
    const kept = `seal ${root.number} of ${new Date(root.atMs).toISOString()}, ${count(root.events)} events`;
    say(fault === undefined ? `${path}: the history contains all of ${kept}.` : `${path}: ${fault}.`);
  }
  if (keyPem === undefined) return fits;
  const { signed, keyId, fault } = signedSeals(seals, keyPem);
  say(
    fault === undefined
      ? `${count(signed)} of ${count(seals.length)} seals are signed with key ${keyId}, the newest ones without a gap.`
      : `${fault}.`,
  );
  return fits && fault === undefined;
};
