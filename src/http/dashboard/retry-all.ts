import { isLeft, right } from 'fp-ts/lib/Either.js';
import { isOver, type JobScope, leftOf } from '../../domain/job.ts';
import type { WebhookFacts } from '../../domain/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import { html, type Html } from '../html.ts';
import { causeOf } from '../routing.ts';
import { settledSoon } from '../settled.ts';
import { count, notice } from './parts.ts';
import { type DashboardRoute, page, redirect, type Reply } from './visit.ts';
import { ask, type WebhookAct, webhookRoute } from './webhook-act.ts';

type Deps = Pick<
  HttpDeps,
  'webhooks' | 'invocations' | 'jobs' | 'readModels' | 'settled' | 'shownUpTo' | 'clock'
>;
type Act = WebhookAct<Deps>;

/** "Retry all failed invocations": a few at once, very many as a job that one can watch and stop. */
export const retryAllPages = (deps: Deps): ReadonlyArray<DashboardRoute> => [
  webhookRoute(deps, 'GET', 'retry', confirm),
  webhookRoute(deps, 'POST', 'retry', retry),
  webhookRoute(deps, 'POST', 'retry/stop', stop),
];

/** More than these would keep the browser waiting. */
export const AT_ONCE_MAX = 200;
const RATE_PER_SECOND = 100;

const scopeOf = ({ companyId, guid }: Pick<WebhookFacts, 'companyId' | 'guid'>): JobScope => ({
  kind: 'retry_failed',
  companyId,
  webhook: guid,
  fromMs: null,
  toMs: null,
});

const confirm: Act = async (deps, _visit, found) => {
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const { facts } = found.webhook;
  const failed = deps.readModels.countFailedIn(scopeOf(facts), deps.shownUpTo());
  if (failed === 0) return right(nothingToRetry(facts));
  const many = count(failed, 'invocation');
  return right(
    ask(found, {
      title: `Retry ${many}?`,
      content: html`<p>
          Each of them is sent again at once, with the same body and the same ids as before, and then has all
          its retries anew. That takes those whose attempts have all failed and those that wait after a
          failure.
        </p>
        ${
          failed <= AT_ONCE_MAX
            ? null
            : html`<p>
                They are so many that ${RATE_PER_SECOND} are sent in a second: that takes about
                ${count(Math.ceil(failed / RATE_PER_SECOND / 60), 'minute')}. You can leave the page
                meanwhile, and stop it.
              </p>`
        }
        ${
          found.webhook.situation === 'disabled'
            ? notice('bad', html`<p>The webhook is disabled. Enable it first, or nothing can be sent.</p>`)
            : null
        }`,
      action: 'retry',
      button: `Retry ${many}`,
    }),
  );
};

const nothingToRetry = ({ companyId, guid }: WebhookFacts): Reply =>
  page(
    'Nothing to retry',
    html`<section class="narrow">
      <h1>Nothing to retry</h1>
      <p>
        No invocation of this webhook has failed. Those that wait for their first attempt come by themselves.
      </p>
      <p><a class="button primary" href="/dashboard/webhooks/${guid}">Back to the webhook</a></p>
    </section>`,
    companyId,
  );

const retry: Act = async (deps, visit, { webhook }) => {
  const { companyId, guid } = webhook.facts;
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const scope = scopeOf(webhook.facts);
  const cause = causeOf(visit, companyId);
  if (deps.readModels.countFailedIn(scope, deps.shownUpTo()) > AT_ONCE_MAX) {
    const job = await deps.jobs.ask({ ...scope, ratePerSecond: RATE_PER_SECOND }, cause);
    return isLeft(job) ? job : right(redirect(`/dashboard/webhooks/${guid}`));
  }
  const retried = await deps.invocations.retryAllFailed(guid, cause);
  return isLeft(retried)
    ? retried
    : right(redirect(`/dashboard/webhooks/${guid}?said=retried&count=${retried.right}`));
};

const stop: Act = async (deps, visit, { webhook }) => {
  const { companyId, guid } = webhook.facts;
  const settled = await settledSoon(deps);
  if (isLeft(settled)) return settled;
  const row = deps.readModels.lastJob(scopeOf(webhook.facts));
  if (row !== undefined && !isOver(row.job)) {
    const steered = await deps.jobs.steer(row.guid, 'cancel', causeOf(visit, companyId));
    if (isLeft(steered)) return steered;
  }
  return right(redirect(`/dashboard/webhooks/${guid}`));
};

/** On the webhook's page while its failed invocations are retried one after the other. */
export const retryUnderWay = (
  { readModels }: { readonly readModels: Pick<HttpDeps['readModels'], 'lastJob'> },
  facts: WebhookFacts,
): Html | null => {
  const row = readModels.lastJob(scopeOf(facts));
  if (row === undefined || isOver(row.job)) return null;
  const left = leftOf(row.job.facts, row.done);
  const at = `/dashboard/webhooks/${facts.guid}`;
  return notice(
    'plain',
    html`<p>
        Its failed invocations are sent again${row.job.situation === 'paused' ? ', paused for now' : ''}:
        <b>${row.done.toLocaleString('en')}</b>
        done${left === null ? '' : `, ${left.toLocaleString('en')} to go`}.
      </p>
      <form method="post" action="${at}/retry/stop" class="actions">
        <a class="button" href="${at}">Look again</a> <button class="button">Stop it</button>
      </form>`,
  );
};
