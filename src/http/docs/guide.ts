import { html, type Html } from '../html.ts';
import { moshtix } from './moshtix.ts';

/** What a partner and a platform need to know before the reference. */
export const guide = (version: string): Html =>
  html`<header>
      <h1>Callboard API</h1>
      <p>
        A ticketing platform reports what changed; partners subscribe webhooks; Callboard tells every webhook
        that must hear of a change, again and again until it was heard, and keeps a record of every attempt.
      </p>
      <p class="note">Version ${version}. For programs: <a href="/docs/openapi.json">OpenAPI 3.1</a>.</p>
    </header>
    <h2>Start</h2>
    <p>Every request carries a token of the operator: <code>Authorization: Bearer &lt;token&gt;</code>.</p>
    <pre><code>curl https://callboard.example/webhook \\
  -H "Authorization: Bearer $TOKEN" \\
  -F name="My Example Webhook" -F url="https://example.com/webhook/receive" \\
  -F resource=order -F trigger=paid -F retries=3</code></pre>
    <p>
      JSON, form-encoded and multipart bodies have the same fields. Lists answer
      <code>{"items": […], "next": …}</code>: send <code>next</code> as <code>after</code> to read on. Errors
      are <code>application/problem+json</code>; their <code>type</code> leads to a page that explains them.
    </p>
    ${whatYouReceive(version)} ${signature} ${delivery} ${moshtix()} ${reporting} `;

const whatYouReceive = (version: string): Html =>
  html`<h2 id="receiving">What a webhook receives</h2>
    <pre><code>POST /webhook/receive HTTP/1.1
Content-Type: application/json
User-Agent: Callboard/${version}
OpenTicket-Trigger: order.ticket.paid
OpenTicket-Identifier: 5aK2HMgcUlDCWLuC3KWa
OpenTicket-Dedupe-Key: 3f0c9a52be7d5d0f8e8d1c3b5a794210
webhook-id: 3f0c9a52-be7d-5d0f-8e8d-1c3b5a794210
webhook-timestamp: 1767323045
webhook-signature: v1,BASE64

{
  "guid": "3f0c9a52-be7d-5d0f-8e8d-1c3b5a794210",
  "webhook": "96007e9b-b570-454c-aa3b-66a33a88280a",
  "company_id": "d0a3f370-cd43-11ed-9c9c-bbcffde24a48",
  "resource": "ticket",
  "trigger": "paid",
  "identifier": "t-1",
  "origin": {"resource": "order", "identifier": "o-1", "trigger": "paid"},
  "occurred_at": "2026-01-02T03:04:05.678Z",
  "data": {}
}</code></pre>
    <div class="scroll">
      <table>
        <tr>
          <td><code>OpenTicket-Trigger</code></td>
          <td>
            <code>event.created</code> when the resource itself changed; <code>order.ticket.paid</code> when a
            related one did: origin, the resource it reached, what happened
          </td>
        </tr>
        <tr>
          <td><code>OpenTicket-Identifier</code></td>
          <td>the webhook’s <code>nonce</code></td>
        </tr>
        <tr>
          <td><code>OpenTicket-Dedupe-Key</code>, <code>webhook-id</code></td>
          <td>the invocation, the same on every attempt: take each once</td>
        </tr>
        <tr>
          <td><code>webhook-timestamp</code></td>
          <td>seconds since 1970 at this attempt</td>
        </tr>
        <tr>
          <td><code>webhook-signature</code></td>
          <td>one signature for each secret that is active, separated by spaces</td>
        </tr>
        <tr>
          <td><code>matched</code></td>
          <td>
            in the body when several resources led to the webhook: all of them, as
            <code>{"resource", "identifier"}</code>; <code>identifier</code> is that of the nearest
          </td>
        </tr>
        <tr>
          <td><code>"test": true</code></td>
          <td>in the body when you asked for a test</td>
        </tr>
      </table>
    </div>
    <p>
      Answer with a 2xx status, soon, and do the work afterwards. The body of your answer does not matter.
    </p>`;

const signature = html`<h2 id="signature">Checking the signature</h2>
  <p>
    Signatures follow <em>Standard Webhooks 1.0</em>: HMAC-SHA256 over id, timestamp and body, joined by dots.
    The key is what follows <code>whsec_</code> in the secret, in Base64. Use the body as it came, before any
    parsing, and refuse timestamps that are more than five minutes away.
  </p>
  <pre><code>import { createHmac, timingSafeEqual } from 'node:crypto';

const isGenuine = (secret, headers, body) => {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  const expected = createHmac('sha256', key).update(id + '.' + timestamp + '.' + body).digest();
  return headers['webhook-signature'].split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64');
    return given.length === expected.length &amp;&amp; timingSafeEqual(given, expected);
  });
};</code></pre>
  <p>
    The secret is read from <code>GET /webhook/{guid}/secret</code>. After a rotation the old and the new one
    both sign for 24 hours.
  </p>`;

const delivery = html`<h2 id="delivery">Retries, order and duplicates</h2>
  <ul>
    <li>
      A 2xx status is success. Anything else is a failure: other statuses, redirects (they are not followed),
      a timeout, a refused connection.
    </li>
    <li>
      There are 1 + <code>retries</code> attempts. The first wait is <code>retry_base_ms</code> and doubles
      after every retry, up to 24 hours, plus at most 10 %. It counts from the end of the failed attempt.
    </li>
    <li>
      <code>Retry-After</code> on 429 and 503 moves an attempt later, never earlier, up to 24 hours. 410
      disables the webhook.
    </li>
    <li>
      Delivery is at least once: after a crash you may receive the same invocation again, with the same id and
      the same bytes. Keep the ids you have handled.
    </li>
    <li>
      Nothing is in order unless you ask: <code>ordering: per_resource</code> in the settings waits for the
      earlier invocation of the same resource, <code>coalesce: true</code> sends only the newest of those that
      wait.
    </li>
    <li>
      Every attempt is in the log: <code>GET /webhook/{guid}/invocations</code>. Failed ones can be retried by
      hand, alone or all at once.
    </li>
  </ul>`;

const reporting = html`<h2 id="reporting">Reporting changes</h2>
  <p>
    Platforms post CloudEvents 1.0: structured, binary or in a batch. <code>type</code> is a resource and its
    trigger, <code>subject</code> the identifier, <code>id</code> and <code>source</code> name the change once
    per company.
  </p>
  <pre><code>curl https://callboard.example/changes \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/cloudevents+json" \\
  -d '{"specversion": "1.0", "id": "4711", "source": "/tickets", "type": "ticket.update", "subject": "t-1",
       "data": {"name": "Early bird", "relations": [{"resource": "event", "identifier": "e-1"}]}}'</code></pre>
  <p>
    202 means: on disk. A batch is all or nothing and keeps its order. Repeat a report whenever you are not
    sure that it arrived: the same content is answered with <code>"status": "duplicate"</code> and told to
    nobody twice; other content under the same id and source is refused with 409.
  </p>
  <p>
    <code>data.relations</code> replaces what the resource belongs to; a change without it leaves that as it
    was. Orders also belong to the event and the ticket types that their data names.
  </p>
  <p>
    <code>order.sold</code> carries the full order; <code>order.refunded</code>, <code>order.reissued</code>,
    <code>order.cancelled</code> and <code>order.scanned</code> carry it as it is after the change, or only
    the tickets and transactions concerned. A report that contradicts what is known, such as a refund of a
    refunded ticket, is kept and marked; the account can ask to have such reports refused with 409.
    <code>GET /orders/{id}</code> shows the order and every contradiction.
  </p>`;
