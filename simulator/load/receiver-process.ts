import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Behaviour, BEHAVIOUR_NAMES } from './behaviour.ts';
import type { Arrival, FromReceivers } from './receivers.ts';

/**
 * Receivers in a process of their own: one server for each behaviour, as each would be a machine of its own. The time of
 * a request is taken when its head is there, before its body is read.
 */

const TELL_EVERY_MS = 50;
const SLOW_FROM_MS = 500;
const SLOW_SPREAD_MS = 1_000;

const tell = (message: FromReceivers): void => void process.send?.(message);
const nowMs = (): number => performance.timeOrigin + performance.now();

let arrivals: Arrival[] = [];
const timesSeen = new Map<string, number>();

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

const receive = async (
  behaviour: Behaviour,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const atMs = nowMs();
  const body = JSON.parse(await textOf(request)) as { readonly origin: { readonly identifier: string } };
  const { identifier } = body.origin;
  const nth = (timesSeen.get(identifier) ?? 0) + 1;
  if (behaviour === 'failing' || nth > 1) timesSeen.set(identifier, nth);
  const isFailure = behaviour === 'dead' || (behaviour === 'failing' && nth % 2 === 1);
  arrivals.push([identifier, atMs, isFailure ? 0 : 1]);
  if (behaviour === 'dead') return;
  if (behaviour === 'slow') {
    await sleep(SLOW_FROM_MS + (Number(identifier.slice(-3)) / 1_000) * SLOW_SPREAD_MS);
  }
  const status = isFailure ? 500 : behaviour === 'slow' ? 200 : 204;
  response.writeHead(status).end();
};

const listen = async (behaviour: Behaviour): Promise<readonly [Behaviour, number]> => {
  const server = createServer((request, response) => {
    // Whoever goes away in the middle of its request, as a killed server does, has sent none.
    receive(behaviour, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return [behaviour, (server.address() as AddressInfo).port];
};

setInterval(() => {
  if (arrivals.length === 0) return;
  tell({ kind: 'arrived', arrivals });
  arrivals = [];
}, TELL_EVERY_MS);
process.on('disconnect', () => process.exit(0));
// Ctrl-C reaches both; the parent decides.
process.on('SIGINT', () => undefined);

const ports = await Promise.all(BEHAVIOUR_NAMES.map(listen));
tell({ kind: 'listening', ports: Object.fromEntries(ports) as Record<Behaviour, number> });
