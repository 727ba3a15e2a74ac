import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { streamOf } from '../domain/ids.ts';
import { decode, emptyHead, seal } from '../eventstore/codec.ts';
import { type EventStore } from '../eventstore/event-store.ts';
import { asStoreFailure, type StoreFailure } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';

export interface ClaimDeps {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** A change that is about to be stored. */
export interface Claimed {
  readonly change: string;
  readonly fingerprint: string;
  readonly companyId: string;
}

/** What is known of a claim: ours, somebody else's for an equal report, or for one with other content. */
export type Claim = 'ours' | 'equal' | 'other';

/**
 * Where nodes share a store: of two that are given changes with one id and source at the same moment, whatever their
 * subjects, one wins the claim. It comes before the change; a crash in between leaves a claim without its change, and the
 * same report again, to whichever node, completes it. Its event has a random id, so that two claims are never taken for one.
 */
export class ChangeClaims {
  readonly #deps: ClaimDeps;

  constructor(deps: ClaimDeps) {
    this.#deps = deps;
  }

  /** In the order given. */
  async claim(
    changes: ReadonlyArray<Claimed>,
    actor: string,
    requestId: string,
  ): Promise<Either<StoreFailure, ReadonlyArray<Claim>>> {
    const claims = await Promise.all(changes.map((change) => this.#claimOne(change, actor, requestId)));
    const answers: Claim[] = [];
    for (const claim of claims) {
      if (isLeft(claim)) return claim;
      answers.push(claim.right);
    }
    return right(answers);
  }

  async #claimOne(
    { change, fingerprint, companyId }: Claimed,
    actor: string,
    requestId: string,
  ): Promise<Either<StoreFailure, Claim>> {
    const { store, clock, random } = this.#deps;
    const stream = streamOf.claim(change);
    const event = { type: 'ChangeClaimed', change, fingerprint, atMs: clock.nowMs() } as const;
    const cause = { correlationId: change, causationId: requestId, actor, companyId };
    const { append } = seal(stream, emptyHead(stream), [{ id: random.uuid(), event }], cause);
    const appended = await store.append([append])();
    if (!isLeft(appended)) return right('ours');
    if (appended.left._tag !== 'WrongExpectedRevision') return left(asStoreFailure(appended.left));
    const first = await store.readStream(stream, { limit: 1 })();
    if (isLeft(first)) return first;
    const [recorded] = first.right;
    const decoded = recorded === undefined ? undefined : decode(recorded);
    if (decoded?._tag !== 'Right' || decoded.right.event.type !== 'ChangeClaimed') {
      return left({ _tag: 'StoreUnavailable', message: `${stream} cannot be read` });
    }
    return right(decoded.right.event.fingerprint === fingerprint ? 'equal' : 'other');
  }
}
