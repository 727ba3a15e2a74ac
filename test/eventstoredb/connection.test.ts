import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import gossipPb from '@eventstore/db-client/generated/gossip_pb.js';
import { isLeft } from 'fp-ts/lib/Either.js';
import { afterEach, describe, expect, it } from 'vitest';
import type { DatabaseStore } from '../../src/eventstore/eventstoredb.ts';
import { append, get } from '../contract/event-store.ts';
import { Writer } from '../eventstore/events.ts';
import { Double, type DoubleOptions } from './double/server.ts';
import { openAt, tryOpenAt } from './stores.ts';

const file = (name: string): string => join(import.meta.dirname, 'certificates', name);
const TLS = { key: readFileSync(file('node.key')), certificate: readFileSync(file('node.crt')) };
const USER = { username: 'callboard', password: 'p@ss:word/€' };

const doubles: Double[] = [];
const stores: DatabaseStore[] = [];
const start = async (options: DoubleOptions = {}): Promise<Double> => {
  const double = await new Double(options).start();
  doubles.push(double);
  return double;
};
const opened = async (...parameters: Parameters<typeof openAt>): Promise<DatabaseStore> => {
  const store = await openAt(...parameters);
  stores.push(store);
  return store;
};
/** Why it does not open. */
const refusal = async (...parameters: Parameters<typeof tryOpenAt>): Promise<string> => {
  const result = await tryOpenAt(...parameters);
  if (isLeft(result)) return result.left.message;
  stores.push(result.right);
  return 'opened';
};
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  for (const double of doubles.splice(0)) double.stop();
});
const works = async (store: DatabaseStore): Promise<void> => {
  await append(store, new Writer('order-1').next([1]));
  expect(get(await store.readStream('order-1', { limit: 5 })())).toHaveLength(1);
};

describe('TLS', () => {
  it('is used with the certificates of a CA file, and a user by name', async () => {
    const double = await start({ tls: TLS });
    double.faults.users = { [USER.username]: USER.password };
    const url = `esdb://127.0.0.1:${double.port}?tlsCAFile=${file('ca.crt')}`;
    await works(await opened(url, { login: { user: USER, certificate: null } }));
  });

  it('is used with a user by certificate', async () => {
    const double = await start({ tls: { ...TLS, ca: readFileSync(file('ca.crt')) } });
    const url = `esdb://127.0.0.1:${double.port}?tlsCAFile=${file('ca.crt')}`;
    const certificate = { certFile: file('node.crt'), keyFile: file('node.key') };
    await works(await opened(url, { login: { user: null, certificate } }));
  });

  it('with a certificate that is not trusted is refused, and says so', async () => {
    const double = await start({ tls: TLS });
    const message = await refusal(`esdb://127.0.0.1:${double.port}`, { openMs: 8_000 });
    expect(message).toContain("the server's certificate is not trusted: tlsCAFile names the CA's (");
  });

  it('of a cluster with a certificate that is not trusted is refused, and says so', async () => {
    const double = await start({ tls: TLS });
    const url = `esdb+discover://127.0.0.1:${double.port},127.0.0.1:${double.port}`;
    expect(await refusal(url, { openMs: 8_000 })).toMatch(/certificate|issuer/i);
  });

  it('is not what a server without TLS understands, and says what it wants', async () => {
    const double = await start();
    expect(await refusal(`esdb://127.0.0.1:${double.port}`, { openMs: 1_500 })).toContain(
      'the server speaks no TLS there, which wants tls=false',
    );
  });

  it('without a user where one is needed is refused at once', async () => {
    const double = await start({ tls: TLS });
    double.faults.users = { [USER.username]: USER.password };
    const url = `esdb://127.0.0.1:${double.port}?tlsCAFile=${file('ca.crt')}`;
    expect(await refusal(url)).toMatch(/the server wants CALLBOARD_STORE_USER.*Access Denied/);
  });

  it('with a CA file that is not there says which', async () => {
    expect(await refusal('esdb://127.0.0.1:1?tlsCAFile=/nowhere/ca.crt')).toContain('/nowhere/ca.crt');
  });

  it('with a wrong password is refused at once, without showing it', async () => {
    const double = await start({ tls: TLS });
    double.faults.users = { [USER.username]: 'another' };
    const url = `esdb://127.0.0.1:${double.port}?tlsCAFile=${file('ca.crt')}`;
    const startedMs = performance.now();
    const message = await refusal(url, { login: { user: USER, certificate: null } });
    expect(message).toMatch(
      /CALLBOARD_STORE_USER or CALLBOARD_STORE_PASSWORD is wrong|the server wants CALLBOARD_STORE_USER/,
    );
    expect(message).not.toContain(USER.password);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
  });
});

