// Which charts the network's history has: what varies is a table.
import type { ChartSpec } from "./charts";
import { amount, ratio, whole } from "./format";
import type { HistoryLine } from "./past";

const line = (name: HistoryLine) => ({ key: name, name });
const coins = (value: number): string => (Math.abs(value) >= 1000 ? whole(Math.round(value)) : value.toFixed(value >= 100 ? 1 : 2));

export const HISTORY_CHARTS: readonly ChartSpec[] = [
  {
    id: "participation",
    scale: [0.9, 1],
    title: (t) => t.history.participation,
    unit: () => "",
    format: (value) => ratio(value),
    lines: [{ ...line("participation"), label: (t) => t.history.participation, colour: "--accent" }],
  },
  {
    id: "reward",
    title: (t) => t.history.reward,
    unit: (t) => t.history.unitCfx,
    format: coins,
    lines: [{ ...line("reward"), label: (t) => t.history.reward, colour: "--accent" }],
  },
  {
    id: "staked",
    title: (t) => t.history.staked,
    unit: (t) => t.history.unitMillion,
    format: coins,
    lines: [{ ...line("staked"), label: (t) => t.history.staked, colour: "--accent" }],
  },
  {
    id: "apy",
    scale: [0, 0.05],
    title: (t) => t.history.apy,
    unit: () => "",
    format: (value) => ratio(value, 2),
    lines: [
      { ...line("official"), label: (t) => t.history.official, colour: "--info", dash: [6, 3] },
      { ...line("realised"), label: (t) => t.history.realised, colour: "--accent" },
    ],
  },
  {
    id: "gap",
    scale: [0, 100],
    title: (t) => t.history.gap,
    unit: (t) => t.history.unitEpochs,
    format: amount,
    lines: [{ ...line("gap"), label: (t) => t.history.gap, colour: "--accent" }],
  },
];
