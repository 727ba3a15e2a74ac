import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { Page, Position, ReadAllOptions, ReadStreamOptions, RecordedEvent } from './event-store.ts';
import { recordedAtMs } from './removals.ts';
import type { StreamEnds } from './removing.ts';
import { LIMIT } from './sqlite-limit.ts';
import { openRemoved, positionsIn, type RemovedRow } from './sqlite-removed.ts';
import { nameHash } from './sqlite-schema.ts';

/** Reads on a connection of its own; each is one statement and sees one state of the log. */
export interface LogReader {
  stream(name: string, options: ReadStreamOptions): ReadonlyArray<RecordedEvent>;
  all(options: ReadAllOptions): Page;
  head(): Position;
  /** As in removing.ts. */
  ends(after: Position, streamPrefix: string, types: ReadonlyArray<string>): StreamEnds;
  streamNames(prefix: string): ReadonlyArray<string>;
  removedAtMs(stream: string): number | undefined;
  removedPosition(stream: string, revision: number): Position | undefined;
  close(): void;
}

/** Positions looked at for one page: a filter that nothing passes must not hold up the event loop. */
const SCANNED_MAX = 5_000;
/** Text of one page, in code units; a page holds at least one event. */
const PAGE_UNITS_MAX = 32 * 1024 * 1024;

/** The same for what retention looks through, in the background. */
const ENDS_SCANNED_MAX = 2_000;

const COLUMNS = 's.name, e.revision, e.position, e.id, e.type, e.data, e.metadata';

