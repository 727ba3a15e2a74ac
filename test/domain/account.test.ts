import { describe, it } from 'vitest';
import {
  type AccountOpened,
  decideAccount,
  evolveAccount,
  initialAccount,
} from '../../src/domain/account.ts';
import { specificationOf } from '../support/decider-spec.ts';

const { given } = specificationOf({ initial: initialAccount, evolve: evolveAccount, decide: decideAccount });

const COMPANY = 'd0a3f370-cd43-11ed-9c9c-bbcffde24a48';
const opened: AccountOpened = { type: 'AccountOpened', companyId: COMPANY, atMs: 1_000 };

describe('opening an account', () => {
  it('is an event the first time', () => {
    given().when({ type: 'OpenAccount', companyId: COMPANY, atMs: 1_000 }).decides(opened);
  });

  it('decides nothing the second time, however much later', () => {
    given(opened).when({ type: 'OpenAccount', companyId: COMPANY, atMs: 9_000 }).decidesNothing();
  });

  it('of another company is refused', () => {
    given(opened)
      .when({ type: 'OpenAccount', companyId: '00000000-0000-4000-8000-000000000000', atMs: 9_000 })
      .refuses({ _tag: 'AccountOfAnotherCompany', companyId: COMPANY });
  });
});
