import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { ChangeClaims, Claim } from './change-claims.ts';
import type { StoreFailure } from '../eventstore/transact.ts';
import { type ChangeReceipt, guidOf, type ReportedChange, type ReportFailure } from './reported-change.ts';

/** What one request has claimed. Nothing, where the process has the store for itself. */
export class RequestClaims {
  readonly #claims: ChangeClaims | undefined;
  readonly #claimed = new Map<string, Claim>();
  /** Loads of heads before the claims: what was stored by others since, on the strength of them, is not in those heads. */
  #loads = 0;
  /** Another node, or an append of our own that was not answered well, may have stored some of the changes. */
  mayBeStored = false;
  /** Some of the changes are stored by this request, or may yet be. */
  #isUsed = false;

  constructor(claims: ChangeClaims | undefined) {
    this.#claims = claims;
  }

  isInDoubt(): void {
    this.mayBeStored = this.#claims !== undefined;
  }

  unclaimed(accepted: ReadonlyMap<string, string>): ReadonlyArray<readonly [string, string]> {
    return this.#claims === undefined ? [] : [...accepted].filter(([guid]) => !this.#claimed.has(guid));
  }

  async claim(
    unclaimed: ReadonlyArray<readonly [string, string]>,
    changes: ReadonlyArray<ReportedChange>,
    loads: number,
    actor: string,
    requestId: string,
  ): Promise<Either<ReportFailure, void>> {
    const places = unclaimed.map(([guid, fingerprint]) => {
      const index = changes.findIndex((change) => guidOf(change) === guid);
      return { guid, fingerprint, index, report: changes[index] };
    });
    const wanted = places.map(({ guid, fingerprint, report }) => ({
      change: guid,
      fingerprint,
      companyId: report?.companyId ?? '',
    }));
    const claimed = (await this.#claims?.claim(wanted, actor, requestId)) ?? right([]);
    if (isLeft(claimed)) return claimed;
    for (const [n, { guid }] of places.entries()) {
      const claim = claimed.right[n];
      if (claim !== undefined) this.#claimed.set(guid, claim);
      if (claim?.held === 'joined') this.mayBeStored = true;
    }
    const lost = places.find((_, n) => claimed.right[n]?.held === 'other');
    if (lost?.report !== undefined) {
      return left({
        _tag: 'ChangeConflict',
        index: lost.index,
        id: lost.report.id,
        source: lost.report.source,
      });
    }
    this.#loads = loads;
    return right(undefined);
  }

  /** What came of an append of claimed changes. Only a single one that is too large is known not to be stored, ever. */
  stored(result: Either<StoreFailure, void>, appends: number): void {
    this.#isUsed ||= !isLeft(result) || result.left._tag !== 'AppendTooLarge' || appends > 1;
  }

  /** The request was refused as a whole. */
  async release(actor: string, requestId: string): Promise<void> {
    if (!this.#isUsed) await this.#claims?.release([...this.#claimed.values()], actor, requestId);
  }

  /** Then what others may have stored since has to be looked at first. */
  areOlderThan(heads: Iterable<{ readonly load: number }>): boolean {
    if (this.#claims === undefined || this.mayBeStored) return false;
    this.mayBeStored = [...heads].some(({ load }) => load > this.#loads);
    return this.mayBeStored;
  }

  /**
   * Whoever won the claim accepts, also what is found stored meanwhile: by an earlier try of its own that got no further
   * than a part of the batch, or by somebody else on its behalf, who knows only of a duplicate.
   */
  receipts(receipts: ReadonlyArray<ChangeReceipt>): ReadonlyArray<ChangeReceipt> {
    const given = new Set<string>();
    return receipts.map((receipt) => {
      const claim = given.has(receipt.change) ? undefined : this.#claimed.get(receipt.change);
      given.add(receipt.change);
      return claim === undefined
        ? receipt
        : { ...receipt, status: claim.held === 'ours' ? 'accepted' : 'duplicate' };
    });
  }
}
