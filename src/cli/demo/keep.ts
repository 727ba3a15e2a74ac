import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isLeft } from 'fp-ts/lib/Either.js';
import { signInLink } from '../sign-in-link.ts';
import { callboard } from './engine-process.ts';
import { COMPANY } from './evening.ts';
import { CLI_FILE } from './program.ts';
import type { Stage } from './scene.ts';

/** Slow enough to read along, quick enough that something happens on every page. */
const REPORTS_A_SECOND = '3';

/** After the evening: the engine is started once more, orders go on coming, and one can look around until Ctrl-C. */
export const keepOn = async (stage: Stage, port: number): Promise<never> => {
  const { screen, signal, dataDir } = stage;
  const engine = await stage.startEngine(port);
  await engine.ready(signal);
  const token = (role: string, ...more: ReadonlyArray<string>): Promise<string> =>
    callboard(dataDir, 'token', '--role', role, '--expires', '12h', ...more);
  const ofCompany = ['--company', COMPANY.id];
  screen.heading('The dashboard, while orders keep coming until Ctrl-C');
  for (const [who, made] of [
    ['partner', await token('partner', ...ofCompany)],
    ['operator', await token('admin')],
  ] as const) {
    screen.line(`  ${who.padEnd(9)}  ${await linkTo(engine.url, made)}`);
  }
  screen.line('  Each link signs in once, within five minutes. For another one, in another terminal:');
  screen.line(`  export CALLBOARD_DATA_DIR=${dataDir}`);
  screen.line(`  callboard token --role partner --company ${COMPANY.id} \\`);
  screen.line(`    --link --url ${engine.url}`);

  const orders = spawn(
    process.execPath,
    [
      CLI_FILE,
      'orders',
      ...['--seed', String(Date.now() % 2 ** 32), '--count', '1000000', '--start', new Date().toISOString()],
      ...[...ofCompany, '--rate', REPORTS_A_SECOND, '--to', engine.url],
    ],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, CALLBOARD_TOKEN: await token('platform', ...ofCompany) },
    },
  );
  const interrupted = once(signal, 'abort');
  try {
    const [code] = (await Promise.race([once(orders, 'exit'), interrupted])) as [unknown];
    signal.throwIfAborted();
    throw new Error(`the stream of orders has ended by itself: exit code ${String(code)}`);
  } finally {
    orders.kill('SIGKILL');
  }
};

/** A link into the dashboard of the running engine. */
export const linkTo = async (url: string, token: string): Promise<string> => {
  const link = await signInLink(url, token, url);
  if (isLeft(link)) throw new Error(link.left);
  return link.right;
};
