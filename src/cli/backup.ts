import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { boundKey } from '../adapters/key-id.ts';
import { restoredFrom } from '../adapters/restore-mark.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { backUp } from '../eventstore/sqlite-backup.ts';
import { readEnvironment } from '../main.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from './command.ts';
import { count, Progress } from './migrate/progress.ts';
import { keepHeapSmall } from './heap.ts';

const HELP = `callboard backup [FILE|FOLDER]

Copies the embedded event store of CALLBOARD_DATA_DIR (or CALLBOARD_STORE) into one file, with the server up or down: as it is at one
moment, and nobody waits for it. The copy is read again and checked before it gets its name; a file that is there is never replaced.
Without FILE the name tells the moment, as it does in a FOLDER that is there.

The copy holds orders with the data of customers and the keys to it (wrapped), and webhook secrets sealed, both under CALLBOARD_SECRET (or the file "secret" in the
data folder). That one is not in it: keep it, and keep it elsewhere. Read models are not in it either, they are built from the log.
Who is erased later is still readable in it: keep no copy longer than an erasure may take, and keep erasures.ndjson of the data folder.

An EventStoreDB is backed up with its vendor's procedures, or into a file by 'callboard migrate --to sqlite:FILE' with the
servers down: docs/runbook.md.

Exit code 0: the file is complete, checked and on disk. 1: there is no such file. 2: wrong use.
`;

export const backup: Command = {
  summary: 'copy the embedded event store, also while the server runs',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, {}, true);
    if (isLeft(options)) return misused(options.left, HELP);
    const [given = '.', ...more] = options.right.positionals;
    if (more.length > 0) return misused('backup takes one FILE or FOLDER', HELP);
    const config = readEnvironment();
    if (isLeft(config)) return failed(config.left.message);
    const { store } = config.right;
    if (store.kind === 'memory') return failed('there is nothing to back up: CALLBOARD_STORE=memory:');
    if (store.kind === 'esdb') return failed(NOT_HERE);
    if (!existsSync(store.path)) return failed(`${store.path} is not there`);
    const from = restoredFrom(store.path);
    if (from !== undefined) return failed(`${store.path} is being restored from ${from}: that comes first`);

    const nowMs = systemClock().nowMs();
    const to = isFolder(given) ? join(given, nameAt(nowMs)) : given;
    if (existsSync(to)) return failed(`${to} is there already: a backup never replaces a file`);
    keepHeapSmall();
    const progress = new Progress('checked');
    const made = await backUp({
      from: store.path,
      to: resolve(to),
      nowMs,
      keyId: boundKey(store.path) ?? null,
      onChecked: progress.at,
    });
    if (isLeft(made)) return failed(made.left.message);
    progress.end();
    const { end, keyId } = made.right;
    process.stdout.write(
      `${to}: ${count(end.events)} events up to position ${end.position}, ${count(statSync(to).size)} bytes, checked.\n` +
        `digest ${end.digest}\n` +
        (keyId === null
          ? ''
          : `Webhook secrets in it are sealed under key ${keyId}: keep CALLBOARD_SECRET, or the file "secret", elsewhere.\n`),
    );
    return EXIT_OK;
  },
};

export const NOT_HERE =
  "an EventStoreDB is backed up and restored with its vendor's procedures, or copied to a file by 'callboard migrate --to sqlite:FILE' and back with the servers down: see docs/runbook.md, Backup";

const isFolder = (path: string): boolean =>
  path.endsWith('/') || (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);

/** Names in order of time. */
const nameAt = (nowMs: number): string =>
  `callboard-${new Date(nowMs).toISOString().replaceAll(':', '-')}.db`;
