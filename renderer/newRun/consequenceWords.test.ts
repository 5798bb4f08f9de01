import { expect, test } from "vitest";
import { consequences } from "../../contract/consequences.ts";
import { RunSpec, type RunSpecInput } from "../../contract/runSpec.ts";
import { capacityNote, warnings } from "./consequenceWords.ts";

type Sparse = NonNullable<NonNullable<RunSpecInput["model"]>["sparse"]>;
/** 16 sequences of 64 tokens, 8 experts, in a decoder alone. */
const decoder = (sparse: Sparse): RunSpec => RunSpec.parse({ model: { architecture: "decoder-only", sparse }, data: { objective: "causal", targetLength: 64 }, training: { batchSize: 16 } });
const note = (sparse: Sparse): string => {
  const spec = decoder(sparse), [capacity] = consequences(spec).capacity;
  return `${capacity!.training}: ${capacityNote(capacity!, spec.model.sparse!)}`;
};

test("places of an expert, and what they are counted from", () => {
  expect(note({})).toBe("160: an expert, of 1,024 in a batch; 256 in evaluation");
  expect(note({ capacityFactor: { training: 1, evaluation: 1 } })).toBe("128: an expert, of 1,024 in a batch; the same in evaluation");
  expect(note({ routing: "top-k", choices: 2 })).toBe("320: an expert, of 1,024 in a batch, 2 choices each; 512 in evaluation");
  expect(note({ routing: "top-k", choices: 4, budget: 1.5 })).toBe("240: an expert, of 1,024 in a batch, 1.5 choices each; 384 in evaluation");
  expect(note({ fixedCapacity: 8, capacityGroup: "sequence" })).toBe("8: an expert, of 64 in each of 16 sequences, fixed; the same in evaluation");
  expect(note({ overflow: "dropless" })).toBe("1024: an expert: every token of a batch");
});

test("only what a person might not expect is a warning", () => {
  const of = (spec: RunSpec) => warnings(spec, consequences(spec));
  expect(of(decoder({}))).toEqual([]);
  expect(of(decoder({ routing: "expert-choice" }))).toEqual([expect.stringContaining("later ones")]);
  expect(of(decoder({ overflow: "dropless" }))).toEqual([expect.stringContaining("the memory of a step varies")]);
  const encoder = RunSpec.parse({ model: { sparse: { routing: "expert-choice", layers: { encoder: [1], decoder: [] } } } });
  expect(of(encoder)).toEqual([]);
});
