import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { partitionsOf } from '../../src/domain/cluster.ts';
import { DEFAULT_TEMPLATE } from '../../src/domain/moshtix-request.ts';
import { endpointOf, ownerOf, PARTITIONS, partitionOf } from '../../src/domain/partitions.ts';
import { auditWorld } from '../support/engine-audit.ts';
import { CAUSE, type Process, World } from '../support/engine-world.ts';
import { auditHearing } from '../support/hearing-audit.ts';
import { answers } from '../support/scripted-sender.ts';

const LEASE_MS = 6_000;

let world: World;
beforeEach(() => {
  world = new World({ leaseMs: LEASE_MS });
});
afterEach(() => auditWorld(world));

/** Nodes one after the other, each with its part when the next comes. */
const start = async (count: number): Promise<ReadonlyArray<Process>> => {
  const nodes: Process[] = [];
  for (let n = 0; n < count; n += 1) nodes.push(await world.start());
  await world.clock.advance(LEASE_MS);
  return nodes;
};

const nodeOf = ({ membership }: Process): string => membership?.node ?? '';

/** The partitions at whose endpoints a node may start attempts. */
const heldBy = ({ membership }: Process): ReadonlyArray<number> =>
  Array.from({ length: PARTITIONS }, (_, partition) => partition).filter((partition) =>
    membership?.mayAttempt(partition),
  );

/** A URL whose partition belongs to the node. */
const urlAt = (node: Process, tail = 0): string => {
  for (let n = tail * 10_000; ; n += 1) {
    const url = `https://receiver-${n}.example/hook`;
    if (node.membership?.mayAttempt(partitionOf(endpointOf(url)))) return url;
  }
};

const startedBy = async (): Promise<ReadonlyArray<string | undefined>> =>
  (await world.log()).flatMap(({ event }) => (event.type === 'AttemptStarted' ? [event.node] : []));

