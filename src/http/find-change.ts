import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { ResourceChange } from '../domain/resource-change.ts';
import { decode } from '../eventstore/codec.ts';
import type { Position } from '../eventstore/event-store.ts';
import { covers } from './access.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import { guidIn } from './find-webhook.ts';
import type { Call } from './routing.ts';
import { settledSoon } from './settled.ts';

export interface FoundChange {
  readonly guid: string;
  readonly position: Position;
  readonly event: ResourceChange;
}

/** The change that the path names, if the caller may see it; the read models show everything up to the request. */
export const findChange = async (
  deps: Pick<HttpDeps, 'readModels' | 'store' | 'settled' | 'clock'>,
  call: Call,
): Promise<Either<Failure, FoundChange>> => {
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
  return right({ guid, position: row.position, event: decoded.right.event as ResourceChange });
};
