import type { InvocationStatus } from '../domain/invocation.ts';
import type { Position } from '../eventstore/event-store.ts';
import type { Database } from './database.ts';

/** What an event of an invocation needs to know of it. Ids are those of the dictionaries. */
export interface Identity {
  readonly position: Position;
  readonly company: number;
  readonly webhook: number;
  /** Of its scheduling, in days since the epoch. */
  readonly day: number;
  /** Keys of its origin, set for those that are ordered or coalesced by it. */
  readonly orderedBy: string | null;
  readonly coalescedBy: string | null;
}

/** When the next attempt of one that waits is due. */
export interface Due {
  readonly retry: boolean;
  /** Since its round began. */
  readonly failed: boolean;
  readonly atMs: number;
}

/** Writes the tables that say where invocations stand: `due`, `in_flight` and `undelivered`. */
export interface InvocationStandings {
  leave(identity: Identity, status: InvocationStatus): void;
  /** `due` is set exactly when it waits, `node` only for one in flight. */
  enter(identity: Identity, status: InvocationStatus, due: Due | null, node: string): void;
  /** After the last one of a batch: brings the order of what is ordered up to date. */
  unblock(): void;
  forget(): void;
}

export const openInvocationStandings = (db: Database): InvocationStandings => {
  /** Webhooks and origins whose ordered invocations moved. */
  const orders = new Map<string, { webhook: number; orderedBy: string }>();

  const insertDue = db.prepare('INSERT INTO due VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const deleteDue = db.prepare('DELETE FROM due WHERE position = ?');
  const insertInFlight = db.prepare('INSERT INTO in_flight VALUES (?, ?, ?, ?)');
  const deleteInFlight = db.prepare('DELETE FROM in_flight WHERE position = ?');
  const insertUndelivered = db.prepare('INSERT INTO undelivered VALUES (?, ?, ?, ?)');
  const deleteUndelivered = db.prepare('DELETE FROM undelivered WHERE position = ?');

  const selectOldest = db.prepare(`
    SELECT min(position) AS position FROM (
      SELECT min(position) AS position FROM due INDEXED BY due_ordered
      WHERE webhook = ?1 AND ordered_by = ?2 AND ordered_by IS NOT NULL
      UNION ALL
      SELECT min(position) FROM in_flight INDEXED BY in_flight_ordered
      WHERE webhook = ?1 AND ordered_by = ?2 AND ordered_by IS NOT NULL)`);
  const blockOthers = db.prepare(`
    UPDATE due INDEXED BY due_unblocked SET blocked = 1
    WHERE webhook = ? AND ordered_by = ? AND ordered_by IS NOT NULL AND blocked = 0 AND position <> ?`);
  const unblock = db.prepare('UPDATE due SET blocked = 0 WHERE position = ? AND blocked = 1');

  const noteOrder = ({ webhook, orderedBy }: Identity): void => {
    if (orderedBy !== null) orders.set(`${webhook} ${orderedBy}`, { webhook, orderedBy });
  };

  return {
    leave: (identity, status) => {
      noteOrder(identity);
      switch (status) {
        case 'waiting':
          deleteDue.run(identity.position);
          return;
        case 'in_flight':
          deleteInFlight.run(identity.position);
          return;
        case 'exhausted':
        case 'cancelled':
        case 'superseded':
          deleteUndelivered.run(identity.position);
          return;
        case 'delivered':
          return;
      }
    },
    enter: (identity, status, due, node) => {
      noteOrder(identity);
      const { position, company, webhook, orderedBy, coalescedBy } = identity;
      if (due !== null) {
        const { retry, atMs, failed } = due;
        const blocked = Number(orderedBy !== null);
        insertDue.run(
          position,
          company,
          webhook,
          Number(retry),
          atMs,
          Number(failed),
          blocked,
          orderedBy,
          coalescedBy,
        );
      } else if (status === 'in_flight') {
        insertInFlight.run(position, webhook, orderedBy, node);
      } else if (status !== 'delivered') {
        insertUndelivered.run(position, company, webhook, status);
      }
    },
    unblock: () => {
      for (const { webhook, orderedBy } of orders.values()) {
        const { position } = selectOldest.get(webhook, orderedBy) as { position: number | null };
        if (position === null) continue;
        blockOthers.run(webhook, orderedBy, position);
        unblock.run(position);
      }
      orders.clear();
    },
    forget: () => orders.clear(),
  };
};
