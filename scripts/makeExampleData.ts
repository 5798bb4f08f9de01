// node scripts/makeExampleData.ts: writes examples/data/*.jsonl, small tasks that a small model learns, the same on every machine.
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { CounterRandom } from "../trainer/data/random.ts";

const WORDS = ["apple", "bread", "cloud", "delta", "ember", "flint", "grape", "house", "ivory", "jewel", "koala", "lemon", "maple", "night", "ocean", "pearl"];
const folder = fileURLToPath(new URL("../examples/data", import.meta.url)), LINES = 2000, HELD_OUT = 200;

/** Each task by its name, which begins the input as in T5 (1910.10683 §2.4). */
const TASKS: Record<string, (random: CounterRandom) => { input: string; target: string }> = {
  sum(random) {
    const [a, b] = [random.below(100), random.below(100)];
    return { input: `sum: ${a} + ${b}`, target: String(a + b) };
  },
  reverse(random) {
    const words = Array.from({ length: 2 + random.below(3) }, () => WORDS[random.below(WORDS.length)]!);
    return { input: `reverse: ${words.join(" ")}`, target: words.toReversed().join(" ") };
  },
};

mkdirSync(folder, { recursive: true });
const names = Object.keys(TASKS), seen = new Set<string>(), lines: string[] = [];
for (let i = 0; lines.length < LINES + HELD_OUT; i++) {
  const line = JSON.stringify(TASKS[names[i % names.length]!]!(new CounterRandom(1, i)));
  // No pair that is held out is trained on.
  if (!seen.has(line)) lines.push(line);
  seen.add(line);
}
writeFileSync(join(folder, "tasks.jsonl"), `${lines.slice(0, LINES).join("\n")}\n`);
writeFileSync(join(folder, "tasks-held-out.jsonl"), `${lines.slice(LINES).join("\n")}\n`);
