// The second rank of meshStep.ts, in a process of its own.
import { Engine } from "../native/load.ts";
import type { EngineConfig } from "../native/switchyard.d.ts";

process.once("message", async (config: EngineConfig) => {
  const engine = await Engine.create(config);
  await engine.follow();
  process.exit(0);
});
