import { Pool } from 'undici';
import { percentile } from '../support/statistics.ts';
import { serveWorker } from '../support/worker.ts';

/** The platform: POSTs CloudEvents as fast as the server answers, a fixed number of requests at a time. */

export interface DriveAsk {
  readonly url: string;
  readonly token: string;
  readonly contentType: string;
  readonly bodies: ReadonlyArray<string>;
  readonly inFlight: number;
}

export interface Driven {
  /** Milliseconds since the epoch. */
  readonly firstSentAtMs: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

serveWorker<DriveAsk, Driven>(async ({ url, token, contentType, bodies, inFlight }) => {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: inFlight, pipelining: 1 });
  const headers = { 'content-type': contentType, authorization: `Bearer ${token}` };
  const latencies: number[] = [];
  let sent = 0;
  const postUntilDone = async (): Promise<void> => {
    while (sent < bodies.length) {
      const body = bodies[sent] ?? '';
      sent += 1;
      const startedMs = performance.now();
      const answer = await pool.request({ path: pathname, method: 'POST', headers, body });
      const text = await answer.body.text();
      latencies.push(performance.now() - startedMs);
      if (answer.statusCode !== 202)
        throw new Error(`POST ${url} was answered ${answer.statusCode}: ${text}`);
    }
  };
  const firstSentAtMs = Date.now();
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: inFlight }, postUntilDone));
  const elapsedMs = performance.now() - startedMs;
  await pool.close();
  return {
    firstSentAtMs,
    requestsPerSecond: (bodies.length * 1000) / elapsedMs,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
  };
});
