// What an operator may say of a node, as fields of a form; only what was changed is sent. Pure.
import type { NodeChange, VedetteNode } from "./shapes";

export const ROLES = ["voter", "backup", "full", "archive", "rpc"] as const;
type Role = (typeof ROLES)[number];

export type Form = {
  name: string;
  role: string;
  labels: string;
  group: string;
  isPublic: boolean;
  publish: VedetteNode["publish"];
  country: string;
  city: string;
  latitude: string;
  longitude: string;
};

/** A place that the address suggests is nobody's entry, so its fields are empty. */
export function formOf(node: VedetteNode): Form {
  const place = node.place?.source === "operator" ? node.place : null;
  return {
    name: node.name,
    role: node.role,
    labels: node.labels.join(", "),
    group: node.group ?? "",
    isPublic: node.is_public,
    publish: node.publish,
    country: place?.country ?? "",
    city: place?.city ?? "",
    latitude: place?.latitude === null || place === null ? "" : String(place.latitude),
    longitude: place?.longitude === null || place === null ? "" : String(place.longitude),
  };
}

const text = (given: string): string | null => given.trim() || null;
const number = (given: string): number | null => (given.trim() === "" ? null : Number(given));
export const labelsOf = (given: string): string[] => [...new Set(given.split(/[,，、]/).map((one) => one.trim()).filter(Boolean))];

export function changeOf(before: Form, now: Form): NodeChange {
  const change: NodeChange = {};
  const differs = (...names: (keyof Form)[]): boolean => names.some((name) => before[name] !== now[name]);
  if (differs("name")) change.name = text(now.name);
  if (differs("role")) change.role = ROLES.find((role): role is Role => role === now.role) ?? null;
  if (differs("labels")) change.labels = labelsOf(now.labels);
  if (differs("group")) change.group = text(now.group);
  if (differs("isPublic")) change.is_public = now.isPublic;
  if (differs("publish")) change.publish = now.publish;
  if (differs("country", "city", "latitude", "longitude")) {
    const country = text(now.country)?.toUpperCase();
    change.place = country ? { country, city: text(now.city), latitude: number(now.latitude), longitude: number(now.longitude) } : null;
  }
  return change;
}
