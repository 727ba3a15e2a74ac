import { type Either, isLeft, right } from 'fp-ts/lib/Either.js';
import { invocationLife } from '../../audit/invocation-life.ts';
import { buildModels } from '../../audit/log-pages.ts';
import { timeline as timelinePage, type Told } from '../../audit/timeline.ts';
import { isResourceStream } from '../../domain/ids.ts';
import { evolveInvocation, initialInvocation, type InvocationEvent } from '../../domain/invocation.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import { isResource, RESOURCES, type ResourceRef, sameRef } from '../../domain/resources.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import type { ReadFailure } from '../../eventstore/event-store.ts';
import type { InvocationRow } from '../../projections/read-models.ts';
import { printedReport } from '../../http/print-change.ts';
import { printedInvocation } from '../../http/print-invocation.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import { Progress } from '../migrate/progress.ts';
import { type AuditedHistory, type AuditedStore, auditedStore, withHistory } from './history.ts';
import { linesOfChange, linesOfInvocation } from './timeline-text.ts';

const PAGE = 20;
/** Of one change: an auditor is shown all of them. */
const INVOCATIONS_MAX = 1_000_000;

const HELP = `callboard audit timeline ORDER [--company GUID] [--json]
callboard audit timeline RESOURCE ID [--company GUID] [--json]

Everything that was reported of an order, or of another resource such as 'event 42': below each change what followed from it,
every attempt with its answer, and what was asked for by hand; with --json one JSON object a change, as under
/resources/{resource}/{id}/timeline. --company is needed where several companies have one of that name.
`;

const OPTIONS = { json: { type: 'boolean', default: false }, company: { type: 'string' } } as const;

export const timeline: Command = {
  summary: 'the story of an order or another resource, to every attempt',
  help: HELP,
  run: async (args) => {
    const options = parseOptions(args, OPTIONS, true);
    if (isLeft(options)) return misused(options.left, HELP);
    const { positionals, values } = options.right;
    const [identifier, resource = 'order', ...more] = positionals.toReversed();
    if (identifier === undefined || more.length > 0)
      return misused('timeline takes an order, or a resource and its identifier', HELP);
    if (!isResource(resource))
      return misused(`there is no resource "${resource}": ${RESOURCES.join(', ')}`, HELP);
    const audited = auditedStore();
    if (isLeft(audited)) return failed(audited.left);
    const { json, company } = values;
    return runTimeline(audited.right, {
      ref: { resource, identifier },
      companyId: company?.toLowerCase(),
      asJson: json,
    });
  },
};

interface TimelineAsked {
  readonly ref: ResourceRef;
  /** Undefined: the only one that has such a resource. */
  readonly companyId: string | undefined;
  readonly asJson: boolean;
}

const runTimeline = (store: AuditedStore, { ref, companyId, asJson }: TimelineAsked): Promise<number> =>
  withHistory(store, async (history) => {
    const named = `${ref.resource} ${JSON.stringify(ref.identifier)}`;
    const companies = await companiesWith(history, ref);
    if (isLeft(companies)) return failed(companies.left.message);
    const wanted = companies.right.filter((one) => companyId === undefined || one === companyId);
    const [company, another] = wanted;
    if (company === undefined) return failed(`nothing was reported of ${named} in the history`);
    if (another !== undefined) {
      return failed(`several companies have the ${named}; name one with --company: ${wanted.join(', ')}`);
    }
    if (!asJson) process.stdout.write(`${named} of company ${company}\n`);
    for (let from = 0; ;) {
      const deps = { store: history.log, readModels: history.models };
      const page = await timelinePage(deps, company, ref, from, PAGE, INVOCATIONS_MAX);
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
const printJson = async ({ log, models }: AuditedHistory, told: Told): Printed => {
  const invocations: unknown[] = [];
  for (const { guid } of told.invocations) {
    const life = await invocationLife(log, guid);
    if (isLeft(life)) return life;
    const state = life.right.map(({ event }) => event).reduce(evolveInvocation, initialInvocation);
    if (state.situation !== 'unscheduled') invocations.push(printedInvocation(state));
  }
  process.stdout.write(
    `${JSON.stringify({ ...printedReport(told.change, models), invocations, more: told.more })}\n`,
  );
  return right(undefined);
};

const printText = async ({ log, models }: AuditedHistory, { change, invocations }: Told): Printed => {
  print(['', ...linesOfChange(change, models)]);
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
