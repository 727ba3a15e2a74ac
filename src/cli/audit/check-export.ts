import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLeft } from 'fp-ts/lib/Either.js';
import { type ExportPart, MANIFEST_FILE, parseManifest, PROGRESS_FILE } from '../../audit/export/manifest.ts';
import { EXIT_FINDINGS, EXIT_OK, failed } from '../command.ts';
import { count } from '../migrate/progress.ts';

/** `callboard audit export --check FOLDER`: whether it is complete, and every part what the manifest says. Needs no store. */
export const checkExport = async (folder: string): Promise<number> => {
  const path = join(folder, MANIFEST_FILE);
  if (!existsSync(path)) {
    return failed(
      existsSync(join(folder, PROGRESS_FILE))
        ? `${folder}: the export is not complete; --resume goes on with it`
        : `${folder}: there is no ${MANIFEST_FILE}`,
    );
  }
  const manifest = parseManifest(readFileSync(path, 'utf8'));
  if (isLeft(manifest)) return failed(`${path} ${manifest.left}`);
  const { parts, log } = manifest.right;
  let faults = 0;
  const complain = (file: string, what: string): void => {
    faults += 1;
    process.stdout.write(`${file}: ${what}\n`);
  };
  for (const part of parts) {
    const fault = await faultOf(folder, part);
    if (fault !== undefined) complain(part.file, fault);
  }
  const listed = new Set([MANIFEST_FILE, ...parts.map(({ file }) => file)]);
  for (const file of readdirSync(folder)) if (!listed.has(file)) complain(file, 'not in the manifest');
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const said = `${count(parts.length)} parts, ${count(rows)} rows, up to position ${log.end_position}`;
  if (faults > 0) {
    process.stdout.write(`${said}: ${count(faults)} do not fit the manifest.\n`);
    return EXIT_FINDINGS;
  }
  process.stdout.write(`${said}: complete, every part is what the manifest says.\n`);
  return EXIT_OK;
};

const faultOf = async (
  folder: string,
  { file, bytes, sha256, rows }: ExportPart,
): Promise<string | undefined> => {
  // Names come from the manifest, which somebody else may have written.
  if (!/^[a-z]+-\d+\.(?:ndjson|csv)$/.test(file)) return 'is no name of a part';
  const path = join(folder, file);
  if (!existsSync(path)) return 'is missing';
  const digest = createHash('sha256');
  let length = 0;
  let lines = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    digest.update(chunk);
    length += chunk.length;
    for (const byte of chunk) if (byte === LINE_FEED) lines += 1;
  }
  if (length !== bytes) return `holds ${length} bytes instead of ${bytes}`;
  if (digest.digest('hex') !== sha256) return 'its SHA-256 is another one';
  // Cells of CSV may hold line feeds: there the checksum alone speaks.
  return file.endsWith('.ndjson') && lines !== rows ? `holds ${lines} rows instead of ${rows}` : undefined;
};

const LINE_FEED = 0x0a;
