import { isLeft } from 'fp-ts/lib/Either.js';
import { issueToken } from '../adapters/jwt.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { systemRandom } from '../adapters/system-random.ts';
import { isGuid } from '../domain/ids.ts';
import { openSecrets, readEnvironment } from '../main.ts';
import { ROLES } from '../ports/tokens.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from './command.ts';
import { signInLink } from './sign-in-link.ts';

const HELP = `callboard token --role partner|platform|admin --company <guid> [--client <id>] [--expires 365d] [--link]

Prints an access token and nothing else. It is signed with the secret of CALLBOARD_DATA_DIR (or CALLBOARD_SECRET), so run
it with the same settings as the server.

  --role      partner: manages webhooks and reads the audit of its company
              platform: posts changes for its companies
              admin: everything
  --company   a company's GUID; --company repeats, '*' (in quotes) is every company
  --client    the company's client id, a whole number
  --expires   how long it is valid: a number with s, m, h or d; default 365d
  --subject   who the audit names as actor; default <role>:<8 random characters>
  --link      prints, instead of the token, a link to the dashboard that signs in with it once, within five minutes;
              the server has to be running
  --url       where --link finds the server; default http://HOST:PORT as the server's own settings say
`;

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const EXPIRES_MAX_MS = 3_650 * UNIT_MS.d;

export const token: Command = {
  summary: 'print an access token',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, {
      role: { type: 'string' },
      company: { type: 'string', multiple: true },
      client: { type: 'string' },
      expires: { type: 'string', default: '365d' },
      subject: { type: 'string' },
      link: { type: 'boolean', default: false },
      url: { type: 'string' },
    });
    if (isLeft(options)) return misused(options.left, HELP);
    const { role: named, company = [], client, expires, subject, link, url } = options.right.values;

    const role = ROLES.find((known) => known === named);
    if (role === undefined) return misused(`--role must be one of ${ROLES.join(', ')}`, HELP);
    const companies = company.map((guid) => guid.toLowerCase());
    const wrong = companies.find((guid) => guid !== '*' && !isGuid(guid));
    if (wrong !== undefined) return misused(`--company must be a GUID or '*', not "${wrong}"`, HELP);
    if (companies.length === 0 && role !== 'admin') return misused('--company is missing', HELP);
    if (role === 'partner' && (companies.length !== 1 || companies[0] === '*')) {
      return misused('a partner has exactly one --company', HELP);
    }
    if (client !== undefined && !/^\d{1,15}$/.test(client)) {
      return misused(`--client must be a whole number, not "${client}"`, HELP);
    }
    const validMs = durationMs(expires);
    if (validMs === undefined)
      return misused(`--expires must look like 365d, 12h or 30m, not "${expires}"`, HELP);

    const config = readEnvironment();
    if (isLeft(config)) return failed(config.left.message);
    const random = systemRandom();
    const secrets = openSecrets(config.right, random);
    if (isLeft(secrets)) return failed(secrets.left.message);
    const nowMs = systemClock().nowMs();
    const issued = await issueToken(
      secrets.right.tokenKey(),
      {
        subject: subject ?? `${role}:${random.uuid().slice(0, 8)}`,
        role,
        companies: companies.length === 0 || companies.includes('*') ? '*' : companies,
        ...(client !== undefined && { client: Number(client) }),
        expiresAtMs: nowMs + validMs,
      },
      nowMs,
    );
    if (!link) {
      process.stdout.write(`${issued}\n`);
      return EXIT_OK;
    }
    const { host, port, publicUrl } = config.right;
    const server = (url ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`).replace(/\/+$/, '');
    if (!URL.canParse(server)) return misused(`--url must be a URL, not "${server}"`, HELP);
    const made = await signInLink(server, issued, publicUrl ?? server);
    if (isLeft(made)) return failed(made.left);
    process.stdout.write(`${made.right}\n`);
    return EXIT_OK;
  },
};

const durationMs = (text: string): number | undefined => {
  const parts = /^(\d{1,9})([smhd])$/.exec(text);
  if (parts === null) return undefined;
  const duration = Number(parts[1]) * UNIT_MS[parts[2] as keyof typeof UNIT_MS];
  return duration > 0 && duration <= EXPIRES_MAX_MS ? duration : undefined;
};
