import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SOURCE = readFileSync(join(import.meta.dirname, '../../src/cli/heap.ts'), 'utf8');
const FLAGS = [...SOURCE.matchAll(/setFlagsFromString\('([^']+)'\)/g)].map(([, flag]) => String(flag));

it('has flags to set', () => {
  expect(FLAGS).toContain('--no-allocation-site-pretenuring');
});

// While the process runs V8 passes over a flag that it does not know.
it.each(FLAGS)('%s is a flag of this V8', (flag) => {
  const { status, stderr } = spawnSync(process.execPath, [flag, '-e', ''], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
