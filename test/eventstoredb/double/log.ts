/**
 * What an EventStoreDB keeps and how it judges appends, after its source (24.6, `IndexWriter.CheckCommit`, `AllReader`,
 * `IndexReader`): see the functions. In memory; a restart forgets what the server keeps in memory only.
 */

export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  readonly isJson: boolean;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export interface StoredEvent extends ProposedEvent {
  readonly stream: string;
  readonly revision: number;
  /** Offset in the log; commit and prepare position are one. */
  readonly position: number;
  readonly createdMs: number;
}

export type Expected = number | 'no_stream' | 'any' | 'stream_exists';

export type Judged =
  | { readonly kind: 'stored' | 'idempotent'; readonly revision: number; readonly position: number }
  /** −1: no such stream. */
  | { readonly kind: 'wrong_version'; readonly current: number }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'too_large'; readonly maxAppendSize: number };

/** Ids of recent events that "any" and "stream exists" are compared with: 8 MiB in memory. */
const RECENT_BYTES_MAX = 8 * 1024 * 1024;
/** A record's frame: why positions have gaps. */
const RECORD_OVERHEAD = 93;
/** The server writes its statistics now and then; here after so many events. */
const STATISTICS_EVERY = 17;

const NO_STREAM = -1;

export class DoubleLog {
  /** The server's option of that name. */
  maxAppendSize = 1024 * 1024;
  readonly all: StoredEvent[] = [];
  readonly #streams = new Map<string, StoredEvent[]>();
  readonly #tombstones = new Set<string>();
  readonly #positions = new Set<number>();
  /** Gone from the disk. Their positions may still be read from. */
  readonly #scavenged = new Set<StoredEvent>();
  readonly #listeners = new Set<() => void>();
  #recent = new Map<string, { readonly stream: string; readonly revision: number }>();
  #recentBytes = 0;
  #end = 0;
  #sinceStatistics = 0;

  constructor() {
    this.#write('$epoch-information', [json('$EpochInformation', {})]);
    this.#write('$$$settings', [json('$metadata', {})]);
  }

  get end(): number {
    return this.#end;
  }

  /** What a restart of the server forgets. */
  forget(): void {
    this.#recent = new Map();
    this.#recentBytes = 0;
  }

