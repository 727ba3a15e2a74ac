import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { exportFolder } from '../../adapters/export-folder.ts';
import { boundKey } from '../../adapters/key-id.ts';
import { pinoLog } from '../../adapters/pino-log.ts';
import { systemClock } from '../../adapters/system-clock.ts';
import { systemRandom } from '../../adapters/system-random.ts';
import { exportLog } from '../../audit/export/export-log.ts';
import {
  type ExportProgress,
  type ExportQuestion,
  FORMATS,
  MANIFEST_FILE,
  parseProgress,
  PROGRESS_FILE,
} from '../../audit/export/manifest.ts';
import type { Config } from '../../config.ts';
import { isGuid, STREAM_PREFIXES, streamOf } from '../../domain/ids.ts';
import { decode } from '../../eventstore/codec.ts';
import { EMPTY_DIGEST } from '../../eventstore/log-digest.ts';
import { time } from '../../http/checks.ts';
import { openSecrets, readEnvironment } from '../../main.ts';
import { VERSION } from '../../version.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import { count, Progress } from '../migrate/progress.ts';
import { type MovableStore, openSource } from '../migrate/sides.ts';
import { wholeOption } from '../numbers.ts';
import { checkExport } from './check-export.ts';
import { withReadableKeys } from './customer-keys.ts';
import { type OpenedLog, openLog } from './open-log.ts';
import { keepHeapSmall } from '../heap.ts';

const HELP = `callboard audit export --out FOLDER [--from T] [--to T] [--company GUID] [--webhook GUID] [--format ndjson|csv]
                       [--personal-data] [--resume]
callboard audit export --check FOLDER

Writes what was reported and what became of it into files, with the server up or down. Personal data of customers is masked.

  --out            an empty folder, or one that is not there yet
  --from, --to     times as in RFC 3339, of when it was recorded: from ≤ time < to. Default: all up to now
  --company        of this company alone
  --webhook        the invocations and attempts of this webhook alone
  --format         ndjson (default): a CloudEvent 1.0 for each change and whatever happened to an invocation
                   csv: files of invocations and files of attempts, for spreadsheets
  --personal-data  not masked. For whoever has the CALLBOARD_SECRET of the store (or its file "secret")
  --part-mib       a file is completed when it holds so much, 1 to 1024; default 64
  --resume         goes on after the last complete file of an export that was cut short; the same options again, or only --out
  --check          whether an export is complete and its files are what its manifest says; needs no store

manifest.json is written last: where there is none, the export is not complete. It tells period, filters, counts, the SHA-256 of each file,
and where the log ended, with the digest of all events up to there (the same as 'callboard backup' prints). docs/export.md
lists all fields.
`;

const OPTIONS = {
  out: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  company: { type: 'string' },
  webhook: { type: 'string' },
  format: { type: 'string' },
  'part-mib': { type: 'string' },
  'personal-data': { type: 'boolean', default: false },
  resume: { type: 'boolean', default: false },
  check: { type: 'string' },
} as const;

const MIB = 1024 * 1024;

export const exportHistory: Command = {
  summary: 'changes, invocations and attempts as files',
  help: HELP,
  run: (args) => runExport(args),
};

const runExport = async (args: ReadonlyArray<string>): Promise<number> => {
  const options = parseOptions(args, OPTIONS);
  if (isLeft(options)) return misused(options.left, HELP);
  const { values } = options.right;
  if (values.check !== undefined) {
    return Object.keys(values).some((name) => values[name as keyof typeof values] === true) || values.out
      ? misused('--check stands alone', HELP)
      : checkExport(values.check);
  }
  if (values.out === undefined) return misused('--out is missing', HELP);
  const nowMs = systemClock().nowMs();
  const question = questionOf(values, nowMs);
  if (isLeft(question)) return misused(question.left, HELP);
  const config = readEnvironment();
  if (isLeft(config)) return failed(config.left.message);
  const { store } = config.right;
  if (store.kind === 'memory') return failed('there is no history in memory: CALLBOARD_STORE=memory:');
  keepHeapSmall();
  const log = await openLog(store);
  if (isLeft(log)) return failed(log.left);
  const opened = withReadableKeys(log.right, config.right);
  try {
    const out = resolve(values.out);
    const begun = await begin(opened, out, question.right, values.resume, nowMs);
    if (isLeft(begun)) return failed(begun.left);
    if (begun.right === 'complete') {
      process.stdout.write(`${values.out}: is complete already.\n`);
      return EXIT_OK;
    }
    if (begun.right.question.personal_data === 'clear') {
      const refused = await whyNotClear(config.right, store);
      if (refused !== undefined) return failed(refused);
    }
    return await write(opened, store, out, begun.right);
  } catch (error) {
    // An event that cannot be read: `audit verify` tells more of it.
    return failed(error instanceof Error ? error.message : String(error));
  } finally {
    await opened.close();
  }
};

