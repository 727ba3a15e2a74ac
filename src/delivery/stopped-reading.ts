import type { UndecodablePlace } from '../projections/projector.ts';

/** What an operator is told of a process that has come to an event it cannot read. */
export const describeStop = ({ stream, revision, position, type, reason }: UndecodablePlace): string => {
  const place = position > 0 ? `revision ${revision}, position ${position}` : `revision ${revision}`;
  return `reading has stopped at stream '${stream}', ${place}, an event of type '${type}': ${reason}`;
};

export const WHAT_TO_DO =
  "upgrade this server to a version that reads it, or look at the history with 'callboard audit verify', then start it again";

/** Running attempts end by themselves long before that: none is interrupted, as nothing presses. */
export const RUNNING_MAX_MS = 600_000;
