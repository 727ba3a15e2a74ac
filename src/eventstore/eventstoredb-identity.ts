import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Random } from '../ports/random.ts';
import type { Appender } from './eventstoredb-append.ts';
import type { Reader } from './eventstoredb-read.ts';
import { NO_STREAM, type RecordedEvent } from './event-store.ts';

/**
 * One stream of ours that no projection reads: its first event gives the store its id, its second names the key that
 * webhook secrets are sealed under. A storage format: never changed.
 */
const STREAM = 'callboard-store';
const NAMED = 'StoreNamed';
const KEY_BOUND = 'KeyBound';

/** Another one: its last event says whether events are being copied into the store. A storage format: never changed. */
const MOVE_STREAM = 'callboard-move';
const MOVE_STARTED = 'MoveStarted';
const MOVE_ENDED = 'MoveEnded';

export interface IdentityDeps {
  readonly appender: Pick<Appender, 'append'>;
  readonly reader: Pick<Reader, 'stream'>;
  readonly random: Random;
}

/** The store's id, made by whoever comes first. Left: why this process must not use the store, in words. */
export const storeIdentity = (deps: IdentityDeps): Promise<Either<string, string>> =>
  valueAt(deps, 0, NAMED, 'id', deps.random.uuid());

/** The same where nothing may be written: undefined when nobody has used the store yet. */
export const knownIdentity = (
  deps: Pick<IdentityDeps, 'reader'>,
): Promise<Either<string, string | undefined>> => knownAt(deps, 0, NAMED, 'id');

/** The key that the store is bound to, or undefined. */
export const boundKey = (deps: Pick<IdentityDeps, 'reader'>): Promise<Either<string, string | undefined>> =>
  knownAt(deps, 1, KEY_BOUND, 'keyId');

/** The first key is written down, and no other one is accepted after that. */
export const bindKey = async (deps: IdentityDeps, keyId: string): Promise<Either<string, void>> => {
  const bound = await valueAt(deps, 1, KEY_BOUND, 'keyId', keyId);
  if (isLeft(bound)) return bound;
  return bound.right === keyId
    ? right(undefined)
    : left(
        `its webhook secrets were sealed under another CALLBOARD_SECRET (key ${bound.right}, not ${keyId}): start with that one`,
      );
};

/** Where the events come from that are being copied into the store, or undefined: a server may use it. */
export const movedFrom = async (
  deps: Pick<IdentityDeps, 'reader'>,
): Promise<Either<string, string | undefined>> => {
  const last = await lastMove(deps);
  if (isLeft(last)) return last;
  return last.right?.event.type === MOVE_STARTED
    ? fieldOf(last.right, 'from', MOVE_STREAM)
    : right(undefined);
};

/** `from`: the store that the events come from; undefined: the move has come to its end. Said twice it changes nothing. */
export const markMove = async (
  deps: IdentityDeps,
  from: string | undefined,
): Promise<Either<string, void>> => {
  const last = await lastMove(deps);
  if (isLeft(last)) return last;
  const type = from === undefined ? MOVE_ENDED : MOVE_STARTED;
  if ((last.right?.event.type ?? MOVE_ENDED) === type) return right(undefined);
  const data = JSON.stringify(from === undefined ? {} : { from });
  const events = [{ id: deps.random.uuid(), type, data, metadata: '{}' }];
  const expectedRevision = last.right?.revision ?? NO_STREAM;
  const written = await deps.appender.append([{ stream: MOVE_STREAM, expectedRevision, events }]);
  return isLeft(written)
    ? left(`${MOVE_STREAM} could not be written: ${written.left._tag}`)
    : right(undefined);
};

const lastMove = async ({
  reader,
}: Pick<IdentityDeps, 'reader'>): Promise<Either<string, RecordedEvent | undefined>> => {
  const page = await reader.stream(MOVE_STREAM, { direction: 'backwards', limit: 1 });
  return isLeft(page) ? left(page.left.message) : right(page.right[0]);
};

const fieldOf = ({ event }: RecordedEvent, field: string, stream: string): Either<string, string> => {
  const found = (JSON.parse(event.data) as Record<string, unknown>)[field];
  return typeof found === 'string' ? right(found) : left(`its stream ${stream} is not Callboard's`);
};

const knownAt = async (
  { reader }: Pick<IdentityDeps, 'reader'>,
  revision: number,
  type: string,
  field: string,
): Promise<Either<string, string | undefined>> => {
  const page = await reader.stream(STREAM, { fromRevision: revision, limit: 1 });
  if (isLeft(page)) return left(page.left.message);
  const [stored] = page.right;
  if (stored === undefined) return right(undefined);
  return stored.event.type === type
    ? fieldOf(stored, field, STREAM)
    : left(`its stream ${STREAM} is not Callboard's`);
};

/** What stands there, or what was written because nothing did. Of several at once the first decides. */
const valueAt = async (
  deps: IdentityDeps,
  revision: number,
  type: string,
  field: string,
  value: string,
): Promise<Either<string, string>> => {
  const before = await knownAt(deps, revision, type, field);
  if (isLeft(before)) return before;
  if (before.right !== undefined) return right(before.right);
  const data = JSON.stringify({ [field]: value });
  const events = [{ id: deps.random.uuid(), type, data, metadata: '{}' }];
  const expectedRevision = revision === 0 ? NO_STREAM : revision - 1;
  const written = await deps.appender.append([{ stream: STREAM, expectedRevision, events }]);
  if (written._tag === 'Right') return right(value);
  if (written.left._tag !== 'WrongExpectedRevision')
    return left(`${STREAM} could not be written: ${written.left._tag}`);
  const after = await knownAt(deps, revision, type, field);
  if (isLeft(after)) return after;
  return after.right === undefined ? left(`${STREAM} could not be read`) : right(after.right);
};
