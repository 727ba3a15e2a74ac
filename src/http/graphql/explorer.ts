import { right } from 'fp-ts/lib/Either.js';
import type { Answer } from '../answer.ts';
import { html, htmlPage } from '../html.ts';
import type { Route } from '../routing.ts';

/**
 * A page to try the API out on a developer's machine. Small and of our own: GraphiQL is megabytes of scripts, and
 * needs styles and workers that the security headers forbid.
 */
export const explorerRoutes: ReadonlyArray<Route> = [
  { method: 'GET', path: '/graphql', roles: 'open', handle: async () => right(PAGE) },
  { method: 'GET', path: '/graphql/explorer.js', roles: 'open', handle: async () => right(SCRIPT) },
];

const EXAMPLE = `{
  viewer {
    webhooks {
      totalCount
      items { id url enabled systemEventTypes { items { systemEventType } } }
    }
  }
}`;

const PAGE: Answer = {
  status: 200,
  contentType: 'text/html; charset=utf-8',
  headers: {
    'Content-Security-Policy':
      "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  },
  body: htmlPage(
    'GraphQL – Callboard',
    html`<main>
      <h1>GraphQL</h1>
      <p class="note">
        On a developer’s machine only. The schema: <code>{ __schema { types { name } } }</code>, or any client
        that reads it.
      </p>
      <p>
        <label>Token <input id="token" type="password" size="40" autocomplete="off" /></label>
      </p>
      <p>
        <label
          >Query<br /><textarea id="query" rows="14" cols="90" spellcheck="false">${EXAMPLE}</textarea>
        </label>
      </p>
      <p>
        <label
          >Variables<br /><textarea id="variables" rows="3" cols="90" spellcheck="false">{}</textarea>
        </label>
      </p>
      <p><button id="send" type="button">Send</button></p>
      <pre><code id="answer"></code></pre>
      <script src="/graphql/explorer.js" defer></script>
    </main>`,
  ),
};

const SCRIPT: Answer = {
  status: 200,
  contentType: 'text/javascript; charset=utf-8',
  headers: {},
  body: `const at = (id) => document.getElementById(id);
const show = (text) => { at('answer').textContent = text; };
at('send').addEventListener('click', async () => {
  try {
    const token = at('token').value.trim();
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token !== '' && { authorization: 'Bearer ' + token }) },
      body: JSON.stringify({ query: at('query').value, variables: JSON.parse(at('variables').value || '{}') }),
    });
    show(JSON.stringify(await response.json(), null, 2));
  } catch (error) {
    show(String(error));
  }
});
`,
};
