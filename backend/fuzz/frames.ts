// Frames of an agent under damage: whatever comes, only whole frames are taken, in any pieces, and what is held and remembered has its limits.
import { FrameReader, frameOf, MAX_FRAME_BYTES } from "../hosts/frames.ts";
import { Push, Reply } from "../hosts/agentMessages.ts";
import { Chance, expectThat } from "./chance.ts";

const TEXTS = ["", "ü\u2028", "@switchyard1 2 00000000 {}", "\n\n", "a".repeat(3000), "\u0000\u001b[31m", "😀"];

export function fuzzFrames(seed: number): void {
  const chance = new Chance(seed), reader = new FrameReader(), again = new FrameReader();
  const message = (id: number) => chance.pick<object>([
    { id, ok: { text: chance.pick(TEXTS), nested: [id, { deep: null }] } }, { id, error: { message: chance.pick(TEXTS), code: "absent" } },
    { watch: id, events: { offset: chance.below(1e6), data: Buffer.from(chance.pick(TEXTS)).toString("base64") } }, { watch: id, file: { name: "exit.json", text: chance.pick(TEXTS) } },
  ]);
  const sent: string[] = [], parts: Buffer[] = [];
  for (let id = 1; id <= 1 + chance.below(20); id++) {
    const one = message(id), damaged = chance.odds(0.3);
    parts.push(damaged ? chance.damage(frameOf(one)) : frameOf(one), ...(chance.odds(0.01) ? [Buffer.alloc(chance.below(2 * MAX_FRAME_BYTES), chance.below(256))] : []));
    if (!damaged) sent.push(JSON.stringify(one));
  }
  const bytes = Buffer.concat(parts), taken: unknown[] = [];
  for (const piece of chance.pieces(bytes)) taken.push(...reader.feed(piece));
  expectThat(JSON.stringify([...again.feed(bytes)]) === JSON.stringify(taken), "In pieces the bytes give other messages than whole.");
  expectThat(reader.noise <= bytes.length && reader.noiseText.length <= 10_000, "More noise is remembered than there was.");
  // A frame begins on a line of its own, so none of those that were left alone is lost, but for the one behind damage that ate its first line break.
  const texts = new Set(taken.map((one) => JSON.stringify(one)));
  expectThat(sent.filter((one) => !texts.has(one)).length <= parts.length - sent.length, "A whole frame was lost.");
  for (const one of taken) {
    Push.safeParse(one);
    Reply.safeParse(one);
  }
}
