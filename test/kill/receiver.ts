import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import type { Seeded } from './seeded.ts';
import { asError, promised } from './violation.ts';

/** What a receiver knows of one invocation. */
export interface Received {
  readonly path: string;
  readonly body: string;
  readonly sha256: string;
  /** When each request had come in completely, in order. */
  readonly arrivedAtMs: number[];
}

export const ATTEMPT_TIMEOUT_MS = 600;
const RETRY_AFTER_S = 1;

/** The partners' side: outlives every kill, writes down all it sees, and misbehaves. */
export class Receiver {
  readonly received = new Map<string, Received>();
  requests = 0;
  /** First thing that was wrong with a request. */
  violation: Error | undefined;
  url = '';
  readonly #secrets = new Map<string, StandardWebhook>();
  readonly #server: Server;
  readonly #mood: Seeded;
  #wellBehaved = false;

  constructor(mood: Seeded) {
    this.#mood = mood;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        this.violation ??= asError(error);
        response.destroy();
      });
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Requests on this path are signed with this secret. */
  expectSignature(path: string, secret: string): void {
    this.#secrets.set(path, new StandardWebhook(secret));
  }

  /** From now on everything is answered with 200 at once. */
  behave(): void {
    this.#wellBehaved = true;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The sender was killed while it sent: what is not complete is not a request.
      return;
    }
    const arrivedAtMs = Date.now();
    this.#writeDown(request, Buffer.concat(chunks).toString('utf8'), arrivedAtMs);
    await this.#answer(response);
  }

  #writeDown({ url: path = '', headers }: IncomingMessage, body: string, arrivedAtMs: number): void {
    this.requests += 1;
    const id = String(headers['webhook-id']);
    const secret = this.#secrets.get(path);
    promised(secret !== undefined, () => `a request came to ${path}, where no webhook is`);
    const signed = {
      'webhook-id': id,
      'webhook-timestamp': String(headers['webhook-timestamp']),
      'webhook-signature': String(headers['webhook-signature']),
    };
    promised(verifies(secret, body, signed), () => `the signature of a request of ${id} does not verify`);
    promised(
      headers['openticket-dedupe-key'] === id.replaceAll('-', ''),
      () => `the dedupe key of ${id} is ${String(headers['openticket-dedupe-key'])}`,
    );

    const sha256 = createHash('sha256').update(body).digest('hex');
    const known = this.received.get(id);
    if (known === undefined) {
      this.received.set(id, { path, body, sha256, arrivedAtMs: [arrivedAtMs] });
      return;
    }
    promised(
      known.sha256 === sha256,
      () => `a later request of ${id} has another body: ${body} after ${known.body}`,
    );
    promised(known.path === path, () => `${id} came to ${path} after ${known.path}`);
    known.arrivedAtMs.push(arrivedAtMs);
  }

  async #answer(response: ServerResponse): Promise<void> {
    const mood = this.#wellBehaved ? 1 : this.#mood.next();
    if (mood < 0.14) return send(response, 500);
    if (mood < 0.2) return void response.destroy();
    if (mood < 0.24) {
      response.writeHead(200, { 'content-length': 100 });
      response.write('cut off');
      return void response.destroy();
    }
    if (mood < 0.26) return send(response, 503, { 'retry-after': String(RETRY_AFTER_S) });
    if (mood < 0.28) {
      // Longer than an attempt may take.
      await sleep(ATTEMPT_TIMEOUT_MS + 200);
      return send(response, 200);
    }
    if (mood < 0.4) {
      await sleep(this.#mood.between(5, 250));
      return send(response, 200);
    }
    return send(response, 200);
  }
}

const verifies = (secret: StandardWebhook, body: string, headers: Record<string, string>): boolean => {
  try {
    secret.verify(body, headers);
    return true;
  } catch {
    return false;
  }
};

const send = (response: ServerResponse, status: number, headers: Record<string, string> = {}): void => {
  if (!response.destroyed) response.writeHead(status, headers).end();
};

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
