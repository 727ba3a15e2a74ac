import { databaseOfDemo, type EngineProcess } from './engine-process.ts';
import { COMPANY, type CloudEvent } from './evening.ts';
import type { Message } from './platform.ts';
import { CHARACTER, RECEIVERS } from './receiver.ts';
import type { Stage } from './scene.ts';
import type { Screen } from './screen.ts';
import type { Subscribed } from './subscriptions.ts';

/** What is printed before the evening begins. */

export const printStage = (
  { screen, dataDir, receivers }: Stage,
  engine: EngineProcess,
  dashboard: string,
): void => {
  screen.heading('The stage');
  screen.line(`  engine     ${engine.url}  (process ${engine.pid})`);
  screen.line(`  data       ${dataDir}`);
  const database = databaseOfDemo();
  if (database !== undefined) screen.line(`  store      ${database}`);
  screen.line(`  dashboard  ${dashboard}`);
  screen.line(`  API        ${engine.url}/docs`);
  for (const name of RECEIVERS) {
    screen.line(`  ${name.padEnd(9)}  http://127.0.0.1:${receivers.ports[name]}  ${CHARACTER[name]}`);
  }
};

export const printSubscriptions = (screen: Screen, subscriptions: ReadonlyArray<Subscribed>): void => {
  screen.table(
    [
      { title: 'webhook' },
      { title: 'resource' },
      { title: 'trigger' },
      { title: 'identifier' },
      { title: 'by related resources' },
      { title: 'receiver' },
      { title: 'created by' },
    ],
    subscriptions.map((subscription) => {
      const { name, receiver } = subscription;
      if (subscription.dialect === 'moshtix') {
        return [name, 'order', subscription.systemEventType, 'any', '', receiver, 'GraphQL'];
      }
      const { resource, trigger, identifier, triggeredByChildResources, sentAs } = subscription;
      const byRelated = triggeredByChildResources ? 'yes' : 'no';
      return [name, resource, trigger, identifier || 'any', byRelated, receiver, sentAs];
    }),
  );
};

export const printPlan = (
  screen: Screen,
  reports: ReadonlyArray<CloudEvent>,
  messages: ReadonlyArray<Message>,
): void => {
  const sentIn = (mode: Message['mode']): number =>
    messages.filter((message) => message.mode === mode).length;
  screen.line(
    `  ${COMPANY.name} reports ${reports.length} changes in ${messages.length} CloudEvents requests: ` +
      `${sentIn('structured')} structured, ${sentIn('binary')} binary,`,
  );
  screen.line(`  ${sentIn('batch')} batches. In the middle of it the engine is killed.`);
};
