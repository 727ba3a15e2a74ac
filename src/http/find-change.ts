import { type Either, isLeft, left } from 'fp-ts/lib/Either.js';
import { readChange } from '../audit/read-change.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import { covers } from './access.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import { guidIn } from './find-webhook.ts';
import type { Call } from './routing.ts';
import { settledSoon } from './settled.ts';

/** The change that the path names, if the caller may see it; the read models show everything up to the request. */
export const findChange = async (
  deps: Pick<HttpDeps, 'readModels' | 'store' | 'settled' | 'clock'>,
  call: Call,
): Promise<Either<Failure, Decoded<ResourceChange>>> => {
  const guid = guidIn(call, 'change');
  if (guid === undefined) return left({ _tag: 'NotFound' });
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const row = deps.readModels.change(guid);
  if (row === undefined || !covers(call.principal, row.companyId)) return left({ _tag: 'NotFound' });
  return readChange(deps.store, row);
};
