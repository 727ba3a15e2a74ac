import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { type VerifyAnswer, type VerifyAsk, verifyPart } from './sqlite-verify-part.ts';

export interface VerifierOptions {
  readonly path: string;
  readonly breaksMax: number;
}

export interface ToVerifier {
  readonly index: number;
  readonly ask: VerifyAsk;
}

export interface FromVerifier {
  readonly index: number;
  readonly answer: VerifyAnswer;
}

/** In a checkout the source itself, in the published package what was compiled from it. */
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? './sqlite-verify-worker.ts' : './sqlite-verify-worker.js',
  import.meta.url,
);

/** Rows are gone as soon as they are looked at; what V8 would keep room for is memory that nothing needs. */
const YOUNG_MB = 8;

/** As soon as so many are found, no further part is begun. */
export interface Verifiers extends VerifierOptions {
  readonly db: DatabaseSync;
  /** 0: on this one. */
  readonly threads: number;
}

/** The answers in the order of the asks; none for those that were not asked any more. Rejects when a thread fails. */
export const askAll = (
  verifiers: Verifiers,
  asks: ReadonlyArray<VerifyAsk>,
  onAnswer: (answer: VerifyAnswer) => void,
): Promise<ReadonlyArray<VerifyAnswer | undefined>> =>
  verifiers.threads > 0 ? askThreads(verifiers, asks, onAnswer) : askHere(verifiers, asks, onAnswer);

const askHere = async (
  { db, breaksMax }: Verifiers,
  asks: ReadonlyArray<VerifyAsk>,
  onAnswer: (answer: VerifyAnswer) => void,
): Promise<ReadonlyArray<VerifyAnswer | undefined>> => {
  const answers: VerifyAnswer[] = [];
  let breaks = 0;
  for (const ask of asks) {
    const answer = verifyPart(db, ask, breaksMax);
    answers.push(answer);
    onAnswer(answer);
    breaks += answer.breaks.length;
    if (breaks >= breaksMax) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return answers;
};

const askThreads = async (
  { path, breaksMax, threads }: Verifiers,
  asks: ReadonlyArray<VerifyAsk>,
  onAnswer: (answer: VerifyAnswer) => void,
): Promise<ReadonlyArray<VerifyAnswer | undefined>> => {
  const answers: Array<VerifyAnswer | undefined> = asks.map(() => undefined);
  const workers = Array.from(
    { length: Math.min(threads, asks.length) },
    () =>
      new Worker(WORKER_URL, {
        workerData: { path, breaksMax } satisfies VerifierOptions,
        execArgv: [],
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      }),
  );
  let [next, breaks] = [0, 0];
  try {
    await Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            const goOn = (): void => {
              const ask = breaks < breaksMax ? asks[next] : undefined;
              if (ask === undefined) return resolve();
              worker.postMessage({ index: next, ask } satisfies ToVerifier);
              next += 1;
            };
            worker.on('error', reject);
            worker.on('exit', () => reject(new Error('a thread that verifies has ended')));
            worker.on('message', ({ index, answer }: FromVerifier) => {
              answers[index] = answer;
              breaks += answer.breaks.length;
              onAnswer(answer);
              goOn();
            });
            goOn();
          }),
      ),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return answers;
};
