import { streamOf } from '../../src/domain/ids.ts';
import type { DomainEvent } from '../../src/domain/events.ts';
import type { InvocationEvent } from '../../src/domain/invocation.ts';
import type { ResourceChange } from '../../src/domain/resource-change.ts';
import type { WebhookEvent } from '../../src/domain/webhook.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';

/** A log in memory, as the codec would hand it over; ids and metadata are made up. */
export interface DecodedLog {
  readonly events: ReadonlyArray<Decoded>;
  /** Appends to the stream and tells what was stored. */
  append<E extends DomainEvent>(stream: string, event: E, id?: string): Decoded<E>;
  webhook(guid: string, event: WebhookEvent): Decoded<WebhookEvent>;
  change(event: ResourceChange, id?: string): Decoded<ResourceChange>;
  invocation(guid: string, event: InvocationEvent): Decoded<InvocationEvent>;
}

/** `positionStep`: the distance between positions, as not every store counts them without gaps. */
export const decodedLog = (positionStep = 1): DecodedLog => {
  const events: Decoded[] = [];
  const revisions = new Map<string, number>();

  const append = <E extends DomainEvent>(stream: string, event: E, id?: string): Decoded<E> => {
    const revision = (revisions.get(stream) ?? -1) + 1;
    revisions.set(stream, revision);
    const position = (events.length + 1) * positionStep;
    const decoded: Decoded<E> = {
      id: id ?? guidOf(position),
      stream,
      revision,
      position,
      event,
      metadata: {
        correlationId: 'a test',
        causationId: 'a test',
        actor: 'test',
        companyId: guidOf(0),
        time: new Date(event.atMs).toISOString(),
        schemaVersion: 1,
        hash: '',
      },
    };
    events.push(decoded);
    return decoded;
  };

  return {
    events,
    append,
    webhook: (guid, event) => append(streamOf.webhook(guid), event),
    change: (event, id) =>
      append(streamOf.resource(event.companyId, event.resource, event.identifier), event, id),
    invocation: (guid, event) => append(streamOf.invocation(guid), event),
  };
};

/** A guid that shows its number; guids of neighbouring numbers share their first six bytes. */
export const guidOf = (number: number): string =>
  `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
