import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { issueToken, type TokenClaims } from '../../src/adapters/jwt.ts';
import { openSecretBox } from '../../src/adapters/secret-box.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';
import { openSimulations } from '../../src/cli/simulations.ts';
import { readConfig } from '../../src/config.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { startServer } from '../../src/main.ts';

export const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
export const OTHER_COMPANY = '6f1c1f0e-58a4-4a57-9d3a-0c9d2f7f3a03';
export const SECRET = 'a master secret of the tests of the dashboard';

/** A receiver that answers as the path asks for: `/ok`, `/fail`, or whatever `answers` says. */
export interface Receiver {
  readonly url: string;
  readonly requests: Array<{ readonly path: string; readonly body: string }>;
  readonly answers: Map<string, { readonly status: number; readonly body: string }>;
  close(): void;
}

const startReceiver = async (): Promise<Receiver> => {
  const requests: Receiver['requests'] = [];
  const answers: Receiver['answers'] = new Map();
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      requests.push({ path, body: Buffer.concat(chunks).toString() });
      const fallback = {
        status: path.startsWith('/fail') ? 500 : 200,
        body: path.startsWith('/fail') ? 'no' : 'thanks',
      };
      const { status, body } = answers.get(path) ?? fallback;
      response.writeHead(status, { 'content-type': 'text/html' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answers,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

/** The program itself, as `callboard serve` starts it, with a receiver. */
export interface DashboardWorld {
  readonly url: string;
  readonly receiver: Receiver;
  issue(claims: Partial<TokenClaims>): Promise<string>;
  api(token: string, method: string, path: string, json?: unknown): Promise<JsonObject>;
  /** Reports changes, and waits until all of them were handled. */
  report(events: ReadonlyArray<JsonObject>): Promise<ReadonlyArray<string>>;
  close(): Promise<void>;
}

export const openDashboardWorld = async (publicUrl = ''): Promise<DashboardWorld> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'callboard-dashboard-'));
  const config = readConfig(
    {
      PORT: '0',
      CALLBOARD_DATA_DIR: dataDir,
      CALLBOARD_SECRET: SECRET,
      CALLBOARD_ALLOW_TARGETS: '127.0.0.0/8',
      CALLBOARD_RETRY_BASE_MS: '600000',
      CALLBOARD_PUBLIC_URL: publicUrl,
      LOG_LEVEL: 'error',
    },
    dataDir,
  );
  if (isLeft(config)) throw new Error(JSON.stringify(config.left));
  const simulations = openSimulations();
  const started = await startServer(config.right, { simulations });
  if (isLeft(started)) throw new Error(started.left.message);
  const server = started.right;
  await server.ready;
  const receiver = await startReceiver();
  const key = openSecretBox(SECRET, systemRandom()).tokenKey();
  const issue = (claims: Partial<TokenClaims>): Promise<string> =>
    issueToken(
      key,
      {
        subject: 'ada@example.com',
        role: 'partner',
        companies: [COMPANY],
        client: 6080,
        expiresAtMs: Date.now() + 3_600_000,
        ...claims,
      },
      Date.now(),
    );
  const api = async (token: string, method: string, path: string, json?: unknown): Promise<JsonObject> => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(json !== undefined && {
          'content-type': path === '/changes' ? 'application/cloudevents-batch+json' : 'application/json',
        }),
      },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as JsonObject;
  };
  const platform = await issue({ role: 'platform', companies: '*', subject: 'platform' });
  const admin = await issue({ role: 'admin', companies: '*', subject: 'admin' });
  return {
    url: server.url,
    receiver,
    issue,
    api,
    report: async (events) => {
      const { changes } = await api(platform, 'POST', '/changes', events);
      await quiet(() => api(admin, 'GET', '/nodes'));
      return (changes as ReadonlyArray<JsonObject>).map(({ change }) => change as string);
    },
    close: async () => {
      simulations.close();
      server.stop();
      await server.ended;
      receiver.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

/** Until it has handled all of its log, and nothing was in flight, several times in a row. */
const quiet = async (nodes: () => Promise<JsonObject>): Promise<void> => {
  for (let calm = 0; calm < 3;) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    const items = (await nodes())['items'] as ReadonlyArray<Readonly<Record<string, number>>>;
    const isQuiet = items.every(({ behind, in_flight: inFlight }) => behind === 0 && inFlight === 0);
    calm = isQuiet ? calm + 1 : 0;
  }
};

let numbered = 0;

/** A CloudEvent of the company's platform. */
export const event = (
  type: string,
  subject: string,
  data: JsonObject = {},
  companyId = COMPANY,
): JsonObject => ({
  specversion: '1.0',
  id: `report-${(numbered += 1)}`,
  source: '/platform',
  type,
  subject,
  companyid: companyId,
  time: new Date().toISOString(),
  datacontenttype: 'application/json',
  data,
});

/** A festival, its ticket type and some orders, of which one webhook hears well, another never. */
export const furnish = async (world: DashboardWorld): Promise<Readonly<Record<string, string>>> => {
  const partner = await world.issue({});
  const make = async (name: string, path: string, fields: JsonObject): Promise<string> => {
    const made = await world.api(partner, 'POST', '/webhook', {
      name,
      url: `${world.receiver.url}${path}`,
      retries: 3,
      ...fields,
    });
    return made['guid'] as string;
  };
  const sales = await make('Sales of the festival', '/ok/sales', {
    resource: 'event',
    trigger: 'paid',
    triggered_by_child_resources: true,
  });
  const scans = await make('Ticket scans at the gate', '/fail/scans', {
    resource: 'ticket',
    trigger: 'scan',
    triggered_by_child_resources: true,
    retries: 0,
  });
  const orders = await make('New orders', '/ok/orders', { resource: 'order', trigger: 'create' });
  const off = await make('Old shop integration', '/ok/shop', { resource: 'shop', trigger: 'update' });
  await world.api(partner, 'PATCH', `/webhook/${off}/settings`, { enabled: false });
  await world.report([
    event('event.create', 'summer-night', { name: 'Summer Night' }),
    event('ticket.create', 'day-ticket', { relations: [{ resource: 'event', identifier: 'summer-night' }] }),
    event('shop.create', 'web-shop', { relations: [{ resource: 'event', identifier: 'summer-night' }] }),
  ]);
  const relations = [{ resource: 'ticket', identifier: 'day-ticket' }];
  const changes: string[] = [];
  for (let number = 1; number <= 12; number += 1) {
    const order = `order-${1000 + number}`;
    const reported = await world.report([
      event('order.create', order, { relations }),
      event('order.paid', order, { relations }),
    ]);
    changes.push(...reported);
  }
  const scanned = await world.report([event('order.scan', 'order-1001', { relations })]);
  return {
    sales,
    scans,
    orders,
    off,
    created: changes[0] ?? '',
    paid: changes[1] ?? '',
    scanned: scanned[0] ?? '',
  };
};
