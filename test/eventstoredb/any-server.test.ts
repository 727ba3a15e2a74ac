import { randomInt, randomUUID } from 'node:crypto';
import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedEvent } from '../../src/eventstore/event-store.ts';
import type { DatabaseOptions, DatabaseStore } from '../../src/eventstore/eventstoredb.ts';
import { append, get, readStream } from '../contract/event-store.ts';
import { change, Writer } from '../eventstore/events.ts';
import type { DatabaseLogin } from '../../src/eventstore/eventstoredb-address.ts';
import { realServer } from './real.ts';
import { openAt, tryOpenAt } from './stores.ts';
import { type Target, TARGETS } from './targets.ts';

/** What the adapter promises on whatever server: the double answers for it in CI, a real one where it is named. */
describe.each(TARGETS)('on %s', (_, start) => {
  let target: Target;
  let prefix: string;
  const stores: DatabaseStore[] = [];
  beforeEach(async () => {
    target = await start();
    prefix = `test-${randomUUID()}-`;
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    target.end();
  });
  const open = async (options: Partial<DatabaseOptions> = {}): Promise<DatabaseStore> => {
    const store = await openAt(target.url, { login: target.login, ...options });
    stores.push(store);
    return store;
  };
  const writer = (suffix: string | number = 'a'): Writer => new Writer(`${prefix}${suffix}`);

  it('as much as the adapter lets through is taken, and a byte more never sent', async () => {
    const store = await open();
    const empty = writer().next([1], (n) => change(n, ''));
    const room = store.appendBytesMax - Buffer.byteLength(Object.values(empty.events[0] ?? {}).join(''));
    const full = writer('full').next([1], (n) => change(n, 'x'.repeat(room)));
    await append(store, full);
    expect((await readStream(store, full.stream))[0]?.event).toEqual(full.events[0]);
    const over = writer('over').next([1], (n) => change(n, 'x'.repeat(room + 1)));
    expect(await store.append([over])()).toMatchObject(left({ _tag: 'AppendTooLarge' }));
    expect(await readStream(store, over.stream)).toEqual([]);
    // Many small events are counted like one large one: types and ids must not bring them over the server's limit.
    const many = writer('many').next(Array.from({ length: 1_300 }, (_event, n) => n));
    const bytes = Buffer.byteLength(
      many.events.map(({ id, type, data, metadata }) => id + type + data + metadata).join(''),
    );
    expect(bytes).toBeGreaterThan(0.9 * store.appendBytesMax);
    expect(bytes).toBeLessThan(store.appendBytesMax);
    expect((await append(store, many))[0]?.revision).toBe(1_299);
  });

  it('data comes back byte for byte, whatever it is', async () => {
    const store = await open();
    const batch = writer().next([1, 2, 3]);
    const texts = ['{"b":1, "a":2}', 'no JSON at all \u0000€', '{"1":{"__proto__":[1e400]}}'];
    const events = batch.events.map((event, index) => ({ ...event, data: texts[index] ?? '' }));
    await append(store, { ...batch, events });
    expect((await readStream(store, batch.stream)).map(({ event }) => event)).toEqual(events);
  });

  it('the same append by two processes at once is stored once, and both are told so', async () => {
    const [one, other] = [await open(), await open()];
    // The server knows an id that is not indexed yet by the first stream it came in: these came in no other.
    const first = randomInt(2 ** 40);
    const batches = Array.from({ length: 20 }, (_batch, n) =>
      writer(n).next([first + 2 * n, first + 2 * n + 1]),
    );
    const results = await Promise.all(
      batches.map((batch) => Promise.all([append(one, batch), append(other, batch)])),
    );
    for (const [ours, theirs] of results) expect(ours).toEqual(theirs);
    for (const { stream } of batches) expect(await readStream(one, stream)).toHaveLength(2);
  });

  it("what is not ours is not seen, nor what is the server's", async () => {
    const store = await open();
    const before = get(await store.head()());
    const ours = writer();
    for (let n = 0; n < 30; n += 1) {
      await append(store, new Writer(`somebody-else-${prefix}${n}`).next([n]));
      await append(store, ours.next([n]));
    }
    const seen: RecordedEvent[] = [];
    let after = before;
    for (let atEnd = false; !atEnd;) {
      const page = get(await store.readAll({ after, limit: 7, filter: { streamPrefixes: [prefix] } })());
      seen.push(...page.events);
      [after, atEnd] = [page.next, page.atEnd];
    }
    expect(seen.map(({ revision }) => revision)).toEqual(Array.from({ length: 30 }, (_event, n) => n));
    const everything = get(await store.readAll({ after: before, limit: 1_000 })());
    expect(everything.events.filter(({ stream }) => stream.startsWith('$'))).toEqual([]);
    expect(everything.events.length).toBeGreaterThanOrEqual(60);
  });

  it(
    'connections cut in the middle of appends: all are known in the end, none is stored twice',
    { timeout: 60_000 },
    async () => {
      const store = await open({ times: { connectionMs: 15_000, repeatMs: 20_000 } });
      const writers = Array.from({ length: 100 }, (_writer, n) => writer(n));
      const text = 'x'.repeat(10_000);
      const ROUNDS = 5;
      let cutting = true;
      const all = Promise.all(
        writers.map(async (each) => {
          for (let n = 0; n < ROUNDS; n += 1) {
            const result = await store.append([each.next([n], (id) => change(id, text))])();
            if (isLeft(result)) return result;
          }
          return right(undefined);
        }),
      ).finally(() => (cutting = false));
      for (let cuts = 0; cutting && cuts < 4; cuts += 1) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        target.cut();
      }
      expect((await all).filter(isLeft)).toEqual([]);
      for (const { stream } of writers) {
        const revisions = (await readStream(store, stream)).map(({ event }) => event.id);
        expect(new Set(revisions).size).toBe(ROUNDS);
        expect(revisions).toHaveLength(ROUNDS);
      }
    },
  );

  it(
    'a subscription hears everything once and in order, though it is cut and the server goes away',
    { timeout: 60_000 },
    async () => {
      const store = await open({ times: { connectionMs: 15_000, repeatMs: 20_000 } });
      const ours = writer();
      const after = get(await store.head()());
      await append(store, ours.next([0]));
      const seen: number[] = [];
      store.subscribe({
        after,
        batchMax: 10,
        filter: { streamPrefixes: [prefix] },
        onEvents: async (events) => void seen.push(...events.map(({ revision }) => revision)),
        onFailure: (error) => expect.unreachable(String(error)),
      });
      const COUNT = 60;
      for (let n = 1; n < COUNT; n += 1) {
        if (n % 20 === 15) target.cut();
        if (n === 30) {
          target.leave();
          await expect.poll(() => store.away, { timeout: 20_000 }).not.toBeUndefined();
          setTimeout(() => void target.comeBack(), 1_000);
        }
        await append(store, ours.next([n]));
      }
      await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(COUNT);
      expect(seen).toEqual(Array.from({ length: COUNT }, (_event, n) => n));
    },
  );

  it('has one id for ever, whoever opens it', async () => {
    const [one, other] = await Promise.all([open(), open()]);
    expect(one.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(other.id).toBe(one.id);
  });

  it('is waited for when it starts later', async () => {
    target.leave();
    setTimeout(() => void target.comeBack(), 700);
    const store = await open();
    await append(store, writer().next([1]));
  });
});

