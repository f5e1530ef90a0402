// What the compiler must know of the client; nothing here is ever run.
import { Client } from "../src/client.ts";
import type { components } from "../src/schema.ts";

type Shapes = components["schemas"];
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

const client = new Client("https://vedette.example.org");
const replies: Same<Awaited<ReturnType<typeof client.listValidators>>, Shapes["Validators"]> = true;
const bodies: Same<Parameters<typeof client.changeNode>[1], Shapes["NodeChange"]> = true;
const nothing: Same<Awaited<ReturnType<typeof client.forgetNode>>, null> = true;
// @ts-expect-error  there is no such window
void client.listValidators({ window: "1y" });
export { bodies, nothing, replies };