interface Asked {
  readonly question: ExportQuestion;
  /** Options that were given: those of an export that is resumed must be the same. */
  readonly given: Partial<ExportQuestion>;
}

const questionOf = (
  values: Partial<Record<keyof typeof OPTIONS, string | boolean | undefined>>,
  nowMs: number,
): Either<string, Asked> => {
  const given: { -readonly [K in keyof ExportQuestion]?: ExportQuestion[K] } = {};
  for (const side of ['from', 'to'] as const) {
    if (values[side] === undefined) continue;
    const checked = time(values[side]);
    if (isLeft(checked)) return left(`--${side} ${checked.left}`);
    if (checked.right > nowMs) return left(`--${side} lies in the future`);
    given[side] = new Date(checked.right).toISOString();
  }
  for (const [option, field] of [
    ['company', 'company_id'],
    ['webhook', 'webhook'],
  ] as const) {
    const guid = values[option];
    if (typeof guid !== 'string') continue;
    if (!isGuid(guid.toLowerCase())) return left(`--${option} must be a GUID, not "${guid}"`);
    given[field] = guid.toLowerCase();
  }
  if (values.format !== undefined) {
    const format = FORMATS.find((known) => known === values.format);
    if (format === undefined) return left(`--format must be one of ${FORMATS.join(', ')}`);
    given.format = format;
  }
  if (typeof values['part-mib'] === 'string') {
    const mib = wholeOption('--part-mib', values['part-mib'], 1, 1024);
    if (isLeft(mib)) return mib;
    given.part_bytes = mib.right * MIB;
  }
  if (values['personal-data'] === true) given.personal_data = 'clear';
  const question: ExportQuestion = {
    from: null,
    to: new Date(nowMs).toISOString(),
    company_id: null,
    webhook: null,
    format: 'ndjson',
    personal_data: 'masked',
    part_bytes: 64 * MIB,
    ...given,
  };
  if (question.from !== null && question.from >= question.to) return left('--from must be before --to');
  return right({ question, given });
};

/** A new export, the rest of one that was cut short, or word that nothing is left to do. */
const begin = async (
  { log }: OpenedLog,
  out: string,
  { question, given }: Asked,
  isResumed: boolean,
  nowMs: number,
): Promise<Either<string, ExportProgress | 'complete'>> => {
  const unknown = await unknownIn({ log }, question);
  if (unknown !== undefined) return left(unknown);
  mkdirSync(out, { recursive: true, mode: 0o700 });
  const present = readdirSync(out);
  if (isResumed && existsSync(join(out, MANIFEST_FILE))) return right('complete');
  const text = exportFolder(out).read(PROGRESS_FILE);
  if (isResumed && text !== undefined) {
    const progress = parseProgress(text);
    if (isLeft(progress))
      return left(`${join(out, PROGRESS_FILE)} ${progress.left}: begin anew in another folder`);
    const was: ExportQuestion = progress.right.question;
    const other = (Object.keys(given) as (keyof ExportQuestion)[]).find((key) => given[key] !== was[key]);
    if (other === undefined) return progress;
    return left(`the export in ${out} was begun with another ${other}: ${String(was[other])}`);
  }
  if (present.some((file) => !file.endsWith('.partial')) || (present.length > 0 && !isResumed)) {
    return left(
      text === undefined
        ? `${out} is not empty: an export begins in a folder of its own`
        : `${out} holds an export that was cut short: --resume goes on with it`,
    );
  }
  const head = await log.head()();
  if (isLeft(head)) return left(head.left.message);
  const begun: ExportProgress = {
    made_by: `callboard ${VERSION}`,
    started_at: new Date(nowMs).toISOString(),
    question,
    log: { end_position: head.right, events: 0, digest: EMPTY_DIGEST, last: null },
    after: 0,
    counts: {},
    parts: [],
  };
  exportFolder(out).save(PROGRESS_FILE, `${JSON.stringify(begun)}\n`);
  return right(begun);
};

