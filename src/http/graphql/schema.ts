import { buildSchema } from 'graphql';
import { PAGE_SIZE_MAX } from './page.ts';

/** The rows of a page when the request does not say. */
export const WEBHOOKS_DEFAULT = 50;
export const INVOCATIONS_DEFAULT = 20;

const PAGED = `"The first page is 0." pageIndex: Int = 0, "Rows of a page, 1 to ${PAGE_SIZE_MAX}."`;

/**
 * The Moshtix dialect. Inputs and lists have the vendor's forms: a list is a connection object with \`items\`, given or
 * answered. What an input may leave out is nullable here, whether or not a webhook can do without it: absent, null and
 * a value mean three things, and webhook-input.ts tells them apart.
 */
export const SCHEMA_TEXT = `
"A time in UTC, ISO 8601 with milliseconds."
scalar DateTime

type Query {
  "Whoever the token stands for. The header \\"Authorization: Bearer …\\" may take the place of the argument."
  viewer(token: String): Viewer
}

type Mutation {
  "Whoever the token stands for. The header \\"Authorization: Bearer …\\" may take the place of the argument."
  viewer(token: String): MutationViewer
}

type Viewer {
  "One webhook. Administrators name the client account."
  webhook(id: Int!, client: ClientInput): Webhook
  "The webhooks of the client account. Administrators name it."
  webhooks(
    ${PAGED} pageSize: Int = ${WEBHOOKS_DEFAULT},
    sortBy: WebhookSort = ID,
    sortByDirection: SortDirection = ASC,
    client: ClientInput
  ): WebhookConnection
}

type MutationViewer {
  "Creates a webhook when the id is null or absent; else changes the attributes that are given."
  saveWebhook(webhook: WebhookInput!): Webhook
  "Answers the webhook as it was last. Administrators name the client account."
  deleteWebhook(id: Int!, client: ClientInput): Webhook
}

enum WebhookSort { ID CREATEDDATE ENABLED }
enum SortDirection { ASC DESC }

"What a webhook can hear of."
enum SystemEventType {
  "An order was sold, or tickets of it were refunded, reissued or cancelled."
  ORDER_SAVED
  "An event, or something that belongs to it, was created, changed or deleted."
  EVENT_SAVED
}

type Client { id: Int! }

type Webhook {
  "Unique in the client account; so are the ids of headers and system event types."
  id: Int!
  "Names the webhook in the rest of the API: its secret, settings, history and tests."
  guid: String!
  client: Client!
  url: String!
  headers: HeaderConnection!
  "The template of the bodies that are sent."
  body: String!
  systemEventTypes: WebhookSystemEventTypeConnection!
  "False when it was disabled, by its owner or because the receiver answered 410."
  enabled: Boolean!
  createdDate: DateTime!
  updatedDate: DateTime!
  "What was sent or is to be sent, newest first. No further back than 10,000 rows: narrow it by the status."
  invocations(
    ${PAGED} pageSize: Int = ${INVOCATIONS_DEFAULT},
    status: InvocationStatus
  ): InvocationConnection
}

type Header { id: Int! name: String! value: String! }

type WebhookSystemEventType { id: Int! systemEventType: SystemEventType! }

enum InvocationStatus { WAITING IN_FLIGHT DELIVERED EXHAUSTED CANCELLED SUPERSEDED }

"One webhook told of one change."
type Invocation {
  "A GUID, sent as webhook-id with every attempt."
  id: String!
  status: InvocationStatus!
  "True for a test that was asked for by hand."
  test: Boolean!
  systemEventType: SystemEventType
  "The order or event."
  contextId: String!
  scheduledAt: DateTime!
  "Null unless it waits."
  nextAttemptAt: DateTime
  "Null until it is settled."
  settledAt: DateTime
  attempts: AttemptConnection!
}

enum AttemptOutcome { SUCCEEDED FAILED INTERRUPTED }

type Attempt {
  number: Int!
  startedAt: DateTime!
  "This and what follows is null while the attempt runs."
  endedAt: DateTime
  outcome: AttemptOutcome
  statusCode: Int
  "What went wrong when there was no answer."
  error: String
  durationMs: Float
  url: String!
  "The IP address that was dialled."
  address: String
  "The beginning of the answer."
  responseExcerpt: String
}

type PageInfo {
  hasPreviousPage: Boolean!
  hasNextPage: Boolean!
  pageIndex: Int!
  pageSize: Int!
}

type WebhookConnection { items: [Webhook!]! totalCount: Int! pageInfo: PageInfo! }
"All of them, on one page."
type HeaderConnection { items: [Header!]! totalCount: Int! pageInfo: PageInfo! }
"All of them, on one page."
type WebhookSystemEventTypeConnection { items: [WebhookSystemEventType!]! totalCount: Int! pageInfo: PageInfo! }
type InvocationConnection {
  items: [Invocation!]!
  "Known on the last page only: counting a log is not cheap. Null elsewhere."
  totalCount: Int
  pageInfo: PageInfo!
}
"All of them, on one page."
type AttemptConnection { items: [Attempt!]! totalCount: Int! pageInfo: PageInfo! }

input ClientInput { id: Int }

input WebhookInput {
  "Null or absent: a new webhook."
  id: Int
  "Needed for a new webhook, and always by administrators. It never changes."
  client: ClientInput
  url: String
  "Replaces the headers. Null: none."
  headers: HeaderListInput
  "The template of the body. Null: the one that the documentation prints."
  body: String
  systemEventTypes: SystemEventTypeListInput
  enabled: Boolean
}

input HeaderListInput { items: [HeaderInput!] }

input HeaderInput {
  "That of a header which the webhook has. Absent: that of the header of the same name, else a new one."
  id: Int
  name: String
  value: String
}

input SystemEventTypeListInput { items: [SystemEventTypeInput!] }

input SystemEventTypeInput {
  "Absent: that of the same type if the webhook has it, else a new one."
  id: Int
  systemEventType: SystemEventType
}
`;

export const SCHEMA = buildSchema(SCHEMA_TEXT);
