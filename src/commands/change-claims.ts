import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { type ClaimState, initialClaim } from '../domain/change-claim.ts';
import { streamOf } from '../domain/ids.ts';
import { emptyHead, seal } from '../eventstore/codec.ts';
import type { Head } from '../eventstore/decoded.ts';
import type { EventStore } from '../eventstore/event-store.ts';
import { load, type Loaded, type StoreFailure } from '../eventstore/transact.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import { claim as aggregate } from './aggregates.ts';

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

/** What came of it: it is ours, an equal report's that we have joined, or one's with other content. */
export type Claim =
  | {
      readonly held: 'ours' | 'joined';
      readonly change: string;
      readonly companyId: string;
      readonly head: Head;
    }
  | { readonly held: 'other' };

const TRIES_MAX = 8;

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

  /**
   * Gives back what is ours, for a request that has stored nothing and never will: its ids may then come with other content.
   * Not where somebody has joined, who may be storing it. One that the store does not take stays: its id is used up.
   */
  async release(claims: ReadonlyArray<Claim>, actor: string, requestId: string): Promise<void> {
    const { store, clock, random } = this.#deps;
    const appends = claims.flatMap((claim) => {
      if (claim.held !== 'ours') return [];
      const { change, companyId, head } = claim;
      const event = { type: 'ClaimReleased', change, atMs: clock.nowMs() } as const;
      const cause = { correlationId: change, causationId: requestId, actor, companyId };
      return [seal(streamOf.claim(change), head, [{ id: random.uuid(), event }], cause).append];
    });
    await Promise.all(appends.map((append) => store.append([append])()));
  }

  async #claimOne(
    { change, fingerprint, companyId }: Claimed,
    actor: string,
    requestId: string,
  ): Promise<Either<StoreFailure, Claim>> {
    const { store, clock, random } = this.#deps;
    const stream = streamOf.claim(change);
    const cause = { correlationId: change, causationId: requestId, actor, companyId };
    let known: Loaded<ClaimState> = { state: initialClaim, head: emptyHead(stream) };
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const { state } = known;
      if (state.situation === 'claimed' && state.fingerprint !== fingerprint) return right({ held: 'other' });
      const event = { type: 'ChangeClaimed', change, fingerprint, atMs: clock.nowMs() } as const;
      const { append, head } = seal(stream, known.head, [{ id: random.uuid(), event }], cause);
      const appended = await store.append([append])();
      if (!isLeft(appended)) {
        return right({ held: state.situation === 'free' ? 'ours' : 'joined', change, companyId, head });
      }
      if (appended.left._tag !== 'WrongExpectedRevision') return left(appended.left);
      const loaded = await load(store, stream, aggregate);
      if (isLeft(loaded)) return loaded;
      known = loaded.right;
    }
    return left({ _tag: 'TooMuchContention', stream });
  }
}