describe('opening', () => {
  it('waits for a node that starts later', async () => {
    const double = await start();
    const { url } = double;
    double.stop();
    setTimeout(() => void double.start(), 700);
    await works(await opened(url));
  });

  it('gives up after a while, and says why', async () => {
    expect(await refusal('esdb://127.0.0.1:1?tls=false', { openMs: 600 })).toMatch(
      /^esdb:\/\/127\.0\.0\.1:1 without TLS: no answer in 1 s: .*ECONNREFUSED/,
    );
    expect(await refusal('esdb://no-such-host.invalid?tls=false', { openMs: 600 })).toMatch(
      /no answer in 1 s: the host has no address \(/,
    );
  });

  it.each([
    ['20.10.5.0', undefined],
    ['unknown', 'unimplemented' as const],
  ])('refuses a server of version %s', async (version, probe) => {
    const double = await start();
    double.faults.version = version;
    if (probe !== undefined) double.faults.probes.push(probe, probe, probe);
    expect(await refusal(double.url)).toContain('21.10 or newer');
  });

  it('gives a database one id for ever, whoever opens it, also at once', async () => {
    const double = await start();
    const both = await Promise.all([opened(double.url), opened(double.url)]);
    const again = await opened(double.url);
    expect(new Set([...both, again].map(({ id }) => id))).toHaveLength(1);
    const other = await opened((await start()).url);
    expect(other.id).not.toBe(again.id);
  });

  it('refuses another key than the one that secrets in it are sealed under', async () => {
    const double = await start();
    await opened(double.url, { keyId: 'key-a' });
    await opened(double.url, { keyId: 'key-a' });
    expect(await refusal(double.url, { keyId: 'key-b' })).toContain('sealed under another CALLBOARD_SECRET');
  });

  it("refuses a database in which its own stream is somebody else's", async () => {
    const double = await start();
    const event = {
      id: crypto.randomUUID(),
      type: 'X',
      isJson: true,
      data: Buffer.from('{}'),
      metadata: Buffer.from('{}'),
    };
    double.log.append('callboard-store', 'no_stream', [event]);
    expect(await refusal(double.url)).toContain("is not Callboard's");
  });
});

describe('a cluster', () => {
  const { LEADER, FOLLOWER } = gossipPb.MemberInfo.VNodeState;

  it('is asked for its leader; one of the hosts is enough', async () => {
    const leader = await start();
    const follower = await start({ log: leader.log });
    follower.members.push({ port: follower.port, state: FOLLOWER }, { port: leader.port, state: LEADER });
    const store = await opened(`esdb+discover://127.0.0.1:1,127.0.0.1:${follower.port}?tls=false`);
    await works(store);
    expect(leader.appends.seen.length).toBeGreaterThan(0);
    expect(follower.appends.seen).toEqual([]);
  });

  it('goes on with its next leader when the first one dies', async () => {
    const first = await start();
    const second = await start({ log: first.log });
    const members = [
      { port: first.port, state: LEADER },
      { port: second.port, state: FOLLOWER },
    ];
    for (const double of [first, second]) double.members.push(...members);
    const store = await opened(`esdb+discover://127.0.0.1:${first.port},127.0.0.1:${second.port}?tls=false`);
    const writer = new Writer('order-1');
    await append(store, writer.next([1]));
    const seen: number[] = [];
    store.subscribe({
      after: 0,
      batchMax: 10,
      filter: { streamPrefixes: ['order-'] },
      onEvents: async (events) => void seen.push(...events.map(({ revision }) => revision)),
      onFailure: () => undefined,
    });
    await expect.poll(() => seen).toEqual([0]);
    first.stop();
    second.members.splice(0, 2, { port: second.port, state: LEADER });
    const startedMs = performance.now();
    await append(store, writer.next([2]));
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    await expect.poll(() => seen, { timeout: 5_000 }).toEqual([0, 1]);
    expect(second.appends.seen.length).toBeGreaterThan(0);
  });
});
