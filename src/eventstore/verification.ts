import type { ChainBreak } from './decoded.ts';

/** What a search for breaks has found. */
export interface Verification {
  readonly streams: number;
  readonly events: number;
  /** In the order found; at most {@link BREAKS_MAX}, then the search ends. */
  readonly breaks: ReadonlyArray<ChainBreak>;
}

export const BREAKS_MAX = 1_000;

export const describeBreak = ({ stream, revision, position, reason }: ChainBreak): string => {
  const place = stream === null ? 'the log' : `stream '${stream}' at revision ${revision}`;
  return `${place}${position === null ? '' : ` (position ${position})`}: ${reason}`;
};
