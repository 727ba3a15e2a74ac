import { isLeft } from 'fp-ts/lib/Either.js';
import { type Explanation, explain } from '../../audit/explain.ts';
import { buildModels } from '../../audit/log-pages.ts';
import type { Config } from '../../config.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import { decodeAll } from '../../projections/projector.ts';
import { EXIT_OK, failed } from '../command.ts';
import { Progress } from '../migrate/progress.ts';
import { withHistory } from './history.ts';

const PAGE = 200;

/** `callboard audit explain CHANGE` */
export const runExplain = (config: Config, change: string, asJson: boolean): Promise<number> =>
  withHistory(config, async ({ log, models, rules }) => {
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
    const read = await log.readStream(row.stream, { fromRevision: row.revision, limit: 1 })();
    if (isLeft(read)) return failed(read.left.message);
    const [decoded] = decodeAll(read.right);
    if (decoded === undefined) return failed(`${row.stream} has no revision ${row.revision}`);
    const event = decoded.event as ResourceChange;
    if (!asJson) process.stdout.write(headline(row.change, event));
    for (let after = 0; ;) {
      const page = await explain(
        { store: log, readModels: models, rules },
        { guid: row.change, position: row.position, event },
        after,
        PAGE,
      );
      if (isLeft(page)) return failed(page.left.message);
      for (const one of page.right) process.stdout.write(asJson ? jsonLine(one) : paragraph(one));
      if (page.right.length < PAGE) return EXIT_OK;
      after = page.right.at(-1)?.cursor ?? after;
    }
  });

const headline = (change: string, event: ResourceChange): string =>
  `change ${change}: ${event.changeType} of ${event.resource} ${JSON.stringify(event.identifier)}, company ${event.companyId}, recorded at ${new Date(event.atMs).toISOString()}\n`;

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

const jsonLine = ({ webhook, name, told, words, reason, path, invocation }: Explanation): string =>
  `${JSON.stringify({ webhook, name, told, reason: words, code: reason.code, path, invocation: invocation?.guid ?? null, status: invocation?.status ?? null })}\n`;
