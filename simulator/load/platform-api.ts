import { Pool } from 'undici';

/** The two sides of a server that a load needs: webhooks are made and deleted, changes are posted. */

export interface ServerAccess {
  readonly url: string;
  /** An admin's. */
  readonly token: string;
}

/** In words for whoever started the load. */
export class LoadRefused extends Error {
  /** The token, or what was asked for: not the server's state. */
  readonly isMisuse: boolean;

  constructor(message: string, isMisuse: boolean) {
    super(message);
    this.isMisuse = isMisuse;
  }
}

const SETUP_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 30_000;
const CONNECTIONS = 128;

export class PlatformApi {
  readonly #access: ServerAccess;
  readonly #pool: Pool;

  constructor(access: ServerAccess) {
    this.#access = access;
    this.#pool = new Pool(new URL(access.url).origin, { connections: CONNECTIONS, pipelining: 1 });
  }

  async createWebhook(webhook: {
    readonly company: string;
    readonly name: string;
    readonly url: string;
    readonly event: number;
  }): Promise<string> {
    const fields = {
      company_id: webhook.company,
      name: webhook.name,
      url: webhook.url,
      resource: 'event',
      trigger: 'create',
      identifier: String(webhook.event),
      triggered_by_child_resources: true,
      retries: 5,
    };
    const { status, text } = await this.#setUp('POST', '/webhook', JSON.stringify(fields));
    if (status === 201) return (JSON.parse(text) as { readonly guid: string }).guid;
    if (status === 401 || status === 403)
      throw new LoadRefused(`the token is refused, the load needs an admin's: HTTP ${status} ${text}`, true);
    if (status === 422)
      throw new LoadRefused(
        `the server may not send to the receivers at ${webhook.url}; start it with CALLBOARD_ALLOW_TARGETS=127.0.0.0/8: ${text}`,
        true,
      );
    throw new LoadRefused(`there is no Callboard at ${this.#access.url}: HTTP ${status} ${text}`, false);
  }

  async deleteWebhook(guid: string): Promise<void> {
    await this.#setUp('DELETE', `/webhook/${guid}`);
  }

  /** The status of the answer; undefined when there was none. */
  async postChange(body: string): Promise<number | undefined> {
    try {
      const answer = await this.#pool.request({
        path: '/changes',
        method: 'POST',
        headers: {
          'content-type': 'application/cloudevents+json',
          authorization: `Bearer ${this.#access.token}`,
        },
        body,
        headersTimeout: ANSWER_TIMEOUT_MS,
        bodyTimeout: ANSWER_TIMEOUT_MS,
      });
      await answer.body.dump();
      return answer.statusCode;
    } catch (_noAnswer) {
      return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #setUp(
    method: string,
    path: string,
    body: string | null = null,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const { url, token } = this.#access;
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` };
    try {
      const signal = AbortSignal.timeout(SETUP_TIMEOUT_MS);
      const answer = await fetch(new URL(path, url), { method, headers, body, signal });
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      const cause =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new LoadRefused(`${url} does not answer: ${cause}`, false);
    }
  }
}
