import { isLeft } from 'fp-ts/lib/Either.js';
import { addsUp, type Conserved, conserve as conserveLog } from '../../audit/conserve.ts';
import { dayText, differenceOf, everyTally, type Grouping, GROUPINGS } from '../../audit/conservation.ts';
import { couldTell } from '../../audit/could-tell.ts';
import { hearersOf } from '../../delivery/fan-out.ts';
import { type Command, EXIT_FINDINGS, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import { Progress } from '../migrate/progress.ts';
import { keepHeapSmall } from '../heap.ts';
import { type AuditedHistory, type AuditedStore, auditedStore, withHistory } from './history.ts';

const HELP = `callboard audit conserve [--by company|webhook|day]

Counts what became of every invocation, as one JSON object, and compares the invocations with the changes and the webhooks that
had to hear of them, by the rules in force now. Exit code 1 when something does not fit, with the change and the webhook of
each difference. Works with the server up or down; writes nothing.

  --by  every company, each of its webhooks or each day (UTC, of the scheduling) is counted apart, one JSON object a line, before
        the whole; a running server tells the same at once under /conservation
`;

export const conserve: Command = {
  summary: 'what became of every invocation, compared with the changes',
  help: HELP,
  run: async (args) => {
    const options = parseOptions(args, { by: { type: 'string' } });
    if (isLeft(options)) return misused(options.left, HELP);
    const { by } = options.right.values;
    const grouping = GROUPINGS.find((one) => one === by);
    if (by !== undefined && grouping === undefined)
      return misused(`--by takes ${GROUPINGS.join(', ')}, not "${by}"`, HELP);
    const audited = auditedStore();
    return isLeft(audited) ? failed(audited.left) : runConserve(audited.right, grouping);
  },
};

const runConserve = (store: AuditedStore, by: Grouping | undefined): Promise<number> => {
  keepHeapSmall();
  return withHistory(store, async ({ log, models, rules }) => {
    const progress = new Progress('counted');
    const conserved = await conserveLog({
      log,
      models,
      hearersOf: (change) =>
        hearersOf({ routing: models, rules }, change).map(({ subscriber }) => subscriber.webhook),
      couldTell: couldTell({ log, models, rules }),
      onProgress: progress.at,
    });
    if (isLeft(conserved)) return failed(conserved.left.message);
    progress.end();
    const groupsFit = by === undefined || reportGroups(models, by, conserved.right.totals.scheduled);
    const code = report(conserved.right);
    return groupsFit ? code : EXIT_FINDINGS;
  });
};

/** One JSON object a line for each group. Whether each of them adds up, and all together to what the log holds. */
const reportGroups = (models: AuditedHistory['models'], by: Grouping, scheduledInLog: number): boolean => {
  let misfits = 0;
  let scheduled = 0;
  for (const { companyId, webhook, day, tally } of everyTally(models, by)) {
    const difference = differenceOf(tally);
    if (difference !== 0) misfits += 1;
    scheduled += tally.scheduled;
    const group = {
      company_id: companyId,
      ...(webhook !== undefined && { webhook }),
      ...(day !== undefined && { day: dayText(day) }),
    };
    process.stdout.write(`${JSON.stringify({ ...group, ...tally, difference })}\n`);
  }
  return misfits === 0 && scheduled === scheduledInLog;
};

const report = (conserved: Conserved): number => {
  const { totals, changes, pending, removed, backfilled, differences, differencesInAll } = conserved;
  const { scheduled, delivered, waiting, in_flight, exhausted, cancelled, superseded } = totals;
  process.stdout.write(
    `${JSON.stringify({ scheduled, delivered, waiting, in_flight, exhausted, cancelled, superseded })}\n`,
  );
  const say = (line: string): boolean => process.stderr.write(`${line}\n`);
  for (const { kind, change, webhook } of differences) {
    say(
      kind === 'missing'
        ? `change ${change}: webhook ${webhook} had to be told, and no invocation was scheduled`
        : `change ${change}: webhook ${webhook} was told, and nothing leads to it by the rules in force now`,
    );
  }
  if (differencesInAll > differences.length) say(`… and ${differencesInAll - differences.length} more`);
  if (pending > 0) say(`${pending} changes at the end of the log are still being worked on`);
  if (backfilled > 0) say(`${backfilled} of them were told by backfill, long after the change`);
  if (removed > 0) say(`${removed} invocations were removed from the log by policy and are not counted`);
  if (addsUp(conserved)) {
    say(`${changes} changes, ${scheduled} invocations: every one is accounted for.`);
    return EXIT_OK;
  }
  say(
    differencesInAll > 0
      ? `${changes} changes: ${differencesInAll} invocations do not fit them. 'callboard audit explain' tells more of a change.`
      : `${scheduled} invocations were scheduled, but what became of them does not add up to that.`,
  );
  return EXIT_FINDINGS;
};
