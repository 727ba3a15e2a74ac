import type { Shape } from './shape.ts';

/** Named shapes. The figures are ours, made to look like what ticketing people tell; no platform's data is behind them. */

export interface Preset {
  readonly summary: string;
  readonly shape: Shape;
}

const CLUB_NIGHT: Shape = {
  companies: 3,
  shops: 3,
  hoursBetweenEvents: 12,
  ordersMin: 150,
  ordersMax: 700,
  saleDays: 21,
  startHour: 21,
  eventHours: 7,
  spike: 0.12,
  spikeHalfLifeMinutes: 60,
  rush: 0.5,
  rushDays: 3,
  night: 0.15,
  ticketTypes: 3,
  priceMax: 25,
  priceMin: 12,
  products: 1,
  productShare: 0.08,
  group: 2.1,
  groupMax: 8,
  free: 0.1,
  discounts: 0.08,
  refunds: 0.015,
  reissues: 0.04,
  cancellations: 0.005,
  noShows: 0.12,
  doorsHours: 1,
  calledOff: 0,
  edits: 4,
};

const FESTIVAL: Shape = {
  companies: 2,
  shops: 4,
  hoursBetweenEvents: 72,
  ordersMin: 8_000,
  ordersMax: 25_000,
  saleDays: 120,
  startHour: 12,
  eventHours: 60,
  spike: 0.55,
  spikeHalfLifeMinutes: 12,
  rush: 0.1,
  rushDays: 10,
  night: 0.1,
  ticketTypes: 6,
  priceMax: 289,
  priceMin: 95,
  products: 4,
  productShare: 0.45,
  group: 2.8,
  groupMax: 8,
  free: 0.02,
  discounts: 0.04,
  refunds: 0.02,
  reissues: 0.12,
  cancellations: 0.008,
  noShows: 0.03,
  doorsHours: 8,
  calledOff: 0,
  edits: 25,
};

const THEATRE: Shape = {
  companies: 2,
  shops: 3,
  hoursBetweenEvents: 6,
  ordersMin: 80,
  ordersMax: 420,
  saleDays: 90,
  startHour: 19,
  eventHours: 3,
  spike: 0.15,
  spikeHalfLifeMinutes: 240,
  rush: 0.2,
  rushDays: 7,
  night: 0.05,
  ticketTypes: 5,
  priceMax: 79,
  priceMin: 18,
  products: 2,
  productShare: 0.15,
  group: 2.3,
  groupMax: 20,
  free: 0.03,
  discounts: 0.3,
  refunds: 0.03,
  reissues: 0.02,
  cancellations: 0.01,
  noShows: 0.04,
  doorsHours: 1,
  calledOff: 0.01,
  edits: 2,
};

export const PRESETS = {
  'club-night': {
    summary: 'small events every day, half of the sales in the last three days',
    shape: CLUB_NIGHT,
  },
  'festival-on-sale': {
    summary: 'large events; half of the orders within an hour of the on-sale, groups, resale',
    shape: FESTIVAL,
  },
  'theatre-season': {
    summary: 'many performances over months, sold by day, with discounts and school groups',
    shape: THEATRE,
  },
  'cancelled-show': {
    summary: 'shows that are called off while on sale, with a refund for every order',
    shape: {
      ...CLUB_NIGHT,
      hoursBetweenEvents: 48,
      ordersMin: 1_500,
      ordersMax: 5_000,
      saleDays: 60,
      startHour: 19,
      eventHours: 4,
      spike: 0.3,
      rush: 0.2,
      priceMax: 95,
      priceMin: 45,
      noShows: 0.05,
      calledOff: 1,
    },
  },
} as const satisfies Readonly<Record<string, Preset>>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as ReadonlyArray<PresetName>;
export const isPresetName = (name: string): name is PresetName => Object.hasOwn(PRESETS, name);
