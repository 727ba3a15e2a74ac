import { isLeft } from 'fp-ts/lib/Either.js';
import { cloudEventOf, type Report } from '../../../simulator/orders/cloud-event.ts';
import type { Contradiction } from '../../../src/domain/order-contradiction.ts';
import {
  decideResource,
  evolveResource,
  initialResource,
  type ReportChange,
  type ResourceState,
} from '../../../src/domain/resource-change.ts';
import { BUILT_IN_RULES } from '../../../src/domain/rules.ts';
import { changeTypesOf } from '../../../src/http/change-types.ts';
import { changesFrom } from '../../../src/http/cloud-event.ts';

const TYPES = changeTypesOf(BUILT_IN_RULES);
const PRINCIPAL = { subject: 'platform:test', role: 'platform', companies: '*', client: null } as const;

/** Takes reports as the server does: its check of the request, then the real decider on the state reached. */
export class Account {
  readonly #states = new Map<string, ResourceState>();
  readonly #strict: boolean;
  taken = 0;

  constructor(mode: 'strict' | 'lenient') {
    this.#strict = mode === 'strict';
  }

  /** What the report contradicts. */
  take(report: Report): ReadonlyArray<Contradiction> {
    const checked = changesFrom({ types: TYPES, principal: PRINCIPAL }, [{ ...cloudEventOf(report) }], true);
    if (isLeft(checked)) throw new Error(`${JSON.stringify(checked.left)} in ${report.text}`);
    const [change] = checked.right;
    if (change === undefined) throw new Error('one report is one change');
    const key = `${change.companyId} ${change.resource} ${change.identifier}`;
    const state = this.#states.get(key) ?? initialResource;
    const command: ReportChange = {
      type: 'ReportChange',
      ...change,
      occurredAtMs: change.occurredAtMs ?? 0,
      fingerprint: '',
      policy: { strict: this.#strict, reissueScanned: false },
      atMs: 0,
    };
    const decided = decideResource(state, command);
    this.taken += 1;
    if (isLeft(decided)) return decided.left.contradictions;
    const [event] = decided.right;
    if (event === undefined) throw new Error('a report is one event');
    this.#states.set(key, evolveResource(state, event));
    return event.order?.contradictions ?? [];
  }
}
