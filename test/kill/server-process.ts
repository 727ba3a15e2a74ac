import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ATTEMPT_TIMEOUT_MS } from './receiver.ts';
import { promised, Violation } from './violation.ts';
import { INHERITED } from '../support/inherited.ts';

export const RETRY_BASE_MS = 50;
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
/** Longer than that no start and no stop takes, however busy the machine. */
const PATIENCE_MS = 120_000;

const environment = (dataDir: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...INHERITED,
  HOST: '127.0.0.1',
  PORT: '0',
  CALLBOARD_DATA_DIR: dataDir,
  CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
  CALLBOARD_RETRY_BASE_MS: String(RETRY_BASE_MS),
  CALLBOARD_ATTEMPT_TIMEOUT_MS: String(ATTEMPT_TIMEOUT_MS),
  // A real EventStoreDB is bound to the secret of whoever used it first.
  CALLBOARD_SECRET: process.env['CALLBOARD_SECRET'] ?? 'a secret for tests that nothing else is signed with',
  ...more,
});

/** The command line on this data folder. */
export const callboard = async (
  dataDir: string,
  ...args: ReadonlyArray<string>
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> => {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, ...args], {
      env: environment(dataDir),
      maxBuffer: 64 * 1024 * 1024,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
};

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly url?: string;
  readonly head?: number;
}

/** The real server as a child process. */
export class ServerProcess {
  /** Resolves with the address once it listens; never when it is killed before. */
  readonly listening: Promise<string>;
  /** Resolves when the engine has caught up. */
  readonly ready: Promise<void>;
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #output: string[] = [];
  #ended = false;
  #killed = false;

  /** `settings` are environment variables besides those of every such server. */
  constructor(dataDir: string, settings: Readonly<Record<string, string>> = {}) {
    const child = spawn(process.execPath, [MAIN, 'serve'], { env: environment(dataDir, settings) });
    this.#child = child;
    let listening: (url: string) => void = () => undefined;
    let ready: () => void = () => undefined;
    this.listening = new Promise((resolve) => (listening = resolve));
    this.ready = new Promise((resolve) => (ready = resolve));
    this.exited = new Promise((resolve) => {
      child.once('close', (code) => {
        this.#ended = true;
        resolve(code);
      });
    });
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) {
        this.#output.push(text);
        if (this.#output.length > 200) this.#output.shift();
        const line = parsed(text);
        if (line?.url !== undefined) listening(line.url);
        if (line?.msg === 'engine ready') ready();
      }
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => this.#output.push(chunk));
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** It must not end before it is killed or stopped. */
  async kill(): Promise<void> {
    this.#mustRun();
    this.#killed = true;
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Neither of them ends it, nor does it know of them. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#mustRun();
    this.#child.kill(signal);
  }

  /** Waits for `event`, which has to come while the process lives. */
  async wait<T>(what: string, event: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<'too late'>((resolve) => {
      timer = setTimeout(() => resolve('too late'), PATIENCE_MS);
    });
    const ended = this.exited.then(() => 'ended' as const);
    const first = await Promise.race([event.then((value) => ({ value })), ended, tooLate]);
    clearTimeout(timer);
    if (typeof first === 'object') return first.value;
    throw new Violation(`${what}: ${first}\n${this.#output.join('\n')}`);
  }

  /** SIGTERM; it has to end by itself and well. */
  async stop(): Promise<void> {
    this.#mustRun();
    this.#killed = true;
    this.#child.kill('SIGTERM');
    const overdue = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS);
    const code = await this.exited;
    clearTimeout(overdue);
    promised(code === 0, () => `after SIGTERM the server ended with ${code}\n${this.#output.join('\n')}`);
  }

  /** For the end of a run that failed: takes the process down whatever it does. */
  async discard(): Promise<void> {
    this.#killed = true;
    if (!this.#ended) this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** The newest lines of its log. */
  get output(): string {
    return this.#output.join('\n');
  }

  #mustRun(): void {
    promised(!this.#ended || this.#killed, () => `the server ended by itself\n${this.#output.join('\n')}`);
  }
}

const parsed = (text: string): LogLine | undefined => {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return undefined;
  }
};
