import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import type { Report } from '../../simulator/orders/cloud-event.ts';
import { Mischief, MISCHIEF } from '../../simulator/orders/mischief.ts';
import { isPresetName, PRESET_NAMES, PRESETS } from '../../simulator/orders/presets.ts';
import { PARAMETERS, type Shape, withParameters } from '../../simulator/orders/shape.ts';
import { OrderStream } from '../../simulator/orders/stream.ts';
import { ORDERS_MAX, type World, worldOf } from '../../simulator/orders/world.ts';
import { writeLines } from '../../simulator/sending/lines.ts';
import { Pace } from '../../simulator/sending/pace.ts';
import { isGuid } from '../domain/ids.ts';
import { time } from '../http/checks.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from './command.ts';
import { keepGarbageSmall } from './heap.ts';
import { numberOption, wholeOption } from './numbers.ts';
import { postOrders } from './orders/post-orders.ts';

const MISCHIEF_SHARE = '0.05';
const RATE_MAX = 100_000;
const SEED_MAX = 2 ** 32 - 1;
const PATIENCE_MAX_SECONDS = 86_400;
/** As shells tell it: 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const listed = (entries: ReadonlyArray<readonly [string, string]>): string =>
  entries.map(([name, meaning]) => `  ${name.padEnd(22)} ${meaning}`).join('\n');

const HELP = `callboard orders [--seed N] [--count M] [--preset NAME] [--set name=value …] [--mischief]
                 [--to URL --token T] [--rate R]

Makes the reports of a ticketing platform from a seed: events with their ticket types, products and shops, the sale of
orders, and what becomes of them: refunds, reissues, cancellations, shows that are called off, scans at the door. They
are written to stdout as CloudEvents, one JSON a line, or posted to a running server. The same seed, preset, parameters
and companies give the same bytes. Every stream is legal: it contradicts nothing, unless --mischief is set.

  --seed N          a whole number from 0; default 1
  --count M         orders sold, 1 to ${ORDERS_MAX.toLocaleString('en-US')}; default 1000. What follows from them is told to the end,
                    which makes about two reports an order
  --changes N       ends after N reports at the latest
  --preset NAME     default club-night; --preset list prints them, --preset NAME --parameters its parameters
  --set name=value  sets a parameter; may be repeated
  --company GUID    sell as this company; may be repeated. Default: companies made from the seed
  --start TIME      when the world begins, default 2026-01-05T00:00:00Z
  --mischief        things go wrong in a share of the reports (--mischief-share, default ${MISCHIEF_SHARE})
  --rate R          reports a second, at most ${RATE_MAX.toLocaleString('en-US')}; default as fast as they are taken
  --to URL          posts them to a server, up to 100 a request, instead of printing them. What is not answered, or
                    answered 429 or 503, is sent again with the same ids
  --token T         a platform token for the server (or CALLBOARD_TOKEN): callboard token --role platform --company '*'
  --patience S      seconds that the server may be away; default 60

Mischief
${listed(Object.entries(MISCHIEF))}

Parameters
${listed(Object.entries(PARAMETERS).map(([name, { meaning, min, max }]) => [name, `${meaning} (${min} to ${max})`]))}

Exit code 0, 1 when the reports could not be delivered, 2 for a wrong option or a token that is refused.
`;

const OPTIONS = {
  seed: { type: 'string', default: '1' },
  count: { type: 'string', default: '1000' },
  changes: { type: 'string' },
  preset: { type: 'string', default: 'club-night' },
  parameters: { type: 'boolean', default: false },
  set: { type: 'string', multiple: true },
  company: { type: 'string', multiple: true },
  start: { type: 'string', default: '2026-01-05T00:00:00Z' },
  mischief: { type: 'boolean', default: false },
  'mischief-share': { type: 'string', default: MISCHIEF_SHARE },
  rate: { type: 'string' },
  to: { type: 'string' },
  token: { type: 'string' },
  patience: { type: 'string', default: '60' },
} as const;

export const orders: Command = {
  summary: 'make order streams from a seed: print them or post them',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, OPTIONS);
    if (isLeft(options)) return misused(options.left, HELP);
    const { values } = options.right;
    if (values.preset === 'list') {
      for (const name of PRESET_NAMES) process.stdout.write(`${name.padEnd(18)} ${PRESETS[name].summary}\n`);
      return EXIT_OK;
    }
    const asked = readOptions(values);
    if (isLeft(asked)) return misused(asked.left, `See callboard orders --help.\n`);
    if (values.parameters) {
      for (const [name, value] of Object.entries(asked.right.world.shape))
        process.stdout.write(`${name}=${value}\n`);
      return EXIT_OK;
    }
    const ending = new AbortController();
    const stop = (): void => ending.abort();
    for (const signal of SIGNALS) process.on(signal, stop);
    try {
      const code = await produce(asked.right, ending.signal);
      return ending.signal.aborted ? EXIT_INTERRUPTED : code;
    } finally {
      for (const signal of SIGNALS) process.off(signal, stop);
    }
  },
};

type Values = {
  readonly [Name in keyof typeof OPTIONS]?: string | boolean | ReadonlyArray<string | boolean> | undefined;
};

interface Asked {
  readonly world: World;
  readonly count: number;
  readonly changesMax: number;
  readonly mischiefShare: number;
  readonly rate: number | undefined;
  readonly to: { readonly url: string; readonly token: string } | undefined;
  readonly patienceMs: number;
}

const textOf = (value: Values[keyof Values]): string | undefined =>
  typeof value === 'string' ? value : undefined;
const textsOf = (value: Values[keyof Values]): ReadonlyArray<string> =>
  Array.isArray(value) ? value.map(String) : [];

const readOptions = (values: Values): Either<string, Asked> => {
  const seed = wholeOption('--seed', textOf(values.seed) ?? '', 0, SEED_MAX);
  if (isLeft(seed)) return seed;
  const count = wholeOption('--count', textOf(values.count) ?? '', 1, ORDERS_MAX);
  if (isLeft(count)) return count;
  const changes = textOf(values.changes);
  const changesMax = changes === undefined ? right(Infinity) : wholeOption('--changes', changes, 1, 1e9);
  if (isLeft(changesMax)) return changesMax;
  const shape = shapeIn(textOf(values.preset) ?? '', textsOf(values.set));
  if (isLeft(shape)) return shape;
  const companies = textsOf(values.company).map((guid) => guid.toLowerCase());
  const wrong = companies.find((guid) => !isGuid(guid));
  if (wrong !== undefined) return left(`--company must be a GUID, not "${wrong}"`);
  const startMs = time(values.start);
  if (isLeft(startMs)) return left(`--start ${startMs.left}`);
  const share = numberOption('--mischief-share', textOf(values['mischief-share']) ?? '', 0, 1);
  if (isLeft(share)) return share;
  const rateText = textOf(values.rate);
  const rate = rateText === undefined ? right(undefined) : numberOption('--rate', rateText, 0, RATE_MAX);
  if (isLeft(rate)) return rate;
  const patience = wholeOption('--patience', textOf(values.patience) ?? '', 0, PATIENCE_MAX_SECONDS);
  if (isLeft(patience)) return patience;
  const to = targetIn(textOf(values.to), textOf(values.token));
  if (isLeft(to)) return to;
  return right({
    world: worldOf({ seed: seed.right, shape: shape.right, startMs: startMs.right, companies }),
    count: count.right,
    changesMax: changesMax.right,
    mischiefShare: values.mischief === true ? share.right : 0,
    rate: rate.right,
    to: to.right,
    patienceMs: patience.right * 1_000,
  });
};

const shapeIn = (preset: string, settings: ReadonlyArray<string>): Either<string, Shape> =>
  isPresetName(preset)
    ? withParameters(PRESETS[preset].shape, settings)
    : left(`there is no preset "${preset}"; there are ${PRESET_NAMES.join(', ')}`);

/** The token may come from the environment, where the list of processes does not show it. */
export const targetIn = (
  url: string | undefined,
  token: string | undefined = process.env['CALLBOARD_TOKEN'],
): Either<string, Asked['to']> => {
  if (url === undefined) return right(undefined);
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.search !== '' || parsed.hash !== '')
    return left(`--to must be the address of a server, such as http://127.0.0.1:8080, not "${url}"`);
  if (parsed.username !== '' || parsed.password !== '') return left('--to must not hold a user and password');
  if (token === undefined || token === '')
    return left('--to needs a --token (or CALLBOARD_TOKEN), see callboard token --help');
  if (!/^[\x21-\x7e]+$/.test(token)) return left('--token holds characters that no token has');
  return right({ url, token });
};

const produce = async (asked: Asked, signal: AbortSignal): Promise<number> => {
  const { world, count, changesMax, mischiefShare, rate, to, patienceMs } = asked;
  keepGarbageSmall();
  const stream = new OrderStream(world, count);
  const mischief = mischiefShare > 0 ? new Mischief(world, stream, mischiefShare) : undefined;
  const reports = atMost(mischief ?? stream, changesMax);
  if (to !== undefined)
    return postOrders({ world, stream, mischief, reports, changesMax, rate, to, patienceMs, signal });
  try {
    await writeLines(reports, process.stdout, rate === undefined ? undefined : new Pace(rate), signal);
    return EXIT_OK;
  } catch (error) {
    return failed(`the reports cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
};

function* atMost(reports: Iterable<Report>, max: number): Generator<Report> {
  let told = 0;
  for (const report of reports) {
    yield report;
    told += 1;
    if (told === max) return;
  }
}
