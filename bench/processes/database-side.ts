import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent, NO_STREAM as BARE_NO_STREAM } from '@eventstore/db-client';
import { isLeft } from 'fp-ts/lib/Either.js';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { systemRandom } from '../../src/adapters/system-random.ts';
import { streamOf } from '../../src/domain/ids.ts';
import { parseAddress } from '../../src/eventstore/eventstoredb-address.ts';
import { openEventStoreDb } from '../../src/eventstore/eventstoredb.ts';
import { emptyHead, seal } from '../../src/eventstore/codec.ts';
import { NO_STREAM, type EventData, type StreamAppend } from '../../src/eventstore/event-store.ts';
import { fourWebhooks, invocationStream, scheduled, toldOfUpdate } from '../support/made-up.ts';
import { percentile } from '../support/statistics.ts';
import { serveWorker } from '../support/worker.ts';

/**
 * One client of a database, by Callboard's adapter or bare: in a process of its own, because clients in one process share
 * their bookkeeping. Both write and read the same events, those of scheduled invocations.
 */
export type SideAsk =
  | { readonly do: 'open'; readonly side: 'adapter' | 'bare'; readonly url: string }
  /** Single appends, each to a new stream, so many unanswered at a time. */
  | { readonly do: 'append'; readonly count: number; readonly inFlight: number }
  /** As many events in large appends, for others to read. Answers the place before them. */
  | { readonly do: 'fill'; readonly count: number }
  /** That many events of ours after the place, in pages or by a subscription. */
  | { readonly do: 'read' | 'subscribe'; readonly after: number; readonly count: number };

export interface SideAnswer {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of this process for one event: what a busy machine does not blur. */
  readonly cpuUs: number;
  readonly after: number;
}

interface Side {
  append(prepared: StreamAppend): Promise<void>;
  head(): Promise<number>;
  read(after: number, count: number): Promise<void>;
  subscribe(after: number, count: number): Promise<void>;
}

const PREFIX = 'invocation-';
const PAGE = 1_000;
const FILL_EVENTS = 50;

const openAdapter = async (url: string): Promise<Side> => {
  const address = parseAddress(url);
  if (isLeft(address)) throw new Error(address.left);
  const opened = await openEventStoreDb({
    address: address.right,
    login: { user: null, certificate: null },
    clock: systemClock(),
    random: systemRandom(),
  });
  if (isLeft(opened)) throw new Error(opened.left.message);
  const store = opened.right;
  const filter = { streamPrefixes: [PREFIX] };
  return {
    append: async (prepared) => {
      const appended = await store.append([prepared])();
      if (isLeft(appended)) throw new Error(JSON.stringify(appended.left));
    },
    head: async () => {
      const head = await store.head()();
      if (isLeft(head)) throw new Error(head.left.message);
      return head.right;
    },
    read: async (after, count) => {
      let seen = 0;
      for (let next = after; seen < count;) {
        const page = await store.readAll({ after: next, limit: PAGE, filter })();
        if (isLeft(page)) throw new Error(page.left.message);
        seen += page.right.events.length;
        if (page.right.atEnd && seen < count) throw new Error(`only ${seen} of ${count} events are there`);
        ({ next } = page.right);
      }
    },
    subscribe: async (after, count) => {
      let seen = 0;
      await new Promise<void>((resolve, reject) => {
        const subscription = store.subscribe({
          after,
          filter,
          batchMax: PAGE,
          onEvents: async (events) => {
            seen += events.length;
            if (seen >= count) resolve();
          },
          onFailure: reject,
        });
        void subscription;
      });
    },
  };
};