  onWritten(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  append(stream: string, expected: Expected, events: ReadonlyArray<ProposedEvent>): Judged {
    const size = events.reduce(
      (sum, { type, data, metadata }) => sum + data.length + metadata.length + 2 * type.length,
      0,
    );
    if (size > this.maxAppendSize) return { kind: 'too_large', maxAppendSize: this.maxAppendSize };
    const verdict = this.#judge(stream, expected, events);
    if (verdict !== 'ok') return verdict;
    // An append of nothing is answered with revision 0, and no stream comes of it.
    const last = this.#write(stream, events);
    this.#sinceStatistics += events.length;
    if (this.#sinceStatistics >= STATISTICS_EVERY) {
      this.#sinceStatistics = 0;
      this.#write('$stats-127.0.0.1:2113', [json('$statsCollected', { proc: {} })]);
    }
    for (const listener of this.#listeners) listener();
    return { kind: 'stored', revision: last?.revision ?? 0, position: last?.position ?? this.#end };
  }

  #judge(stream: string, expected: Expected, events: ReadonlyArray<ProposedEvent>): Judged | 'ok' {
    if (this.#tombstones.has(stream)) return { kind: 'deleted' };
    const stored = this.#streams.get(stream) ?? [];
    const current = stored.length - 1;
    const wrong = { kind: 'wrong_version', current } as const;
    if (expected === 'any' || expected === 'stream_exists') {
      if (expected === 'stream_exists' && current < 0) return wrong;
      const known = events
        .map(({ id }) => this.#recent.get(id))
        .map((at) => (at?.stream === stream ? at : undefined));
      if (known.length === 0 || known[0] === undefined) return 'ok';
      const last = known.at(-1);
      return last === undefined || known.includes(undefined)
        ? wrong
        : { kind: 'idempotent', revision: last.revision, position: stored[last.revision]?.position ?? -1 };
    }
    const at = expected === 'no_stream' ? NO_STREAM : expected;
    if (at === current) return 'ok';
    if (at > current || events.length === 0) return wrong;
    const idAt = (revision: number): string | undefined => {
      const there = stored[revision];
      return there === undefined || this.#scavenged.has(there) ? undefined : there.id;
    };
    const same = events.every(({ id }, index) => idAt(at + 1 + index) === id);
    if (same) {
      const last = stored[at + events.length] as StoredEvent;
      return { kind: 'idempotent', revision: last.revision, position: last.position };
    }
    const firstSame = idAt(at + 1) === events[0]?.id;
    return !firstSame && expected === 'no_stream' && this.#isSoftDeleted(stream) ? 'ok' : wrong;
  }

  /** Whether the server, with nothing of it indexed yet, would recognise the append: it goes by the ids it remembers. */
  recalls(stream: string, after: number, events: ReadonlyArray<ProposedEvent>): boolean {
    return events.every(({ id }, index) => {
      const at = this.#recent.get(id);
      return at?.stream === stream && at.revision === after + 1 + index;
    });
  }

  #write(stream: string, events: ReadonlyArray<ProposedEvent>): StoredEvent | undefined {
    const stored = this.#streams.get(stream) ?? [];
    if (events.length > 0) this.#streams.set(stream, stored);
    for (const event of events) {
      const record = {
        ...event,
        stream,
        revision: stored.length,
        position: this.#end,
        createdMs: Date.now(),
      };
      stored.push(record);
      this.all.push(record);
      this.#positions.add(this.#end);
      this.#end += RECORD_OVERHEAD + Buffer.byteLength(stream) + event.data.length + event.metadata.length;
      // Known under its first stream only: of the same id in another one the server forgets where it was.
      if (!this.#recent.has(event.id)) this.#recent.set(event.id, { stream, revision: record.revision });
      this.#recentBytes += 28 + 2 * stream.length;
      for (const [id, oldest] of this.#recent) {
        if (this.#recentBytes <= RECENT_BYTES_MAX) break;
        this.#recent.delete(id);
        this.#recentBytes -= 28 + 2 * oldest.stream.length;
      }
    }
    return stored.at(-1);
  }

  /** Soft: the stream may begin again, with the next revision. Hard: it never may. */
  delete(stream: string, hard: boolean): void {
    if (hard) this.#tombstones.add(stream);
    else this.#write(`$$${stream}`, [json('$metadata', { $tb: Number.MAX_SAFE_INTEGER })]);
  }

  #metadata(stream: string): {
    readonly $tb?: number;
    readonly $maxCount?: number;
    readonly $maxAge?: number;
  } {
    const newest = this.#streams.get(`$$${stream}`)?.at(-1);
    return newest === undefined ? {} : (JSON.parse(Buffer.from(newest.data).toString('utf8')) as object);
  }

  #isSoftDeleted(stream: string): boolean {
    return this.#metadata(stream).$tb === Number.MAX_SAFE_INTEGER;
  }

  /** Undefined: there is no such stream. Deleted, truncated and aged events are hidden here, and only here. */
  stream(stream: string): ReadonlyArray<StoredEvent> | undefined | 'deleted' {
    if (this.#tombstones.has(stream)) return 'deleted';
    const stored = this.#streams.get(stream);
    if (stored === undefined || this.#isSoftDeleted(stream)) return undefined;
    const { $tb = 0, $maxCount = Infinity, $maxAge = Infinity } = this.#metadata(stream);
    const from = Math.max($tb, stored.length - $maxCount);
    return stored.filter(
      (event) =>
        event.revision >= from &&
        Date.now() - event.createdMs <= $maxAge * 1_000 &&
        !this.#scavenged.has(event),
    );
  }

  /**
   * Frees what readers of streams do not see any more, but never a stream's last event. `upTo`: only before that position,
   * as a scavenge that was stopped, or whose newer chunks are not complete. No subscription may be under way.
   */
  scavenge(upTo = Infinity): number {
    const visible = new Map<string, ReadonlySet<StoredEvent>>();
    const goes = (event: StoredEvent): boolean => {
      const { stream } = event;
      if (event.position >= upTo || this.#streams.get(stream)?.at(-1) === event) return false;
      let seen = visible.get(stream);
      if (seen === undefined) {
        const shown = this.stream(stream);
        visible.set(stream, (seen = new Set(Array.isArray(shown) ? (shown as StoredEvent[]) : [])));
      }
      return !seen.has(event);
    };
    const removed = this.all.filter(goes);
    for (const event of removed) this.#scavenged.add(event);
    const kept = this.all.filter((event) => !this.#scavenged.has(event));
    this.all.splice(0, this.all.length, ...kept);
    return removed.length;
  }

  /** Where a read may start: at a record, or at the end of the log. */
  isPosition(position: number): boolean {
    return position === this.#end || this.#positions.has(position);
  }

  /** Index in `all` of the first event at or after the position. */
  indexFrom(position: number): number {
    let [low, high] = [0, this.all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.all[middle] as StoredEvent).position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const json = (type: string, data: object): ProposedEvent => ({
  id: crypto.randomUUID(),
  type,
  isJson: true,
  data: Buffer.from(JSON.stringify(data)),
  metadata: Buffer.from('{}'),
});
