import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Memory, memoryOf } from './memory.ts';
import { tie } from './worker.ts';

/** The real server in a process of its own, as `npm start` runs it. */
export interface CallboardProcess {
  readonly url: string;
  /** From the start of the process to the first 200 of /readyz. */
  readonly readyAfterMs: number;
  memory(): Memory;
  /** The same promise, rejected when the server ends before it is settled. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Drains and ends. Throws when it does not end well, or had to warn: then it did something else than was asked. */
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const READY_POLL_MS = 10;
/** Of its log, to tell why it ended. */
const LAST_LINES = 10;

/** `nodeOptions` are for node itself, for example to take a profile. */
export const startCallboard = async (
  dataDir: string,
  nodeOptions: ReadonlyArray<string> = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<CallboardProcess> => {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...nodeOptions, MAIN, 'serve'], {
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      CALLBOARD_DATA_DIR: dataDir,
      CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  tie(child);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const lines = createInterface({ input: child.stdout });
  const lastLines: string[] = [];
  const warnings: string[] = [];
  const listening = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      lastLines.push(line);
      if (lastLines.length > LAST_LINES) lastLines.shift();
      const { level, url } = JSON.parse(line) as { readonly level: string; readonly url?: string };
      if (url !== undefined) resolve(url);
      if (level === 'warn' || level === 'error') warnings.push(line);
    });
  });
  const endedEarly = ended.then((code): never => {
    throw new Error(`callboard serve ended too early, with code ${String(code)}:\n${lastLines.join('\n')}`);
  });
  endedEarly.catch(() => undefined);
  const during = <T>(work: Promise<T>): Promise<T> => Promise.race([work, endedEarly]);
  const url = await during(listening);
  while ((await fetch(`${url}/readyz`)).status !== 200) await sleep(READY_POLL_MS);
  const readyAfterMs = performance.now() - startedMs;

  return {
    url,
    readyAfterMs,
    memory: () => memoryOf(child.pid),
    during,
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      if (code !== 0) throw new Error(`callboard serve ended with code ${String(code)}`);
      if (warnings.length > 0) throw new Error(`callboard serve warned:\n${warnings.join('\n')}`);
    },
  };
};
