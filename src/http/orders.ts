import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { changeAsOf } from '../audit/change-as-of.ts';
import { streamOf } from '../domain/ids.ts';
import { printedOrder } from '../domain/order-print.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import { decode } from '../eventstore/codec.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import { companyOf } from './access.ts';
import { ok } from './answer.ts';
import { guid, optional } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import { codecOf, decodeQuery } from './fields.ts';
import { type AskedMoment, moment, placeOf } from './moment.ts';
import { printedContradiction, printedLastChange } from './print-change.ts';
import type { Call, Handled, Route } from './routing.ts';

type Deps = Pick<HttpDeps, 'store' | 'readModels' | 'settled' | 'shownUpTo' | 'clock'>;

/** Orders, read from their own streams: what was answered with 202 is in them. */
export const orderRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const roles = ['partner', 'platform', 'admin'] as const;
  return [{ method: 'GET', path: '/orders/:id', roles, handle: (call) => read(deps, call) }];
};

/** Changes that one answer goes back to. */
export const HISTORY_MAX = 200;
/** Read at once: each of them has the whole order. */
const PAGE = 20;

const QUERY = codecOf({ company_id: optional(guid), at: optional(moment) });

const read = async (deps: Deps, call: Call): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const company = companyOf(call.principal, query.right.company_id, 'company_id');
  if (isLeft(company)) return company;
  const identifier = call.params['id'] ?? '';
  const upTo = await revisionAt(deps, company.right, identifier, query.right.at);
  if (isLeft(upTo)) return upTo;
  const found = await history(deps, streamOf.resource(company.right, 'order', identifier), upTo.right);
  if (isLeft(found)) return found;
  const { newest, changes, complete } = found.right;
  const order = newest?.event.order?.after;
  if (newest === undefined || order === undefined)
    return left({ _tag: query.right.at === undefined ? 'NotFound' : 'NothingThen' });
  return right(
    ok({
      order: printedOrder(order),
      identifier,
      company_id: company.right,
      situation: order.situation,
      scanned: order.scanned,
      contradictions: changes.flatMap(({ change, recorded_at, contradictions }) =>
        contradictions.map((one) => ({ change, ...printedContradiction(one), at: recorded_at })),
      ),
      changes: changes.map(({ contradictions: _contradictions, ...change }) => change),
      complete,
      revision: newest.revision,
      last_change: printedLastChange(newest),
    }),
  );
};

/** The order's newest revision at that moment, -1 before its first; undefined without a moment: the newest of all. */
const revisionAt = async (
  deps: Deps,
  companyId: string,
  identifier: string,
  at: AskedMoment | undefined,
): Promise<Either<Failure, number | undefined>> => {
  if (at === undefined) return right(undefined);
  const place = await placeOf(deps, at);
  if (isLeft(place)) return place;
  const found = await changeAsOf(deps, companyId, { resource: 'order', identifier }, place.right);
  return isLeft(found) ? found : right(found.right?.revision ?? -1);
};

interface History {
  /** Undefined when nothing was reported; it has no order when nothing of its life was. */
  readonly newest: Decoded<ResourceChange> | undefined;
  /** The newest ones, oldest first. */
  readonly changes: ReadonlyArray<Told>;
  /** Whether the first change is among them. */
  readonly complete: boolean;
}

/** Backwards, because the newest event has the order; a few at a time, and others have their turn in between. */
const history = async (
  { store, clock }: Deps,
  stream: string,
  upTo: number | undefined,
): Promise<Either<Failure, History>> => {
  const changes: Told[] = [];
  let newest: Decoded<ResourceChange> | undefined;
  let fromRevision = upTo;
  while (changes.length < HISTORY_MAX && fromRevision !== -1) {
    if (changes.length > 0) await new Promise<void>((resolve) => clock.setTimer(0, resolve));
    const limit = Math.min(PAGE, HISTORY_MAX - changes.length);
    const page = await store.readStream(stream, {
      direction: 'backwards',
      limit,
      ...(fromRevision !== undefined && { fromRevision }),
    })();
    if (isLeft(page)) return page;
    for (const recorded of page.right) {
      const decoded = decode(recorded);
      // The reading of the log will stop there, too.
      if (isLeft(decoded)) return left({ _tag: 'ReadingStopped' });
      const change = decoded.right as Decoded<ResourceChange>;
      newest ??= change;
      if (newest.event.order === undefined) return right({ newest, changes: [], complete: true });
      changes.push(told(change));
    }
    fromRevision = (page.right.at(-1)?.revision ?? 0) - 1;
  }
  return right({ newest, changes: changes.reverse(), complete: fromRevision === -1 });
};

const told = ({ id, event }: Decoded<ResourceChange>) => ({
  change: id,
  type: event.changeType,
  occurred_at: new Date(event.occurredAtMs).toISOString(),
  recorded_at: new Date(event.atMs).toISOString(),
  contradictions: event.order?.contradictions ?? [],
});
type Told = ReturnType<typeof told>;
