import type { Rules } from '../../src/domain/rules.ts';
import type { Heard, Webhook, World } from './world.ts';

/**
 * What is put to the test: anything that answers who hears of the reports of a world. {@link engine} is the program
 * itself; a rules engine of your own becomes one with these few functions.
 */
export interface Subject {
  readonly name: string;
  /** One entry for each report, in order, each answered right after it was stored. */
  hear(rules: Rules, world: World): Promise<ReadonlyArray<Heard>>;
  /** The same, once everything that was derived from the log was deleted and built again. */
  hearAfterRebuild(rules: Rules, world: World): Promise<ReadonlyArray<Heard>>;
  /**
   * The webhooks of the invocations that are in the log for each report, after each was fanned out twice: once for
   * every invocation.
   */
  schedule(rules: Rules, world: World): Promise<ReadonlyArray<Scheduled>>;
  /** Whether this webhook may be saved. */
  accepts(rules: Rules, webhook: Webhook): boolean;
}

export interface Scheduled {
  readonly step: number;
  readonly webhooks: ReadonlyArray<string>;
}
