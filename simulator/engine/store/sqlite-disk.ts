import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Appended, RecordedEvent, StreamAppend } from '../../../src/eventstore/event-store.ts';
import { type Committer, openCommitter } from '../../../src/eventstore/sqlite-commit.ts';
import { type LogReader, openReader } from '../../../src/eventstore/sqlite-reader.ts';
import { openForReading, openForWriting } from '../../../src/eventstore/sqlite-schema.ts';
import { describeBreak } from '../../../src/eventstore/sqlite-check.ts';
import { tailBreak } from '../../../src/eventstore/sqlite-tail.ts';
import type { Chance } from '../chance.ts';
import type { Disk } from './disk.ts';

/** Memory where there is some in the shape of a folder: what is tested is not this machine's disk. */
const SHARED_MEMORY = '/dev/shm';
const EVENTS_MAX = 1_000_000_000;

export interface SqliteDiskOptions {
  readonly chance: Chance;
  readonly mark: (name: string) => void;
  readonly onStored: (events: ReadonlyArray<RecordedEvent>) => void;
  /** What was found after a power cut that must not be. */
  readonly onDamage: (message: string) => void;
}

interface Open {
  readonly path: string;
  readonly writing: DatabaseSync;
  readonly reading: DatabaseSync;
  readonly committer: Committer;
  readonly reader: LogReader;
}

/**
 * The product's own tables, commits and reads on SQLite. A power cut copies the files as they are to a new place; the
 * group that was being committed is in them as a torn end of the write-ahead log, or whole, or not at all.
 */
export const sqliteDisk = ({ chance, mark, onStored, onDamage }: SqliteDiskOptions): Disk => {
  const folder = mkdtempSync(
    join(existsSync(SHARED_MEMORY) ? SHARED_MEMORY : tmpdir(), 'callboard-simulate-'),
  );
  let images = 0;
  const newPath = (): string => {
    images += 1;
    const image = join(folder, String(images));
    mkdirSync(image);
    return join(image, 'events.db');
  };
  let open = openAt(newPath());

  const close = ({ writing, reading }: Open): void => {
    reading.close();
    writing.close();
  };

  const commitTo = ({ committer }: Open, requests: ReadonlyArray<ReadonlyArray<StreamAppend>>) => {
    const { answers, fatal } = committer.commit(requests);
    if (fatal !== undefined) throw new Error(fatal);
    return answers.map((answer, index) => {
      if ('_tag' in answer) return left(answer);
      const stored: RecordedEvent[] = [];
      const appended = (requests[index] ?? []).map(({ stream, events }, part): Appended => {
        const [revision = 0, position = 0] = [answer[2 * part], answer[2 * part + 1]];
        if (position < 0) return { revision, position: -position };
        for (const [at, event] of events.entries()) {
          const before = events.length - 1 - at;
          stored.push({ stream, revision: revision - before, position: position - before, event });
        }
        return { revision, position };
      });
      return right({ appended, stored });
    });
  };

  /** The write-ahead log with an end that was not synced: cut off, zeroed or with one bit wrong. */
  const torn = (wal: Buffer, synced: number): Buffer => {
    const at = chance.between(synced, wal.length);
    if (at === wal.length) return wal;
    const kind = chance.pick(['cut', 'zeroed', 'flipped'] as const);
    mark(`wal_${kind}`);
    if (kind === 'cut') return wal.subarray(0, at);
    if (kind === 'zeroed') return Buffer.concat([wal.subarray(0, at), Buffer.alloc(wal.length - at)]);
    return Buffer.from(wal.with(at, wal.readUInt8(at) ^ 1));
  };

  return {
    get head() {
      return open.committer.head;
    },
    commit: (requests) => {
      const written = commitTo(open, requests);
      const stored = written.flatMap((one) => (isLeft(one) ? [] : one.right.stored));
      if (stored.length > 0) onStored(stored);
      return written;
    },
    readStream: (stream, options) => open.reader.stream(stream, options),
    readAll: (options) => open.reader.all(options),
    crash: (requests) => {
      const { path, committer } = open;
      const before = committer.head;
      const wal = `${path}-wal`;
      const synced = existsSync(wal) ? statSync(wal).size : 0;
      if (requests.length > 0) commitTo(open, requests);
      const after = committer.head;
      const image = newPath();
      copyFileSync(path, image);
      if (existsSync(wal)) writeFileSync(`${image}-wal`, torn(readFileSync(wal), synced));
      close(open);
      rmSync(join(path, '..'), { recursive: true });
      open = openAt(image);
      const broken = tailBreak(open.writing, 10_000);
      if (broken !== undefined) onDamage(describeBreak(broken));
      const { head } = open.committer;
      if (head !== before && head !== after)
        onDamage(`a group of ${after - before} events is there up to ${head - before}`);
      if (requests.length > 0) mark(head === before ? 'group_lost' : 'group_kept');
      if (head > before) onStored(open.reader.all({ after: before, limit: EVENTS_MAX }).events);
    },
    close: () => {
      close(open);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const openAt = (path: string): Open => {
  const writing = openForWriting(path);
  if (isLeft(writing)) throw new Error(writing.left.message);
  const reading = openForReading(path);
  if (isLeft(reading)) throw new Error(reading.left.message);
  return {
    path,
    writing: writing.right,
    reading: reading.right,
    committer: openCommitter(writing.right),
    reader: openReader(reading.right),
  };
};
