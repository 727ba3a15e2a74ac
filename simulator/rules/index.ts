/**
 * `callboard/rules-testing`: properties of propagation rules, to be tried over generated worlds. docs/rules.md shows how.
 * The arbitraries are those of the fast-check exported here; use it, so that there is one copy of it.
 */
export { default as fc } from 'fast-check';

export { BUILT_IN_RULES } from '../../src/domain/rules.ts';
export type { DirectRule, PropagationRule, Rules } from '../../src/domain/rules.ts';
export type { Resource, ResourceRef, Trigger } from '../../src/domain/resources.ts';
export type { SystemEvent } from '../../src/domain/webhook.ts';
export { parseRules } from '../../src/rules-file.ts';

export { chains, cycles, diamonds, graphs, programmes, refs, tangles } from './graphs.ts';
export type { Graph, GraphOptions } from './graphs.ts';
export { anyRules, changes, moves, webhooks, worlds } from './worlds.ts';
export type { WorldOptions } from './worlds.ts';
export type {
  Heard,
  MoshtixWebhook,
  OpenTicketWebhook,
  OrderData,
  Relation,
  Report,
  RetargetStep,
  Step,
  Told,
  Webhook,
  WebhookStep,
  World,
} from './world.ts';

export { couldEverFire, oracle } from './oracle.ts';
export type { Verdict } from './oracle.ts';
export { engine, engineWith } from './engine.ts';
export type { Seams } from './engine.ts';
export type { Scheduled, Subject } from './subject.ts';
export { asProperty, PROPERTIES } from './properties.ts';
export type { RuleProperty, Trial, Violation } from './properties.ts';
export { assertRules, checkRules, trials } from './check.ts';
export type { CheckOptions, Failure, Outcome } from './check.ts';
export { picture } from './picture.ts';
export { smallest } from './smallest.ts';
export { BUGS } from './bugs.ts';
export type { Bug } from './bugs.ts';
export { lintRules } from './lint.ts';
export type { Finding, Lint } from './lint.ts';
