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
export type Incidents = Shapes["Incidents"];
export type Incident = Shapes["IncidentShape"];
export type Severity = Incident["severity"];
export type LiveBlock = Shapes["LiveBlock"];
export type Problem = Shapes["Problem"];

/** One letter of a vote strip, as the server spells it. */
export type Letter = "s" | "l" | "a" | "-" | "?";
