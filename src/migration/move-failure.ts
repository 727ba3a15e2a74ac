import type { AppendFailure, ReadFailure, RecordedEvent } from '../eventstore/event-store.ts';

/** Why a move ended before its end. `message` is complete: it goes to the operator as it is. */
export interface MoveFailure {
  readonly _tag:
    /** A store did not answer. Running the move again goes on where it was. */
    | 'StoreUnavailable'
    /** The source is not worth copying: its history does not hang together, or does not fit the target. */
    | 'SourceRefused'
    /** What the target holds is no beginning of the source. */
    | 'TargetDiffers'
    /** Somebody wrote while it was copied. */
    | 'WrittenMeanwhile';
  readonly message: string;
}

export const placeOf = ({ stream, revision }: Pick<RecordedEvent, 'stream' | 'revision'>): string =>
  `stream '${stream}' at revision ${revision}`;

export const unavailable = (which: 'source' | 'target', failure: ReadFailure): MoveFailure => ({
  _tag: 'StoreUnavailable',
  message: `the ${which} cannot be read: ${failure.message}`,
});

export const notAppended = (place: string, failure: AppendFailure): MoveFailure => {
  const at = (reason: string): string => `the target did not take ${place}: ${reason}`;
  switch (failure._tag) {
    case 'StoreUnavailable':
    case 'OutcomeUnknown':
      return { _tag: 'StoreUnavailable', message: at(failure.message) };
    case 'AppendTooLarge':
      return {
        _tag: 'SourceRefused',
        message: at(`${failure.bytes} bytes, it takes ${failure.bytesMax} in one append`),
      };
    case 'WrongExpectedRevision':
      return {
        _tag: 'WrittenMeanwhile',
        message: at(`stream '${failure.stream}' is at revision ${failure.actual}, not ${failure.expected}`),
      };
  }
};
