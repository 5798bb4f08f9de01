// Batches as trainer/data makes them: node batches.ts RUN_DIRECTORY POSITION... prints training batches of these positions and all of evaluation.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RunSpec } from "../../contract/runSpec.ts";
import { openData } from "../../trainer/data/openData.ts";
import { openTokenizer } from "../../trainer/data/tokenizer.ts";
import type { Batch } from "../../native/switchyard.d.ts";

const [run, ...positions] = process.argv.slice(2) as [string, ...string[]];
const spec = RunSpec.parse(JSON.parse(readFileSync(join(run, "spec.json"), "utf8")));
const { batches, close } = await openData(spec, openTokenizer(spec.data.tokenizer), null, () => undefined);
const rows = (ids: Int32Array | undefined, length: number): number[][] | undefined => ids && Array.from({ length: ids.length / length }, (_, row) => [...ids.subarray(row * length, (row + 1) * length)]);
const wire = ({ input, inputLength, labels, labelLength, decoderInput }: Batch): object => ({ input: rows(input, inputLength!), labels: rows(labels, labelLength), decoderInput: rows(decoderInput, labelLength) });
process.stdout.write(JSON.stringify({
  training: positions.map((position) => wire(batches.training(Number(position)))), tokens: positions.map((position) => batches.tokensIn(batches.training(Number(position)))),
  evaluation: Array.from({ length: batches.evaluationBatches }, (_, i) => wire(batches.evaluation(i))),
}));
close();
