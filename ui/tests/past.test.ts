import { describe, expect, test } from "vitest";
import { blockBars, epochBars, inOrder, partOf, reading, seatsOfBlock, seriesOf, votesBy, windowReaching, type Seat } from "../src/past";
import type { Block, Committee, EpochLine, NetworkHistory, Progress, WholeBlock } from "../src/shapes";
import { stepped } from "../src/stops";

describe("who signs", () => {
  test.each([
    [{ known_blocks: 100, signed_blocks: 1, silent: null }, "signed"],
    [{ known_blocks: 100, signed_blocks: 0, silent: null }, "absent"],
    [{ known_blocks: 100, signed_blocks: 1, silent: true }, "absent"], // the last block's signature comes too late
    [{ known_blocks: 0, signed_blocks: 0, silent: null }, "unknown"],
    [{ known_blocks: null, signed_blocks: null, silent: null }, "unknown"],
  ] as const)("%j: %s", (member, part) => expect(partOf(member)).toBe(part));

  test("those who sign come first, so that the quorum's line shows how many may fail", () => {
    const seats: Seat[] = [
      { address: "a", votes: 9, part: "absent" },
      { address: "b", votes: 1, part: "signed" },
      { address: "c", votes: 5, part: "unknown" },
      { address: "d", votes: 2, part: "signed" },
    ];
    expect(inOrder(seats).map((seat) => seat.address)).toEqual(["d", "b", "a", "c"]);
    expect(votesBy(seats)).toEqual({ signed: 3, absent: 9, unknown: 5 });
  });

  const block = (part: Partial<WholeBlock>): WholeBlock =>
    ({ total_votes: 300, signed: [{ address: "a", votes: 288 }], absent: ["b", "c"], ...part }) as WholeBlock;

  test("the absent ones' votes are their committee's", () => {
    const members = [{ address: "b", votes: 10 }, { address: "c", votes: 2 }];
    expect(seatsOfBlock(block({}), { members } as Committee)).toEqual([
      { address: "a", votes: 288, part: "signed" },
      { address: "b", votes: 10, part: "absent" },
      { address: "c", votes: 2, part: "absent" },
    ]);
  });
  test("without a committee they are known together; without a certificate nobody is absent", () => {
    expect(votesBy(seatsOfBlock(block({}), null))).toEqual({ signed: 288, absent: 12, unknown: 0 });
    expect(votesBy(seatsOfBlock(block({ signed: [], absent: [] }), null))).toEqual({ signed: 0, absent: 0, unknown: 300 });
  });
});

describe("bars", () => {
  const block = (height: number, round: number, part: Partial<Block> = {}): Block =>
    ({ height, round, epoch: 7, proposer: "a", signed_votes: 300, total_votes: 300, ...part }) as Block;

  test("rise from the quorum to all votes, and say what is not known", () => {
    const blocks = [block(10, 1), block(11, 2, { signed_votes: 201 }), block(12, 3, { signed_votes: null }), block(14, 5, { proposer: null })];
    expect(blockBars(blocks, 10, 14, 201).map(({ look, rise }) => [look, rise])).toEqual([
      ["seen", 1],
      ["seen", 0],
      ["unseen", 1],
      ["missing", 0],
      ["nobody", 1],
    ]);
  });
  test("rounds lost before a block are counted only where the block before is known", () => {
    expect(blockBars([block(10, 3), block(11, 6), block(13, 9)], 10, 13, 201).map((bar) => bar.lost)).toEqual([0, 2, 0, 0]);
  });
  test("rounds lost before an epoch's first block are told by its round", () => {
    expect(blockBars([block(9, 121, { epoch: 6 }), block(10, 3)], 10, 10, 201).map((bar) => bar.lost)).toEqual([2]);
  });

  const line = (epoch: number, ppm: number | null): EpochLine => ({ epoch, participation_ppm: ppm, quorum_votes: 201, total_votes: 300 }) as EpochLine;
  test("an epoch that was not counted has a place without a bar", () => {
    expect(epochBars([line(9, 1_000_000), line(7, null)]).map(({ at, look }) => [at, look])).toEqual([
      [7, "unseen"],
      [8, "missing"],
      [9, "seen"],
    ]);
    expect(epochBars([])).toEqual([]);
  });
});

describe("the network over time", () => {
  const history = {
    epochs_per_point: 1,
    times: [100, 200, 400],
    epoch: [1, 2, 4],
    participation_ppm: [500_000, null, 1_000_000],
    reward_gdrip: [2_000_000_000, 0, null],
    staked_votes: [450_000, null, null],
    official_apy_ppm: [null, null, null],
    realised_apy_ppm: [null, null, null],
    finality_gap_epochs: [117, null, null],
  } as unknown as NetworkHistory;
  const column = (series: ReturnType<typeof seriesOf>, name: string) => series.mean[series.names.indexOf(name)];

  test("is drawn in the units that its charts name, with a gap where an epoch was not counted", () => {
    const series = seriesOf(history, null);
    expect(series.times).toEqual([100, 200, 300, 400]);
    expect(column(series, "participation")).toEqual([0.5, null, null, 1]);
    expect(column(series, "reward")).toEqual([2, 0, null, null]);
    expect(column(series, "staked")).toEqual([450, null, null, null]);
    expect([series.from_ms, series.to_ms]).toEqual([100_000, 400_000]);
  });
  test("keeps to a range", () => {
    const series = seriesOf(history, { fromMs: 150_000, toMs: 500_000 });
    expect(series.times).toEqual([200, 300, 400]);
    expect([series.from_ms, series.to_ms]).toEqual([150_000, 500_000]);
  });
  test("a zoom asks for the finest window that reaches it, and for none longer than was chosen", () => {
    const day = 86_400_000;
    expect(windowReaching(90 * day, 100 * day, "all")).toBe("30d");
    expect(windowReaching(99.5 * day, 100 * day, "365d")).toBe("24h");
    expect(windowReaching(0, 100 * day, "7d")).toBe("7d");
    expect(windowReaching(0, 10_000 * day, "all")).toBe("all");
  });
});

describe("reading the past", () => {
  const all = { known: 10, of: 10 };
  const progress = (part: Partial<Progress>): Progress =>
    ({ unread_blocks: 0, settled_blocks: 1000, epochs: all, rewards: all, transactions: all, ...part }) as Progress;

  test("is quiet when all is read, and when nothing is known of it", () => {
    const quiet = { share: null, missing: [] };
    expect(reading(progress({}))).toEqual(quiet);
    const none = { known: 0, of: null };
    expect(reading(progress({ unread_blocks: null, settled_blocks: null, epochs: none, rewards: none, transactions: none }))).toEqual(quiet);
  });
  test("the newest blocks are the present, not the past", () => {
    expect(reading(progress({ unread_blocks: 20 })).share).toBeNull();
    expect(reading(progress({ unread_blocks: 21 })).share).toBe(0.979);
  });
  test("tells how much of the blocks is read, and what else is missing", () => {
    expect(reading(progress({ unread_blocks: 590, rewards: { known: 4, of: 10 } }))).toEqual({ share: 0.41, missing: ["rewards"] });
  });
});

describe("keys along a strip", () => {
  test.each([
    ["ArrowLeft", null, 20],
    ["ArrowRight", null, 20],
    ["ArrowLeft", 10, 10],
    ["PageUp", 15, 20],
    ["PageDown", 15, 10],
    ["Home", 15, 10],
    ["End", 15, 20],
    ["Escape", 15, null],
    ["Tab", 15, undefined],
  ] as const)("%s at %s leads to %s", (key, at, stop) => expect(stepped(key, at, 10, 20)).toBe(stop));
});
