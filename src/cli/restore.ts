import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { ERASURES_FILE, erasedKeys } from '../adapters/erasures-file.ts';
import { syncFolder } from '../adapters/files.ts';
import { bindKey } from '../adapters/key-id.ts';
import { markRestoring, restoredFrom, unmarkRestoring } from '../adapters/restore-mark.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { systemRandom } from '../adapters/system-random.ts';
import { type Config, readConfig } from '../config.ts';
import type { Restoration } from '../eventstore/restorations.ts';
import { type BackupLabel, checkCopy, copySnapshot, labelOf } from '../eventstore/sqlite-backup.ts';
import { backupKeys, type KeyRow, keysPath, openKeysFile } from '../eventstore/sqlite-keys-file.ts';
import { acquireLock } from '../eventstore/sqlite-lock.ts';
import { foldWriteAheadLog, highestNumber, markRestored } from '../eventstore/sqlite-restore.ts';
import { openSecrets } from '../main.ts';
import { NOT_HERE } from './backup.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from './command.ts';
import { isSameFile } from './migrate/sides.ts';
import { count, Progress } from './migrate/progress.ts';
import { keepHeapSmall } from './heap.ts';

const HELP = `callboard restore FILE [--data-dir FOLDER] [--replace] [--erasures FILE|none]

Puts a backup in the place of the embedded event store of CALLBOARD_DATA_DIR (or CALLBOARD_STORE), or of FOLDER. The server must be down.

FILE is copied, and the copy is checked: every hash chain, revision and position, and against what the backup says of its own end.
Only then it gets its place, at one stroke; killed at any point, the same command given again comes to the end, and until then no server
starts on half of it. FILE itself is only read. A folder that holds anything but the file "secret" is refused; with --replace the store
that is there and its read models are moved into a folder beside it, and nothing is deleted.

The restoration is recorded in the history (StoreRestored, stream callboard-restored), and nothing that was given out since the backup is given out
again: positions and numbers of the Moshtix dialect go on far behind, read models are built anew. What the backup had not seen delivered is
delivered (again), with the same webhook-id. What was reported, changed, disabled or deleted since is not in it: see docs/runbook.md.

A backup also holds the keys to the personal data in it. None comes back that was forgotten: by the keys of the folder, which are kept, by its file
erasures.ndjson, and by the one that --erasures names. Where the folder has neither, the option is needed: a copy of that file of the old server, or
"none" if nobody was erased since the backup was made.

  --data-dir   the data folder, instead of CALLBOARD_DATA_DIR; made if need be
  --replace    the folder may hold a store: it is moved aside, but for the keys of customers
  --erasures   the erasures.ndjson of the old server, or none

Exit code 0: restored. 1: not, and nothing was changed; with the reason. 2: wrong use.
`;

export const restore: Command = {
  summary: 'put a backup in the place of the embedded event store, after a check',
  help: HELP,
  async run(args) {
    const options = parseOptions(
      args,
      {
        'data-dir': { type: 'string' },
        replace: { type: 'boolean', default: false },
        erasures: { type: 'string' },
      },
      true,
    );
    if (isLeft(options)) return misused(options.left, HELP);
    const { positionals, values } = options.right;
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) return misused('restore takes one FILE', HELP);
    const folder = values['data-dir'];
    const config = readConfig(
      folder === undefined
        ? process.env
        : { ...process.env, CALLBOARD_DATA_DIR: folder, CALLBOARD_STORE: 'sqlite:' },
      process.cwd(),
    );
    if (isLeft(config)) {
      return failed(config.left.map(({ name, reason }) => `${name} ${reason}`).join('\n'));
    }
    const { store, dataDir } = config.right;
    if (store.kind === 'memory') return failed('nothing is kept in memory: CALLBOARD_STORE=memory:');
    if (store.kind === 'esdb') return failed(NOT_HERE);
    const from = resolve(file);
    if (!existsSync(from)) return failed(`${file} is not there`);
    if (isSameFile({ kind: 'sqlite', path: from }, store)) {
      return failed(`${file} is the store itself`);
    }
    try {
      const restored = await restoreInto(
        { path: store.path, dataDir, replaces: values.replace, erasures: values.erasures },
        from,
        config.right,
      );
      if (isLeft(restored)) return failed(restored.left);
      process.stdout.write(restored.right);
      return EXIT_OK;
    } catch (error) {
      return failed(`not restored: ${error instanceof Error ? error.message : String(error)}`);
    }
  },
};

interface Place {
  /** Of the store's file. */
  readonly path: string;
  readonly dataDir: string;
  readonly replaces: boolean;
  /** As it was asked for. */
  readonly erasures: string | undefined;
}

