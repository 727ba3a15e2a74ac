import { isLeft } from 'fp-ts/lib/Either.js';
import { type Explanation, explain as explainPage } from '../../audit/explain.ts';
import { buildModels } from '../../audit/log-pages.ts';
import { readChange } from '../../audit/read-change.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import { printedExplanation } from '../../http/print-explanation.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import { Progress } from '../migrate/progress.ts';
import { type AuditedStore, auditedStore, withHistory } from './history.ts';

const PAGE = 200;

const HELP = `callboard audit explain CHANGE [--json]

Says of every webhook of the change's company why it was told of the change or was not, and what came of it. Webhooks and
relations are those in force at the change; with --json one JSON object a webhook. Works with the server up or down, from the
log alone; a running server answers the same at once under /changes/{change}/explain.
`;

export const explain: Command = {
  summary: 'why each webhook was told of a change, or was not',
  help: HELP,
  run: async (args) => {
    const options = parseOptions(args, { json: { type: 'boolean', default: false } }, true);
    if (isLeft(options)) return misused(options.left, HELP);
    const { positionals, values } = options.right;
    const [change, ...more] = positionals;
    if (change === undefined || more.length > 0) return misused('explain takes one change', HELP);
    const audited = auditedStore();
    return isLeft(audited) ? failed(audited.left) : runExplain(audited.right, change, values.json);
  },
};

const runExplain = (store: AuditedStore, change: string, asJson: boolean): Promise<number> =>
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
      const page = await explainPage({ store: log, readModels: models, rules }, found.right, after, PAGE);
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
