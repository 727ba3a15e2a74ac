import { type Json, type JsonObject } from './json.ts';
import { type Say, shown } from './order-contradiction.ts';
import { type ListedTicket, type ListedTransaction, ticketName } from './order-report.ts';

/**
 * Amounts are whole numbers of millionths, so that cents add up and currencies with three decimals do too. A reported
 * 0.30000000000000004, which some platform's own arithmetic left behind, is 0.3.
 */
const DECIMALS = 6;

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;
/** Text is taken too, as some platforms write amounts, but none of unbounded length. */
const TEXT = /^-?\d{1,15}(?:\.\d{1,15})?$/;

/** The amount in millionths; undefined when the value is none. Never passes through binary fractions. */
export const amountOf = (value: Json | undefined): bigint | undefined => {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || (text === value && !TEXT.test(text))) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const digits = BigInt(whole + fraction);
  const shift = Number(exponent) - fraction.length + DECIMALS;
  const amount = shift >= 0 ? digits * 10n ** BigInt(shift) : rounded(digits, 10n ** BigInt(-shift));
  return sign === '-' ? -amount : amount;
};

const rounded = (digits: bigint, divisor: bigint): bigint => (digits + divisor / 2n) / divisor;

/** An amount in words, without the zeros that say nothing. */
export const amountText = (amount: bigint): string => {
  const digits = String(amount < 0n ? -amount : amount).padStart(DECIMALS + 1, '0');
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -DECIMALS)}${fraction === '' ? '' : `.${fraction}`}`;
};

const AMOUNTS = ['unitCost', 'bookingFee', 'totalCost', 'discount'] as const;

/** unitCost + bookingFee - discount, where what is not given is nothing; undefined without a unitCost. */
const sumOf = (ticket: JsonObject): bigint | undefined => {
  const unitCost = amountOf(ticket['unitCost']);
  if (unitCost === undefined) return undefined;
  return unitCost + (amountOf(ticket['bookingFee']) ?? 0n) - (amountOf(ticket['discount']) ?? 0n);
};

/** What the ticket cost; undefined when its amounts do not tell. */
export const totalOf = (ticket: JsonObject): bigint | undefined =>
  amountOf(ticket['totalCost']) ?? sumOf(ticket);

/** Checks the amounts that the report carries, on the ticket as it is with them. */
export const checkAmounts = (listed: ListedTicket, ticket: JsonObject, say: Say): void => {
  const carried = AMOUNTS.filter((name) => Object.hasOwn(listed.reported, name));
  if (carried.length === 0) return;
  const name = ticketName(ticket);
  for (const amountName of carried) {
    const amount = amountOf(listed.reported[amountName]);
    if (amount !== undefined && amount < 0n) {
      say(
        'amount_negative',
        `${listed.field}.${amountName}`,
        `an amount is 0 or more; reported: ${amountText(amount)}`,
        name,
      );
    }
  }
  const [sum, total] = [sumOf(ticket), amountOf(ticket['totalCost'])];
  if (sum === undefined || total === undefined || sum === total) return;
  const message = `unitCost + bookingFee - discount is ${amountText(sum)}; reported: ${amountText(total)}`;
  say('total_wrong', `${listed.field}.totalCost`, message, name);
};

export interface Transactions {
  readonly all: ReadonlyArray<JsonObject>;
  /** Those not known before this report. */
  readonly added: ReadonlyArray<JsonObject>;
}

/** Appends what is new. One known by its id is only restated: its status may have moved on, its type may not. */
export const withTransactions = (
  known: ReadonlyMap<string, JsonObject>,
  listed: ReadonlyArray<ListedTransaction>,
  say: Say,
): Transactions => {
  const all = new Map(known);
  const added: JsonObject[] = [];
  for (const { key, field, reported } of listed) {
    const before = all.get(key);
    const type = reported['type'] ?? null;
    if (type !== null && type !== 'PURCHASE' && type !== 'REFUND') {
      say(
        'transaction_type_unknown',
        `${field}.type`,
        `a transaction is PURCHASE or REFUND; reported: ${shown(type)}`,
      );
    }
    if (before === undefined) {
      all.set(key, reported);
      added.push(reported);
      continue;
    }
    const knownType = before['type'] ?? null;
    if (knownType !== null && type !== null && type !== knownType) {
      const message = `transaction ${shown(before['id'] ?? null)} is known as ${shown(knownType)}; reported: ${shown(type)}`;
      say('transaction_changed', `${field}.type`, message);
    }
    all.set(key, { ...before, ...reported, ...(knownType !== null && { type: knownType }) });
  }
  return { all: [...all.values()], added };
};

/** Whether money came in. A purchase of which no status was reported counts. */
export const hasPurchase = (transactions: ReadonlyArray<JsonObject>): boolean =>
  transactions.some(({ type, status }) => type === 'PURCHASE' && (status ?? 'SUCCESS') === 'SUCCESS');

/** Whether money went back, or is on its way: a refund settles later than it is reported. */
export const hasRefund = (transactions: ReadonlyArray<JsonObject>): boolean =>
  transactions.some(({ type }) => type === 'REFUND');
