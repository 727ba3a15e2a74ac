import { isLeft } from 'fp-ts/lib/Either.js';
import * as t from 'io-ts';
import { issueToken } from '../adapters/jwt.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { systemRandom } from '../adapters/system-random.ts';
import { isGuid } from '../domain/ids.ts';
import { openSecrets, readEnvironment } from '../main.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from './command.ts';

const HELP = `callboard erase --company GUID (--email ADDRESS | --id ID | --order ORDER | --scanner SCANNER) [--to URL] [--token T] [--json]

Erases the personal data of one customer of a company: the key is forgotten under which it stands in the history. Every event and every hash
stays, and *** is shown where a value was. What waits to be sent with data of the customer is cancelled with the reason "erased". It cannot be taken back.
The same asked again answers the first erasure; a customer whom nobody knows is answered alike, with 0 changes.

The server has to be running: this asks it, as POST /erasures does. Run it with the same settings as the server, or with an administrator's token.

  --company   the company's GUID
  --email     the customer's e-mail address, in any case
  --id        the customer's id, of one who is reported without an address
  --order     the customer of this order
  --scanner   whoever was reported by this scanner without a name
  --to        where the server is; default http://HOST:PORT as its own settings say
  --token     an administrator's token; default: one made with the secret of CALLBOARD_DATA_DIR (or CALLBOARD_SECRET)
  --json      prints the answer as it came

Exit code 0: erased, and its bytes overwritten. 1: not, or not to the end; with the reason. 2: wrong use.
`;

const OPTIONS = {
  company: { type: 'string' },
  email: { type: 'string' },
  id: { type: 'string' },
  order: { type: 'string' },
  scanner: { type: 'string' },
  to: { type: 'string' },
  token: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

const ANSWER = t.type({
  erasure: t.string,
  subject: t.string,
  changes: t.number,
  erased_at: t.string,
  actor: t.string,
});
const PROBLEM = t.type({ title: t.string, detail: t.string });

const TOKEN_VALID_MS = 60_000;
const ANSWER_TIMEOUT_MS = 30_000;

export const erase: Command = {
  summary: "erase a customer's personal data for good",
  help: HELP,
  async run(args) {
    const options = parseOptions(args, OPTIONS);
    if (isLeft(options)) return misused(options.left, HELP);
    const { company, email, id, order, scanner, to, token, json } = options.right.values;
    if (company === undefined || !isGuid(company.toLowerCase())) {
      return misused(`--company must be a GUID${company === undefined ? '' : `, not "${company}"`}`, HELP);
    }
    const persons = [
      ...(email === undefined ? [] : [{ customer: { email } }]),
      ...(id === undefined ? [] : [{ customer: { id } }]),
      ...(order === undefined ? [] : [{ order }]),
      ...(scanner === undefined ? [] : [{ scanner }]),
    ];
    const [person] = persons;
    if (person === undefined || persons.length > 1) {
      return misused('one of --email, --id, --order and --scanner says whom to erase', HELP);
    }
    const config = readEnvironment();
    if (isLeft(config)) return failed(config.left.message);
    const { host, port } = config.right;
    const server = (to ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`).replace(/\/+$/, '');
    if (!URL.canParse(server)) return misused(`--to must be a URL, not "${server}"`, HELP);

    let bearer = token;
    if (bearer === undefined) {
      const secrets = openSecrets(config.right, systemRandom());
      if (isLeft(secrets)) return failed(secrets.left.message);
      const nowMs = systemClock().nowMs();
      const claims = {
        subject: 'admin:callboard-erase',
        role: 'admin',
        companies: '*',
        expiresAtMs: nowMs + TOKEN_VALID_MS,
      } as const;
      bearer = await issueToken(secrets.right.tokenKey(), claims, nowMs);
    }
    const answer = await fetch(`${server}/erasures`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify({ company_id: company.toLowerCase(), ...person }),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    }).catch(() => undefined);
    if (answer === undefined) {
      return failed(
        `no server answers at ${server}: start it, or say where it is with --to. Nobody was erased, as far as is known here`,
      );
    }
    const body: unknown = await answer.json().catch(() => undefined);
    if (!answer.ok || !ANSWER.is(body)) {
      const detail = PROBLEM.is(body) ? `${body.title}: ${body.detail}` : `it answered ${answer.status}`;
      return failed(`the server at ${server} did not erase: ${detail}`);
    }
    process.stdout.write(
      json
        ? `${JSON.stringify(body)}\n`
        : `erasure ${body.erasure} of ${body.erased_at}, asked for by ${body.actor}: ${body.changes} changes held data of subject ${body.subject}.\n`,
    );
    return EXIT_OK;
  },
};
