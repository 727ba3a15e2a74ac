import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Random } from '../ports/random.ts';
import type { Appender } from './eventstoredb-append.ts';
import type { Reader } from './eventstoredb-read.ts';
import { type AppendFailure, NO_STREAM } from './event-store.ts';

/**
 * What the database may forget of a stream: `$tb` (everything before that revision) and `$maxCount`, kept in the stream's
 * metadata stream. Written as any other append: with an exact revision, and repeated until its outcome is known.
 */
export interface LimitsDeps {
  readonly appender: Pick<Appender, 'append'>;
  readonly reader: Pick<Reader, 'stream'>;
  readonly random: Random;
}

type Values = Readonly<Record<string, unknown>>;

interface Limits {
  /** Of the metadata stream. */
  readonly revision: number;
  readonly values: Values;
}

const NONE: Limits = { revision: NO_STREAM, values: {} };
const TYPE = '$metadata';
const BEFORE = '$tb';
const COUNT = '$maxCount';
const TRIES_MAX = 5;

/** Hides what stands before the revision; the database's scavenge frees it. Never takes a greater `$tb` back. */
export const truncateBefore = (
  deps: LimitsDeps,
  stream: string,
  revision: number,
): Promise<Either<string, void>> =>
  change(
    deps,
    stream,
    (values) => (numberIn(values, BEFORE) >= revision ? undefined : { ...values, [BEFORE]: revision }),
    // Most streams have no metadata: one answer to wait for instead of two.
    NONE,
  );

/** Shows again what `truncateBefore` with the same revision has hidden; any other `$tb` stays. */
export const takeBackTruncation = (
  deps: LimitsDeps,
  stream: string,
  revision: number,
): Promise<Either<string, void>> =>
  change(deps, stream, ({ [BEFORE]: before, ...others }) => (before === revision ? others : undefined));

/** Keeps the newest so many events, unless a number is set already, whichever. */
export const limitCount = (deps: LimitsDeps, stream: string, count: number): Promise<Either<string, void>> =>
  change(deps, stream, (values) => (COUNT in values ? undefined : { ...values, [COUNT]: count }));

const numberIn = (values: Values, name: string): number => {
  const value = values[name];
  return typeof value === 'number' ? value : 0;
};

/** `next`: undefined leaves everything as it is. `presumed` spares reading where it is right. */
const change = async (
  deps: LimitsDeps,
  stream: string,
  next: (values: Values) => Values | undefined,
  presumed?: Limits,
): Promise<Either<string, void>> => {
  let known = presumed;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    if (known === undefined) {
      const read = await limitsOf(deps, stream);
      if (isLeft(read)) return read;
      known = read.right;
    }
    const values = next(known.values);
    if (values === undefined) return right(undefined);
    const written = await write(deps, stream, known.revision, values);
    if (!isLeft(written)) return written;
    if (written.left._tag !== 'WrongExpectedRevision') return left(notWritten(stream, written.left));
    known = undefined;
  }
  return left(`the metadata of ${stream} is being changed by others`);
};

const limitsOf = async ({ reader }: LimitsDeps, stream: string): Promise<Either<string, Limits>> => {
  const page = await reader.stream(`$$${stream}`, { direction: 'backwards', limit: 1 });
  if (isLeft(page)) return left(page.left.message);
  const [newest] = page.right;
  if (newest === undefined) return right(NONE);
  const values: unknown = JSON.parse(newest.event.data);
  return typeof values === 'object' && values !== null
    ? right({ revision: newest.revision, values: values as Values })
    : left(`the metadata of ${stream} is no object`);
};

const write = async (
  { appender, random }: LimitsDeps,
  stream: string,
  expectedRevision: number,
  values: Values,
): Promise<Either<AppendFailure, void>> => {
  const events = [{ id: random.uuid(), type: TYPE, data: JSON.stringify(values), metadata: '{}' }];
  const written = await appender.append([{ stream: `$$${stream}`, expectedRevision, events }]);
  return isLeft(written) ? written : right(undefined);
};

const notWritten = (stream: string, failure: AppendFailure): string =>
  `the metadata of ${stream} could not be written: ${'message' in failure ? failure.message : failure._tag}`;
