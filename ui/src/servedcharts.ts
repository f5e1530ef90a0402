// Which charts a validator has: what varies is a table.
import type { ChartSpec } from "./charts";
import { amount, whole } from "./format";

const FOREGONE = { colour: "--line-2", dash: [4, 4] };

export const REWARD_CHARTS: readonly ChartSpec[] = [
  {
    id: "rewards",
    scale: [0, 0.1],
    title: (t) => t.past.rewards.perEpoch,
    unit: (t) => t.past.rewards.unit,
    format: amount,
    lines: [
      { key: "paid", name: "paid", label: (t) => t.past.rewards.paid, colour: "--accent" },
      { key: "due", name: "due", label: (t) => t.past.rewards.due, ...FOREGONE },
      { key: "expected", name: "expected", label: (t) => t.past.rewards.expected, colour: "--info" },
    ],
  },
  {
    id: "paid",
    title: (t) => t.past.rewards.total,
    unit: (t) => t.past.rewards.unit,
    format: amount,
    lines: [{ key: "total", name: "total", label: (t) => t.past.rewards.total, colour: "--accent" }],
  },
];

export const SEATS_CHART: ChartSpec = {
  id: "seats",
  scale: [0, 1],
  title: (t) => t.past.committee.seats,
  unit: () => "",
  format: (seats) => (Number.isInteger(seats) ? whole(seats) : ""), // there is no half a seat
  lines: [{ key: "seats", name: "seats", label: (t) => t.past.committee.seats, colour: "--accent" }],
};

export const STAKE_CHART: ChartSpec = {
  id: "stake",
  scale: [0, 1],
  title: (t) => t.past.stake.chart,
  unit: (t) => t.past.stake.unit,
  format: whole,
  lines: [
    { key: "available", name: "available", label: (t) => t.past.stake.available, colour: "--accent" },
    { key: "locking", name: "locking", label: (t) => t.past.stake.locking, colour: "--info" },
    { key: "unlocking", name: "unlocking", label: (t) => t.past.stake.unlocking, colour: "--warn" },
    { key: "unlocked", name: "unlocked", label: (t) => t.past.stake.unlocked, ...FOREGONE },
  ],
};

export const POW_CHART: ChartSpec = {
  id: "balance",
  title: (t) => t.past.stake.pow,
  unit: (t) => t.past.rewards.unit,
  format: amount,
  lines: [{ key: "balance", name: "balance", label: (t) => t.past.stake.balance, colour: "--accent" }],
};