const real = realServer();
const user = real?.login.user ?? null;
if (real !== undefined && user !== null) {
  describe('a real server with users', () => {
    const refusal = async (login: DatabaseLogin): Promise<string> => {
      const opened = await tryOpenAt(real.url, { login });
      if (isLeft(opened)) return opened.left.message;
      await opened.right.close();
      return 'opened';
    };

    it('refuses a wrong password and nobody at once, without showing the password', async () => {
      const startedMs = performance.now();
      const wrong = { username: user.username, password: `${user.password}-not` };
      const message = await refusal({ user: wrong, certificate: null });
      expect(message).toMatch(/Unauthenticated/);
      expect(message).not.toContain(wrong.password);
      expect(await refusal({ user: null, certificate: null })).toMatch(/Access Denied/);
      expect(performance.now() - startedMs).toBeLessThan(10_000);
    });

    it('is not talked to when its certificate is not trusted', async () => {
      const { url } = real;
      const untrusted = url.replace(/tlsCAFile=[^&]*/i, 'tlsCAFile=') + '';
      const opened = await tryOpenAt(untrusted.replace(/[?&]tlsCAFile=$/, ''), {
        login: real.login,
        openMs: 10_000,
      });
      expect(isLeft(opened) ? opened.left.message : 'opened').toMatch(/certificate|issuer/i);
    });
  });
}
