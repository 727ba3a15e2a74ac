import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { right } from 'fp-ts/lib/Either.js';
import type { DashboardRoute } from './visit.ts';

const TYPES = {
  'dashboard.css': 'text/css; charset=utf-8',
  'dashboard.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

export type AssetName = keyof typeof TYPES;

interface Asset {
  readonly name: AssetName;
  readonly text: string;
  /** With a hash of what is in it, so that browsers may keep it for ever. */
  readonly path: string;
}

const HASH_CHARACTERS = 12;

const read = (name: AssetName): Asset => {
  const text = readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARACTERS);
  return { name, text, path: `/dashboard/assets/${hash}-${name}` };
};

/** Everything that a page loads besides itself. Comes from this server alone. */
const ASSETS: ReadonlyMap<AssetName, Asset> = new Map(
  (Object.keys(TYPES) as ReadonlyArray<AssetName>).map((name) => [name, read(name)]),
);

export const assetPath = (name: AssetName): string => ASSETS.get(name)?.path ?? '';

export const assetRoutes = (): ReadonlyArray<DashboardRoute> =>
  [...ASSETS.values()].map(({ name, text, path }) => ({
    method: 'GET',
    path,
    roles: 'open',
    handle: async () =>
      right({
        kind: 'raw',
        status: 200,
        contentType: TYPES[name],
        body: text,
        headers: { 'Cache-Control': 'public, max-age=31536000, immutable' },
      }),
  }));
