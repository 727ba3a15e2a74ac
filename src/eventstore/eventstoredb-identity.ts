import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Random } from '../ports/random.ts';
import type { Appender } from './eventstoredb-append.ts';
import type { Reader } from './eventstoredb-read.ts';
import { NO_STREAM } from './event-store.ts';

/**
 * One stream of ours that no projection reads: its first event gives the store its id, its second names the key that
 * webhook secrets are sealed under. A storage format: never changed.
 */
const STREAM = 'callboard-store';
const NAMED = 'StoreNamed';
const KEY_BOUND = 'KeyBound';

export interface IdentityDeps {
  readonly appender: Pick<Appender, 'append'>;
  readonly reader: Pick<Reader, 'stream'>;
  readonly random: Random;
}

/** The store's id, made by whoever comes first. Left: why this process must not use the store, in words. */
export const storeIdentity = async (
  deps: IdentityDeps,
  keyId: string | undefined,
): Promise<Either<string, string>> => {
  const id = await valueAt(deps, 0, NAMED, 'id', deps.random.uuid());
  if (isLeft(id) || keyId === undefined) return id;
  const bound = await valueAt(deps, 1, KEY_BOUND, 'keyId', keyId);
  if (isLeft(bound)) return bound;
  return bound.right === keyId
    ? id
    : left(
        `its webhook secrets were sealed under another CALLBOARD_SECRET (key ${bound.right}, not ${keyId}): start with that one`,
      );
};

/** What stands there, or what was written because nothing did. Of several at once the first decides. */
const valueAt = async (
  { appender, reader, random }: IdentityDeps,
  revision: number,
  type: string,
  field: string,
  value: string,
): Promise<Either<string, string>> => {
  const data = JSON.stringify({ [field]: value });
  const events = [{ id: random.uuid(), type, data, metadata: '{}' }];
  const read = async (): Promise<Either<string, string | undefined>> => {
    const page = await reader.stream(STREAM, { fromRevision: revision, limit: 1 });
    if (isLeft(page)) return left(page.left.message);
    const [stored] = page.right;
    if (stored === undefined) return right(undefined);
    const parsed =
      stored.event.type === type ? (JSON.parse(stored.event.data) as Record<string, unknown>) : {};
    const found = parsed[field];
    return typeof found === 'string' ? right(found) : left(`its stream ${STREAM} is not Callboard's`);
  };
  const before = await read();
  if (isLeft(before)) return before;
  if (before.right !== undefined) return right(before.right);
  const expectedRevision = revision === 0 ? NO_STREAM : revision - 1;
  const written = await appender.append([{ stream: STREAM, expectedRevision, events }]);
  if (written._tag === 'Right') return right(value);
  if (written.left._tag !== 'WrongExpectedRevision')
    return left(`${STREAM} could not be written: ${written.left._tag}`);
  const after = await read();
  if (isLeft(after)) return after;
  return after.right === undefined ? left(`${STREAM} could not be read`) : right(after.right);
};
