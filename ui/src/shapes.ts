// Short names for the generated types, so that the rest of the page reads plainly.
import type { components } from "./api-types";

type Shapes = components["schemas"];

export type Network = Shapes["Network"];
export type PosNow = Shapes["PosNow"];
export type PowNow = Shapes["PowNow"];
export type Endpoint = Shapes["Endpoint"];
export type Validators = Shapes["Validators"];
export type Validator = Shapes["Validator"];
export type Stake = Shapes["Stake"];
export type Strip = Shapes["Strip"];
export type Votes = Shapes["Votes"];
export type Nodes = Shapes["Nodes"];
export type VedetteNode = Shapes["Node"];
export type NodeState = VedetteNode["state"];
export type Series = Shapes["Series"];
export type Blocks = Shapes["Blocks"];
export type Block = Shapes["Block"];
export type Committee = Shapes["CommitteeShape"];
export type CommitteeMember = Shapes["CommitteeMember"];
export type Election = Shapes["ElectionShape"];
export type Epochs = Shapes["Epochs"];
export type EpochLine = Shapes["EpochLine"];
export type Epoch = Shapes["EpochShape"];
export type EpochMember = Shapes["EpochMember"];
export type WholeBlock = Shapes["BlockShape"];
export type NetworkHistory = Shapes["NetworkHistory"];
export type Progress = Shapes["HistoryProgressShape"];
export type Covered = Shapes["Covered"];
export type Incidents = Shapes["Incidents"];
export type Incident = Shapes["IncidentShape"];
export type Severity = Incident["severity"];
export type LiveBlock = Shapes["LiveBlock"];
export type Problem = Shapes["Problem"];
export type WindowHeader = Shapes["WindowHeader"];
export type PerformanceSummary = Shapes["PerformanceSummary"];
export type Performance = Shapes["PerformanceShape"];
export type Fact = Shapes["FactShape"];
export type Figure = Shapes["Figure"];
export type Why = Shapes["Why"];
export type ValidatorEpoch = Shapes["ValidatorEpoch"];
export type ValidatorEpochs = Shapes["ValidatorEpochs"];
export type Balance = Shapes["Balance"];
export type Elections = Shapes["Elections"];
export type TermLine = Shapes["TermLine"];
export type Radar = Shapes["RadarShape"];
export type ComingElection = Shapes["ComingElection"];
export type AccountEvents = Shapes["Events"];
export type AccountEvent = Shapes["EventLine"];
export type Outlook = Shapes["Outlook"];
export type Retirement = Shapes["RetirementShape"];

/** One letter of a vote strip, as the server spells it. */
export type Letter = "s" | "l" | "a" | "-" | "?";
