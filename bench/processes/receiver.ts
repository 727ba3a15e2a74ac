import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Arrivals, ReceiverAsk } from '../support/receiver-process.ts';
import { serveWorker } from '../support/worker.ts';

/** Answers every request with 204, and knows how many came between which first and which last moment. */

let expected = 0;
let count = 0;
let firstAtMs = 0;
let lastAtMs = 0;
let onAll: () => void = () => undefined;

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume();
  request.on('end', () => {
    count += 1;
    lastAtMs = Date.now();
    if (count === 1) firstAtMs = lastAtMs;
    response.writeHead(204).end();
    if (count === expected) onAll();
  });
});

const listening = new Promise<number>((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
});

serveWorker<ReceiverAsk, Arrivals>(async (ask) => {
  if (ask.do === 'expect') {
    expected = ask.count;
    count = 0;
  }
  if (ask.do === 'await' && count < expected) await new Promise<void>((resolve) => (onAll = resolve));
  return { port: await listening, count, firstAtMs, lastAtMs };
});