/** A company or webhook of which the log knows nothing: most probably mistyped. */
const unknownIn = async (
  { log }: Pick<OpenedLog, 'log'>,
  { company_id: company, webhook }: ExportQuestion,
): Promise<string | undefined> => {
  if (company !== null) {
    const opened = await log.readStream(streamOf.account(company), { limit: 1 })();
    if (isLeft(opened)) return opened.left.message;
    if (opened.right.length === 0) return `nothing is known of a company ${company}`;
  }
  if (webhook === null) return undefined;
  const created = await log.readStream(streamOf.webhook(webhook), { limit: 1 })();
  if (isLeft(created)) return created.left.message;
  const [first] = created.right;
  const decoded = first === undefined ? undefined : decode(first);
  const owner = decoded === undefined || isLeft(decoded) ? undefined : decoded.right.metadata.companyId;
  if (owner === undefined || (company !== null && owner !== company)) {
    return `nothing is known of a webhook ${webhook}${company === null ? '' : ' of this company'}`;
  }
  return undefined;
};

/** Whoever may see a customer's data holds the secret that the store is bound to. Undefined: may. */
const whyNotClear = async (config: Config, store: MovableStore): Promise<string | undefined> => {
  const needed = 'callboard audit export --personal-data needs the CALLBOARD_SECRET of the store';
  if (config.secret === null && !existsSync(join(config.dataDir, 'secret'))) return needed;
  const secrets = openSecrets(config, systemRandom());
  if (isLeft(secrets)) return secrets.left.message;
  const keyId = await keyOf(store);
  if (isLeft(keyId)) return keyId.left;
  return keyId.right === secrets.right.keyId ? undefined : `${needed} (key ${keyId.right ?? 'unknown'})`;
};

const keyOf = async (store: MovableStore): Promise<Either<string, string | undefined>> => {
  if (store.kind === 'sqlite') return right(boundKey(store.path));
  const source = await openSource(store, pinoLog('silent'));
  if (isLeft(source)) return source;
  await source.right.close();
  return right(source.right.keyId);
};

const write = async (
  { log }: OpenedLog,
  store: MovableStore,
  out: string,
  from: ExportProgress,
): Promise<number> => {
  const progress = new Progress('read');
  const done = await exportLog(
    {
      log,
      // The embedded store holds nothing but ours.
      ...(store.kind === 'esdb' && { filter: { streamPrefixes: STREAM_PREFIXES } }),
      folder: exportFolder(out),
      onProgress: progress.at,
    },
    from,
  );
  if (isLeft(done)) {
    const what = done.left._tag === 'NotWritten' ? `${out} cannot be written` : 'the log cannot be read on';
    return failed(`${what}: ${done.left.message}. The export is not complete; --resume goes on with it`);
  }
  progress.end();
  const { parts, counts, log: end } = done.right;
  const told = Object.entries(counts).map(([name, number]) => `  ${name} ${count(number)}\n`);
  process.stdout.write(
    `${out}: ${count(parts.length)} parts, ${count(parts.reduce((sum, part) => sum + part.bytes, 0))} bytes; ${count(end.events)} events up to position ${end.end_position}.\n` +
      told.join('') +
      `digest ${end.digest}\n` +
      (from.question.personal_data === 'masked'
        ? 'Personal data is masked.\n'
        : 'Personal data is in clear.\n'),
  );
  return EXIT_OK;
};
