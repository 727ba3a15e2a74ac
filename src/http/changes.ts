import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { ReportFailure } from '../commands/reported-change.ts';
import { belongsTo, type ResourceChange } from '../domain/resource-change.ts';
import { accepted, ok } from './answer.ts';
import { type ChangeType, changeTypesOf } from './change-types.ts';
import { changesFrom, ERRORS_MAX, placeOf } from './cloud-event.ts';
import { readEvents } from './cloud-events-request.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import { findChange } from './find-change.ts';
import { printedContradiction, printedErasureOf } from './print-change.ts';
import type { Call, Handled, Route } from './routing.ts';

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
  const found = await findChange(deps, call);
  return isLeft(found)
    ? found
    : right(
        ok({
          ...printed(found.right.id, found.right.event),
          ...printedErasureOf(found.right.event, deps.readModels),
        }),
      );
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
