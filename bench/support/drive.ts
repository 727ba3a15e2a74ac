import type { DriveAsk, Driven } from '../processes/driver.ts';
import { cloudEvent } from './made-up.ts';
import { startWorker, type WorkerProcess } from './worker.ts';

export const startDriver = (): WorkerProcess<DriveAsk, Driven> =>
  startWorker(new URL('../processes/driver.ts', import.meta.url));

const STRUCTURED = 'application/cloudevents+json';
const BATCH = 'application/cloudevents-batch+json';

/** One change a request. */
export const singles = (series: string, count: number): Pick<DriveAsk, 'contentType' | 'bodies'> => ({
  contentType: STRUCTURED,
  bodies: Array.from({ length: count }, (_, number) => JSON.stringify(cloudEvent(series, number))),
});

/** `perRequest` changes a request. */
export const batches = (
  series: string,
  count: number,
  perRequest: number,
): Pick<DriveAsk, 'contentType' | 'bodies'> => ({
  contentType: BATCH,
  bodies: Array.from({ length: Math.ceil(count / perRequest) }, (_, request) => {
    const first = request * perRequest;
    const length = Math.min(perRequest, count - first);
    return JSON.stringify(Array.from({ length }, (_event, at) => cloudEvent(series, first + at)));
  }),
});
