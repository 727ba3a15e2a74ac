import { type ServerWritableStream, status } from '@grpc/grpc-js';
import sharedPb from '@eventstore/db-client/generated/shared_pb.js';
import streamsPb from '@eventstore/db-client/generated/streams_pb.js';
import { after, nameOf, notLeader } from './append-service.ts';
import { failure } from './failure.ts';
import type { Faults, ReadFault } from './faults.ts';
import type { DoubleLog, StoredEvent } from './log.ts';

type ReadCall = ServerWritableStream<streamsPb.ReadReq, streamsPb.ReadResp>;
type Options = streamsPb.ReadReq.Options;

/** "No position", as the server says it for what it reads from one stream. */
const NO_POSITION = '18446744073709551615';
/** Events before a fault in the middle. */
const BEFORE_CUT = 3;
/** A subscription with a filter tells how far it is after so many events that it looked at. */
const CHECKPOINT_EVERY = 32;

export class ReadService {
  readonly #log: DoubleLog;
  readonly #faults: Faults;
  readonly #self: () => { readonly address: string; readonly port: number };
  readonly #cutAll: () => void;
  reads = 0;
  /** Where each subscription wanted to start. */
  readonly subscribedFrom: Array<number | 'start' | 'end'> = [];
  readonly #subscriptions = new Set<ReadCall>();

  constructor(
    log: DoubleLog,
    faults: Faults,
    self: () => { readonly address: string; readonly port: number },
    cutAll: () => void,
  ) {
    this.#log = log;
    this.#faults = faults;
    this.#self = self;
    this.#cutAll = cutAll;
  }

  /** Ends every subscription with an error, or without one. */
  endSubscriptions(code?: status): void {
    for (const call of this.#subscriptions) {
      if (code === undefined) call.end();
      else call.emit('error', failure(code, 'ended by the test'));
    }
    this.#subscriptions.clear();
  }

  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  read(call: ReadCall): void {
    const options = call.request.getOptions();
    if (options === undefined) return void call.emit('error', failure(status.INVALID_ARGUMENT, 'no options'));
    const work = options.hasSubscription() ? this.#subscribe(call, options) : this.#readOnce(call, options);
    work.catch((error: unknown) => call.emit('error', error));
  }

  async #readOnce(call: ReadCall, options: Options): Promise<void> {
    this.reads += 1;
    const fault = this.#faults.reads.shift();
    if (fault === 'silent') return;
    if (fault !== undefined && fault !== 'cut') throw this.#failureOf(fault);
    const leader = this.#faults.leader;
    if (leader !== undefined && call.metadata.get('requires-leader').length > 0) throw notLeader(leader);
    const count = Number(options.getCount());
    const selected = options.hasAll() ? this.#selectAll(options, count) : this.#selectStream(options, count);
    if (selected === undefined) {
      const missing = new streamsPb.ReadResp.StreamNotFound();
      missing.setStreamIdentifier(options.getStream()?.getStreamIdentifier());
      call.write(new streamsPb.ReadResp().setStreamNotFound(missing));
      return void call.end();
    }
    for (const [index, event] of selected.entries()) {
      if (fault === 'cut' && index >= BEFORE_CUT) return this.#cutAll();
      if (this.#faults.readDelayMs > 0) await after(this.#faults.readDelayMs);
      if (call.cancelled) return;
      await send(call, eventResponse(event, options.hasAll()));
    }
    if (fault === 'cut') return this.#cutAll();
    call.end();
  }

