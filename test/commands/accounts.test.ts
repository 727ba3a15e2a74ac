import { isLeft } from 'fp-ts/lib/Either.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../src/adapters/system-random.ts';
import { Accounts } from '../../src/commands/accounts.ts';
import { openMemoryStore } from '../../src/eventstore/memory.ts';
import { type FaultyStore, faulty } from '../support/faulty-store.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const A = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const B = '00000000-0000-4000-8000-00000000000b';
const cause = (companyId: string) => ({
  correlationId: 'r',
  causationId: 'r',
  actor: 'tests',
  companyId,
});

let store: FaultyStore;
/** As another process would see it: nothing in memory. */
const fresh = (): Accounts => new Accounts({ store, random: systemRandom(), clock: new VirtualClock() });
let accounts: Accounts;
beforeEach(() => {
  store = faulty(openMemoryStore());
  accounts = fresh();
});

const valueOf = async <A>(answer: Promise<{ _tag: 'Right'; right: A } | { _tag: 'Left'; left: unknown }>) => {
  const got = await answer;
  if (got._tag === 'Left') throw new Error(JSON.stringify(got.left));
  return got.right;
};

describe('a client id', () => {
  it('stands for the company that it was attached to, here and in every other process', async () => {
    expect(await valueOf(accounts.companyOfClient(6080))).toBeUndefined();
    await valueOf(accounts.attachClient(A, 6080, cause(A)));
    for (const seen of [accounts, fresh()]) {
      expect(await valueOf(seen.companyOfClient(6080))).toBe(A);
      expect(await valueOf(seen.get(A))).toMatchObject({ companyId: A, clientId: 6080 });
    }
  });

  it('stands for one company only', async () => {
    await valueOf(accounts.attachClient(A, 6080, cause(A)));
    for (const seen of [accounts, fresh()]) {
      expect(await seen.attachClient(B, 6080, cause(B))).toMatchObject({
        left: { _tag: 'ClientOfAnotherCompany', clientId: 6080 },
      });
      expect(await valueOf(seen.get(B))).toBeUndefined();
    }
  });

  it('is one of two that claim it at the same time', async () => {
    const claims = await Promise.all([
      fresh().attachClient(A, 6080, cause(A)),
      fresh().attachClient(B, 6080, cause(B)),
    ]);
    expect(claims.map((claim) => (isLeft(claim) ? claim.left._tag : 'attached')).sort()).toEqual([
      'ClientOfAnotherCompany',
      'attached',
    ]);
  });

  it('is not taken away by a company that has another one already', async () => {
    await valueOf(accounts.attachClient(A, 6080, cause(A)));
    expect(await accounts.attachClient(A, 6081, cause(A))).toMatchObject({
      left: { _tag: 'AccountHasAnotherClient', clientId: 6080 },
    });
    expect(await valueOf(accounts.companyOfClient(6081))).toBeUndefined();
  });

  it('is attached by the next try when the process died after the claim', async () => {
    store.appendFault = (batch) => (batch[0]?.stream.startsWith('account-') ? 'unavailable' : undefined);
    expect(await accounts.attachClient(A, 6080, cause(A))).toMatchObject({
      left: { _tag: 'StoreUnavailable' },
    });
    store.appendFault = () => undefined;
    const after = fresh();
    expect(await valueOf(after.get(A))).toBeUndefined();
    expect(await valueOf(after.attachClient(A, 6080, cause(A)))).toMatchObject({ clientId: 6080 });
  });
});

describe('ids', () => {
  it('are never issued twice, however many ask at once and wherever', async () => {
    const askers = [accounts, fresh(), accounts, fresh()];
    const firsts = await Promise.all(askers.map((asker) => valueOf(asker.issueIds(A, 3, cause(A)))));
    expect(firsts.sort((a, b) => a - b)).toEqual([1, 4, 7, 10]);
    expect(await valueOf(accounts.issueIds(B, 1, cause(B)))).toBe(1);
  });

  it('are issued to many that ask one process at once', async () => {
    const asked = Array.from({ length: 50 }, () => valueOf(accounts.issueIds(A, 2, cause(A))));
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 50 }, (_, index) => 1 + 2 * index));
  });
});

describe('strict mode', () => {
  it('is what was set last, after a restart too', async () => {
    await valueOf(accounts.setStrict(A, true, cause(A)));
    expect(await valueOf(fresh().get(A))).toMatchObject({ strict: true });
    await valueOf(accounts.setStrict(A, false, cause(A)));
    expect(await valueOf(fresh().get(A))).toMatchObject({ strict: false });
  });

  it('is what was set last, though the process that was asked had not heard of the change before', async () => {
    await valueOf(accounts.setStrict(A, false, cause(A)));
    await valueOf(fresh().setStrict(A, true, cause(A)));
    // As far as this one knows it is so already.
    expect(await valueOf(accounts.setStrict(A, false, cause(A)))).toMatchObject({ strict: false });
    expect(await valueOf(fresh().get(A))).toMatchObject({ strict: false });
  });
});
