import fc from 'fast-check';
import { isLeft, isRight } from 'fp-ts/lib/Either.js';
import { expect, it } from 'vitest';
import { Accounts } from '../../src/commands/accounts.ts';
import { Webhooks } from '../../src/commands/webhooks.ts';
import { BUILT_IN_RULES } from '../../src/domain/rules.ts';
import { formatSecret } from '../../src/domain/signature.ts';
import { decode } from '../../src/eventstore/codec.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import type { Random } from '../../src/ports/random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const COMPANY = '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a03';
const CAUSE = { correlationId: 'c', causationId: 'c', actor: 'tests', companyId: COMPANY };
const SETTINGS = {
  name: 'tests',
  url: 'https://receiver.example/0',
  retries: 3,
  selection: {
    dialect: 'openticket',
    resource: 'event',
    trigger: 'update',
    identifier: '',
    triggeredByChildResources: false,
  },
  retryBaseMs: null,
  ordering: 'none',
  coalesce: false,
} as const;

type Step = {
  readonly node: number;
  readonly do: 'get' | 'update' | 'disable' | 'enable' | 'getAccount' | 'setStrict';
};

const step: fc.Arbitrary<Step> = fc.record({
  node: fc.nat(1),
  do: fc.constantFrom('get', 'get', 'update', 'disable', 'enable', 'getAccount', 'setStrict'),
});

/** Answers come, and events are observed, whenever the scheduler says so; what is answered was so when it was asked. */
class Node {
  readonly webhooks: Webhooks;
  readonly accounts: Accounts;
  /** Newest revision of each stream that this node has observed. */
  readonly observed = new Map<string, number>();
  readonly #scheduler: fc.Scheduler;
  #observing: Promise<void> = Promise.resolve();

  constructor(store: EventStore, random: Random, scheduler: fc.Scheduler) {
    this.#scheduler = scheduler;
    const late: EventStore = {
      ...store,
      append: (batch) => async () => {
        const appended = await store.append(batch)();
        await scheduler.schedule(Promise.resolve(), `append answered: ${appended._tag}`);
        return appended;
      },
      readStream: (stream, options) => async () => {
        const read = await store.readStream(stream, options)();
        await scheduler.schedule(Promise.resolve(), 'read answered');
        return read;
      },
    };
    const clock = new VirtualClock();
    this.accounts = new Accounts({ store: late, random, clock });
    this.webhooks = new Webhooks({
      store: late,
      random,
      clock,
      rules: BUILT_IN_RULES,
      accounts: this.accounts,
      secrets: { newSealedSecret: () => formatSecret(new Uint8Array(32)), newNonce: () => 'nonce' },
    });
    store.subscribe({
      after: 0,
      batchMax: 1,
      onFailure: (failure) => {
        throw failure;
      },
      onEvents: async (events) => {
        for (const recorded of events) {
          const decoded = decode(recorded);
          if (isLeft(decoded)) throw new Error(decoded.left.reason);
          this.#observing = this.#observing.then(() => this.#observe(decoded.right));
        }
      },
    });
  }

  async #observe(decoded: Decoded): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), `observed: ${decoded.event.type}`);
    if (decoded.stream.startsWith('webhook-')) this.webhooks.observe(decoded);
    else this.accounts.observe(decoded);
    this.observed.set(decoded.stream, decoded.revision);
  }
}

const run = async (scheduler: fc.Scheduler, steps: ReadonlyArray<Step>): Promise<void> => {
  const store = openMemoryStore();
  let drawn = 0;
  const random: Random = {
    uuid: () => `10000000-0000-4000-8000-${(drawn += 1).toString(16).padStart(12, '0')}`,
    bytes: (length) => new Uint8Array(length),
  };
  const maker = new Webhooks({
    store,
    random,
    clock: new VirtualClock(),
    rules: BUILT_IN_RULES,
    accounts: new Accounts({ store, random, clock: new VirtualClock() }),
    secrets: { newSealedSecret: () => formatSecret(new Uint8Array(32)), newNonce: () => 'nonce' },
  });
  const made = await maker.create(COMPANY, SETTINGS, CAUSE);
  if (isLeft(made)) throw new Error(made.left._tag);
  const { guid } = made.right.webhook.facts;
  const nodes = [new Node(store, random, scheduler), new Node(store, random, scheduler)] as const;
  const webhookStream = `webhook-${guid}`;

  const doing = steps.map(async (todo, index) => {
    // When each begins is for the scheduler to say, too.
    await scheduler.schedule(Promise.resolve(), `${todo.do} at ${todo.node}`);
    const node = nodes[todo.node] ?? nodes[0];
    const { webhooks, accounts } = node;
    switch (todo.do) {
      case 'get': {
        const got = await webhooks.get(guid);
        const observed = node.observed.get(webhookStream) ?? -1;
        if (isRight(got)) expect(got.right.revision, 'what was read').toBeGreaterThanOrEqual(observed);
        return;
      }
      case 'update':
        return webhooks.update(guid, { url: `https://receiver.example/${index}` }, CAUSE);
      case 'disable':
        return webhooks.disable(guid, CAUSE);
      case 'enable':
        return webhooks.enable(guid, CAUSE);
      case 'getAccount':
        return accounts.get(COMPANY);
      case 'setStrict':
        return accounts.setStrict(COMPANY, index % 2 === 0, CAUSE);
    }
  });
  await scheduler.waitIdle();
  await Promise.all(doing);

  const fresh = new Node(store, random, scheduler);
  const inStore = [fresh.webhooks.get(guid), fresh.accounts.get(COMPANY)] as const;
  await scheduler.waitIdle();
  const [webhook, account] = [await inStore[0], await inStore[1]];
  for (const { webhooks, accounts } of nodes) {
    // Everything was observed: what is in memory is what is in the store.
    expect([undefined, webhook]).toContainEqual(
      webhooks.cached(guid) && { _tag: 'Right', right: webhooks.cached(guid) },
    );
    const known = accounts.get(COMPANY);
    await scheduler.waitIdle();
    expect(await known).toEqual(account);
  }
};

it('whatever comes first, nothing older than what was observed stays in memory', async () => {
  await fc.assert(fc.asyncProperty(fc.scheduler(), fc.array(step, { minLength: 1, maxLength: 12 }), run), {
    numRuns: 300,
  });
});
