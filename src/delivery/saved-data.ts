import { isLeft } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { type LastReported, SAVED_BODY_UNITS_MAX, savedEvent } from '../domain/moshtix-request.ts';
import { printedOrder } from '../domain/order-print.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { ResourceRef } from '../domain/resources.ts';
import { decode } from '../eventstore/codec.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { EventStore, Position } from '../eventstore/event-store.ts';
import { withoutPersonal } from '../eventstore/personal.ts';
import type { Routing } from '../projections/read-models.ts';
import { NotStored } from './not-stored.ts';

export interface SavedDataDeps {
  readonly store: Pick<EventStore, 'readStream'>;
  readonly routing: Pick<Routing, 'lastReport' | 'ticketTypesOf'>;
}

/** The order after the change, as JSON text: the event itself carries it. Events of old logs may not: as reported then. */
export const orderSavedJson = ({ event }: Decoded<ResourceChange>): string =>
  JSON.stringify(event.order === undefined ? event.data : printedOrder(event.order.after));

/** Code units of all that was reported of an event and its ticket types; a body cannot be longer either. */
const REPORTED_UNITS_MAX = SAVED_BODY_UNITS_MAX;

/**
 * The event and its ticket types as last reported up to and with the change at `at`, as JSON text. Ticket types that
 * were deleted are left out. Undefined when it is more than a body can hold. Throws `NotStored` when the store cannot be read: the caller tries again.
 */
export const eventSavedJson = async (
  deps: SavedDataDeps,
  companyId: string,
  at: Position,
  identifier: string,
): Promise<string | undefined> => {
  let units = 0;
  const lastReported = async (ref: ResourceRef): Promise<LastReported | undefined> => {
    const place = deps.routing.lastReport(companyId, at, ref);
    if (ref.resource === 'ticket' && place?.deleted === true) return undefined;
    const revision = place?.revision;
    const data = revision === undefined ? undefined : await reportedData(deps, companyId, ref, revision);
    units += data?.units ?? 0;
    return { identifier: ref.identifier, data: data?.reported };
  };
  const event = (await lastReported({ resource: 'event', identifier })) ?? { identifier, data: undefined };
  const ticketTypes: LastReported[] = [];
  for (const ticketType of deps.routing.ticketTypesOf(companyId, at, identifier)) {
    const reported = await lastReported({ resource: 'ticket', identifier: ticketType });
    if (reported !== undefined) ticketTypes.push(reported);
    if (units > REPORTED_UNITS_MAX) return undefined;
  }
  return JSON.stringify(savedEvent(event, ticketTypes));
};

const reportedData = async (
  { store }: SavedDataDeps,
  companyId: string,
  { resource, identifier }: ResourceRef,
  revision: number,
): Promise<{ readonly reported: JsonObject; readonly units: number } | undefined> => {
  const stream = streamOf.resource(companyId, resource, identifier);
  const page = await store.readStream(stream, { fromRevision: revision, limit: 1 })();
  if (isLeft(page)) throw new NotStored('saved data', page.left._tag);
  const [recorded] = page.right;
  const decoded = recorded === undefined ? undefined : decode(recorded);
  if (decoded === undefined || isLeft(decoded)) {
    throw new Error(`${stream}: revision ${revision} cannot be read again`);
  }
  // Read for what another resource is told: that of a customer is nobody's business there.
  const { data } = withoutCustomer(decoded.right.event as ResourceChange);
  return isJsonObject(data) ? { reported: data, units: recorded?.event.data.length ?? 0 } : undefined;
};

const withoutCustomer = (change: ResourceChange): ResourceChange =>
  change.customer === undefined ? change : withoutPersonal(change);
