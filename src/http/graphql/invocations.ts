import type { KnownInvocation } from '../../commands/invocations.ts';
import type { InvocationStatus } from '../../domain/invocation.ts';
import type { HttpDeps } from '../deps.ts';
import { EXCERPT_IN_LISTS_MAX, printedInvocation } from '../print-invocation.ts';
import type { RequestContext } from './context.ts';
import { type Connection, type PageArguments, pageOf, WALK_ROWS_MAX, wholeList } from './page.ts';
import { orRefuse } from './refusal.ts';
import { INVOCATIONS_DEFAULT } from './schema.ts';

type Deps = Pick<HttpDeps, 'readModels' | 'invocations'>;

/** As the schema names it: the log's own names in capitals. */
export interface InvocationArguments extends PageArguments {
  readonly status?: Uppercase<InvocationStatus> | null;
}

/** Read at the same time: each comes with its body, which is not shown. */
const READ_TOGETHER_MAX = 20;

/** A page of a webhook's log, newest first. */
export const invocationsOf = async (
  { readModels, invocations }: Deps,
  context: RequestContext,
  of: { readonly companyId: string; readonly webhook: string },
  asked: InvocationArguments,
): Promise<Connection<PrintedInvocation>> => {
  const { pageIndex, pageSize } = pageOf(asked, INVOCATIONS_DEFAULT, WALK_ROWS_MAX);
  await context.settled();
  const before = pageIndex * pageSize;
  const status = asked.status?.toLowerCase() as InvocationStatus | undefined;
  const filter = { ...of, ...(status !== undefined && { status }) };
  // The log is made for cursors, so the rows before the page are walked through; one row more tells of a next page.
  const found = readModels.invocations(filter, undefined, before + pageSize + 1);
  const rows = found.slice(before, before + pageSize);

  const items: PrintedInvocation[] = [];
  for (let done = 0; done < rows.length; done += READ_TOGETHER_MAX) {
    context.goOn();
    const some = rows.slice(done, done + READ_TOGETHER_MAX);
    for (const known of await Promise.all(some.map(({ guid }) => invocations.get(guid)))) {
      items.push(printed(orRefuse(known)));
    }
  }
  const hasNextPage = found.length > before + pageSize;
  return {
    items,
    totalCount: hasNextPage ? null : found.length,
    pageInfo: { hasPreviousPage: pageIndex > 0, hasNextPage, pageIndex, pageSize },
  };
};

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

type PrintedInvocation = ReturnType<typeof printed>;
