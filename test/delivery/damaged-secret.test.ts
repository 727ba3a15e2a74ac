import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LogFields } from '../../src/ports/log.ts';
import { silentLog } from '../../src/ports/log.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, World } from '../support/engine-world.ts';

const URL_A = 'https://receiver.example/hook';
const URL_B = 'https://other.example/hook';
const HOUR_MS = 60 * 60 * 1000;

let world: World;
let errors: Array<{ readonly fields: LogFields; readonly message: string }>;
beforeEach(async () => {
  errors = [];
  world = new World();
  world.operatorLog = { ...silentLog, error: (fields, message) => errors.push({ fields, message }) };
  await world.start();
});
afterEach(() => auditWorld(world));

/** The sealed secrets made so far: whatever is sealed later opens. */
const damage = async (webhook: string): Promise<string> => {
  const found = await world.process.webhooks.get(webhook);
  if (found._tag === 'Left') throw new Error(found.left._tag);
  const { sealedSecret } = found.right.webhook.facts;
  world.openSecret = (sealed) => {
    if (sealed === sealedSecret) throw new Error(`cannot open ${sealed}`);
    return sealed;
  };
  return sealedSecret;
};

it('that cannot be opened starts no attempt, keeps what waits, and stops neither the process nor other webhooks', async () => {
  const webhook = await world.webhook({ retries: 1 });
  const other = await world.webhook({ url: URL_B });
  const sealed = await damage(webhook);
  for (let n = 0; n < 40; n += 1) await world.report(world.change());
  await world.clock.advance(10 * 60 * 1000);
  expect(new Set(await world.situations(webhook))).toEqual(new Set(['waiting']));
  expect(new Set(await world.situations(other))).toEqual(new Set(['delivered']));
  expect((await world.invocations(webhook)).flatMap(({ facts }) => facts.attempts)).toEqual([]);
  expect(world.defects).toEqual([]);

  expect(errors).toMatchObject([{ fields: { webhook } }]);
  expect(JSON.stringify(errors)).not.toContain(sealed);

  await world.process.webhooks.rotateSecret(webhook, CAUSE);
  await world.clock.advance(HOUR_MS);
  expect(new Set(await world.situations(webhook))).toEqual(new Set(['delivered']));
  const [seen] = world.sender.seen.filter(({ url }) => url === URL_A);
  expect(seen?.headers['webhook-signature']?.split(' ')).toHaveLength(1);
});

it('stays damaged across a restart, and nothing is recorded as interrupted', async () => {
  const webhook = await world.webhook({ retries: 1 });
  await damage(webhook);
  await world.report(world.change());
  await world.clock.advance(1_000);
  await world.restart();
  await world.clock.advance(1_000);
  expect(await world.situations()).toEqual(['waiting']);
  await world.process.webhooks.disable(webhook, CAUSE);
  await world.clock.advance(1_000);
  expect(await world.situations()).toEqual(['cancelled']);
});
