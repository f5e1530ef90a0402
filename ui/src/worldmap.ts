// The world as paths, and where its nodes stand on it. The shapes of the land come with the map's own code.
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";
import type { Topology } from "topojson-specification";
import land from "world-atlas/land-110m.json";
import type { Kind } from "./parts/Mark.svelte";
import type { MapPlace } from "./shapes";

export const MAP_WIDTH = 960;
export const MAP_HEIGHT = 460;
const SOUTH = -58; // nobody runs a node in Antarctica

const world = land as unknown as Topology;
const whole = world.objects["land"];
const projection = geoNaturalEarth1().fitExtent([[4, 4], [MAP_WIDTH - 4, MAP_HEIGHT - 4]], { type: "MultiPoint", coordinates: [[-179, 0], [179, 0], [0, 83], [0, SOUTH]] });

/** All land as one path. */
export const landPath = (): string => (whole ? (geoPath(projection).digits(1)(feature(world, whole)) ?? "") : "");

export type Spot = { place: MapPlace; x: number; y: number; r: number; kind: Kind };

const RADIUS_MIN = 5;
const RADIUS_MAX = 22;

/** Area, not width, tells how many; small ones lie above large ones. */
export function spotsOf(places: readonly MapPlace[], width: number): Spot[] {
  // On a narrow screen the map shrinks, and its marks must not.
  const grown = Math.min(Math.max(MAP_WIDTH / Math.max(width, 1), 1), 2.4);
  const most = Math.max(1, ...places.map((place) => place.nodes));
  const scale = Math.min(RADIUS_MAX / Math.sqrt(most), RADIUS_MIN * 1.4);
  return places
    .flatMap((place) => {
      const at = projection([place.longitude, place.latitude]);
      return at ? [{ place, x: at[0], y: at[1], r: grown * Math.max(RADIUS_MIN, scale * Math.sqrt(place.nodes)), kind: kindOf(place) }] : [];
    })
    .sort((a, b) => b.r - a.r);
}

export const kindOf = ({ nodes, up }: MapPlace): Kind => (up === nodes ? "good" : up === 0 ? "bad" : "warn");
