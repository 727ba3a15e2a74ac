import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import type { InvocationRow } from '../projections/read-models.ts';
import type { HttpDeps } from './deps.ts';
import type { Failure } from './failure.ts';
import { EXCERPT_IN_LISTS_MAX, printedInvocation } from './print-invocation.ts';

const READ_TOGETHER_MAX = 20;

/** As lists show them. Each is read with its body, which is not shown: a few at a time, so that a page takes little memory. */
export const readInvocations = async (
  { invocations }: Pick<HttpDeps, 'invocations'>,
  rows: ReadonlyArray<InvocationRow>,
): Promise<Either<Failure, ReadonlyArray<ReturnType<typeof printedInvocation>>>> => {
  const items: Array<ReturnType<typeof printedInvocation>> = [];
  for (let done = 0; done < rows.length; done += READ_TOGETHER_MAX) {
    const some = rows.slice(done, done + READ_TOGETHER_MAX);
    for (const known of await Promise.all(some.map((row) => invocations.get(row.guid)))) {
      // Removed from the log long after it was settled; the read models may still know it.
      if (isLeft(known) && isGone(known.left)) continue;
      if (isLeft(known)) return known;
      items.push(printedInvocation(known.right, EXCERPT_IN_LISTS_MAX));
    }
  }
  return right(items);
};

/** Whether nothing but its end is left of it. */
export const isGone = ({ _tag }: Failure): boolean =>
  _tag === 'InvocationUnknown' || _tag === 'InvocationRemoved';