/** Right: what is to be said at the end. */
const restoreInto = async (place: Place, from: string, config: Config): Promise<Either<string, string>> => {
  const { path, dataDir, replaces } = place;
  const label = labelOf(from);
  if (isLeft(label)) return left(label.left.message);
  const otherKey = keyFault(config, label.right);
  if (otherKey !== undefined) return left(otherKey);
  // What was cut short left nothing that counts: whatever lies there is moved aside, and kept.
  const isContinued = restoredFrom(path) !== undefined;
  const present = presentIn(place);
  if (present.length > 0 && !replaces && !isContinued) {
    return left(
      `${dirname(path)} is not empty (${present.slice(0, 5).join(', ')}): choose another --data-dir, or move what is there aside with --replace`,
    );
  }
  const erased = erasedSince(place, from);
  if (isLeft(erased)) return erased;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = acquireLock(path);
  if (isLeft(lock)) return left(lock.left.message);
  const draft = `${path}.restored`;
  try {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${draft}${suffix}`, { force: true });
    const replaced = [path, ...(isContinued ? movedAside(path) : [])].filter((each) => existsSync(each));
    const restored = await prepare(from, draft, label.right, replaced);
    if (isLeft(restored)) return restored;
    const aside = putInPlace(place, from, draft, label.right?.keyId ?? null, erased.right);
    return isLeft(aside) ? aside : right(report(place, from, restored.right, label.right, aside.right));
  } finally {
    for (const suffix of ['', '-journal']) rmSync(`${draft}${suffix}`, { force: true });
    lock.right.release(true);
  }
};

/** A copy of the backup, checked, that a server may go on with. Nothing is in its place yet. */
const prepare = async (
  from: string,
  draft: string,
  label: BackupLabel | undefined,
  replaced: ReadonlyArray<string>,
): Promise<Either<string, Restoration>> => {
  closeSync(openSync(draft, 'wx', 0o600));
  const copied = copySnapshot(from, draft);
  if (isLeft(copied)) return left(copied.left.message);
  keepHeapSmall();
  const progress = new Progress('checked');
  const checked = await checkCopy(draft, progress.at);
  // The copy is thrown away: it is the backup that does not hang together.
  if (isLeft(checked)) return left(checked.left.message.replace(draft, from));
  progress.end();
  const { storeId: copyOf, ...end } = checked.right;
  if (label !== undefined && (label.end.digest !== end.digest || label.end.position !== end.position)) {
    return left(
      `${from} holds ${count(end.events)} events with digest ${end.digest}, and says of itself ${count(label.end.events)} with ${label.end.digest}: it was altered after it was made`,
    );
  }
  const random = systemRandom();
  const marked = markRestored({
    path: draft,
    takenAtMs: label?.takenAtMs ?? null,
    copyOf,
    end,
    nowMs: systemClock().nowMs(),
    numbersKnown: Math.max(0, ...replaced.map(highestNumber)),
    eventId: random.uuid(),
    storeId: Buffer.from(random.bytes(16)).toString('hex'),
  });
  return isLeft(marked) ? left(marked.left.message) : marked;
};

/** The folder that the old store was moved to, if there was one. The mark says that nothing here counts until it is gone. */
const putInPlace = (
  place: Place,
  from: string,
  draft: string,
  keyId: string | null,
  erased: ReadonlySet<string>,
): Either<string, string | undefined> => {
  const { path, dataDir } = place;
  const old = filesOf(place).filter((file) => existsSync(file));
  if (existsSync(path)) foldWriteAheadLog(path);
  markRestoring(path, from);
  const stamp = new Date(systemClock().nowMs()).toISOString().replaceAll(':', '-');
  const aside = join(dirname(path), `${ASIDE}${stamp}`);
  const moved = old.filter((file) => existsSync(file));
  if (moved.length > 0) mkdirSync(aside, { mode: 0o700 });
  for (const file of moved) renameSync(file, join(aside, basename(file)));
  if (moved.length > 0) syncFolder(aside);
  syncFolder(dataDir);
  syncFolder(dirname(path));
  if (keyId !== null) {
    const bound = bindKey(path, keyId);
    if (isLeft(bound)) return left(bound.left.message);
  }
  restoreKeys(path, backupKeys(from), erased);
  renameSync(draft, path);
  syncFolder(dirname(path));
  unmarkRestoring(path);
  return right(moved.length > 0 ? aside : undefined);
};

/**
 * The keys that were forgotten, as far as is known here: none of them comes back. Left: nothing here would know of one, and the backup
 * holds keys.
 */
const erasedSince = (
  { path, dataDir, erasures }: Place,
  from: string,
): Either<string, ReadonlySet<string>> => {
  const own = join(dataDir, ERASURES_FILE);
  const files = [
    ...(existsSync(own) ? [own] : []),
    ...(erasures === undefined || erasures === 'none' ? [] : [resolve(erasures)]),
  ];
  const isKnown = files.length > 0 || erasures === 'none' || existsSync(keysPath(path));
  if (!isKnown && backupKeys(from).some(({ wrapped }) => wrapped !== null)) {
    return left(
      `${from} holds keys to the personal data of customers, and nothing here tells which of them were forgotten since: give --erasures the ${ERASURES_FILE} of the old server, or --erasures none if nobody was erased`,
    );
  }
  const erased = new Set<string>();
  for (const file of files) {
    const keys = erasedKeys(file);
    if (isLeft(keys)) return keys;
    for (const key of keys.right) erased.add(key);
  }
  return right(erased);
};

/** Keys of the folder stay, and so does what is forgotten there. */
const restoreKeys = (path: string, rows: ReadonlyArray<KeyRow>, erased: ReadonlySet<string>): void => {
  if (rows.length === 0 && erased.size === 0 && !existsSync(keysPath(path))) return;
  const keys = openKeysFile(keysPath(path));
  keys.merge(rows, erased);
  keys.close();
  chmodSync(keysPath(path), 0o600);
  syncFolder(dirname(path));
};

const ASIDE = 'replaced-';

/** By what was cut short. */
const movedAside = (path: string): ReadonlyArray<string> =>
  readdirSync(dirname(path))
    .filter((entry) => entry.startsWith(ASIDE))
    .map((entry) => join(dirname(path), entry, basename(path)));

/** What belongs to the store that is replaced: its files, and what was derived from it. */
const filesOf = ({ path, dataDir }: Place): ReadonlyArray<string> => [
  ...['', '-wal', '-shm', '-journal', '.key-id', '.moving'].map((suffix) => `${path}${suffix}`),
  ...['', '-wal', '-shm', '-journal'].map((suffix) => join(dataDir, `read-models.db${suffix}`)),
];

/** What is there already and no mere leftover of a restoration or a lock. */
const presentIn = (place: Place): ReadonlyArray<string> => {
  const { path, dataDir } = place;
  const name = basename(path);
  const passed = new Set([
    'secret',
    ERASURES_FILE,
    ...['.lock', '.lock-journal', '.holder', '.restored', '.restored-journal'].map(
      (suffix) => `${name}${suffix}`,
    ),
  ]);
  const inFolder = existsSync(dirname(path))
    ? readdirSync(dirname(path)).filter((entry) => !passed.has(entry))
    : [];
  const elsewhere = dirname(path) === dataDir ? [] : filesOf(place).slice(6).filter(existsSync);
  return [...inFolder, ...elsewhere.map((file) => basename(file))];
};

/** Why the webhook secrets in the backup could not be opened here, as far as it can be told now. */
const keyFault = (config: Config, label: BackupLabel | undefined): string | undefined => {
  const keyId = label?.keyId ?? null;
  if (keyId === null || !hasSecret(config)) return undefined;
  const secrets = openSecrets(config, systemRandom());
  if (isLeft(secrets)) return secrets.left.message;
  return secrets.right.keyId === keyId
    ? undefined
    : `the webhook secrets in the backup are sealed under key ${keyId}, and CALLBOARD_SECRET (or the file "secret") here is key ${secrets.right.keyId}: restore it with the one of the backup`;
};

const hasSecret = ({ secret, dataDir }: Config): boolean =>
  secret !== null || existsSync(join(dataDir, 'secret'));

const report = (
  { path }: Place,
  from: string,
  { end, takenAtMs, numbersFrom }: Restoration,
  label: BackupLabel | undefined,
  aside: string | undefined,
): string =>
  [
    `${path}: ${count(end.events)} events up to position ${end.position} restored from ${from}${takenAtMs === null ? '' : `, taken at ${new Date(takenAtMs).toISOString()}`}; checked.`,
    `digest ${end.digest}`,
    `Recorded as StoreRestored in the stream callboard-restored. Numbers of the Moshtix dialect go on from ${numbersFrom}.`,
    ...(aside === undefined ? [] : [`What was there is in ${aside}.`]),
    ...(label === undefined
      ? ['It was not made by callboard backup: nothing says whether it is whole.']
      : []),
    ...((label?.keyId ?? null) === null
      ? []
      : [`Start it with the CALLBOARD_SECRET (or the file "secret") of key ${label?.keyId}.`]),
    '',
  ].join('\n');
