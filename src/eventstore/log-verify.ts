import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { emptyHead, hashIn, verifyChain } from './chain.ts';
import type { ChainBreak } from './decoded.ts';
import type { EventStore, ReadFailure } from './event-store.ts';
import { BREAKS_MAX, type Verification } from './verification.ts';

const PAGE = 1_000;

/**
 * Every chain of the streams with these prefixes, up to what the log held at the start, read through the port alone: for
 * stores whose insides cannot be looked at. Page by page; what grows is a hash for each stream. `onProgress` hears how far
 * in the log it is.
 */
export const verifyLog = async (
  store: Pick<EventStore, 'readAll' | 'head'>,
  streamPrefixes: ReadonlyArray<string>,
  onProgress?: (position: number, head: number) => void,
): Promise<Either<ReadFailure, Verification>> => {
  const head = await store.head()();
  if (isLeft(head)) return head;
  const heads = new Map<string, Tail>();
  const breaks: ChainBreak[] = [];
  let events = 0;
  const verification = (): Either<never, Verification> => right({ streams: heads.size, events, breaks });

  for (let after = 0; after < head.right;) {
    const page = await store.readAll({ after, limit: PAGE, filter: { streamPrefixes } })();
    if (isLeft(page)) return page;
    for (const recorded of page.right.events) {
      if (recorded.position > head.right) break;
      const { stream, revision } = recorded;
      const tail = heads.get(stream);
      const from =
        tail === undefined ? emptyHead(stream) : { revision: tail.revision, hash: toHex(tail.hash) };
      const found = verifyChain(stream, [recorded], from);
      // One break is told once: what follows is compared with what is there.
      if (found !== undefined) breaks.push(found);
      if (breaks.length >= BREAKS_MAX) return verification();
      heads.set(stream, { revision, hash: fromHex(hashIn(recorded.event.metadata) ?? '') });
      events += 1;
    }
    after = page.right.next;
    onProgress?.(Math.min(after, head.right), head.right);
    if (page.right.atEnd) break;
  }
  return verification();
};

/** 32 bytes as text of one byte a character: half the size of hex, and no part of the metadata that it was cut from. */
interface Tail {
  readonly revision: number;
  readonly hash: string;
}
const fromHex = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');
const toHex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
