import { isLeft } from 'fp-ts/lib/Either.js';
import type { Cause, DomainEvent } from '../../../src/domain/events.ts';
import { streamOf } from '../../../src/domain/ids.ts';
import type { AttemptResult, InvocationScheduled } from '../../../src/domain/invocation.ts';
import type { Json } from '../../../src/domain/json.ts';
import { emptyHead, seal } from '../../../src/eventstore/codec.ts';
import type { Head } from '../../../src/eventstore/decoded.ts';
import type { EventStore, StreamAppend } from '../../../src/eventstore/event-store.ts';
import { guidOf } from '../../arbitraries/decoded-log.ts';

/** A small history written by hand: two companies, orders with personal data, deliveries of all kinds. */

export const COMPANY = guidOf(1);
export const OTHER = guidOf(2);
export const WEBHOOK = guidOf(11);
export const SECOND = guidOf(12);
export const START_MS = Date.UTC(2026, 4, 1, 12);
export const STEP_MS = 1_000;

export const order = (n: number): Json => ({
  customer: {
    id: n,
    email: `fred${n}@mail.example`,
    firstName: 'Fred',
    lastName: 'Durst',
    telephone: '0433567777',
  },
  event: { id: 7, name: '=HYPERLINK("http://evil.example")' },
  transactions: { items: [{ id: n, ipAddress: '203.0.113.9' }] },
});
export const PERSONAL = ['@mail.example', 'Fred', 'Durst', '0433567777', '203.0.113.9'];

const ok: AttemptResult = {
  statusCode: 200,
  error: null,
  durationMs: 12,
  address: '192.0.2.1',
  responseExcerpt: 'OK',
};
const refused: AttemptResult = {
  ...ok,
  statusCode: 500,
  responseExcerpt: '=cmd|"/c calc"!A1, ask fred1@mail.example',
};

/** Writes one event after the other, a second apart, and remembers the heads. */
class Hand {
  readonly #store: EventStore;
  readonly #heads = new Map<string, Head>();
  #written = 0;
  #waiting: StreamAppend[] = [];

  constructor(store: EventStore) {
    this.#store = store;
  }

  get atMs(): number {
    return START_MS + this.#written * STEP_MS;
  }

  async write(stream: string, companyId: string, event: (atMs: number) => DomainEvent): Promise<string> {
    const cause: Cause = {
      correlationId: guidOf(900),
      causationId: guidOf(901),
      actor: '+platform',
      companyId,
    };
    const id = guidOf(10_000 + this.#written);
    const sealed = seal(
      stream,
      this.#heads.get(stream) ?? emptyHead(stream),
      [{ id, event: event(this.atMs) }],
      cause,
    );
    this.#written += 1;
    this.#heads.set(stream, sealed.head);
    this.#waiting.push(sealed.append);
    if (this.#waiting.length >= 500) await this.flush();
    return id;
  }

  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const appended = await this.#store.append(this.#waiting)();
    if (isLeft(appended)) throw new Error(appended.left._tag);
    this.#waiting = [];
  }
}

/** `orders` orders in turns of the companies, each told to one or two webhooks. */
export const writeHistory = async (store: EventStore, orders: number): Promise<void> => {
  const hand = new Hand(store);
  for (const companyId of [COMPANY, OTHER]) {
    await hand.write(streamOf.account(companyId), companyId, (atMs) => ({
      type: 'AccountOpened',
      companyId,
      atMs,
    }));
  }
  for (let n = 0; n < orders; n += 1) {
    const companyId = n % 3 === 2 ? OTHER : COMPANY;
    const identifier = String(1_000 + n);
    const data = order(n);
    const change = await hand.write(streamOf.resource(companyId, 'order', identifier), companyId, (atMs) => ({
      type: 'ResourceChanged',
      companyId,
      resource: 'order',
      identifier,
      changeType: 'order.paid',
      triggers: ['paid'],
      source: '/tests',
      id: `report-${n}`,
      fingerprint: 'f'.repeat(64),
      occurredAtMs: atMs,
      data,
      relations: { declared: [], derived: [{ resource: 'event', identifier: '7' }] },
      atMs,
    }));
    for (const [at, webhook] of (n % 2 === 0 ? [WEBHOOK] : [WEBHOOK, SECOND]).entries()) {
      await tell(hand, {
        companyId,
        identifier,
        change,
        webhook,
        n,
        guid: guidOf(2_000_000 + 2 * n + at),
        data,
      });
    }
  }
  await hand.flush();
};

interface Told {
  readonly companyId: string;
  readonly identifier: string;
  readonly change: string;
  readonly webhook: string;
  readonly guid: string;
  readonly n: number;
  readonly data: Json;
}

const tell = async (
  hand: Hand,
  { companyId, identifier, change, webhook, guid, n, data }: Told,
): Promise<void> => {
  const stream = streamOf.invocation(guid);
  const write = (event: (atMs: number) => DomainEvent) => hand.write(stream, companyId, event);
  const scheduled: Omit<InvocationScheduled, 'atMs'> = {
    type: 'InvocationScheduled',
    guid,
    webhook,
    companyId,
    change,
    test: false,
    resource: 'order',
    trigger: 'paid',
    identifier,
    origin: { resource: 'order', identifier, trigger: 'paid' },
    matched: [{ resource: 'order', identifier, path: [{ resource: 'order', identifier }] }],
    body: n % 5 === 4 ? `<order>${JSON.stringify(data)}</order>` : JSON.stringify({ guid, data }),
    retries: 1,
    retryBaseMs: 30_000,
    ordering: 'none',
    coalesce: false,
  };
  await write((atMs) => ({ ...scheduled, atMs }));
  if (n % 7 === 6) {
    await write((atMs) => ({ type: 'InvocationCancelled', reason: 'webhook_disabled', atMs }));
    return;
  }
  const url = 'https://partner.example/hook';
  await write((atMs) => ({ type: 'AttemptStarted', number: 1, url, webhookRevision: 0, atMs }));
  if (n % 4 === 3) {
    await write((atMs) => ({
      type: 'AttemptFailed',
      number: 1,
      outcome: 'failed',
      result: refused,
      nextAttemptAtMs: atMs + 30_000,
      atMs,
    }));
    await write((atMs) => ({ type: 'AttemptStarted', number: 2, url, webhookRevision: 1, atMs }));
  }
  await write((atMs) => ({ type: 'InvocationDelivered', number: n % 4 === 3 ? 2 : 1, result: ok, atMs }));
};
