import { Worker } from 'node:worker_threads';
import type { HttpSender, SendOutcome, SendRequest } from '../ports/http-sender.ts';
import {
  type FromSender,
  packRequest,
  type SenderThreadOptions,
  type ToSender,
  unpackOutcomes,
} from './sender-protocol.ts';
import { termOf } from './shared-lease.ts';
import { UnderWay } from './under-way.ts';

/** In a checkout the source itself, in the published package what was compiled from it. */
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? './sender-worker.ts' : './sender-worker.js',
  import.meta.url,
);

/**
 * What is sent in one turn of the event loop crosses together, but no more than this: else all attempts would move in
 * step, and the threads would wait for each other instead of working side by side.
 */
const MESSAGE_REQUESTS_MAX = 32;

const INTERRUPTED: SendOutcome = { kind: 'interrupted', address: null };

/**
 * The undici sender on a thread of its own, so that sockets and TLS handshakes do not compete with deciding and
 * recording. Should the thread fail, nobody knows what it had sent: `onFailure` is told, what was under way ends as
 * interrupted, and nothing more is sent.
 */
export const startSenderThread = (
  options: SenderThreadOptions,
  onFailure: (error: unknown) => void,
): HttpSender => {
  const worker = new Worker(WORKER_URL, { workerData: options, execArgv: [] });
  const pending = new UnderWay<(outcome: SendOutcome) => void>();
  const term = termOf(options.lease);
  const signals = new WeakMap<AbortSignal, number>();
  let outgoing: (string | number | null)[] = [];
  let outgoingRequests = 0;
  let lastSignal = 0;
  let closing: Promise<void> | undefined;
  let closed: () => void = () => undefined;

  const tell = (message: ToSender): void => worker.postMessage(message);

  const flush = (): void => {
    if (outgoing.length > 0) tell({ kind: 'send', packed: outgoing });
    outgoing = [];
    outgoingRequests = 0;
  };

  const settle = (id: number, outcome: SendOutcome): void => {
    pending.take(id)?.(outcome);
  };

  const signalNumber = (signal: AbortSignal): number => {
    const known = signals.get(signal);
    if (known !== undefined) return known;
    const number = (lastSignal += 1);
    signals.set(signal, number);
    const interrupt = (): void => {
      flush();
      tell({ kind: 'interrupt', signal: number });
    };
    signal.addEventListener('abort', interrupt, { once: true });
    return number;
  };

  worker.on('message', (message: FromSender) => {
    if (message.kind === 'outcomes') unpackOutcomes(message.packed, settle);
    else closed();
  });
  worker.on('error', onFailure);
  worker.on('exit', () => {
    if (closing === undefined) onFailure(new Error('the thread that sends has ended'));
    closing ??= Promise.resolve();
    for (const [id] of pending.entries()) settle(id, INTERRUPTED);
    closed();
  });

  return {
    send(request: SendRequest, signal: AbortSignal): Promise<SendOutcome> {
      if (signal.aborted || closing !== undefined) {
        return Promise.resolve(INTERRUPTED);
      }
      if (outgoingRequests === 0) setImmediate(flush);
      return new Promise((resolve) => {
        const id = pending.add(resolve);
        packRequest(outgoing, { id, signal: signalNumber(signal), term: term(), request });
        outgoingRequests += 1;
        if (outgoingRequests >= MESSAGE_REQUESTS_MAX) flush();
      });
    },

    close() {
      closing ??= new Promise<void>((resolve) => {
        closed = resolve;
        flush();
        tell({ kind: 'close' });
      }).then(async () => {
        await worker.terminate();
      });
      return closing;
    },
  };
};
