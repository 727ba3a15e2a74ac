import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api.ts';
import { expectationsOf } from './audit.ts';
import type { EngineProcess } from './engine-process.ts';
import type { CloudEvent } from './evening.ts';
import type { Platform } from './platform.ts';
import type { Receivers } from './receivers.ts';
import type { Screen } from './screen.ts';
import type { Subscribed } from './subscriptions.ts';

/** What is there before the curtain rises. */
export interface Stage {
  readonly screen: Screen;
  readonly dataDir: string;
  /** Goes on with a stream of orders afterwards, until it is interrupted. */
  readonly keep: boolean;
  readonly receivers: Receivers;
  /** Aborted by Ctrl-C, or when a process ends that should not. */
  readonly signal: AbortSignal;
  readonly startEngine: (port: number) => Promise<EngineProcess>;
}

/** All that play a part while the platform reports. */
export interface Scene extends Stage {
  readonly partner: Api;
  readonly platform: Platform;
  readonly subscriptions: ReadonlyArray<Subscribed>;
  /** Everything that the platform has to report. */
  readonly reports: ReadonlyArray<CloudEvent>;
  /** What all of it must lead to. */
  readonly deliveries: number;
}

export const expectedSoFar = ({ platform, subscriptions }: Scene): number =>
  expectationsOf({ accepted: platform.accepted, subscriptions }).length;

/** Waits, showing the progress, until the condition holds or the time is over. */
export const until = async (
  scene: Scene,
  condition: () => boolean | Promise<boolean>,
  { everyMs = 50, atMostMs = Number.POSITIVE_INFINITY } = {},
): Promise<void> => {
  const deadlineMs = performance.now() + atMostMs;
  while (!(await condition()) && performance.now() < deadlineMs) {
    showProgress(scene);
    await sleep(everyMs, undefined, { signal: scene.signal });
  }
};

const showProgress = (scene: Scene): void => {
  const { screen, platform, receivers, reports, deliveries } = scene;
  if (!screen.progressDue) return;
  const { length: reported } = platform.accepted;
  const { size: delivered } = receivers.accepted;
  const toGo = Math.max(expectedSoFar(scene) - delivered, 0);
  screen.progress(
    (reported + delivered) / (reports.length + deliveries),
    `${reported}/${reports.length} changes reported, ${delivered} delivered, ${toGo} to go, ` +
      `${receivers.failures} failures`,
  );
};