describe('nodes that share a store', () => {
  it('share all partitions, each of them held by exactly one', async () => {
    const nodes = await start(3);
    const held = nodes.map(heldBy);
    expect(held.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: PARTITIONS }, (_, n) => n));
    for (const some of held) expect(some.length).toBeGreaterThan(PARTITIONS / 3 / 2);
    const agreed = partitionsOf(
      nodes[0]?.membership?.state ?? { revision: 0, members: new Map(), orphanedFrom: 0 },
    );
    expect(nodes.map((node) => agreed.get(nodeOf(node)))).toEqual(held);
  });

  it('deliver each what goes to their own endpoints, whoever took the change', async () => {
    const nodes = await start(3);
    for (const node of nodes) await world.webhook({ url: urlAt(node) });
    for (const { intake } of nodes) {
      await intake.report([world.change()], 'platform', world.random.uuid());
      await world.clock.advance(1_000);
    }
    expect(await world.situations()).toEqual(Array.from({ length: 9 }, () => 'delivered'));
    expect(world.sender.seen).toHaveLength(9);
    const by = await startedBy();
    for (const node of nodes) expect(by.filter((one) => one === nodeOf(node))).toHaveLength(3);
  });

  it('never hold a partition together while one joins', async () => {
    await start(1);
    await world.start();
    const nodes: Process[] = [world.process];
    for (let step = 0; step < 100; step += 1) {
      if (step % 30 === 0) {
        const process = world.build();
        void process.engine.start();
        nodes.push(process);
      }
      await world.clock.advance(100);
      const held = nodes.flatMap(heldBy);
      expect(new Set(held).size).toBe(held.length);
    }
    expect(nodes.map((node) => heldBy(node).length > 0)).toEqual(nodes.map(() => true));
  });

  it('take over from one that is killed, within twice its lease', async () => {
    const [first, second] = await start(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    const url = urlAt(first);
    world.sender.at(url, 'hangs', answers(200));
    await world.webhook({ url });
    await second.intake.report([world.change()], 'platform', world.random.uuid());
    await world.clock.advance(500);
    expect(await world.situations()).toEqual(['in_flight']);
    first.mortal.die();
    // Reported while nobody is there for the endpoint.
    await second.intake.report([world.change()], 'platform', world.random.uuid());
    await world.clock.advance(2 * LEASE_MS);
    expect(heldBy(second)).toHaveLength(PARTITIONS);
    const [interrupted, later] = await world.invocations();
    expect(interrupted?.facts.attempts[0]?.ended?.outcome).toBe('interrupted');
    expect(later?.situation).toBe('delivered');
    await world.clock.advance(2 * LEASE_MS);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
  });

  it('hand over at once when one is stopped, and let it finish what it has in flight', async () => {
    const [first, second] = await start(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    const [slow, quick] = [urlAt(first), urlAt(first, 1)];
    world.sender.at(slow, answers(200, { afterMs: 4_000 }));
    await world.webhook({ url: slow, on: 'event.update' });
    await world.webhook({ url: quick, on: 'event.create' });
    await second.intake.report([world.change()], 'platform', world.random.uuid());
    await world.clock.advance(500);
    const drained = first.engine.drain(10_000);
    await second.intake.report([world.change('event.create')], 'platform', world.random.uuid());
    await world.clock.advance(2_000);
    expect(heldBy(second)).toHaveLength(PARTITIONS);
    expect(await world.situations()).toEqual(['in_flight', 'delivered']);
    await world.clock.advance(3_000);
    await drained;
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
    expect((await world.invocations()).map(({ facts }) => facts.attempts.length)).toEqual([1, 1]);
    expect(second.membership?.state.members.size).toBe(1);
  });

  it('start nothing once their lease is over, and take part again when the store is back', async () => {
    const [first, second] = await start(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    await world.webhook({ url: urlAt(first) });
    world.store.readsFail = true;
    world.store.appendFault = () => 'unavailable';
    await world.clock.advance(4 * LEASE_MS);
    expect([...heldBy(first), ...heldBy(second)]).toEqual([]);
    world.store.readsFail = false;
    world.store.appendFault = () => undefined;
    await world.clock.advance(LEASE_MS);
    expect(heldBy(first).length + heldBy(second).length).toBe(PARTITIONS);
    await second.intake.report([world.change()], 'platform', world.random.uuid());
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('replace the run before it of the same folder at once', async () => {
    const before = await world.start(undefined, 'folder');
    await world.clock.advance(LEASE_MS);
    const url = urlAt(before);
    world.sender.at(url, 'hangs', answers(200));
    await world.webhook({ url });
    await world.report(world.change());
    await world.clock.advance(100);
    before.mortal.die();
    const after = await world.start(undefined, 'folder');
    await world.clock.advance(LEASE_MS / 2);
    expect(heldBy(after)).toHaveLength(PARTITIONS);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('stop when another process has joined with their folder', async () => {
    const before = await world.start(undefined, 'folder');
    await world.clock.advance(LEASE_MS);
    await world.start(undefined, 'folder');
    await world.clock.advance(LEASE_MS);
    expect(heldBy(before)).toEqual([]);
    expect(world.defects.splice(0).map(String).join()).toContain('another process has joined');
  });

  it('make up for everything that nobody was there to do', async () => {
    const [first] = await start(1);
    if (first === undefined) throw new Error('one was started');
    await world.webhook();
    await world.report(world.change());
    await world.clock.advance(1_000);
    // Taken by one that dies before it has done anything about it.
    await first.intake.report([world.change(), world.change()], 'platform', world.random.uuid());
    first.mortal.die();
    await world.start();
    await world.clock.advance(3 * LEASE_MS);
    expect(await world.situations()).toEqual(['delivered', 'delivered', 'delivered']);
  });

  it('tell a webhook that moves to an endpoint of another one', async () => {
    const [first, second] = await start(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    const [from, to] = [urlAt(first), urlAt(second)];
    world.sender.at(from, answers(500));
    const webhook = await world.webhook({ url: from });
    await world.report(world.change());
    await world.clock.advance(500);
    expect(await world.situations()).toEqual(['waiting']);
    await first.webhooks.update(webhook, { url: to }, CAUSE);
    await world.clock.advance(5_000);
    expect(await world.situations()).toEqual(['delivered']);
    expect(new Set(await startedBy())).toEqual(new Set([nodeOf(first), nodeOf(second)]));
  });

  it.each(['moved', 'disabled'] as const)(
    'hear that a webhook was %s while they read it as it was before',
    async (what) => {
      const [first, second] = await start(2);
      if (first === undefined || second === undefined) throw new Error('two were started');
      const [before, after] = [urlAt(second), urlAt(second, 1)];
      world.store.afterRead = (stream) =>
        stream.startsWith('webhook-')
          ? new Promise((resolve) => world.clock.setTimer(20, resolve))
          : Promise.resolve();
      const made = world.webhook({ url: before }, first);
      await world.clock.advance(25);
      const guid = await made;
      void (what === 'moved'
        ? first.webhooks.update(guid, { url: after }, CAUSE)
        : first.webhooks.disable(guid, CAUSE));
      await world.clock.advance(60_000);
      // What it holds in memory, if anything, is what is in the store.
      expect([undefined, 1]).toContain(second.webhooks.cached(guid)?.revision);
      await first.intake.report([world.change()], 'platform', world.random.uuid());
      await world.clock.advance(5_000);
      const attempts = (await world.log()).flatMap(({ event }) =>
        event.type === 'AttemptStarted' ? [[event.url, event.webhookRevision]] : [],
      );
      expect(attempts).toEqual(what === 'moved' ? [[after, 1]] : []);
    },
  );

  it('keep the order of a webhook that moves while the node that had it is behind', async () => {
    const [first, second] = await start(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    const webhook = await world.webhook({ url: urlAt(first) });
    await world.clock.advance(500);
    first.mortal.pause();
    await second.intake.report([world.change()], 'platform', world.random.uuid());
    await second.webhooks.update(webhook, { url: urlAt(second) }, CAUSE);
    await second.intake.report([world.change()], 'platform', world.random.uuid());
    await world.clock.advance(1_000);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
    first.mortal.resume();
    await world.clock.advance(1_000);
    await auditHearing(world);
  });

  it('never make an attempt whose start is answered only when they are back as another node', async () => {
    const [first, second] = await start(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    await world.webhook({ url: urlAt(first), retries: 3 });
    const before = nodeOf(first);
    // It is stored, and nobody knows: the same append is repeated until the store answers it.
    world.store.appendFault = (batch) =>
      batch.some(({ stream, expectedRevision }) => stream.startsWith('invocation-') && expectedRevision < 0)
        ? 'unknown_stored'
        : undefined;
    await second.intake.report([world.change()], 'platform', world.random.uuid());
    await world.clock.advance(1_000);
    first.mortal.pause();
    await world.clock.advance(60_000);
    expect([await world.situations(), world.sender.seen.length]).toEqual([['delivered'], 1]);
    first.mortal.resume();
    await world.clock.advance(LEASE_MS);
    expect(nodeOf(first)).not.toBe(before);
    world.store.appendFault = () => undefined;
    await world.clock.advance(60_000);
    expect([await world.situations(), world.sender.seen.length]).toEqual([['delivered'], 1]);
  });

  it('start nothing at an endpoint that they have let go of since they planned it', async () => {
    const [first] = await start(1);
    if (first === undefined) throw new Error('one was started');
    const urls = Array.from({ length: 8 }, (_, n) => `https://receiver-${n}.example/hook`);
    for (const url of urls) await world.webhook({ url });
    // Told last, and only after reading: those before it are planned by then.
    await world.webhook({
      url: 'https://saved.example/',
      selection: {
        dialect: 'moshtix',
        id: 1,
        clientId: 6080,
        systemEvents: [{ id: 2, systemEvent: 'EVENT_SAVED' }],
      },
      request: { headers: [], body: DEFAULT_TEMPLATE },
    });
    await world.clock.advance(500);
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    let isStored = false;
    world.store.appendFault = (batch) => {
      isStored ||= batch.some(({ stream }) => stream.startsWith('event-'));
      return undefined;
    };
    world.store.afterRead = (stream) =>
      isStored && stream.startsWith('event-') ? answered : Promise.resolve();
    await first.intake.report([world.change()], 'platform', world.random.uuid());
    await world.clock.advance(100);
    expect(await startedBy()).toEqual([]);

    const second = world.build();
    void second.engine.start();
    const heldByFirst = (): ReadonlyArray<string> =>
      urls.filter((url) => first.membership?.mayAttempt(partitionOf(endpointOf(url))));
    expect(heldByFirst()).toEqual(urls);
    for (let step = 0; step < 1_000 && heldByFirst().length === urls.length; step += 1)
      await world.clock.advance(5);
    const kept = heldByFirst();
    expect(kept.length).toBeLessThan(urls.length);
    const before = (await world.log()).length;
    answer();
    await world.clock.advance(1);
    const startedSince = (await world.log())
      .slice(before)
      .flatMap(({ event }) =>
        event.type === 'AttemptStarted' && event.node === nodeOf(first) && urls.includes(event.url)
          ? [event.url]
          : [],
      );
    expect(startedSince.toSorted()).toEqual([...kept]);
    await world.clock.advance(2 * LEASE_MS);
    expect(await world.situations()).toEqual(Array.from({ length: 9 }, () => 'delivered'));
  });

  it('go on with what is ordered when the one that it waits for ends at a node that is leaving', async () => {
    const [first, second] = await start(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    const url = urlAt(first);
    world.sender.at(url, answers(200, { afterMs: 4_000 }), answers(200));
    await world.webhook({ url, ordering: 'per_resource' });
    await second.intake.report([world.change(), world.change()], 'platform', world.random.uuid());
    await world.clock.advance(500);
    void first.engine.drain(10_000);
    await world.clock.advance(5_000);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
    expect(await startedBy()).toEqual([nodeOf(first), nodeOf(second)]);
  });

  it('go on with what is ordered when the one that it waits for was the last try of a node that is gone', async () => {
    const [first, second] = await start(2);
    if (first === undefined || second === undefined) throw new Error('two were started');
    const url = urlAt(first);
    world.sender.at(url, 'hangs', answers(200));
    await world.webhook({ url, ordering: 'per_resource', retries: 0 });
    await second.intake.report([world.change(), world.change()], 'platform', world.random.uuid());
    await world.clock.advance(500);
    first.mortal.die();
    await world.clock.advance(2 * LEASE_MS);
    expect(await world.situations()).toEqual(['exhausted', 'delivered']);
  });

  it('look at what is due again when the lease was renewed too late', async () => {
    const [node] = await start(1);
    if (node === undefined) throw new Error('one was started');
    await world.webhook({}, node);
    // The answer to a renewal comes when the lease before it is over.
    world.store.beforeAnswer = () => new Promise((resolve) => void world.clock.setTimer(4_500, resolve));
    for (let waitedMs = 0; heldBy(node).length > 0; waitedMs += 10) {
      if (waitedMs > 10 * LEASE_MS) throw new Error('the lease never ran out');
      await world.clock.advance(10);
    }
    world.store.beforeAnswer = async () => {};
    await world.report(world.change());
    await world.clock.advance(100);
    expect([heldBy(node).length, await world.situations()]).toEqual([0, ['waiting']]);
    await world.clock.advance(LEASE_MS);
    expect(await world.situations()).toEqual(['delivered']);
  });

  it('tell a webhook in order that moved to a node which is gone from one that is behind', async () => {
    const [behind, gone, heir] = await start(3);
    if (behind === undefined || gone === undefined || heir === undefined)
      throw new Error('three were started');
    const left = [nodeOf(behind), nodeOf(heir)];
    const urls = Array.from({ length: 20 }, (_, tail) => urlAt(gone, tail));
    const url = urls.find((one) => ownerOf(partitionOf(endpointOf(one)), left) === nodeOf(heir)) ?? '';
    const webhook = await world.webhook({ url: urlAt(behind) });
    await world.clock.advance(LEASE_MS);
    // Nobody can tell of the first change for a while.
    const first = world.change();
    let refused = true;
    world.store.appendFault = (batch) =>
      refused && batch.some(({ events }) => events.some(({ data }) => data.includes('"n\\":1}')))
        ? 'unavailable'
        : undefined;
    await heir.intake.report([first], 'platform', world.random.uuid());
    await world.clock.advance(LEASE_MS);
    await heir.webhooks.update(webhook, { url }, CAUSE);
    gone.mortal.die();
    await heir.intake.report([world.change()], 'platform', world.random.uuid());
    await world.clock.advance(2 * LEASE_MS);
    expect(behind.membership?.state.members.size).toBe(2);
    expect(await world.situations()).toEqual([]);
    refused = false;
    await world.clock.advance(2 * LEASE_MS);
    expect(await world.situations()).toEqual(['delivered', 'delivered']);
    await auditHearing(world);
  });

  it('hold nothing from before when they join anew, though they never knew that they had joined', async () => {
    const [first] = await start(1);
    if (first === undefined) throw new Error('one was started');
    let tries = 0;
    let away = true;
    world.store.appendFault = (batch) => {
      if (!away || !batch.some(({ events }) => events.some(({ data }) => data.includes('"name":"second"'))))
        return undefined;
      tries += 1;
      return tries === 1 ? 'unknown_stored' : 'unavailable';
    };
    const second = await world.start(undefined, 'second');
    await world.clock.advance(2 * LEASE_MS);
    expect(heldBy(first)).toHaveLength(PARTITIONS);
    away = false;
    for (let step = 0; step < 100; step += 1) {
      await world.clock.advance(50);
      const held = [...heldBy(first), ...heldBy(second)];
      expect(new Set(held).size).toBe(held.length);
    }
    expect(heldBy(second).length).toBeGreaterThan(0);
  });
});
