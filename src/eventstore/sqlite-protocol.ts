import type { Position, StreamAppend } from './event-store.ts';
import type { Answer } from './sqlite-commit.ts';
import type { OpenFailure } from './sqlite-schema.ts';

/** What the store and its writer thread tell each other. */

export interface WriterOptions {
  readonly path: string;
  /** The last holder crashed: the whole file is checked before anything is written. */
  readonly afterCrash: boolean;
}

export type ToWriter =
  | { readonly kind: 'append'; readonly requests: ReadonlyArray<ReadonlyArray<StreamAppend>> }
  /** What was sent before is still answered. */
  | { readonly kind: 'close' };

export type FromWriter =
  | { readonly kind: 'ready'; readonly head: Position; readonly storeId: string }
  | { readonly kind: 'refused'; readonly failure: OpenFailure }
  /** In the order of the requests, over all messages. */
  | { readonly kind: 'answers'; readonly answers: ReadonlyArray<Answer> }
  /** The storage cannot be trusted any more: what comes now is answered, but not tried. */
  | { readonly kind: 'fatal'; readonly message: string }
  | { readonly kind: 'closed' };
