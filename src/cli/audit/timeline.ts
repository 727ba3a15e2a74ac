import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { invocationLife } from '../../audit/invocation-life.ts';
import { buildModels } from '../../audit/log-pages.ts';
import { timeline, type Told } from '../../audit/timeline.ts';
import { isResourceStream } from '../../domain/ids.ts';
import { evolveInvocation, initialInvocation, type InvocationEvent } from '../../domain/invocation.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import { type ResourceRef, sameRef } from '../../domain/resources.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import type { ReadFailure } from '../../eventstore/event-store.ts';
import type { InvocationRow } from '../../projections/read-models.ts';
import { printedReport } from '../../http/print-change.ts';
import { printedInvocation } from '../../http/print-invocation.ts';
import { EXIT_OK, failed } from '../command.ts';
import { Progress } from '../migrate/progress.ts';
import { type AuditedHistory, type AuditedStore, withHistory } from './history.ts';
import { linesOfChange, linesOfInvocation } from './timeline-text.ts';

const PAGE = 20;
/** Of one change: an auditor is shown all of them. */
const INVOCATIONS_MAX = 1_000_000;

export interface TimelineAsked {
  readonly ref: ResourceRef;
  /** Undefined: the only one that has such a resource. */
  readonly companyId: string | undefined;
  readonly asJson: boolean;
}

/** `callboard audit timeline RESOURCE ID` */
export const runTimeline = (
  store: AuditedStore,
  { ref, companyId, asJson }: TimelineAsked,
): Promise<number> =>
  withHistory(store, async (history) => {
    const named = `${ref.resource} ${JSON.stringify(ref.identifier)}`;
    const companies = await companiesWith(history, ref);
    if (isLeft(companies)) return failed(companies.left.message);
    const wanted = companies.right.filter((one) => companyId === undefined || one === companyId);
    const [company, another] = wanted;
    if (company === undefined) return failed(`nothing was reported of ${named} in the history`);
    if (another !== undefined) {
      return failed(`several companies have a ${named}; name one with --company: ${wanted.join(', ')}`);
    }
    if (!asJson) process.stdout.write(`${named} of company ${company}\n`);
    for (let from = 0; ;) {
      const deps = { store: history.log, readModels: history.models };
      const page = await timeline(deps, company, ref, from, PAGE, INVOCATIONS_MAX);
      if (isLeft(page)) return failed(page.left.message);
      for (const told of page.right) {
        const printed = asJson ? await printJson(history, told) : await printText(history, told);
        if (isLeft(printed)) return failed(printed.left.message);
      }
      if (page.right.length < PAGE) return EXIT_OK;
      from += PAGE;
    }
  });

/** Builds the read models, and finds out on the way who has such a resource. */
const companiesWith = async (
  { log, models }: AuditedHistory,
  ref: ResourceRef,
): Promise<Either<ReadFailure, ReadonlyArray<string>>> => {
  const head = await log.head()();
  if (isLeft(head)) return head;
  const progress = new Progress('read');
  const companies = new Set<string>();
  let events = 0;
  const built = await buildModels(log, models, head.right, (decoded) => {
    for (const one of decoded) {
      if (isChange(one) && sameRef(one.event, ref)) companies.add(one.event.companyId);
    }
    events += decoded.length;
    progress.at(events);
  });
  if (isLeft(built)) return built;
  progress.end();
  return right([...companies]);
};

const isChange = (decoded: Decoded): decoded is Decoded<ResourceChange> => isResourceStream(decoded.stream);

type Printed = Promise<Either<ReadFailure, void>>;

/** As the API has it: one object a change. */
const printJson = async ({ log }: AuditedHistory, told: Told): Printed => {
  const invocations: unknown[] = [];
  for (const { guid } of told.invocations) {
    const life = await invocationLife(log, guid);
    if (isLeft(life)) return life;
    const state = life.right.map(({ event }) => event).reduce(evolveInvocation, initialInvocation);
    if (state.situation !== 'unscheduled') invocations.push(printedInvocation(state));
  }
  process.stdout.write(
    `${JSON.stringify({ ...printedReport(told.change), invocations, more: told.more })}\n`,
  );
  return right(undefined);
};

const printText = async ({ log }: AuditedHistory, { change, invocations }: Told): Printed => {
  print(['', ...linesOfChange(change)]);
  for (const row of invocations) {
    const life: Either<ReadFailure, ReadonlyArray<Decoded<InvocationEvent>>> = await invocationLife(
      log,
      (row satisfies InvocationRow).guid,
    );
    if (isLeft(life)) return life;
    print(linesOfInvocation(row, life.right).map((line) => `  ${line}`));
  }
  return right(undefined);
};

const print = (lines: ReadonlyArray<string>): void => {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
};
