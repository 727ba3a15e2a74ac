import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';

/** What an export says of itself. A format for others: documented in docs/export.md. */

export const FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof FORMATS)[number];

/** The finished export. */
export const MANIFEST_FILE = 'manifest.json';
/** How far an unfinished one is; there is no manifest beside it. */
export const PROGRESS_FILE = 'progress.json';

const nullable = <A>(codec: t.Type<A>): t.Type<A | null> => t.union([codec, t.null]);

const question = t.strict({
  /** Inclusive, null for the beginning; and exclusive. RFC 3339. */
  from: nullable(t.string),
  to: t.string,
  company_id: nullable(t.string),
  webhook: nullable(t.string),
  format: t.union([t.literal('ndjson'), t.literal('csv')]),
  personal_data: t.union([t.literal('masked'), t.literal('clear')]),
  part_bytes: t.number,
});

const part = t.strict({ file: t.string, rows: t.number, bytes: t.number, sha256: t.string });

const log = t.strict({
  /** Everything up to here was looked at. */
  end_position: t.number,
  events: t.number,
  digest: t.string,
  last: nullable(t.strict({ stream: t.string, revision: t.number, hash: t.string })),
});

const progress = t.strict({
  made_by: t.string,
  started_at: t.string,
  question,
  /** `end_position` is where the log ended when the export was begun; the rest tells how much of it the parts hold. */
  log,
  after: t.number,
  counts: t.record(t.string, t.number),
  parts: t.readonlyArray(part),
});

const manifest = t.strict({
  callboard_export: t.literal(1),
  made_by: t.string,
  started_at: t.string,
  question,
  log,
  counts: t.record(t.string, t.number),
  parts: t.readonlyArray(part),
});

export type ExportQuestion = t.TypeOf<typeof question>;
export type ExportPart = t.TypeOf<typeof part>;
export type ExportProgress = t.TypeOf<typeof progress>;
export type Manifest = t.TypeOf<typeof manifest>;

const parse = <A>(codec: t.Type<A>, text: string): Either<string, A> => {
  try {
    const decoded = codec.decode(JSON.parse(text));
    return isLeft(decoded) ? left('does not have the form of one') : right(decoded.right);
  } catch {
    return left('is not JSON');
  }
};

export const parseProgress = (text: string): Either<string, ExportProgress> => parse(progress, text);
export const parseManifest = (text: string): Either<string, Manifest> => parse(manifest, text);

export const printManifest = ({ after: _after, ...rest }: ExportProgress): string =>
  `${JSON.stringify({ callboard_export: 1, ...rest } satisfies Manifest, null, 2)}\n`;
