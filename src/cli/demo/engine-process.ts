import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CLI_FILE } from './program.ts';

/** The first wait after a failure; a demo has no time for the usual 30 s. */
export const RETRY_BASE_MS = 200;

export interface EngineSettings {
  readonly dataDir: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Called should the engine end before it is told to. */
  readonly onLost: (error: Error) => void;
}

/** The demo's own settings alone, whatever the shell has set for another server; except an EventStoreDB to play on. */
const environmentOf = (settings: Pick<EngineSettings, 'dataDir'>): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOther(name))),
  CALLBOARD_DATA_DIR: settings.dataDir,
});

const isOther = (name: string): boolean =>
  name.startsWith('CALLBOARD_') && !(databaseOfDemo() !== undefined && name.startsWith('CALLBOARD_STORE'));

/** The EventStoreDB that `CALLBOARD_STORE` names, undefined: the demo's store is a file in its own folder. */
export const databaseOfDemo = (): string | undefined => {
  const store = process.env['CALLBOARD_STORE'] ?? '';
  return store.startsWith('esdb') ? store : undefined;
};

/** `callboard serve` as a process of its own. */
export class EngineProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exited: Promise<void>;
  readonly #complaints: Complaints;
  #told = false;

  private constructor(
    child: ChildProcessByStdio<null, Readable, Readable>,
    url: string,
    exited: Promise<void>,
    complaints: Complaints,
  ) {
    this.#child = child;
    this.#complaints = complaints;
    this.#exited = exited;
    this.url = url;
    this.port = Number(new URL(url).port);
    this.pid = child.pid ?? 0;
  }

  /** Resolves when it listens. */
  static async start(settings: EngineSettings): Promise<EngineProcess> {
    const child = spawn(process.execPath, [CLI_FILE, 'serve'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...environmentOf(settings),
        HOST: '127.0.0.1',
        PORT: String(settings.port),
        CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
        CALLBOARD_RETRY_BASE_MS: String(RETRY_BASE_MS),
        LOG_LEVEL: 'info',
      },
    });
    const complaints = new Complaints(child.stderr);
    const exited = once(child, 'exit').then(() => undefined);
    const url = await Promise.race([urlIn(child.stdout, complaints), exited]);
    if (url === undefined) throw new Error(`the engine did not start\n${complaints.text}`);
    const engine = new EngineProcess(child, url, exited, complaints);
    void exited.then(() => {
      if (!engine.#told)
        settings.onLost(new Error(`the engine ended by itself: ${child.signalCode ?? child.exitCode}`));
    });
    return engine;
  }

  /** What it wrote to stderr or logged as an error, the last few lines. */
  get complaints(): string {
    return this.#complaints.text;
  }

  /** Once it has read its log and delivers. */
  async ready(signal: AbortSignal): Promise<void> {
    for (;;) {
      const answer = await fetch(`${this.url}/readyz`, { signal }).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.ok === true) return;
      await sleep(20, undefined, { signal });
    }
  }

  /** kill -9: no warning, no goodbye. */
  async kill(): Promise<void> {
    this.#told = true;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Politely; answers the exit code. */
  async stop(): Promise<number | null> {
    this.#told = true;
    this.#child.kill('SIGTERM');
    await this.#exited;
    return this.#child.exitCode;
  }
}

/** The address that the engine logs; the log is read to its end, so that the pipe never fills up. */
const urlIn = (log: Readable, complaints: Complaints): Promise<string> =>
  new Promise((resolve) => {
    createInterface({ input: log }).on('line', (line) => {
      const { level, url } = fieldsOf(line);
      if (typeof url === 'string') resolve(url);
      if (level === 'error') complaints.add(line);
    });
  });

const fieldsOf = (line: string): Readonly<Record<string, unknown>> => {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch (_notJson) {
    return {};
  }
};

const COMPLAINTS_MAX = 5;

/** The last of what the engine had to complain about, for the case that it does not survive. */
class Complaints {
  readonly #lines: string[] = [];

  constructor(stderr: Readable) {
    createInterface({ input: stderr }).on('line', (line) => this.add(line));
  }

  add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > COMPLAINTS_MAX) this.#lines.shift();
  }

  get text(): string {
    return this.#lines.join('\n');
  }
}

/** What an operator would type, in the engine's data folder; answers what it prints. Fails when it does. */
export const callboard = async (dataDir: string, ...args: ReadonlyArray<string>): Promise<string> => {
  const options = { env: environmentOf({ dataDir }) };
  const { stdout } = await promisify(execFile)(process.execPath, [CLI_FILE, ...args], options);
  return stdout.trim();
};