export const openReader = (db: DatabaseSync): LogReader => {
  const ofStream = (condition: string, order: string): StatementSync =>
    asArrays(
      db.prepare(
        `SELECT ${COLUMNS} FROM streams s CROSS JOIN events e ON e.stream_no = s.stream_no
         WHERE s.name_hash = ? AND s.name = ? AND e.revision ${condition} ? ORDER BY e.revision ${order} ${LIMIT}`,
      ),
    );
  const forwards = ofStream('>=', 'ASC');
  const backwards = ofStream('<=', 'DESC');
  const headPosition = asArrays(db.prepare('SELECT max(position) FROM events'));
  const nextPosition = asArrays(db.prepare('SELECT min(position) FROM events WHERE position > ?'));
  const afterPosition = new Map<number, StatementSync>();

  /** Prefixes are tested before the large columns are touched; `instr` compares bytes, whatever the name holds. */
  const allStatement = (prefixes: number): StatementSync => {
    const known = afterPosition.get(prefixes);
    if (known !== undefined) return known;
    const filter = Array.from({ length: prefixes }, () => 'instr(s.name, ?) = 1').join(' OR ');
    const statement = asArrays(
      db.prepare(
        `SELECT ${COLUMNS} FROM events e CROSS JOIN streams s ON s.stream_no = e.stream_no
         WHERE e.position > ? AND e.position <= ? ${prefixes > 0 ? `AND (${filter})` : ''}
         ORDER BY e.position ${LIMIT}`,
      ),
    );
    afterPosition.set(prefixes, statement);
    return statement;
  };

  const head = (): Position => Number((headPosition.get() as unknown as Row | undefined)?.[0] ?? 0);

  const streamNo = asArrays(db.prepare('SELECT stream_no FROM streams WHERE name_hash = ? AND name = ?'));
  const dataAt = asArrays(db.prepare('SELECT data FROM events WHERE position = ?'));
  const lastUpTo = asArrays(
    db.prepare(
      `SELECT ${COLUMNS} FROM events e CROSS JOIN streams s ON s.stream_no = e.stream_no
       WHERE e.position > ? AND e.position <= ? ORDER BY e.position DESC LIMIT 1`,
    ),
  );
  const removed = openRemoved(db);

  const removalOf = (stream: string): RemovedRow | undefined => {
    const row = streamNo.get(nameHash(stream), stream) as unknown as readonly [number] | undefined;
    return row === undefined ? undefined : removed.of(row[0]);
  };

  const ends: LogReader['ends'] = (after, streamPrefix, types) => {
    const from = (nextPosition.get(after) as unknown as Row)[0];
    if (typeof from !== 'number') return { ends: [], next: after, last: undefined };
    const upTo = from - 1 + ENDS_SCANNED_MAX;
    const marks = types.map(() => '?').join(', ');
    // Names last: the other columns stand in the rows that are read anyway.
    const rows = asArrays(
      db.prepare(
        `SELECT ${COLUMNS}, e.stream_no FROM events e CROSS JOIN streams s ON s.stream_no = e.stream_no
         WHERE e.position > ? AND e.position <= ? AND e.revision > 0 AND e.type IN (${marks})
           AND s.revision = e.revision AND instr(s.name, ?) = 1
         ORDER BY e.position`,
      ),
    ).all(after, upTo, ...types, streamPrefix) as unknown as Row[];
    const whole = rows.filter((row) => removed.of(Number(row[7])) === undefined);
    const last = lastUpTo.get(after, upTo) as unknown as Row | undefined;
    return {
      ends: whole.map(toRecorded),
      next: Math.min(upTo, head()),
      last: last === undefined ? undefined : toRecorded(last),
    };
  };

  return {
    head,
    ends,
    streamNames: (prefix) =>
      db
        .prepare('SELECT name FROM streams WHERE instr(name, ?) = 1 ORDER BY stream_no')
        .all(prefix)
        .map(({ name }) => String(name)),
    removedAtMs: (stream) => {
      const removal = removalOf(stream);
      if (removal === undefined) return undefined;
      const data = (dataAt.get(removal.record) as unknown as readonly [string] | undefined)?.[0];
      return data === undefined ? undefined : recordedAtMs(data);
    },
    removedPosition: (stream, revision) => {
      const removal = removalOf(stream);
      return removal === undefined ? undefined : positionsIn(removal)[revision];
    },
    stream: (name, { fromRevision, direction, limit }) => {
      const rows =
        direction === 'backwards'
          ? backwards.all(nameHash(name), name, fromRevision ?? Number.MAX_SAFE_INTEGER, limit)
          : forwards.all(nameHash(name), name, fromRevision ?? 0, limit);
      return (rows as unknown as Row[]).map(toRecorded);
    },
    all: ({ after, limit, filter }) => {
      const end = head();
      const prefixes = filter?.streamPrefixes;
      if (after >= end || prefixes?.length === 0)
        return { events: [], next: Math.max(after, end), atEnd: true };
      // Mostly the one behind `after`. Where the log was restored from a copy it goes on far behind it.
      const from = Number((nextPosition.get(after) as unknown as Row)[0] ?? end);
      const scanTo = Math.min(end, from - 1 + Math.max(limit, SCANNED_MAX));
      const rows = allStatement(prefixes?.length ?? 0).iterate(after, scanTo, ...(prefixes ?? []), limit);
      const events: RecordedEvent[] = [];
      let units = 0;
      let full = false;
      for (const row of rows as unknown as Iterable<Row>) {
        const event = toRecorded(row);
        events.push(event);
        units += event.event.data.length + event.event.metadata.length;
        full = events.length === limit || units >= PAGE_UNITS_MAX;
        if (full) break;
      }
      const next = full ? (events.at(-1)?.position ?? scanTo) : scanTo;
      return { events, next, atEnd: next >= end };
    },
    close: () => db.close(),
  };
};

type Row = ReadonlyArray<SQLOutputValue>;

/** Rows as arrays are cheaper than as objects, whose keys would be made for every row. */
const asArrays = (statement: StatementSync): StatementSync => {
  statement.setReturnArrays(true);
  return statement;
};

const toRecorded = (row: Row): RecordedEvent => {
  const [stream, revision, position, id, type, data, metadata] = row as [
    string,
    number,
    number,
    string,
    string,
    string,
    string,
  ];
  return { stream, revision, position, event: { id, type, data, metadata } };
};
