import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  complaintAbout,
  type Ending,
  type FromReceivers,
  type Keys,
  planFor,
  type ReceiverName,
  RECEIVERS,
  type ToReceivers,
} from './receiver.ts';

/** A process of its own with the three receivers, each an HTTP server. It tells its parent of every request. */

const keysOf = new Map<string, Keys>();
const requestsById = new Map<string, number>();
let requests = 0;

const tell = (message: FromReceivers): void => {
  process.send?.(message);
};
const nowMs = (): number => performance.timeOrigin + performance.now();

const receive = async (
  receiver: ReceiverName,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const body = await text(request).catch(() => undefined);
  // Its sender went away in the middle of it: it never was a whole request.
  if (body === undefined) return;
  const arrivedMs = nowMs();
  const hook = (request.url ?? '/').slice(1);
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  const serial = (requests += 1);
  const id = headers['webhook-id'] ?? '';
  const nth = (requestsById.get(id) ?? 0) + 1;
  requestsById.set(id, nth);
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const complaint = complaintAbout(keysOf.get(hook), headers, body, arrivedMs);
  tell({
    kind: 'arrived',
    request: { serial, receiver, hook, headers, body, bodyHash, arrivedMs, complaint },
  });
  const ended = (ending: Ending): void => tell({ kind: 'ended', serial, ending, endedMs: nowMs() });

  const plan = planFor(receiver, `${hook} ${topicOf(body)}`, nth);
  if (plan.do === 'cut') {
    ended({ kind: 'cut' });
    request.socket.destroy();
    return;
  }
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    if (plan.afterMs > 0) await sleep(plan.afterMs, undefined, { signal: gone.signal });
  } catch (_senderWentAway) {
    return ended({ kind: 'gone' });
  }
  const { status, retryAfterSeconds } = plan;
  response.writeHead(status, retryAfterSeconds === null ? {} : { 'Retry-After': String(retryAfterSeconds) });
  response.end(status === 204 ? '' : `{"received":${status < 300}}\n`);
  ended({ kind: 'answered', status, retryAfterSeconds });
};

/** What the request is about, the same in every run: guids differ, orders do not. */
const topicOf = (body: string): string => {
  try {
    const { origin, occurred_at, contextId } = JSON.parse(body) as Readonly<Record<string, unknown>>;
    return JSON.stringify([origin ?? contextId, occurred_at]);
  } catch (_notJson) {
    return '';
  }
};

const listen = async (receiver: ReceiverName): Promise<readonly [ReceiverName, number]> => {
  const server = createServer((request, response) => {
    receive(receiver, request, response).catch((error: unknown) => {
      process.stderr.write(`receiver ${receiver}: ${String(error)}\n`);
      response.destroy();
    });
  });
  // Longer than the demo lasts: a connection that times out just as it is used again would be another failure.
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return [receiver, (server.address() as AddressInfo).port];
};

process.on('message', ({ keys }: ToReceivers) => keysOf.set(keys.hook, keys));
// It ends with its parent, whichever way that goes; Ctrl-C reaches both, and the parent decides.
process.on('disconnect', () => process.exit(0));
process.on('SIGINT', () => undefined);

const ports = await Promise.all(RECEIVERS.map(listen));
tell({ kind: 'listening', ports: Object.fromEntries(ports) as Record<ReceiverName, number> });
