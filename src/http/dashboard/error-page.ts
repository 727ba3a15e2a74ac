import type { Failure } from '../failure.ts';
import { html, type Html } from '../html.ts';
import { PROBLEM_TYPES } from '../problem-types.ts';
import { problemOf, problemOfDefect } from '../problem.ts';
import { page, type Reply } from './visit.ts';

/** What went wrong, in words, and where to go from here. */
export const errorReply = (failure: Failure): Reply => {
  const { problem, headers } = problemOf(failure);
  const { Allow, 'Retry-After': retryAfter } = headers;
  return {
    ...page(
      problem.title,
      errorContent(problem.title, detailOf(failure, problem.detail)),
      undefined,
      problem.status,
    ),
    headers: {
      ...(Allow !== undefined && { Allow }),
      ...(retryAfter !== undefined && { 'Retry-After': retryAfter }),
    },
  };
};

export const defectReply = (id: string): Reply => {
  const { problem } = problemOfDefect(id);
  return page(problem.title, errorContent(problem.title, problem.detail), undefined, problem.status);
};

/** The API's words speak of headers and paths; a browser's user has neither in hand. */
const detailOf = (failure: Failure, detail: string): string => {
  switch (failure._tag) {
    case 'NotFound':
    case 'WebhookUnknown':
    case 'InvocationUnknown':
      return 'There is nothing at this address, or it belongs to another company. If you followed a link, it may be of another account than the one you are signed in with.';
    case 'StoreUnavailable':
      return `The server cannot read its store at the moment (${failure.message}). Nothing was changed. Try again in a few seconds.`;
    default:
      return detail;
  }
};

export const errorContent = (title: string, detail: string): Html =>
  html`<section class="narrow">
    <h1>${title}</h1>
    <p>${detail}</p>
    <p><a class="button" href="/">Go to the webhooks</a></p>
  </section>`;

/** A form that comes from elsewhere, or from a browser that does not say where from. */
export const foreignReply = (): Reply =>
  page(
    'Not sent from here',
    errorContent(
      'Not sent from here',
      'This request did not come from a page of this dashboard, so nothing was changed. Open the dashboard, and do it there. If you did, your browser hides where requests come from: allow it to send Sec-Fetch-Site or Origin.',
    ),
    undefined,
    PROBLEM_TYPES['not-allowed'].status,
  );
