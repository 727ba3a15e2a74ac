import { mix32 } from '../dice.ts';

/** Made-up names, and addresses that the standards keep free for examples. None needs escaping in JSON. */

const FIRST = (
  'Ada Bram Chloe Dirk Esra Fred Gwen Hugo Iris Joost Kemal Lena Milan Noor Otis Pia Quinn Ravi Sofie Tess Umar Vera ' +
  'Wout Xenia Yusuf Zoë'
).split(' ');
const LAST = (
  "Achterberg Bakker Castillo Durst Eriksen Fofana Granger Hoang Ivanova Jansen Kowalski Lindqvist Moreau Nakamura O'Neill " +
  'Okafor Pereira Quist Rossi Silva Tanaka Ueda Visser Wolff Yilmaz Zondervan'
).split(' ');
const SHOW_FIRST = 'Amber Brass Cobalt Dune Echo Fable Golden Harbour Indigo Juniper Lantern Midnight'.split(
  ' ',
);
const SHOW_LAST =
  'Assembly Bloom Carnival Disco Encore Festival Gala Hour Ritual Session Tides Weekender'.split(' ');
const VENUES = 'Riverside Hall, The Foundry, Old Tram Depot, Theatre Royal, Harbour Park, Cellar 9'.split(
  ', ',
);
const TICKET_TYPES = (
  'VIP, Premium, Early bird, Regular, Weekend, Friday, Saturday, Sunday, Student, Standing, Balcony, Stalls, Circle, ' +
  'Box, Late entry, Group, Camping, Resident, Youth, Senior'
).split(', ');
const PRODUCTS = (
  'Parking, Locker, Camping spot, Programme, Drinks token, Shuttle bus, Cushion, T-shirt, Poster, Early entry, Cloakroom, ' +
  'Photo, Breakfast, Tent, Shower, Charging, Bicycle, Dinner, Glow kit, Poncho'
).split(', ');

const at = <T>(list: ReadonlyArray<T>, number: number): T => list[(number >>> 0) % list.length] as T;

export const ticketTypeName = (number: number): string => at(TICKET_TYPES, number);
export const productName = (number: number): string => at(PRODUCTS, number);
export const showName = (hash: number): string => `${at(SHOW_FIRST, hash)} ${at(SHOW_LAST, hash >>> 8)}`;
export const venueName = (hash: number): string => at(VENUES, hash);
export const shopName = (company: number, shop: number): string =>
  `Company ${company + 1} ${['web shop', 'box office', 'app', 'reseller'][shop] ?? `shop ${shop + 1}`}`;

/** As JSON, without braces: nothing in it needs escaping. The same number is the same person. */
export const personJson = (number: number): string =>
  `"email":"customer-${number}@example.com",${namesJson(number)},"telephone":"${phone(number)}"`;

export const namesJson = (number: number): string => {
  const hash = mix32(number);
  return `"firstName":"${at(FIRST, hash)}","lastName":"${at(LAST, hash >>> 8)}"`;
};

/** Source: ACMA's mobile numbers for fiction. The mail addresses are of RFC 2606. */
const phone = (number: number): string => `0491570${String(number % 1000).padStart(3, '0')}`;

/** Source: RFC 3849, the documentation prefix. */
export const ipAddress = (hash: number): string =>
  `2001:db8::${((hash >>> 16) | 1).toString(16)}:${((hash & 0xffff) | 1).toString(16)}`;
