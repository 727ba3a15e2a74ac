import { createServer, type AddressInfo, type Socket } from 'node:net';
import { isLeft } from 'fp-ts/lib/Either.js';
import { type AllowTargets, parseAllowTargets } from '../../src/adapters/address-guard.ts';

/** A receiver that answers with bytes of the test's choice, and counts what reached it. */
export interface Receiver {
  readonly url: string;
  readonly port: number;
  /** Whole requests, head and body, as they arrived. */
  readonly requests: ReadonlyArray<string>;
  connections(): number;
  /** Resolves when no connection is open any more. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export type Respond = (socket: Socket, request: string, count: number) => void;

export const receiver = async (respond: Respond, onConnect?: (socket: Socket) => void): Promise<Receiver> => {
  const requests: string[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  let onIdle: () => void = () => undefined;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open.delete(socket);
      if (open.size === 0) onIdle();
    });
    socket.on('end', () => socket.end());
    onConnect?.(socket);
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      for (let end = requestEnd(received); end !== null; end = requestEnd(received)) {
        const request = received.slice(0, end);
        received = received.slice(end);
        requests.push(request);
        respond(socket, request, requests.length);
      }
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook?a=1`,
    port,
    requests,
    connections: () => connections,
    idle: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => (onIdle = resolve))),
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((closed) => server.close(() => closed()));
    },
  };
};

const requestEnd = (received: string): number | null => {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return null;
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, headEnd))?.[1] ?? '0';
  const end = headEnd + 4 + Number(length);
  return received.length >= end ? end : null;
};

/** Writes a piece every few milliseconds for as long as the other side listens. */
export const drip = (socket: Socket, piece: string | Buffer, everyMs = 20): void => {
  const timer = setInterval(() => {
    if (socket.writable) socket.write(piece);
    else clearInterval(timer);
  }, everyMs);
  socket.on('close', () => clearInterval(timer));
};

/** Writes as fast as the other side reads. */
export const flood = (socket: Socket, piece: string | Buffer): void => {
  const pour = (): void => {
    while (socket.writable && socket.write(piece));
  };
  socket.on('drain', pour);
  pour();
};

export const answer = (body: string, status = '200 OK', ...headers: string[]): string =>
  [`HTTP/1.1 ${status}`, ...headers, `content-length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');

export const allow = (text: string): AllowTargets => {
  const parsed = parseAllowTargets(text);
  if (isLeft(parsed)) throw new Error(parsed.left);
  return parsed.right;
};
