import { setTimeout as sleep } from 'node:timers/promises';
import { startWorker } from './worker.ts';

export type ReceiverAsk =
  | { readonly do: 'port' }
  /** Counts anew. */
  | { readonly do: 'expect'; readonly count: number }
  /** Answers once as many as expected have come. */
  | { readonly do: 'await' };

/** Milliseconds since the epoch. */
export interface Arrivals {
  readonly port: number;
  readonly count: number;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
}

export interface ReceiverProcess {
  readonly url: string;
  expect(count: number): Promise<void>;
  /** Throws when they do not come. */
  allArrived(): Promise<Arrivals>;
  stop(): Promise<void>;
}

const ARRIVALS_WITHIN_MS = 120_000;

export const startReceiver = async (): Promise<ReceiverProcess> => {
  const worker = startWorker<ReceiverAsk, Arrivals>(new URL('../processes/receiver.ts', import.meta.url));
  const { port } = await worker.ask({ do: 'port' });
  return {
    url: `http://127.0.0.1:${port}`,
    expect: async (count) => {
      await worker.ask({ do: 'expect', count });
    },
    allArrived: async () => {
      const late = new AbortController();
      const tooLate = sleep(ARRIVALS_WITHIN_MS, undefined, { signal: late.signal }).then((): never => {
        throw new Error('the receiver does not get what was sent to it');
      });
      tooLate.catch(() => undefined);
      const arrivals = await Promise.race([worker.ask({ do: 'await' }), tooLate]);
      late.abort();
      return arrivals;
    },
    stop: () => worker.stop(),
  };
};

/** Requests a second between the first and the last. */
export const arrivalRate = ({ count, firstAtMs, lastAtMs }: Arrivals): number =>
  ((count - 1) * 1000) / Math.max(1, lastAtMs - firstAtMs);
