import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { append } from '../contract/event-store.ts';
import { resourceStream, Writer } from '../eventstore/events.ts';
import { Double } from './double/server.ts';
import { openAt } from './stores.ts';
import { INHERITED } from '../support/inherited.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

let double: Double;
beforeEach(async () => {
  double = await new Double().start();
});
afterEach(() => double.stop());

const verify = async (): Promise<{
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}> => {
  const env = { ...INHERITED, CALLBOARD_STORE: double.url };
  const child = spawn(process.execPath, [MAIN, 'audit', 'verify'], { env });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, output, errors };
};

it('audit verify reads EventStoreDB, leaves it as it is, and ends with 1 and the place of a break', async () => {
  const untouched = double.log.all.length;
  const nothing = await verify();
  expect(nothing.code).toBe(1);
  expect(nothing.errors).toContain('it holds no history of Callboard');
  expect(double.log.all).toHaveLength(untouched);

  const store = await openAt(double.url);
  const [ours, theirs] = [new Writer(resourceStream('order', 1)), new Writer('somebody-else-1')];
  await append(store, ours.next([1, 2, 3]));
  const foreign = theirs.next([1]);
  const events = foreign.events.map((event) => ({ ...event, type: 'OrderPlaced', metadata: '{}' }));
  for (const stream of [theirs.stream, 'order-5', 'client-5']) {
    await append(store, { ...foreign, stream, events });
  }
  expect(await verify()).toMatchObject({
    code: 0,
    output: '3 events in 1 streams: every hash and revision fits.\n',
  });

  const next = ours.next([4]);
  const altered = next.events.map((event) => ({ ...event, data: event.data.replace('update', 'delete') }));
  await append(store, { ...next, events: altered });
  await store.close();
  const { code, output } = await verify();
  expect(code).toBe(1);
  expect(output).toMatch(
    new RegExp(
      `^stream '${resourceStream('order', 1)}' at revision 3 \\(position \\d+\\): its hash fits neither`,
    ),
  );
  expect(output).toContain('4 events in 1 streams: the history is broken');
}, 60_000);
