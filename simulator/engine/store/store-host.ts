import type { RecordedEvent, StreamAppend } from '../../../src/eventstore/event-store.ts';
import { CLUSTER_STREAM } from '../auditor/cluster.ts';
import type { Chance } from '../chance.ts';
import type { CrashPoint } from '../points.ts';
import type { Scheduled, Scheduler } from '../scheduler.ts';
import type { StoreFaults } from './store-faults.ts';

/** What a simulated store knows of the process that uses it. */
export interface StoreHost {
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly faults: StoreFaults;
  alive(): boolean;
  /** Its machine does not reach a shared store until then, in virtual time. */
  cutOffUntilMs(): number;
  /** Runs it in the process, unless that has ended by then; later, while the process stands still. */
  deliver(delayMs: number, run: () => void): Scheduled;
  /** The process gives this batch away; called once for each append it asks for. */
  submitted(batch: ReadonlyArray<StreamAppend>): void;
  /** The process is about to learn that these are stored. */
  told(events: ReadonlyArray<RecordedEvent>): void;
  /** A place where the process may end. True: it did, just now. */
  point(point: CrashPoint): boolean;
  /** The store takes no more writes from this process, which has to end. */
  fatal(message: string): void;
  /** Calls back after anybody has stored something. Returns the function that ends it. */
  onNews(listener: () => void): () => void;
  trace(text: string): void;
  /** Something rare was reached. */
  mark(name: string): void;
}

/** Points that lie just behind the commit of these. */
export const pointsBehind = (batch: ReadonlyArray<StreamAppend>): ReadonlyArray<CrashPoint> => {
  const points = new Set<CrashPoint>();
  for (const { stream, events } of batch) {
    const last = events.at(-1)?.type ?? '';
    if (stream.startsWith('invocation-')) {
      if (last === 'InvocationScheduled') points.add('C4');
      else if (last === 'AttemptStarted') points.add('C6');
      else if (last === 'AttemptFailed') points.add('C9');
      else if (last !== 'RetryRequested') points.add('C10');
    } else if (stream.startsWith('webhook-')) points.add('C18');
    else if (last === 'ChangeClaimed') points.add('C21');
    else if (stream === CLUSTER_STREAM) points.add('C22');
    else if (!/^(?:account|client|claim|callboard)-/.test(stream)) points.add('C2').add('C3');
  }
  return [...points];
};

/** Points that lie before it: asked for, not yet on disk. */
export const pointsBefore = (batch: ReadonlyArray<StreamAppend>): ReadonlyArray<CrashPoint> => {
  const points = new Set<CrashPoint>();
  for (const { stream, events } of batch) {
    const last = events.at(-1)?.type ?? '';
    if (stream.startsWith('invocation-')) {
      if (last === 'AttemptStarted') points.add('C5');
      else if (last === 'AttemptFailed' || last === 'InvocationDelivered' || last === 'InvocationExhausted')
        points.add('C8');
    } else if (!/^(?:webhook|account|client|claim|callboard)-/.test(stream)) points.add('C1');
  }
  return [...points];
};
