import { isLeft } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';

const ATTEMPT = t.type({
  number: t.number,
  started_at: t.string,
  outcome: t.union([t.literal('succeeded'), t.literal('failed'), t.literal('interrupted'), t.null]),
  status_code: t.union([t.number, t.null]),
  error: t.union([t.string, t.null]),
  duration_ms: t.union([t.number, t.null]),
});

const INVOCATION = t.type({
  guid: t.string,
  webhook: t.string,
  change: t.union([t.string, t.null]),
  status: t.string,
  resource: t.string,
  trigger: t.string,
  identifier: t.string,
  origin: t.type({ resource: t.string, identifier: t.string, trigger: t.string }),
  attempts: t.array(ATTEMPT),
});

const PAGE = t.type({ items: t.array(INVOCATION), next: t.union([t.string, t.null]) });
const WEBHOOK = t.type({ guid: t.string, nonce: t.string });
const SAVED = t.type({
  data: t.type({ viewer: t.type({ saveWebhook: t.type({ id: t.number, guid: t.string }) }) }),
});
const SECRET = t.type({ secret: t.string });
const RECEIPTS = t.type({
  changes: t.array(t.type({ id: t.string, change: t.string, status: t.string })),
});

export type Invocation = t.TypeOf<typeof INVOCATION>;
export type Receipt = t.TypeOf<typeof RECEIPTS>['changes'][number];

const ANSWER_TIMEOUT_MS = 10_000;

export interface ApiAccess {
  /** Asked at every request: the engine may have been started anew. */
  readonly baseUrl: () => string;
  readonly token: string;
  readonly signal: AbortSignal;
}

/** The engine was not there, or had no time: the same request may be sent again. */
export class NotReached extends Error {}

/** One party's way to the engine: plain HTTP with its token. */
export class Api {
  readonly #access: ApiAccess;

  constructor(access: ApiAccess) {
    this.#access = access;
  }

  async createWebhook(body: FormData | URLSearchParams | string): Promise<t.TypeOf<typeof WEBHOOK>> {
    const headers = typeof body === 'string' ? { 'Content-Type': 'application/json' } : {};
    return decode(WEBHOOK, await this.#request('POST', '/webhook', headers, body));
  }

  /** By the mutation that Moshtix prints, with this URL and system event. */
  async saveWebhook(webhook: {
    readonly clientId: number;
    readonly url: string;
    readonly systemEventType: string;
  }): Promise<string> {
    const query = saveWebhookMutation(webhook);
    const headers = { 'Content-Type': 'application/json' };
    const answer = await this.#request('POST', '/graphql', headers, JSON.stringify({ query }));
    return decode(SAVED, answer).data.viewer.saveWebhook.guid;
  }

  async secretOf(webhook: string): Promise<string> {
    return decode(SECRET, await this.#request('GET', `/webhook/${webhook}/secret`)).secret;
  }

  async reportChanges(
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<ReadonlyArray<Receipt>> {
    return decode(RECEIPTS, await this.#request('POST', '/changes', headers, body)).changes;
  }

  async invocation(guid: string): Promise<Invocation> {
    return decode(INVOCATION, await this.#request('GET', `/invocations/${guid}`));
  }

  /** The whole log, or what has one status. */
  async invocations(status?: string): Promise<ReadonlyArray<Invocation>> {
    const found: Invocation[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const query = new URLSearchParams({
        limit: '200',
        ...(status !== undefined && { status }),
        ...(after !== undefined && { after }),
      });
      const page = decode(PAGE, await this.#request('GET', `/invocations?${query.toString()}`));
      found.push(...page.items);
      after = page.next;
    }
    return found;
  }

  async #request(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
    body: FormData | URLSearchParams | string | null = null,
  ): Promise<unknown> {
    const { baseUrl, token, signal } = this.#access;
    const request = {
      method,
      headers: { ...headers, Authorization: `Bearer ${token}` },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    };
    const { status, text } = await fetch(`${baseUrl()}${path}`, request)
      .then(async (answer) => ({ status: answer.status, text: await answer.text() }))
      .catch((error: unknown) => {
        signal.throwIfAborted();
        throw new NotReached(String(error));
      });
    if (status === 503 || status === 429) throw new NotReached(text);
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${text}`);
    return JSON.parse(text) as unknown;
  }
}

/** Source: the vendor's page "Webhooks"; `guid` leads to what lies under /webhook/{guid}. The token is in the headers. */
const saveWebhookMutation = ({
  clientId,
  url,
  systemEventType,
}: Parameters<Api['saveWebhook']>[0]): string => `mutation {
  viewer {
    saveWebhook(webhook: {
      client: { id: ${clientId} }
      url: ${JSON.stringify(url)}
      headers: { items: [{ name: "Content-Type", value: "application/json" }] }
      body: ${JSON.stringify('{ "eventType": "@eventType", "contextId": @contextId, "data": @data}')}
      systemEventTypes: { items: [{ systemEventType: ${systemEventType} }] }
      enabled: true
    }) { id guid }
  }
}`;

const decode = <A>(codec: t.Type<A>, value: unknown): A => {
  const decoded = codec.decode(value);
  if (isLeft(decoded))
    throw new Error(`an answer of the engine is not a ${codec.name}: ${JSON.stringify(value)}`);
  return decoded.right;
};
