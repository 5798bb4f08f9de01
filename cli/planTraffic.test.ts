// What the planner says a rank sends in a step, against what ranks of real runs recorded.
import { describe, expect, test } from "vitest";
import { MeshSpec, rankBytesMetric, ranksOf, TRAFFIC, type Traffic } from "../contract/meshSpec.ts";
import type { RunSpec } from "../contract/runSpec.ts";
import { collectivesOf, type CollectiveId } from "../planner/collectives.ts";
import { shareOf } from "../planner/share.ts";
import { engineIsBuilt, eventsOf, newRun, ofKind, start, tinySpec } from "../trainer/fixtures/tinyRun.ts";

/** What the engine counts each collective of the planner under. */
const COUNTED: Record<CollectiveId, Traffic> = { gradients: "gradients", expertGradients: "gradients", weights: "parameters", expertWeights: "parameters", dispatch: "experts", combine: "experts", activations: "activations", routing: "routing" };

function planned(spec: RunSpec): Record<Traffic, number> {
  const bytes = Object.fromEntries(TRAFFIC.map((kind) => [kind, 0])) as Record<Traffic, number>;
  for (const { id, sent } of collectivesOf(spec, shareOf(spec, {}, spec.mesh), spec.mesh)) bytes[COUNTED[id]] += sent;
  return bytes;
}

describe.skipIf(!engineIsBuilt)("bytes of a rank (needs the built engine)", () => {
  test.each<[string, Partial<MeshSpec>, object, object?]>([
    ["data", { data: 2 }, {}], ["expert", { expert: 2 }, { sparse: { experts: 4, capacityGroup: "rank", expertDropout: 0 } }], ["model", { model: 2 }, {}],
    ["data, whole updates", { data: 2 }, {}, { optimizer: { kind: "adamw", shareUpdates: false } }],
    ["all axes", { data: 2, expert: 2, model: 2 }, { sparse: { experts: 4, expertDropout: 0 } }],
  ])("%s", async (_, axes, model, training = {}) => {
    const spec = tinySpec({ mesh: MeshSpec.parse(axes), model, training: { steps: 4, evaluateEvery: 100, checkpoint: { everySteps: 100 }, ...training } }), run = newRun(spec);
    expect(await start(run).ended).toMatchObject({ code: 0 });
    const { values } = ofKind(eventsOf(run), "metrics").find(({ values: recorded }) => rankBytesMetric(0, "gradients") in recorded)!, expected = planned(spec);
    for (let rank = 0; rank < ranksOf(spec.mesh); rank++) for (const kind of ["gradients", "parameters", "experts", "activations"] as const) {
      const recorded = Number(values[rankBytesMetric(rank, kind)]);
      // Counts of used places, and the gates' gradients, come on top.
      expect(recorded, `${kind} of rank ${rank}`).toBeGreaterThanOrEqual(0.999 * expected[kind]);
      expect(recorded, `${kind} of rank ${rank}`).toBeLessThanOrEqual(1.01 * expected[kind]);
    }
  }, 180_000);
});
