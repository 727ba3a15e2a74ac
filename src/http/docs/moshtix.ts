import { html, type Html } from '../html.ts';

/** The Moshtix dialect: webhooks over GraphQL with bodies of the partner's own making. */
export const moshtix = (): Html =>
  html`<h2 id="moshtix">The Moshtix dialect</h2>
    <p>
      <code>POST /graphql</code> takes JSON with <code>query</code>, <code>variables</code> and
      <code>operationName</code>. The token names a client account and stands in
      <code>viewer(token: …)</code> or in the header <code>Authorization</code>; if it stands in both, it must
      be the same. A webhook belongs to the client account, and has ids of its own there: whole numbers for
      itself, its headers and its system event types.
    </p>
    <pre><code>${SAVE}</code></pre>
    <p>
      An <code>id</code> changes the webhook that has it: attributes that are absent stay as they are,
      <code>null</code> puts <code>headers</code> and <code>body</code> back to their defaults, and is refused
      for the rest. Lists replace the list before; a header that keeps its name keeps its id. To stop a
      webhook for a while, save it with <code>enabled: false</code>. <code>deleteWebhook(id: …)</code> ends
      it.
    </p>
    <pre><code>${READ}</code></pre>
    <p>
      <code>webhooks</code> takes <code>pageIndex</code> (from 0), <code>pageSize</code> (50, at most 200),
      <code>sortBy</code> (<code>ID</code>, <code>CREATEDDATE</code>, <code>ENABLED</code>) and
      <code>sortByDirection</code>; <code>webhook(id: …)</code> reads one. The <code>guid</code> of a webhook
      leads to the rest of the API: its <a href="#signature">secret</a>, settings, history and tests.
      Administrators name the account: <code>webhooks(client: {id: 6080})</code>.
    </p>
    ${templates} ${requests} ${errors}`;

const SAVE = `mutation {
  viewer(token: "your-token-here") {
    saveWebhook(webhook: {
      client: { id: 6080 },
      url: "https://example.com/webhook/receive",
      headers: { items: [{ name: "Content-Type", value: "application/json" }] },
      body: "{ \\"eventType\\": \\"@eventType\\", \\"contextId\\": @contextId, \\"data\\": @data}",
      systemEventTypes: { items: [{ systemEventType: ORDER_SAVED }] },
      enabled: true
    }) {
      id
      headers { items { id name value } }
      systemEventTypes { items { id systemEventType } }
    }
  }
}`;

const READ = `{
  viewer(token: "your-token-here") {
    webhooks(pageIndex: 0, pageSize: 50, sortBy: ID, sortByDirection: DESC) {
      totalCount
      pageInfo { hasPreviousPage hasNextPage pageIndex pageSize }
      items {
        id guid url enabled
        invocations(status: EXHAUSTED) { items { id contextId attempts { items { statusCode error } } } }
      }
    }
  }
}`;

const templates = html`<h3 id="templates">What a template is filled with</h3>
  <div class="scroll">
    <table>
      <tr>
        <td><code>@eventType</code></td>
        <td>
          <code>order-saved-prepare-full-message</code> for <code>ORDER_SAVED</code>,
          <code>event-saved-prepare-full-message</code> for <code>EVENT_SAVED</code>
        </td>
      </tr>
      <tr>
        <td><code>@contextId</code></td>
        <td>the id of the order or event; a number when it is all digits</td>
      </tr>
      <tr>
        <td><code>@data</code></td>
        <td>the order or event in full, as JSON</td>
      </tr>
      <tr>
        <td><code>@@</code></td>
        <td>a literal <code>@</code>; so is an <code>@</code> that no letter follows</td>
      </tr>
    </table>
  </div>
  <p>
    The Content-Type among the headers says what the template is; without one it is JSON. In JSON a
    placeholder outside double quotes is a whole value, and inside them it is text, escaped. In XML and HTML
    it is escaped text in elements and quoted attributes, in forms it is percent-encoded, in other texts it is
    inserted as it is. Filling is one pass: a value can neither change the structure around it nor bring
    placeholders of its own. A template that could not be filled is refused when it is saved, with line and
    column.
  </p>
  <p>
    <code>ORDER_SAVED</code> fires when an order is sold, refunded, reissued or cancelled.
    <code>EVENT_SAVED</code> fires when an event, or a ticket type, product, shop or scanner that belongs to
    it, is created, updated or deleted; its <code>@data</code> is the event and its ticket types as they were
    last reported:
  </p>
  <pre><code>{
  "id": 132218, "name": "Test API Event",
  "startDate": "2023-12-31T22:30:00.000Z", "endDate": "2023-12-31T23:30:00.000Z",
  "client": null, "tags": {"items": []},
  "ticketTypes": {"items": [{"id": 360875, "name": "free", "tags": {"items": []}}]}
}</code></pre>`;

const requests = html`<h3 id="headers">Headers</h3>
  <p>
    A webhook has up to 50 headers of at most 8 KiB together, each once, in printable ASCII. Those that belong
    to the connection (<code>Host</code>, <code>Content-Length</code>, <code>Connection</code>,
    <code>Transfer-Encoding</code>, <code>Accept-Encoding</code>, <code>Proxy-…</code> and the like) and to
    the signature (<code>webhook-…</code>) are refused. Requests are <a href="#signature">signed</a> like all
    others, and are tried four times.
  </p>`;

const errors = html`<h3 id="graphql-errors">Errors</h3>
  <p>
    Whatever is a GraphQL request is answered with 200. Errors stand in <code>errors</code>, with null in
    <code>data</code> where a field failed; <code>extensions</code> holds the same for programs. Values that
    are not valid are listed all at once, and nothing is stored:
  </p>
  <pre><code>{
  "errors": [{
    "message": "Validation errors: {\\"valid\\":false,\\"itemResults\\":{\\"webhook\\":{\\"valid\\":false,\\"resultsList\\":{\\"url\\":{\\"errors\\":[\\"is required and cannot be null\\"],\\"typeName\\":\\"Webhook\\",\\"fieldName\\":\\"url\\"}},\\"fields\\":{\\"url\\":\\"url is required and cannot be null\\"}}}}",
    "locations": [{"line": 3, "column": 5}],
    "path": ["viewer", "saveWebhook"],
    "extensions": {"code": "invalid-value", "errors": [{"field": "url", "message": "is required and cannot be null"}]},
    "unhandledException": false
  }],
  "data": {"viewer": {"saveWebhook": null}}
}</code></pre>
  <p>
    A request has one operation, at most 1,000 tokens, 10 levels, 300 fields and 15 aliases, and may ask for
    about 100,000 values; it is given two seconds. A code of <code>store-not-available</code> comes with
    <code>Retry-After</code>: try again.
  </p>`;
