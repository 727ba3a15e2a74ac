import { isLeft } from 'fp-ts/lib/Either.js';
import type { Report } from '../../../simulator/orders/cloud-event.ts';
import type { Mischief } from '../../../simulator/orders/mischief.ts';
import type { OrderStream } from '../../../simulator/orders/stream.ts';
import type { World } from '../../../simulator/orders/world.ts';
import { Pace } from '../../../simulator/sending/pace.ts';
import { type PostFailure, Poster } from '../../../simulator/sending/post.ts';
import { Progress } from '../../../simulator/sending/progress.ts';
import { EXIT_FINDINGS, EXIT_OK, EXIT_USAGE, failed } from '../command.ts';

export interface Posting {
  readonly world: World;
  readonly stream: OrderStream;
  readonly mischief: Mischief | undefined;
  readonly reports: Iterable<Report>;
  readonly changesMax: number;
  /** A second; undefined: one request after the other. */
  readonly rate: number | undefined;
  readonly to: { readonly url: string; readonly token: string };
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

const BATCH_MAX = 100;
/** The server takes requests of at most 1 MiB. */
const BATCH_CHARACTERS_MAX = 500_000;

/**
 * Posts the reports in their order, one request at a time: two requests under way could overtake each other, and the
 * refund of an order could come before its sale. Answers the exit code.
 */
export const postOrders = async (posting: Posting): Promise<number> => {
  const { reports, stream, changesMax, rate, to, patienceMs, signal } = posting;
  const progress = new Progress();
  const poster = new Poster({
    ...to,
    patienceMs,
    signal,
    onTrouble: (why) => progress.line(`not taken, sending it again: ${why}`),
  });
  const pace = new Pace(rate ?? Infinity);
  const tally = { sent: 0, accepted: 0, duplicates: 0, refused: 0, requests: 0 };
  let failure: PostFailure | undefined;
  for (const batch of batchesOf(reports, () => (rate === undefined ? BATCH_MAX : pace.due - tally.sent))) {
    if (rate !== undefined) await pace.until(tally.sent, signal).catch(() => undefined);
    const posted = await poster.post(batch);
    if (isLeft(posted)) {
      failure = posted.left;
      break;
    }
    tally.sent += batch.length;
    tally.requests += 1;
    tally.accepted += posted.right.accepted;
    tally.duplicates += posted.right.duplicates;
    tally.refused += posted.right.refused;
    const share = Math.max(stream.share, tally.sent / changesMax);
    progress.show(
      share,
      () => `${tally.sent} changes, ${stream.sold} orders, ${perSecond(tally.sent, pace)} per s`,
    );
  }
  progress.end();
  if (tally.sent > 0 || failure === undefined) summarize(posting, tally, poster, pace);
  return failure === undefined ? EXIT_OK : exitCodeOf(failure);
};

/** As many as are due, at least one, as far as they fit into a request. */
function* batchesOf(reports: Iterable<Report>, due: () => number): Generator<ReadonlyArray<Report>> {
  let batch: Report[] = [];
  let characters = 0;
  let wanted = 1;
  for (const report of reports) {
    const isFull = batch.length >= wanted || characters + report.text.length > BATCH_CHARACTERS_MAX;
    if (isFull && batch.length > 0) {
      yield batch;
      batch = [];
      characters = 0;
      wanted = Math.max(1, Math.min(BATCH_MAX, due()));
    }
    batch.push(report);
    characters += report.text.length;
  }
  if (batch.length > 0) yield batch;
}

const perSecond = (sent: number, pace: Pace): string =>
  Math.round((sent * 1_000) / Math.max(1, pace.elapsedMs)).toLocaleString('en-US');

interface Tally {
  readonly sent: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly refused: number;
  readonly requests: number;
}

const summarize = (posting: Posting, tally: Tally, poster: Poster, pace: Pace): void => {
  const { world, stream, mischief, to, rate } = posting;
  const { accepted, duplicates, refused, requests, sent } = tally;
  const asked = rate === undefined ? '' : ` (asked for ${rate.toLocaleString('en-US')})`;
  const lines: ReadonlyArray<readonly [string, string]> = [
    ['posted to', `${to.url}, as ${world.source}`],
    ['orders sold', count(stream.sold)],
    ['changes', `${count(sent)} in ${count(requests)} requests, ${perSecond(sent, pace)} per s${asked}`],
    ['accepted', count(accepted)],
    ['duplicates', `${count(duplicates)} were known already`],
    ['refused', refused === 0 ? '0' : `${count(refused)}; the first: ${poster.firstRefusal ?? ''}`],
    ['sent again', `${count(poster.sentAgain)} requests`],
    ...(mischief === undefined
      ? []
      : [
          [
            'mischief',
            Object.entries(mischief.counts)
              .map(([kind, n]) => `${n} ${kind}`)
              .join(', '),
          ] as const,
        ]),
  ];
  process.stdout.write(lines.map(([name, text]) => `${name.padEnd(12)} ${text}\n`).join(''));
};

const count = (n: number): string => n.toLocaleString('en-US');

const exitCodeOf = (failure: PostFailure): number => {
  switch (failure._tag) {
    case 'TokenRefused':
      failed(
        `${failure.message}\nAnother token is made by callboard token; --company GUID sells as another company.`,
      );
      return EXIT_USAGE;
    case 'NotReached':
    case 'NotTaken':
      return failed(failure.message);
    case 'Interrupted':
      return EXIT_FINDINGS;
  }
};
