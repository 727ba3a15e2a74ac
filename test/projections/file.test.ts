import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { type Log, silentLog } from '../../src/ports/log.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import { SCHEMA_VERSION } from '../../src/projections/schema.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';
import { withScratchFile } from './scratch-file.ts';
import { COMPANY, created, follow, scheduled } from './story.ts';

const WEBHOOK = guidOf(1);
const INVOCATION = guidOf(2);

const fill = (models: ReadModels): void => {
  const log = follow(models);
  log.webhook(WEBHOOK, created(WEBHOOK));
  log.invocation(INVOCATION, scheduled(INVOCATION, WEBHOOK));
  log.catchUp();
};

const isFilled = (models: ReadModels): boolean =>
  models.checkpoint('log') === 2 &&
  models.checkpoint('routing') === 2 &&
  models.invocation(INVOCATION) !== undefined &&
  models.webhooksOf(COMPANY, 'openticket', 0, 10).length === 1;

/** Opens the file again and tells whether its rows were kept, and the reasons logged if not. */
const reopen = (
  path: string,
  eventStoreId?: string,
  storeHead?: number,
): { kept: boolean; reasons: ReadonlyArray<unknown> } => {
  const reasons: unknown[] = [];
  const log: Log = { ...silentLog, warn: ({ reason }) => reasons.push(reason) };
  const models = openReadModels({
    path,
    log,
    ...(eventStoreId !== undefined && { eventStoreId }),
    ...(storeHead !== undefined && { storeHead }),
  });
  const kept = isFilled(models);
  const empty = models.checkpoint('log') === 0 && models.invocation(INVOCATION) === undefined;
  expect(kept || empty).toBe(true);
  if (!kept) {
    fill(models);
    expect(isFilled(models)).toBe(true);
  }
  models.close();
  return { kept, reasons };
};

const written = (path: string, eventStoreId?: string): void => {
  const models = openReadModels({ path, ...(eventStoreId !== undefined && { eventStoreId }) });
  fill(models);
  models.close();
};

/** Writes nonsense over the first page of a table. */
const overwritePageOf = (table: string, path: string): void => {
  const db = new DatabaseSync(path);
  const pageSize = Number(db.prepare('PRAGMA page_size').get()?.['page_size']);
  const page = Number(
    db.prepare('SELECT rootpage FROM sqlite_schema WHERE name = ?').get(table)?.['rootpage'],
  );
  db.close();
  const bytes = readFileSync(path);
  bytes.fill(0xff, (page - 1) * pageSize, page * pageSize);
  writeFileSync(path, bytes);
};

describe('the file of the read models', () => {
  it('keeps rows and checkpoints, in a folder for nobody else', () => {
    withScratchFile((path) => {
      written(path);
      expect(reopen(path)).toEqual({ kept: true, reasons: [] });
      expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    });
  });

  it('is built again when it has another version', () => {
    withScratchFile((path) => {
      written(path);
      const db = new DatabaseSync(path);
      db.exec('PRAGMA user_version = 4711');
      db.close();
      expect(reopen(path)).toEqual({ kept: false, reasons: [`version 4711 instead of ${SCHEMA_VERSION}`] });
      expect(reopen(path)).toEqual({ kept: true, reasons: [] });
    });
  });

  it('is built again when it was built from another event store', () => {
    withScratchFile((path) => {
      written(path, 'one store');
      expect(reopen(path, 'one store')).toEqual({ kept: true, reasons: [] });
      expect(reopen(path)).toEqual({ kept: true, reasons: [] });
      expect(reopen(path, 'another store')).toEqual({
        kept: false,
        reasons: ['built from another event store'],
      });
    });
  });

  it('is built again when it is ahead of the store, as after the restore of an older copy', () => {
    withScratchFile((path) => {
      written(path, 'one store');
      expect(reopen(path, 'one store', 2)).toEqual({ kept: true, reasons: [] });
      expect(reopen(path, 'one store', 1)).toEqual({
        kept: false,
        reasons: ['ahead of the event store: was it restored?'],
      });
    });
  });

  it('is built again when it is another kind of database', () => {
    withScratchFile((path) => {
      mkdirSync(dirname(path));
      const db = new DatabaseSync(path);
      db.exec('CREATE TABLE something (else_ TEXT)');
      db.close();
      expect(reopen(path)).toEqual({ kept: false, reasons: ['not a file of read models'] });
    });
  });

  it('is built again when it is no database at all', () => {
    withScratchFile((path) => {
      mkdirSync(dirname(path));
      writeFileSync(path, 'no database\n'.repeat(1000));
      expect(reopen(path)).toEqual({ kept: false, reasons: ['damaged'] });
    });
  });

  it('is removed when damage shows later, so that the next start builds it again', () => {
    withScratchFile((path) => {
      written(path);
      overwritePageOf('invocations', path);
      const models = openReadModels({ path });
      const log = follow(models, ['log']);
      for (const n of [1, 2, 3]) log.invocation(guidOf(n), scheduled(guidOf(n), WEBHOOK));
      expect(() => log.catchUp()).toThrow('malformed');
      expect(() => models.invocation(INVOCATION)).toThrow('finalized');
      expect(existsSync(path)).toBe(false);
      expect(reopen(path)).toEqual({ kept: false, reasons: [] });
    });
  });

  it('answers nothing any more once it is closed, and closes twice', () => {
    const models = openReadModels({ path: ':memory:' });
    models.close();
    models.close();
    expect(() => models.inFlight(0, 1)).toThrow('finalized');
  });
});
