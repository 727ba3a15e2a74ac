import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import type { Behaviour } from './behaviour.ts';

/** The order that a request was about, when it came (milliseconds since the epoch), and 1 if it was answered well. */
export type Arrival = readonly [order: string, atMs: number, accepted: 0 | 1];

export type FromReceivers =
  | { readonly kind: 'listening'; readonly ports: Readonly<Record<Behaviour, number>> }
  | { readonly kind: 'arrived'; readonly arrivals: ReadonlyArray<Arrival> };

/** TypeScript in a checkout, JavaScript once compiled. */
const MODULE = join(import.meta.dirname, `receiver-process${extname(import.meta.filename)}`);

/** The receivers' process. */
export class Receivers {
  readonly ports: Readonly<Record<Behaviour, number>>;
  /** Told of every request. */
  onArrival: (arrival: Arrival) => void = () => undefined;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ports: Readonly<Record<Behaviour, number>>) {
    this.#child = child;
    this.ports = ports;
    child.on('message', (message: FromReceivers) => {
      if (message.kind === 'arrived') for (const arrival of message.arrivals) this.onArrival(arrival);
    });
  }

  static async start(): Promise<Receivers> {
    const child = fork(MODULE, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const first = await Promise.race([
      once(child, 'message').then(([message]) => message as FromReceivers),
      once(child, 'exit').then(() => undefined),
    ]);
    if (first?.kind !== 'listening') throw new Error('the receivers did not start');
    return new Receivers(child, first.ports);
  }

  async stop(): Promise<void> {
    this.onArrival = () => undefined;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}
