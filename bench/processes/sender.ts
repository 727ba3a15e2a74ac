import { Pool } from 'undici';
import { serveWorker } from '../support/worker.ts';

/** What any sender has to do at least: POST with undici, read the answer. No log, no signature, no guard. */

export interface SendAsk {
  readonly origin: string;
  readonly paths: ReadonlyArray<string>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly count: number;
  readonly inFlight: number;
}

serveWorker<SendAsk, null>(async ({ origin, paths, headers, body, count, inFlight }) => {
  const pool = new Pool(origin, { connections: inFlight, pipelining: 1 });
  let sent = 0;
  const sendUntilDone = async (): Promise<void> => {
    while (sent < count) {
      const path = paths[sent % paths.length] ?? '/';
      sent += 1;
      const answer = await pool.request({ path, method: 'POST', headers, body });
      await answer.body.dump();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, sendUntilDone));
  await pool.close();
  return null;
});
