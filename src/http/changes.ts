import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { ReportFailure } from '../commands/reported-change.ts';
import { belongsTo, type ResourceChange } from '../domain/resource-change.ts';
import { decode } from '../eventstore/codec.ts';
import { covers } from './access.ts';
import { accepted, ok } from './answer.ts';
import { type ChangeType, changeTypesOf } from './change-types.ts';
import { changesFrom, ERRORS_MAX, placeOf } from './cloud-event.ts';
import { readEvents } from './cloud-events-request.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import { guidIn } from './find-webhook.ts';
import { printedContradiction } from './orders.ts';
import type { Call, Handled, Route } from './routing.ts';
import { settledSoon } from './settled.ts';

type Deps = Pick<HttpDeps, 'rules' | 'intake' | 'readModels' | 'store' | 'settled' | 'clock'>;

export const changeRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const types = changeTypesOf(deps.rules);
  const reporters = ['platform', 'admin'] as const;
  const readers = ['partner', 'platform', 'admin'] as const;
  return [
    { method: 'POST', path: '/changes', roles: reporters, handle: (call) => report(deps, types, call) },
    { method: 'GET', path: '/changes/:change', roles: readers, handle: (call) => read(deps, call) },
  ];
};

/** Answers when everything of the request is on disk. */
const report = async (deps: Deps, types: ReadonlyMap<unknown, ChangeType>, call: Call): Handled => {
  const { principal, request, requestId } = call;
  const received = await readEvents(request);
  if (isLeft(received)) return received;
  const { events, single } = received.right;
  const changes = changesFrom({ types, principal }, events, single);
  if (isLeft(changes)) return changes;
  const receipts = await deps.intake.report(changes.right, principal.subject, requestId);
  return isLeft(receipts)
    ? left(failureOf(receipts.left, single))
    : right(accepted({ changes: receipts.right }));
};

const failureOf = (failure: ReportFailure, single: boolean): Failure =>
  failure._tag !== 'ReportsContradict'
    ? failure
    : {
        _tag: 'OrderContradicted',
        errors: failure.contradictions
          .slice(0, ERRORS_MAX)
          .map(({ field, index, message }) => ({ field: placeOf(field, index, single), message })),
      };

const read = async (deps: Deps, call: Call): Handled => {
  const guid = guidIn(call, 'change');
  if (guid === undefined) return left({ _tag: 'NotFound' });
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const row = deps.readModels.change(guid);
  if (row === undefined || !covers(call.principal, row.companyId)) return left({ _tag: 'NotFound' });

  const page = await deps.store.readStream(row.stream, { fromRevision: row.revision, limit: 1 })();
  if (isLeft(page)) return page;
  const [recorded] = page.right;
  const decoded = recorded === undefined ? undefined : decode(recorded);
  if (decoded === undefined || isLeft(decoded)) {
    throw new Error(`change ${guid} cannot be read from ${row.stream} at revision ${row.revision}`);
  }
  return right(ok(printed(guid, decoded.right.event as ResourceChange)));
};

const printed = (guid: string, change: ResourceChange) => ({
  change: guid,
  id: change.id,
  source: change.source,
  type: change.changeType,
  resource: change.resource,
  identifier: change.identifier,
  triggers: change.triggers,
  company_id: change.companyId,
  occurred_at: new Date(change.occurredAtMs).toISOString(),
  recorded_at: new Date(change.atMs).toISOString(),
  data: change.data,
  /** In force from this change on, whether it carried them or not. */
  relations: belongsTo(change.relations),
  ...(contradicts(change) && { contradictions: change.order?.contradictions.map(printedContradiction) }),
});

const contradicts = ({ order }: ResourceChange): boolean =>
  order !== undefined && order.contradictions.length > 0;
