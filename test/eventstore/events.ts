import type { Cause, DomainEvent } from '../../src/domain/events.ts';
import { streamOf } from '../../src/domain/ids.ts';
import type { Json } from '../../src/domain/json.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import type { Resource } from '../../src/domain/resources.ts';
import { emptyHead, seal } from '../../src/eventstore/codec.ts';
import type { Head } from '../../src/eventstore/decoded.ts';
import type { StreamAppend } from '../../src/eventstore/event-store.ts';
import { guidOf } from '../arbitraries/decoded-log.ts';

/** Ready-made events for tests of stores. */

export const CAUSE: Cause = {
  correlationId: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a01',
  causationId: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a02',
  actor: 'platform',
  companyId: '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a03',
};

export const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

export const change = (n: number, data: Json = { n }): ResourceChange => ({
  type: 'ResourceChanged',
  companyId: CAUSE.companyId,
  resource: 'event',
  identifier: String(n),
  changeType: 'event.update',
  triggers: ['update'],
  source: '/tests',
  id: `change-${n}`,
  fingerprint: 'f'.repeat(64),
  occurredAtMs: AT_MS,
  data,
  relations: { declared: [{ resource: 'shop', identifier: 's1' }], derived: [] },
  atMs: AT_MS,
});

/** The stream of a resource, named as ours are. */
export const resourceStream = (resource: Resource, identifier: number | string): string =>
  streamOf.resource(CAUSE.companyId, resource, String(identifier));

/** Writes a stream's chain on: one append after the other, each with the ids asked for. */
export class Writer {
  readonly stream: string;
  head: Head;

  constructor(stream: string) {
    this.stream = stream;
    this.head = emptyHead(stream);
  }

  /** The append that follows on all before it. */
  next(ids: ReadonlyArray<number>, event: (n: number) => DomainEvent = change): StreamAppend {
    const sealed = this.peek(ids, event);
    this.head = sealed.head;
    return sealed.append;
  }

  /** As `next`, but another one may follow at the same place. */
  peek(
    ids: ReadonlyArray<number>,
    event: (n: number) => DomainEvent = change,
  ): { readonly append: StreamAppend; readonly head: Head } {
    const events = ids.map((n) => ({ id: guidOf(n), event: event(n) }));
    return seal(this.stream, this.head, events, CAUSE);
  }
}
