import { isLeft } from 'fp-ts/lib/Either.js';
import { type Explanation, explain } from '../../audit/explain.ts';
import { buildModels } from '../../audit/log-pages.ts';
import { readChange } from '../../audit/read-change.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import { printedExplanation } from '../../http/print-explanation.ts';
import { EXIT_OK, failed } from '../command.ts';
import { Progress } from '../migrate/progress.ts';
import { type AuditedStore, withHistory } from './history.ts';

const PAGE = 200;

/** `callboard audit explain CHANGE` */
export const runExplain = (store: AuditedStore, change: string, asJson: boolean): Promise<number> =>
  withHistory(store, async ({ log, models, rules }) => {
    const head = await log.head()();
    if (isLeft(head)) return failed(head.left.message);
    const progress = new Progress('read');
    let events = 0;
    const built = await buildModels(log, models, head.right, (decoded) => {
      events += decoded.length;
      progress.at(events);
    });
    if (isLeft(built)) return failed(built.left.message);
    progress.end();

    const row = models.change(change.toLowerCase());
    if (row === undefined) return failed(`there is no change ${change} in the history`);
    const found = await readChange(log, row);
    if (isLeft(found)) return failed(found.left.message);
    if (!asJson) process.stdout.write(headline(found.right));
    for (let after = 0; ;) {
      const page = await explain({ store: log, readModels: models, rules }, found.right, after, PAGE);
      if (isLeft(page)) return failed(page.left.message);
      for (const one of page.right)
        process.stdout.write(asJson ? `${JSON.stringify(printedExplanation(one))}\n` : paragraph(one));
      if (page.right.length < PAGE) return EXIT_OK;
      after = page.right.at(-1)?.cursor ?? after;
    }
  });

const headline = ({ id, event }: Decoded<ResourceChange>): string =>
  `change ${id}: ${event.changeType} of ${event.resource} ${JSON.stringify(event.identifier)}, company ${event.companyId}, recorded at ${new Date(event.atMs).toISOString()}\n`;

const paragraph = ({ webhook, name, words, path, invocation }: Explanation): string => {
  const way = path.map(({ resource, identifier }) => `${resource} ${identifier}`).join(' → ');
  return [
    `\n${webhook} ${JSON.stringify(name)}`,
    `  ${words}`,
    ...(path.length > 1 ? [`  path: ${way}`] : []),
    ...(invocation === null ? [] : [`  invocation ${invocation.guid}: ${invocation.status}`]),
    '',
  ].join('\n');
};
