import { describe, it } from 'vitest';
import {
  type AccountOpened,
  type ClientAttached,
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

describe('the client account of a company', () => {
  const attached: ClientAttached = { type: 'ClientAttached', clientId: 6080, atMs: 2_000 };
  const attach = (clientId: number) =>
    ({ type: 'AttachClient', companyId: COMPANY, clientId, atMs: 2_000 }) as const;

  it('is attached to an account, which is opened if it was not', () => {
    given(opened).when(attach(6080)).decides(attached);
    given()
      .when(attach(6080))
      .decides({ ...opened, atMs: 2_000 }, attached);
  });

  it('stays the one it is', () => {
    given(opened, attached).when(attach(6080)).decidesNothing();
    given(opened, attached).when(attach(6081)).refuses({ _tag: 'AccountHasAnotherClient', clientId: 6080 });
  });
});

describe('strict mode', () => {
  const strict = (on: boolean) =>
    ({ type: 'SwitchStrictMode', companyId: COMPANY, strict: on, atMs: 2_000 }) as const;
  const switched = (on: boolean) => ({ type: 'StrictModeSwitched', strict: on, atMs: 2_000 }) as const;

  it('is off until it is switched on, and can be switched off again', () => {
    given(opened).when(strict(false)).decidesNothing();
    given(opened).when(strict(true)).decides(switched(true));
    given(opened, switched(true)).when(strict(true)).decidesNothing();
    given(opened, switched(true)).when(strict(false)).decides(switched(false));
  });
});

describe('ids', () => {
  const issue = (count: number) => ({ type: 'IssueIds', companyId: COMPANY, count, atMs: 2_000 }) as const;

  it('count up from 1 and are never issued twice', () => {
    given(opened).when(issue(3)).decides({ type: 'IdsIssued', first: 1, count: 3, atMs: 2_000 });
    given(opened, { type: 'IdsIssued', first: 1, count: 3, atMs: 2_000 })
      .when(issue(1))
      .decides({ type: 'IdsIssued', first: 4, count: 1, atMs: 2_000 });
  });
});
