import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openReader } from '../../src/eventstore/sqlite-reader.ts';
import { openForWriting } from '../../src/eventstore/sqlite-schema.ts';
import { tailBreak } from '../../src/eventstore/sqlite-tail.ts';
import { append, get } from '../contract/event-store.ts';
import { change, Writer } from './events.ts';
import { openStore, temporaryPaths } from './temporary.ts';

const freshPath = temporaryPaths();

const APPENDS = 30;
const EACH = 3;
const IMAGES = 48;

describe('a power cut tears the end of the log', () => {
  it('loses nothing of what was acknowledged before the tear, and no part of an append survives alone', async () => {
    const path = freshPath();
    const store = await openStore(path);
    const writer = new Writer('order-1');
    /** Length of the write-ahead log when each append was acknowledged. */
    const lengths: number[] = [];
    for (let n = 0; n < APPENDS; n += 1) {
      const ids = Array.from({ length: EACH }, (_, index) => n * EACH + index);
      await append(
        store,
        writer.next(ids, (id) => change(id, 'x'.repeat((id * 397) % 3_000))),
      );
      lengths.push(statSync(`${path}-wal`).size);
    }
    const wal = readFileSync(`${path}-wal`);
    expect(lengths.at(-1)).toBe(wal.length);

    for (let image = 0; image < IMAGES; image += 1) {
      // Spread over the log; what lies behind the cut is gone, zeroed or one flipped bit, in turn.
      const cut = Math.floor(wal.length * ((image * 0.618) % 1));
      const torn =
        image % 3 === 0
          ? wal.subarray(0, cut)
          : image % 3 === 1
            ? Buffer.concat([wal.subarray(0, cut), Buffer.alloc(wal.length - cut)])
            : Buffer.from(wal.with(cut, wal.readUInt8(cut) ^ 1));
      const imagePath = freshPath();
      mkdirSync(dirname(imagePath));
      copyFileSync(path, imagePath);
      writeFileSync(`${imagePath}-wal`, torn);
      const db = get(openForWriting(imagePath));
      expect(tailBreak(db, 1_000)).toBeUndefined();
      const { events } = openReader(db).all({ after: 0, limit: 1_000 });
      const safe = lengths.filter((length) => length <= cut).length;
      expect(events.length).toBeGreaterThanOrEqual(safe * EACH);
      expect(events.length % EACH).toBe(0);
      expect(events.map(({ position }) => position)).toEqual(events.map((_, index) => index + 1));
      db.close();
    }
    await store.close();
  });
});
