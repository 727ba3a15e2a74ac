import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { serveWorker } from '../support/worker.ts';

/**
 * The least that may call itself durable ingest: parse the body, append what is queued to a file, fdatasync once for
 * the whole group, answer 202. No checks, no duplicates, no streams.
 */

export interface KoaAsk {
  readonly file: string;
}

interface Queued {
  readonly line: string;
  readonly stored: () => void;
}

let queue: Queued[] = [];
let writing = false;

const writeQueued = async (file: FileHandle): Promise<void> => {
  if (writing) return;
  writing = true;
  while (queue.length > 0) {
    const group = queue;
    queue = [];
    await file.appendFile(group.map(({ line }) => line).join(''));
    await file.datasync();
    for (const { stored } of group) stored();
  }
  writing = false;
};

const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
};

serveWorker<KoaAsk, number>(async ({ file: path }) => {
  const file = await open(path, 'a');
  const app = new Koa();
  app.use(async (ctx) => {
    const line = `${JSON.stringify(await bodyOf(ctx.req))}\n`;
    const stored = new Promise<void>((resolve) => queue.push({ line, stored: resolve }));
    void writeQueued(file);
    await stored;
    ctx.status = 202;
    ctx.body = { status: 'accepted' };
  });
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
});