const openBare = async (url: string): Promise<Side> => {
  const client = EventStoreDBClient.connectionString(url);
  const isOurs = (stream: string | undefined): boolean => stream?.startsWith(PREFIX) === true;
  const place = (after: number) =>
    after === 0 ? 'start' : { commit: BigInt(after), prepare: BigInt(after) };
  return {
    append: async ({ stream, events }) => {
      const objects = OBJECTS.get(stream) ?? events.map(toObjects);
      OBJECTS.delete(stream);
      await client.appendToStream(stream, objects, { expectedRevision: BARE_NO_STREAM });
    },
    head: async () => {
      for await (const { event } of client.readAll({
        direction: 'backwards',
        fromPosition: 'end',
        maxCount: 1,
      }))
        return Number(event?.position.commit);
      return 0;
    },
    read: async (after, count) => {
      let seen = 0;
      let from = after;
      while (seen < count) {
        let received = 0;
        for await (const { event } of client.readAll({ fromPosition: place(from), maxCount: PAGE })) {
          received += 1;
          const position = Number(event?.position.commit);
          if (position <= from) continue;
          from = position;
          if (isOurs(event?.streamId)) seen += 1;
        }
        if (received < PAGE && seen < count) throw new Error(`only ${seen} of ${count} events are there`);
      }
    },
    subscribe: async (after, count) => {
      const subscription = client.subscribeToAll({ fromPosition: place(after) });
      let seen = 0;
      for await (const { event } of subscription) {
        if (isOurs(event?.streamId)) seen += 1;
        if (seen >= count) break;
      }
    },
  };
};

/** What a user of the bare client hands over: objects, made before the clock starts. */
const toObjects = ({ id, type, data, metadata }: EventData) =>
  jsonEvent({
    id,
    type,
    data: JSON.parse(data) as Record<string, unknown>,
    metadata: JSON.parse(metadata) as Record<string, unknown>,
  });
const OBJECTS = new Map<string, ReturnType<typeof toObjects>[]>();

const prepare = (count: number, eventsEach: number): ReadonlyArray<StreamAppend> => {
  const [webhook] = fourWebhooks('http://127.0.0.1:9', () => 'none');
  if (webhook === undefined) throw new Error('there are four webhooks');
  return Array.from({ length: count }, (_, number): StreamAppend => {
    const { events, cause } = invocationStream(
      scheduled(toldOfUpdate(webhook, randomUUID(), number, Date.now())),
      [],
    );
    const stream = streamOf.invocation(randomUUID());
    const copies = Array.from({ length: eventsEach }, () =>
      events.map(({ event }) => ({ id: randomUUID(), event })),
    );
    return seal(stream, { ...emptyHead(stream), revision: NO_STREAM }, copies.flat(), cause).append;
  });
};

let side: Side | undefined;
let isBare = false;

const appendAll = async (appends: ReadonlyArray<StreamAppend>, inFlight: number): Promise<number[]> => {
  const latencies: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let append = appends[next++]; append !== undefined; append = appends[next++]) {
      const startedMs = performance.now();
      await side?.append(append);
      latencies.push(performance.now() - startedMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return latencies;
};

const NOTHING: SideAnswer = { perSecond: 0, p50Ms: 0, p99Ms: 0, cpuUs: 0, after: 0 };

serveWorker<SideAsk, SideAnswer>(async (ask) => {
  if (ask.do === 'open') {
    isBare = ask.side === 'bare';
    side = await (isBare ? openBare(ask.url) : openAdapter(ask.url));
    return NOTHING;
  }
  if (side === undefined) throw new Error('not open');
  if (ask.do === 'fill') {
    const after = await side.head();
    await appendAll(prepare(Math.ceil(ask.count / FILL_EVENTS), FILL_EVENTS), 4);
    return { ...NOTHING, after };
  }
  const appends = ask.do === 'append' ? prepare(ask.count, 1) : [];
  if (isBare) for (const { stream, events } of appends) OBJECTS.set(stream, events.map(toObjects));
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const latencies = ask.do === 'append' ? await appendAll(appends, ask.inFlight) : [0];
  if (ask.do !== 'append') await side[ask.do](ask.after, ask.count);
  const tookMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (ask.count * 1000) / tookMs,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuUs: (user + system) / ask.count,
    after: 0,
  };
});
