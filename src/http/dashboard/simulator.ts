import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { SimulationRun, Simulations } from '../../ports/simulations.ts';
import type { HttpDeps } from '../deps.ts';
import { html, type Html } from '../html.ts';
import { LiveFeed, type Shown } from './live.ts';
import { badge, notice, time, preformatted } from './parts.ts';
import { type DashboardRoute, page, redirect, type Replied, type Reply, type Visit } from './visit.ts';

type Deps = Pick<HttpDeps, 'simulations' | 'clock'>;

const PATH = '/dashboard/simulator';
const ROLES = ['admin'] as const;
const EVERY_MS = 1_000;

/** For operators: run the simulator or the load generator beside the server, and watch. */
export const simulatorPages = (deps: Deps): ReadonlyArray<DashboardRoute> => {
  const { simulations } = deps;
  const feed = new LiveFeed(deps.clock, EVERY_MS, () => newestOf(simulations));
  return [
    { method: 'GET', path: PATH, roles: ROLES, handle: async (visit) => right(show(deps, visit)) },
    { method: 'POST', path: PATH, roles: ROLES, handle: (visit) => act(deps, visit) },
    {
      method: 'GET',
      path: `${PATH}/events`,
      roles: ROLES,
      handle: async () => {
        const body = feed.follow();
        return body === undefined
          ? left({ _tag: 'TooManyRequests', retryAfterSeconds: 30 })
          : right({ kind: 'raw', status: 200, contentType: 'text/event-stream', body });
      },
    },
    { method: 'GET', path: `${PATH}/reports/:id`, roles: ROLES, handle: (visit) => report(deps, visit) },
  ];
};

const act = async ({ simulations }: Deps, { form }: Visit): Replied => {
  if (simulations === undefined) return left({ _tag: 'NotFound' });
  if (form['stop'] !== undefined) {
    simulations.stop(form['stop']);
    return right(redirect(PATH));
  }
  const started = simulations.start(form['preset'] ?? '');
  if (started === undefined) return left({ _tag: 'NotFound' });
  return right(redirect(isLeft(started) ? `${PATH}?said=busy` : PATH));
};

/** The report is a page of its own with its own plots; it runs in a sandbox, without a way to this server's pages. */
const report = async ({ simulations }: Deps, { params }: Visit): Replied => {
  const body = simulations?.report(params['id'] ?? '');
  if (body === undefined) return left({ _tag: 'NotFound' });
  return right({
    kind: 'raw',
    status: 200,
    contentType: 'text/html; charset=utf-8',
    body,
    headers: {
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox allow-scripts",
    },
  });
};

const newestOf = (simulations: Simulations | undefined): Shown => {
  const [run] = simulations?.runs() ?? [];
  return run === undefined ? {} : { 'run-output': run.output, 'run-state': stateInWords(run) };
};

const stateInWords = ({ ended }: SimulationRun): string =>
  ended === null
    ? 'running'
    : ended.exitCode === null
      ? 'stopped'
      : `ended with exit code ${ended.exitCode}; load the page again for its report`;

const show = ({ simulations }: Deps, { query }: Visit): Reply => {
  if (simulations === undefined) {
    return page(
      'Simulator',
      html`<h1>Simulator</h1>
        <p class="empty">
          This server was started without its simulator. <code>callboard simulate</code> runs it anywhere.
        </p>`,
    );
  }
  const runs = simulations.runs();
  const [newest, ...older] = runs;
  const isRunning = newest !== undefined && newest.ended === null;
  return page(
    'Simulator',
    html`<h1>Simulator</h1>
      <p class="lead">
        Runs the engine beside this server, with a store of its own: nothing here touches what the server
        holds. It takes one of its processors meanwhile.
      </p>
      ${
        query.get('said') === 'busy'
          ? notice('bad', html`<p>Something is running already. Wait for it, or stop it.</p>`)
          : null
      }
      <div class="presets">
        ${simulations.presets.map(
          ({ name, title, summary }) =>
            html`<form method="post" action="${PATH}" class="card">
              <h2>${title}</h2>
              <p>${summary}</p>
              <button
                class="button ${isRunning ? '' : 'primary'}"
                name="preset"
                value="${name}"
                ${isRunning ? html`disabled` : null}
              >
                Run<span class="sr"> ${title}</span>
              </button>
            </form>`,
        )}
      </div>
      ${
        newest === undefined
          ? html`<p class="empty">Nothing was run yet since the server started. Choose one above.</p>`
          : newestRun(newest)
      }
      ${older.length === 0 ? null : olderRuns(older)}`,
  );
};

const newestRun = (run: SimulationRun): Html =>
  html`<section aria-labelledby="newest" ${run.ended === null ? html`data-events="${PATH}/events"` : null}>
    <div class="head">
      <h2 id="newest">${run.preset.title}</h2>
      <div class="actions">
        ${reportLink(run)}
        ${
          run.ended === null
            ? html`<form method="post" action="${PATH}">
                <button class="button" name="stop" value="${run.id}">Stop</button>
              </form>`
            : null
        }
        <a class="button" href="${PATH}">Look again</a>
      </div>
    </div>
    <p>Started ${time(run.startedAtMs)}: <b id="run-state" role="status">${stateInWords(run)}</b></p>
    ${preformatted('Output', html`<span id="run-output">${run.output}</span>`)}
  </section>`;

const reportLink = ({ id, hasReport }: SimulationRun): Html | null =>
  hasReport ? html`<a class="button primary" href="${PATH}/reports/${id}">Open the report</a>` : null;

const olderRuns = (runs: ReadonlyArray<SimulationRun>): Html =>
  html`<section aria-labelledby="older">
    <h2 id="older">Before</h2>
    <ul class="list">
      ${runs.map(
        (run) =>
          html`<li>
            ${run.preset.title}, ${time(run.startedAtMs)}
            ${run.ended?.exitCode === 0 ? badge('good', 'exit code 0') : badge('off', run.ended === null ? 'running' : `exit code ${run.ended.exitCode ?? 'none'}`)}
            ${reportLink(run)}
          </li>`,
      )}
    </ul>
  </section>`;
