import { parentPort, workerData } from 'node:worker_threads';
import { isLeft } from 'fp-ts/lib/Either.js';
import { parseAllowTargets } from './address-guard.ts';
import {
  type FromSender,
  packOutcome,
  type SenderThreadOptions,
  type ToSender,
  unpackRequests,
} from './sender-protocol.ts';
import { leaseHolds } from './shared-lease.ts';
import { undiciSender } from './undici-sender.ts';

/** The thread that sends: sockets, TLS and HTTP of all attempts, and nothing of what is decided about them. */

const serve = (port: NonNullable<typeof parentPort>, { allowTargets, lease }: SenderThreadOptions): void => {
  const allow = parseAllowTargets(allowTargets);
  if (isLeft(allow)) throw new Error(allow.left);
  const sender = undiciSender({ allow: allow.right });
  const holds = leaseHolds(lease);
  const interrupts = new Map<number, AbortController>();
  let outcomes: (string | number | null)[] = [];

  const interruptOf = (signal: number): AbortController => {
    const known = interrupts.get(signal);
    if (known !== undefined) return known;
    const interrupt = new AbortController();
    interrupts.set(signal, interrupt);
    return interrupt;
  };

  const tell = (message: FromSender): void => port.postMessage(message);

  const flush = (): void => {
    if (outcomes.length > 0) tell({ kind: 'outcomes', packed: outcomes });
    outcomes = [];
  };

  const close = async (): Promise<void> => {
    await sender.close();
    flush();
    tell({ kind: 'closed' });
    port.close();
  };

  port.on('message', (message: ToSender) => {
    switch (message.kind) {
      case 'send':
        unpackRequests(message.packed, ({ id, signal, term, request }) => {
          const maySend = (): boolean => holds(term);
          void sender.send(request, interruptOf(signal).signal, maySend).then((outcome) => {
            // What ends in one turn of the event loop crosses together.
            if (outcomes.length === 0) setImmediate(flush);
            packOutcome(outcomes, id, outcome);
          });
        });
        return;
      case 'interrupt':
        interruptOf(message.signal).abort();
        return;
      case 'close':
        void close();
    }
  });
};

if (parentPort === null) throw new Error('sender-worker runs as a worker of sender-thread.ts only');
serve(parentPort, workerData as SenderThreadOptions);
