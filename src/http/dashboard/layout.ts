import type { Principal } from '../../ports/tokens.ts';
import { onlyCompany } from '../access.ts';
import { html, type Html } from '../html.ts';
import { assetPath } from './assets.ts';

export interface Frame {
  readonly title: string;
  readonly content: Html;
  /** Null: nobody is signed in. */
  readonly principal: Principal | null;
  readonly companyId: string | undefined;
  readonly path: string;
}

/** A whole document: the frame around every page of the dashboard. */
export const documentOf = ({ title, content, principal, companyId, path }: Frame): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} – Callboard</title>
        <link rel="icon" href="${assetPath('icon.svg')}" type="image/svg+xml" />
        <link rel="stylesheet" href="${assetPath('dashboard.css')}" />
        <script src="${assetPath('dashboard.js')}" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        ${header(principal, companyId, path)}
        <main id="main" tabindex="-1">${content}</main>
        <footer>
          <p>
            <a href="/docs">API documentation</a><span class="zone" hidden> · times in <b></b></span>
          </p>
        </footer>
      </body>
    </html> `.text;

const header = (principal: Principal | null, companyId: string | undefined, path: string): Html =>
  html`<header class="top">
    <a class="brand" href="/"
      ><svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
        <rect x="2.5" y="3.5" width="19" height="14" rx="3" class="brand-board" />
        <path d="M7 8.5h10M7 12.5h6" class="brand-line" />
        <path d="M9 17.5v3M15 17.5v3" class="brand-leg" /></svg
      >Callboard</a
    >
    ${principal === null ? null : navigation(principal, companyId, path)}
  </header>`;

interface Entry {
  readonly href: string;
  readonly label: string;
  readonly current: boolean;
}

const navigation = (principal: Principal, companyId: string | undefined, path: string): Html => {
  const query =
    onlyCompany(principal) === undefined && companyId !== undefined ? `?company=${companyId}` : '';
  const under = (start: string): boolean => path.startsWith(start);
  const entries: ReadonlyArray<Entry> = [
    ...(principal.role === 'platform'
      ? []
      : [
          {
            href: `/${query}`,
            label: 'Webhooks',
            current: path === '/' || under('/dashboard/webhooks') || under('/dashboard/invocations'),
          },
        ]),
    { href: `/dashboard/changes${query}`, label: 'Changes', current: under('/dashboard/changes') },
    ...(principal.role === 'admin'
      ? [
          { href: '/dashboard/overview', label: 'Overview', current: under('/dashboard/overview') },
          { href: '/dashboard/simulator', label: 'Simulator', current: under('/dashboard/simulator') },
        ]
      : []),
  ];
  return html`<nav aria-label="Main">
      <ul>
        ${entries.map(
          ({ href, label, current }) =>
            html`<li>
              ${current ? html`<a href="${href}" aria-current="page">${label}</a>` : html`<a href="${href}">${label}</a>`}
            </li>`,
        )}
      </ul>
    </nav>
    <div class="who">
      <span class="subject"><span class="quiet">${principal.role}</span> ${principal.subject}</span>
      <form method="post" action="/dashboard/sign-out"><button class="link">Sign out</button></form>
    </div>`;
};
