import { Pool } from 'undici';
import { promised } from './violation.ts';

export interface Attempt {
  readonly number: number;
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly outcome: 'succeeded' | 'failed' | 'interrupted' | null;
  readonly status_code: number | null;
}

export interface Invocation {
  readonly guid: string;
  readonly webhook: string;
  readonly change: string;
  readonly status: string;
  /** The job that told of it, if one did. */
  readonly backfill?: string;
  readonly origin: { readonly resource: string; readonly identifier: string };
  readonly settled_at: string | null;
  readonly attempts: ReadonlyArray<Attempt>;
}

export interface StoredChange {
  readonly change: string;
  readonly id: string;
  readonly type: string;
  readonly identifier: string;
  readonly company_id: string;
  readonly data: unknown;
}

interface Page<T> {
  readonly items: ReadonlyArray<T>;
  readonly next: string | null;
}

/** The HTTP API as the checks use it, with an administrator's token. */
export class Api {
  readonly #pool: Pool;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#pool = new Pool(url, { connections: 8 });
    this.#token = token;
  }

  async call<T>(method: 'GET' | 'POST' | 'PATCH', path: string, body?: unknown): Promise<T> {
    return this.#send<T>(method, path, 'application/json', body);
  }

  /** Reports changes together. */
  async batch(changes: ReadonlyArray<object>): Promise<void> {
    await this.#send('POST', '/changes', 'application/cloudevents-batch+json', changes);
  }

  async #send<T>(method: string, path: string, contentType: string, body: unknown): Promise<T> {
    const answer = await this.#pool.request({
      method: method,
      path,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': contentType },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await answer.body.text();
    promised(answer.statusCode < 300, () => `${method} ${path} answered ${answer.statusCode}: ${text}`);
    return JSON.parse(text) as T;
  }

  /** The whole invocation log, oldest first. */
  async invocations(): Promise<ReadonlyArray<Invocation>> {
    const all: Invocation[] = [];
    let after = '';
    for (;;) {
      const page = await this.call<Page<Invocation>>('GET', `/invocations?limit=200${after}`);
      all.push(...page.items);
      if (page.next === null) return all.reverse();
      after = `&after=${page.next}`;
    }
  }

  /** The newest one with this status, of one webhook or of all. */
  async newest(status: string, webhook?: string): Promise<Invocation | undefined> {
    const path = `/invocations?limit=1&status=${status}${webhook === undefined ? '' : `&webhook=${webhook}`}`;
    const page = await this.call<Page<Invocation>>('GET', path);
    return page.items[0];
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
