import type { BrowserContextOptions, Page } from 'playwright-core';
import type { Browsers } from './browser.ts';
import type { DashboardWorld } from './world.ts';

/** What all suites play on: one program, one browser, and what `furnish` put there. */
export interface Stage {
  readonly world: DashboardWorld;
  readonly browser: Browsers;
  readonly ids: Readonly<Record<string, string>>;
}

/** Of every page that was opened: dialogs, scripts' errors and reports of the content security policy. There should be none. */
export const complaints: string[] = [];

/** A browser of one's own that is signed in with the token. */
export const signedIn = async (
  { world, browser }: Stage,
  token: string,
  options?: BrowserContextOptions,
): Promise<Page> => {
  const page = await newPage({ browser }, options);
  const answer = await page.context().request.post(`${world.url}/dashboard/sign-in`, {
    form: { token },
    headers: { origin: world.url },
  });
  if (!answer.ok()) throw new Error(`signing in answered ${answer.status()}`);
  return page;
};

export const newPage = async (
  { browser }: Pick<Stage, 'browser'>,
  options?: BrowserContextOptions,
): Promise<Page> => {
  const context = await browser.context(options);
  context.setDefaultTimeout(15_000);
  await context.addInitScript(
    "addEventListener('securitypolicyviolation', (e) => console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))",
  );
  context.on('page', watch);
  return context.newPage();
};

const watch = (page: Page): void => {
  page.on('dialog', (dialog) => {
    complaints.push(`${page.url()}: dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    // The browser notes each answer with a status of 400 or more; those are asked for here.
    const isStatus = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isStatus) complaints.push(`${page.url()}: ${message.text()}`);
  });
};

/** What a reader sees of the page, without what is hidden. */
export const textOf = (page: Page): Promise<string> => page.locator('main').innerText();
