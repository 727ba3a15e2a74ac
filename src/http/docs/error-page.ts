import { html, htmlPage } from '../html.ts';
import { PROBLEM_TYPES, type ProblemSlug } from '../problem-types.ts';

/** What the `type` of a problem leads to. */
export const errorPage = (slug: ProblemSlug): string => {
  const { status, title, explanation } = PROBLEM_TYPES[slug];
  return htmlPage(
    `${title} – Callboard`,
    html`<main>
      <h1>${title}</h1>
      <p>Status ${status}, type <code>/docs/errors/${slug}</code></p>
      <p>${explanation}</p>
      <p>
        The answer itself is a problem as in RFC 9457: <code>detail</code> says what happened, and
        <code>errors</code>, where there are any, names each field with what is expected of it.
      </p>
      <p><a href="/docs">All of the API</a></p>
    </main>`,
  );
};
