import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { streamOf } from '../../src/domain/ids.ts';
import { silentLog } from '../../src/ports/log.ts';
import { COMPANY, World } from '../support/engine-world.ts';
import { auditWorld } from '../support/engine-audit.ts';

const GUID = 'c2a2b1f0-58a4-4a57-9d3a-0c9d2f7f3a77';

/** Names that others may well give; most begin as ours do. */
const FOREIGN = [
  'foreign-1',
  'order-5',
  'order-',
  `order-${GUID}`,
  `order-${GUID.toUpperCase()}-1`,
  `order-${GUID.slice(1)}-1`,
  'event-7-1',
  'ticket-a-b-c-d-e-f',
  'client-5',
  'client-x',
  'account-4711',
  'webhook-github',
  `webhook-${GUID}-1`,
  'invocation-1',
  `$ce-order`,
];

it('events of others are passed over, while it runs and at its start', async () => {
  const world = new World();
  const told: string[] = [];
  world.operatorLog = { ...silentLog, info: (_, message) => void told.push(message) };
  await world.start();
  await world.webhook();
  await world.report(world.change());
  await world.clock.advance(1_000);
  const placed: string[] = [];
  for (const stream of FOREIGN) {
    const event = { id: randomUUID(), type: 'OrderPlaced', data: '{"total": 12}', metadata: '{}' };
    placed.push(event.id);
    await world.store.append([{ stream, expectedRevision: -1, events: [event] }])();
  }
  let caughtUp: boolean | undefined;
  void world.process.engine.caughtUp().then((shown) => (caughtUp = shown));
  await world.clock.advance(1_000);
  expect(caughtUp).toBe(true);
  await world.report(world.change());
  await world.clock.advance(1_000);
  expect(world.sender.seen).toHaveLength(2);
  expect(told.filter((message) => message.includes('passed over'))).toHaveLength(1);

  await world.restart();
  await world.report(world.change());
  await world.clock.advance(1_000);
  expect(world.process.engine.ready).toBe(true);
  expect(world.process.engine.stoppedAt).toBeUndefined();
  expect(world.sender.seen).toHaveLength(3);
  expect(world.defects).toEqual([]);
});

it('a client account of ours is told from a stream of that name by what stands in it', async () => {
  const world = await World.started();
  await world.webhook();
  const { accounts } = world.process;
  const cause = { correlationId: GUID, causationId: GUID, actor: 'tests', companyId: COMPANY };
  const attached = await accounts.attachClient(COMPANY, 6080, cause);
  expect(attached._tag).toBe('Right');
  await world.restart();
  expect(world.process.engine.ready).toBe(true);
  expect((await world.log()).filter(({ stream }) => stream === streamOf.client(6080))).toHaveLength(1);
  await auditWorld(world);
});
