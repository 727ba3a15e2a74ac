import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Position } from './event-store.ts';
import { fromSteps, type SealedLeaf } from './removals.ts';
import { hasRemovals } from './sqlite-schema.ts';

/** What was removed of a stream: its events up to a revision. */
export interface RemovedRow {
  readonly revision: number;
  /** Of the last event that went: what remains hangs on it. */
  readonly hash: string;
  /** Positions of the events that went, as in removals.ts. */
  readonly steps: string;
  /** Position of the record. */
  readonly record: Position;
}

/** What retention has removed, as one connection sees it. */
export interface Removed {
  of(streamNo: number): RemovedRow | undefined;
  /** How many of the positions from one to another were removed. */
  count(from: Position, to: Position): number;
  /** Leaves of a seal's tree that went. */
  leaves(seal: number): Iterable<SealedLeaf & { readonly stream: string }>;
}

/** The tables may come while the connection is open. */
export const openRemoved = (db: DatabaseSync): Removed => {
  let statements: { readonly [Name in keyof Removed]: StatementSync } | undefined;
  const prepared = (): typeof statements => {
    if (statements === undefined && hasRemovals(db)) {
      statements = {
        of: db.prepare('SELECT revision, hash, steps, record FROM removals WHERE stream_no = ?'),
        count: db.prepare('SELECT count(*) AS number FROM removed_positions WHERE position BETWEEN ? AND ?'),
        leaves: db.prepare(
          `SELECT l.seal, s.name AS stream, l.revision, l.hash
           FROM removed_leaves l JOIN streams s ON s.stream_no = l.stream_no WHERE l.seal = ?`,
        ),
      };
    }
    return statements;
  };
  return {
    of: (streamNo) => prepared()?.of.get(streamNo) as RemovedRow | undefined,
    count: (from, to) => Number(prepared()?.count.get(from, to)?.['number'] ?? 0),
    leaves: (seal) =>
      (prepared()?.leaves.all(seal) ?? []) as unknown as Iterable<SealedLeaf & { readonly stream: string }>,
  };
};

/** Where its events stood, by revision. */
export const positionsIn = ({ steps }: RemovedRow): ReadonlyArray<Position> =>
  fromSteps(JSON.parse(steps) as ReadonlyArray<number>);
