import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a request that changes something comes from a page of ours. Browsers say so in Sec-Fetch-Site; those that do
 * not know it send Origin, which then has to name this server. Without either nothing is changed: fail closed.
 */
export const isSameOrigin = (headers: IncomingHttpHeaders, publicUrl: string | null): boolean => {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin, host } = headers;
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  if (publicUrl !== null) return new URL(publicUrl).origin === new URL(origin).origin;
  const { protocol, host: from } = new URL(origin);
  return (protocol === 'http:' || protocol === 'https:') && from === host.toLowerCase();
};
