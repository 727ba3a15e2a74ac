import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { RECEIVERS_FILE } from './program.ts';
import {
  type EndedRequest,
  type FromReceivers,
  idOf,
  isAccepted,
  type Keys,
  type ReceiverName,
  type SeenRequest,
  type ToReceivers,
} from './receiver.ts';

/** The receivers' process, and all that its logs say. */
export class Receivers {
  readonly ports: Readonly<Record<ReceiverName, number>>;
  /** Requests without an answer yet, by serial number. */
  readonly open = new Map<number, SeenRequest>();
  readonly ended: EndedRequest[] = [];
  /** Distinct deliveries that a receiver has accepted. */
  readonly accepted = new Set<string>();
  readonly #child: ChildProcess;
  #stopped = false;

  private constructor(child: ChildProcess, ports: Readonly<Record<ReceiverName, number>>) {
    this.#child = child;
    this.ports = ports;
    child.on('message', (message: FromReceivers) => this.#note(message));
  }

  /** `onLost` is called should the process end before it is told to. */
  static async start(onLost: (error: Error) => void): Promise<Receivers> {
    const child = fork(RECEIVERS_FILE, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const exited = once(child, 'exit').then(() => undefined);
    const first = await Promise.race([
      once(child, 'message').then(([message]) => message as FromReceivers),
      exited,
    ]);
    if (first?.kind !== 'listening') throw new Error('the receivers did not start');
    const receivers = new Receivers(child, first.ports);
    void exited.then(() => {
      if (!receivers.#stopped) onLost(new Error('the receivers ended before the evening did'));
    });
    return receivers;
  }

  trust(keys: Keys): void {
    this.#child.send({ kind: 'keys', keys } satisfies ToReceivers);
  }

  get failures(): number {
    return this.ended.length - this.ended.filter(isAccepted).length;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  #note(message: FromReceivers): void {
    if (message.kind === 'arrived') this.open.set(message.request.serial, message.request);
    if (message.kind !== 'ended') return;
    const { serial, ending, endedMs } = message;
    const request = this.open.get(serial);
    if (request === undefined) throw new Error(`request ${serial} ended before it arrived`);
    this.open.delete(serial);
    const ended = { ...request, ending, endedMs };
    this.ended.push(ended);
    if (isAccepted(ended)) this.accepted.add(idOf(ended));
  }
}