  #failureOf(fault: Exclude<ReadFault, 'silent' | 'cut'>): Error {
    switch (fault) {
      case 'unavailable':
        return failure(status.UNAVAILABLE, 'No connection established');
      case 'busy':
        return failure(status.UNAVAILABLE, 'Server Is Too Busy');
      case 'not_ready':
        return failure(status.UNAVAILABLE, 'Server Is Not Ready');
      case 'not_leader':
        return notLeader(this.#faults.leader ?? this.#self());
      case 'access_denied':
        return failure(status.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });
    }
  }

  #selectStream(options: Options, count: number): ReadonlyArray<StoredEvent> | undefined {
    const from = options.getStream();
    const stored = this.#log.stream(nameOf(from?.getStreamIdentifier()));
    if (stored === 'deleted')
      throw failure(status.FAILED_PRECONDITION, 'Event stream is deleted.', {
        exception: 'stream-deleted',
        'stream-name': '',
      });
    if (stored === undefined) return undefined;
    const revision = from?.hasRevision() === true ? Number(from.getRevision()) : undefined;
    if (options.getReadDirection() === streamsPb.ReadReq.Options.ReadDirection.BACKWARDS) {
      const last = from?.hasStart() === true ? 0 : (revision ?? Infinity);
      return stored
        .filter((event) => event.revision <= last)
        .toReversed()
        .slice(0, count);
    }
    const first = from?.hasEnd() === true ? Infinity : (revision ?? 0);
    return stored.filter((event) => event.revision >= first).slice(0, count);
  }

  #selectAll(options: Options, count: number): ReadonlyArray<StoredEvent> {
    const from = this.#position(options);
    const { all } = this.#log;
    if (options.getReadDirection() === streamsPb.ReadReq.Options.ReadDirection.BACKWARDS) {
      const before = from === 'end' ? all.length : from === 'start' ? 0 : this.#log.indexFrom(from);
      return all.slice(0, before).toReversed().slice(0, count);
    }
    // Inclusive: a read starts with the event at the position.
    const start = from === 'start' ? 0 : from === 'end' ? all.length : this.#log.indexFrom(from);
    return all.slice(start, start + count);
  }

  #position(options: Options): number | 'start' | 'end' {
    const all = options.getAll();
    if (all?.hasStart() === true) return 'start';
    if (all?.hasEnd() === true) return 'end';
    const position = Number(all?.getPosition()?.getCommitPosition());
    if (!this.#log.isPosition(position)) {
      throw options.hasSubscription()
        ? failure(status.INVALID_ARGUMENT, 'Trying to read from an invalid position.')
        : failure(status.UNKNOWN, 'Unexpected ReadAllResult: InvalidPosition');
    }
    return position;
  }

  async #subscribe(call: ReadCall, options: Options): Promise<void> {
    const fault = this.#faults.subscriptions.shift();
    if (fault === 'unavailable') throw this.#failureOf('unavailable');
    const from = this.#position(options);
    this.subscribedFrom.push(from);
    const confirmation = new streamsPb.ReadResp.SubscriptionConfirmation().setSubscriptionId(
      crypto.randomUUID(),
    );
    call.write(new streamsPb.ReadResp().setConfirmation(confirmation));
    if (fault === 'silent') return;
    this.#subscriptions.add(call);
    let wake: () => void = () => undefined;
    const unlisten = this.#log.onWritten(() => wake());
    for (const ending of ['cancelled', 'close', 'error', 'finish']) call.on(ending, () => wake());
    const over = (): boolean => call.cancelled || call.destroyed || !this.#subscriptions.has(call);
    const passes = filterOf(options);
    const checkpointEvery = CHECKPOINT_EVERY * (options.getFilter()?.getCheckpointintervalmultiplier() ?? 1);
    try {
      const { all } = this.#log;
      let next = from === 'start' ? 0 : from === 'end' ? all.length : this.#log.indexFrom(from);
      // Exclusive: a subscription starts after the event at the position.
      if (typeof from === 'number' && all[next]?.position === from) next += 1;
      let [sent, considered] = [0, 0];
      let live = false;
      while (!over()) {
        const event = all[next];
        if (event === undefined) {
          if (!live)
            await send(call, new streamsPb.ReadResp().setCaughtUp(new streamsPb.ReadResp.CaughtUp()));
          live = true;
          await new Promise<void>((resolve) => {
            wake = resolve;
            if (over() || all.length > next) resolve();
          });
          continue;
        }
        next += 1;
        considered += 1;
        if (passes(event)) {
          await send(call, eventResponse(event, true));
          sent += 1;
        }
        if (options.hasFilter() && considered % checkpointEvery === 0) {
          const at = String(event.position);
          const checkpoint = new streamsPb.ReadResp.Checkpoint().setCommitPosition(at).setPreparePosition(at);
          await send(call, new streamsPb.ReadResp().setCheckpoint(checkpoint));
        }
        if (fault !== undefined && sent >= BEFORE_CUT) {
          this.#subscriptions.delete(call);
          if (fault === 'end') return void call.end();
          if (fault === 'cut') return this.#cutAll();
          throw failure(status.ABORTED, 'Operation timed out: Consumer too slow to handle event while live');
        }
      }
    } finally {
      unlisten();
      this.#subscriptions.delete(call);
    }
  }
}

const filterOf = (options: Options): ((event: StoredEvent) => boolean) => {
  const filter = options.getFilter();
  const onStream = filter?.getStreamIdentifier();
  const expression = onStream ?? filter?.getEventType();
  if (expression === undefined) return () => true;
  const [prefixes, regex] = [expression.getPrefixList(), expression.getRegex()];
  return (event) => {
    const text = onStream === undefined ? event.type : event.stream;
    return prefixes.length > 0
      ? prefixes.some((prefix) => text.startsWith(prefix))
      : new RegExp(regex).test(text);
  };
};

/** Waits where the client does not take more. */
const send = async (call: ReadCall, response: streamsPb.ReadResp): Promise<void> => {
  if (call.cancelled || call.destroyed || call.write(response)) return;
  await new Promise<void>((resolve) => {
    const goOn = (): void => {
      for (const event of GOING_ON) call.off(event, goOn);
      resolve();
    };
    for (const event of GOING_ON) call.on(event, goOn);
  });
};

const GOING_ON = ['drain', 'cancelled', 'close', 'error'];

/** Of one stream the server reads events without their place in the log. */
const eventResponse = (event: StoredEvent, fromAll: boolean): streamsPb.ReadResp => {
  const recorded = new streamsPb.ReadResp.ReadEvent.RecordedEvent();
  const id = new sharedPb.UUID().setString(event.id);
  const identifier = new sharedPb.StreamIdentifier().setStreamName(Buffer.from(event.stream));
  const position = fromAll ? String(event.position) : NO_POSITION;
  recorded.setId(id).setStreamIdentifier(identifier).setStreamRevision(String(event.revision));
  recorded.setCommitPosition(position).setPreparePosition(position);
  recorded.setData(event.data).setCustomMetadata(event.metadata);
  const metadata = recorded.getMetadataMap();
  metadata.set('type', event.type);
  metadata.set('content-type', event.isJson ? 'application/json' : 'application/octet-stream');
  // In units of 100 ns since 1970.
  metadata.set('created', String(event.createdMs * 10_000));
  const read = new streamsPb.ReadResp.ReadEvent().setEvent(recorded);
  if (fromAll) read.setCommitPosition(position);
  else read.setNoPosition(new sharedPb.Empty());
  return new streamsPb.ReadResp().setEvent(read);
};
