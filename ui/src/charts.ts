// Which charts a node has: what varies is a table.
import { amount, bytes, ratio, round3, whole } from "./format";
import type { Catalogue } from "./i18n/en";
import type { LineSpec } from "./series";

export type ChartSpec = {
  id: string;
  title: (t: Catalogue) => string;
  unit: (t: Catalogue) => string;
  format: (value: number) => string;
  binary?: boolean;
  /** Where the value axis ends at least; without it, it keeps to the values. */
  scale?: readonly [number, number];
  lines: (LineSpec & { label: (t: Catalogue) => string; colour: string; dash?: number[] })[];
};

const TOTAL = { colour: "--line-2", dash: [4, 4] };

export const CHARTS: readonly ChartSpec[] = [
  {
    id: "execution",
    scale: [0, 10],
    title: (t) => t.node.executionLag,
    unit: (t) => t.chart.unitEpochs,
    format: amount,
    lines: [{ key: "lag", name: "pow.execution_lag_epochs", label: (t) => t.chart.execution, colour: "--accent" }],
  },
  {
    id: "behind",
    title: (t) => t.chart.lag,
    unit: (t) => t.chart.unitEpochs,
    format: amount,
    lines: [
      { key: "confirmed", name: "pow.confirmed_epoch", front: "pow.latest_epoch", label: (t) => t.chart.confirmed, colour: "--accent" },
      { key: "finalized", name: "pow.finalized_epoch", front: "pow.latest_epoch", label: (t) => t.chart.finalized, colour: "--info" },
    ],
  },
  {
    id: "pow",
    title: (t) => t.chart.pow,
    unit: () => "",
    format: whole,
    lines: [
      { key: "latest", name: "pow.latest_epoch", label: (t) => t.chart.latest, colour: "--accent" },
      { key: "finalized", name: "pow.finalized_epoch", label: (t) => t.chart.finalized, colour: "--info" },
    ],
  },
  {
    id: "pos",
    title: (t) => t.chart.pos,
    unit: () => "",
    format: whole,
    lines: [
      { key: "committed", name: "pos.committed_height", label: (t) => t.chart.committed, colour: "--accent" },
      { key: "voted", name: "pos.voted_height", label: (t) => t.chart.voted, colour: "--info" },
    ],
  },
  {
    id: "peers",
    scale: [0, 1],
    title: (t) => t.chart.peers,
    unit: () => "",
    format: amount,
    lines: [
      { key: "all", name: "peers.all_count", label: (t) => t.chart.allPeers, colour: "--accent" },
      { key: "outgoing", name: "peers.outgoing_count", label: (t) => t.chart.outgoing, colour: "--info" },
      { key: "deaf", name: "peers.deaf_count", label: (t) => t.nodeParts.deaf, colour: "--warn" },
    ],
  },
  {
    id: "cpu",
    scale: [0, 1],
    title: (t) => t.chart.cpu,
    unit: () => "",
    format: (value) => ratio(value),
    lines: [{ key: "host", name: "host.cpu.used_ratio", label: (t) => t.chart.host, colour: "--accent" }],
  },
  {
    id: "process-cpu",
    scale: [0, 0.1],
    title: (t) => t.chart.processCpu,
    unit: (t) => t.chart.unitCores,
    format: round3,
    lines: [{ key: "cores", name: "process.cpu.used_cores", label: (t) => t.chart.process, colour: "--accent" }],
  },
  {
    id: "memory",
    scale: [0, 1],
    title: (t) => t.chart.memory,
    unit: () => "",
    format: bytes,
    binary: true,
    lines: [
      { key: "used", name: "host.memory.used_bytes", label: (t) => t.chart.used, colour: "--accent" },
      { key: "rss", name: "process.rss_bytes", label: (t) => t.chart.rss, colour: "--info" },
      { key: "total", name: "host.memory.total_bytes", label: (t) => t.chart.total, ...TOTAL },
    ],
  },
  {
    id: "disk",
    scale: [0, 1],
    title: (t) => t.chart.disk,
    unit: () => "",
    format: bytes,
    binary: true,
    lines: [
      { key: "used", name: "host.disk.used_bytes", label: (t) => t.chart.used, colour: "--accent" },
      { key: "total", name: "host.disk.total_bytes", label: (t) => t.chart.total, ...TOTAL },
    ],
  },
];

/** Charts of a node without an agent; how long answers take is a line a method. */
export function endpointCharts(numbers: Record<string, number>): readonly ChartSpec[] {
  const methods = Object.keys(numbers).flatMap((name) => /^rpc\.(\w+)\.p95_ms$/.exec(name)?.[1] ?? []);
  return [
    {
      id: "endpoint-lag",
      scale: [0, 10],
      title: (t) => t.endpointWatch.charts.lag,
      unit: (t) => t.chart.unitEpochs,
      format: amount,
      lines: [{ key: "lag", name: "endpoint.lag_epochs", label: (t) => t.endpointWatch.lag, colour: "--accent" }],
    },
    {
      id: "endpoint-latency",
      scale: [0, 100],
      title: (t) => t.endpointWatch.charts.latency,
      unit: () => "ms",
      format: amount,
      lines: methods.sort().slice(0, LINE_COLOURS.length).map((method, i) => ({
        key: method,
        name: `rpc.${method}.p95_ms`,
        label: () => method,
        ...(LINE_COLOURS[i] ?? { colour: "--accent" }),
      })),
    },
    ...CHARTS.filter((chart) => chart.id === "pow" || chart.id === "pos"),
  ];
}

/** Lines that are told apart by dashes too, where there are more than colours. */
const LINE_COLOURS = [
  { colour: "--accent" },
  { colour: "--info" },
  { colour: "--warn" },
  { colour: "--accent", dash: [6, 3] },
  { colour: "--info", dash: [6, 3] },
  { colour: "--warn", dash: [6, 3] },
];

/** Every series that the charts need, asked for at once. */
export const seriesNames = (charts: readonly ChartSpec[]): readonly string[] => [
  ...new Set(charts.flatMap(({ lines }) => lines.flatMap((line) => ("front" in line ? [line.name, line.front] : [line.name])))),
];

/** The process' age tells of restarts. */
export const CHART_SERIES: readonly string[] = [...seriesNames(CHARTS), "process.up_seconds"];
