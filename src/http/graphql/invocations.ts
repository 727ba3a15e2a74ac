import { isLeft } from 'fp-ts/lib/Either.js';
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';
import type { KnownInvocation } from '../../commands/invocations.ts';
import type { InvocationStatus } from '../../domain/invocation.ts';
import type { InvocationRow } from '../../projections/read-models.ts';
import type { HttpDeps } from '../deps.ts';
import { EXCERPT_IN_LISTS_MAX, printedInvocation } from '../print-invocation.ts';
import { isGone } from '../read-invocations.ts';
import { READ_TOGETHER_MAX, type RequestContext } from './context.ts';
import { type Connection, type PageArguments, pageOf, WALK_ROWS_MAX, wholeList } from './page.ts';
import { orRefuse } from './refusal.ts';
import { INVOCATIONS_DEFAULT } from './schema.ts';

type Deps = Pick<HttpDeps, 'readModels' | 'invocations'>;

/** As the schema names it: the log's own names in capitals. */
export interface InvocationArguments extends PageArguments {
  readonly status?: Uppercase<InvocationStatus> | null;
}

/** Rows of the log that take about as long to walk through as reading one invocation. */
const ROWS_PER_WEIGHT = 500;

/** A page of a webhook's log, newest first. */
export const invocationsOf = async (
  { readModels, invocations }: Deps,
  context: RequestContext,
  of: { readonly companyId: string; readonly webhook: string },
  asked: InvocationArguments,
  info: GraphQLResolveInfo,
): Promise<Connection<ListedInvocation>> => {
  const { pageIndex, pageSize } = pageOf(asked, INVOCATIONS_DEFAULT, WALK_ROWS_MAX);
  await context.settled();
  const before = pageIndex * pageSize;
  const status = asked.status?.toLowerCase() as InvocationStatus | undefined;
  const filter = { ...of, ...(status !== undefined && { status }) };
  // The log is made for cursors, so the rows before the page are walked through; one row more tells of a next page.
  const limit = before + pageSize + 1;
  const found = await context.reading(Math.ceil(limit / ROWS_PER_WEIGHT), () =>
    readModels.invocations(filter, undefined, limit),
  );
  const rows = found.slice(before, before + pageSize);

  const items: ListedInvocation[] = [];
  if (rowsAreEnough(info)) items.push(...rows.map(listed));
  else {
    for (let done = 0; done < rows.length; done += READ_TOGETHER_MAX) {
      const some = rows.slice(done, done + READ_TOGETHER_MAX);
      const read = () => Promise.all(some.map(({ guid }) => invocations.get(guid)));
      for (const known of await context.reading(some.length, read)) {
        // Removed from the log long after it was settled; the read models may still know it.
        if (isLeft(known) && isGone(known.left)) continue;
        items.push(printed(orRefuse(known)));
      }
    }
  }
  const hasNextPage = found.length > before + pageSize;
  return {
    items,
    totalCount: hasNextPage ? null : found.length,
    pageInfo: { hasPreviousPage: pageIndex > 0, hasNextPage, pageIndex, pageSize },
  };
};

/** What a row of the log tells by itself. */
const listed = ({ guid, status }: Pick<InvocationRow, 'guid' | 'status'>) => ({
  id: guid,
  status: status.toUpperCase(),
});

const LISTED: ReadonlySet<string> = new Set(['id', 'status', '__typename']);

/** Whether nothing is asked of the items but what their rows tell. Looks past directives: too much may be read, never too little. */
const rowsAreEnough = ({ fieldNodes, fragments }: GraphQLResolveInfo): boolean => {
  const fieldsIn = (set: SelectionSetNode | undefined): ReadonlyArray<Selected> =>
    (set?.selections ?? []).flatMap((selection) => {
      switch (selection.kind) {
        case Kind.FIELD:
          return [{ name: selection.name.value, inner: selection.selectionSet }];
        case Kind.INLINE_FRAGMENT:
          return fieldsIn(selection.selectionSet);
        case Kind.FRAGMENT_SPREAD:
          return fieldsIn(fragments[selection.name.value]?.selectionSet);
      }
    });
  return fieldNodes
    .flatMap(({ selectionSet }) => fieldsIn(selectionSet))
    .filter(({ name }) => name === 'items')
    .flatMap(({ inner }) => fieldsIn(inner))
    .every(({ name }) => LISTED.has(name));
};

interface Selected {
  readonly name: string;
  readonly inner: SelectionSetNode | undefined;
}

const printed = (invocation: KnownInvocation) => {
  const shown = printedInvocation(invocation, EXCERPT_IN_LISTS_MAX);
  return {
    id: shown.guid,
    status: shown.status.toUpperCase(),
    test: invocation.facts.scheduled.test,
    systemEventType: invocation.facts.scheduled.systemEvent ?? null,
    contextId: shown.identifier,
    scheduledAt: shown.scheduled_at,
    nextAttemptAt: shown.next_attempt_at,
    settledAt: shown.settled_at,
    attempts: wholeList(
      shown.attempts.map((attempt) => ({
        number: attempt.number,
        startedAt: attempt.started_at,
        endedAt: attempt.ended_at,
        outcome: attempt.outcome?.toUpperCase() ?? null,
        statusCode: attempt.status_code,
        error: attempt.error,
        durationMs: attempt.duration_ms,
        url: attempt.url,
        address: attempt.address,
        responseExcerpt: attempt.response_excerpt,
      })),
    ),
  };
};

/** What was not asked for may be absent. */
type ListedInvocation = ReturnType<typeof listed> | ReturnType<typeof printed>;
