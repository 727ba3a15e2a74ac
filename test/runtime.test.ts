import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';

it('the tests run on Node 24 or newer, with its SQLite', () => {
  expect(Number.parseInt(process.versions.node, 10)).toBeGreaterThanOrEqual(24);
  const database = new DatabaseSync(':memory:');
  expect(database.prepare('SELECT 1 AS one').get()).toEqual({ one: 1 });
  database.close();
});
