// runs list, show, metrics, routing, export: looking at what was recorded.
import { writeFileSync } from "node:fs";
import { metricDefinition, targetOf } from "../../contract/metrics.ts";
import { isImported, type RunDetail } from "../../contract/handlers.ts";
import { passedOverSentence } from "../../contract/passedOver.ts";
import { homeAt } from "../../backend/home.ts";
import { plainReason } from "../../backend/personError.ts";
import { withBackend, type Backend } from "../backendAccess.ts";
import { UsageError, type Command, type ParsedCommand } from "../commandLine.ts";
import { print } from "../print.ts";
import { phaseLine } from "../progressBar.ts";
import { findRun } from "../runReference.ts";
import { suggestion } from "../suggestion.ts";
import { duration, table } from "../table.ts";

const open = <T>(parsed: ParsedCommand, work: (backend: Backend) => Promise<T>): Promise<T> => withBackend(homeAt(parsed.home), work);

/** A whole number of an option. @throws UsageError */
export function wholeNumber(parsed: ParsedCommand, name: string, least: number): number | undefined {
  const text = parsed.value(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < least || text.trim() === "") throw new UsageError(`"--${name} ${text}" must be a whole number of at least ${least}.`);
  return number;
}

function oneOf<T extends string>(parsed: ParsedCommand, name: string, choices: readonly T[], otherwise?: T): T {
  const text = parsed.value(name) ?? otherwise;
  if (text === undefined) throw new UsageError(`Give --${name} ${choices.join(" or ")}.`);
  if (!(choices as readonly string[]).includes(text)) throw new UsageError(`"--${name} ${text}" must be ${choices.join(" or ")}.${suggestion(text, choices)}`);
  return text as T;
}

const list: Command = {
  name: "runs list", positional: [], about: "List the runs, newest first.",
  options: { all: { about: "Archived and deleted ones as well." } },
  run: (parsed) => open(parsed, async (backend) => {
    const runs = (await backend.send("runs.list", {})).filter((run) => parsed.has("all") || (!run.archived && run.deletedAt === null));
    print(parsed.json, runs, runs.length === 0
      ? "There are no runs yet. Start one with: switchyard train examples/sample.json"
      : table(["id", "status", ...(runs.some(({ host }) => host !== null) ? ["on"] : []), "step", "of", "loss", "eval loss", "dropped", "name"], runs.map((run) =>
          [run.id, run.deletedAt !== null ? "deleted" : run.archived ? `${run.status}, archived` : run.status, ...(runs.some(({ host }) => host !== null) ? [run.host ?? "here"] : []), run.step, isImported(run) ? null : run.steps,
            run.metrics["loss"]?.last, run.metrics["evaluation.loss"]?.last, run.metrics["droppedFraction"]?.last, run.name])));
    return 0;
  }),
};

const show: Command = {
  name: "runs show", positional: ["ID"], about: "Show a run's status, summary and spec.", options: {},
  run: (parsed) => open(parsed, async (backend) => {
    const detail = await backend.send("runs.get", { runId: (await findRun(backend, parsed.positional[0]!)).id });
    const { summary } = detail;
    const facts: [string, string | number | null][] = [
      ["name", summary.name], ["id", summary.id], ["on", summary.host], ["status", summary.status], ["message", summary.statusMessage], ["doing", summary.progress && phaseLine(summary.progress)], ["step", isImported(summary) ? summary.step : `${summary.step} of ${summary.steps}`],
      ["attempt", summary.attempt], ["tokens", summary.tokens], ["training time", duration(summary.seconds)], ["device", summary.device],
      ["parameters", isImported(summary) ? null : summary.parameters], ["experts", summary.experts], ["sparse layers", summary.sparseLayers], ["alerts", summary.alerts],
      ["tags", summary.tags.join(", ")], ["folder", detail.directory], ["events", passedOverSentence(detail.passedOver)],
    ];
    print(parsed.json, detail, [
      table(["", ""], facts.filter(([, value]) => value !== null && value !== "")).split("\n").slice(1).join("\n"), "",
      summaryTable(detail), "", JSON.stringify(isImported(summary) ? { name: detail.spec.name, lineage: detail.spec.lineage } : detail.spec, null, 2),
    ].join("\n"));
    return 0;
  }),
};

const summaryTable = ({ summary, spec }: RunDetail) => table(["metric", "last", "at step", "least", "at step", "greatest", "at step", "unit"],
  Object.entries(summary.metrics).map(([name, { last, lastStep, min, minStep, max, maxStep }]) =>
    [name, last, lastStep, min, minStep, max, maxStep, metricDefinition(name, targetOf(spec)).unit]));

const metrics: Command = {
  name: "runs metrics", positional: ["ID"], about: "Show what was measured.",
  details: "Without --name, the last, least and greatest value of each metric; with it, that metric over the steps.",
  options: {
    name: { value: "METRIC", about: "One metric, for example loss." },
    points: { value: "N", about: "Most rows; neighbouring steps are put together as last, least and greatest (default 50 on a terminal, 20,000 as JSON)." },
  },
  run: (parsed) => {
    const points = wholeNumber(parsed, "points", 2);
    return open(parsed, async (backend) => {
      const { id } = await findRun(backend, parsed.positional[0]!);
      const name = parsed.value("name");
      if (name === undefined) {
        const detail = await backend.send("runs.get", { runId: id }), { metrics: measured } = detail.summary;
        print(parsed.json, measured, Object.keys(measured).length === 0 ? "Nothing was measured yet." : summaryTable(detail));
        return 0;
      }
      const { metricNames } = await backend.send("runs.get", { runId: id });
      if (!metricNames.includes(name)) throw new Error(`This run has not recorded "${name}".${suggestion(name, metricNames)}`);
      const series = await backend.send("metrics.series", { runId: id, name, points: points ?? (parsed.json ? 20_000 : 50) });
      const rows = series.step.map((step, i) => ({ step, tokens: series.tokens[i], seconds: series.seconds[i], value: series.last[i], min: series.min[i], max: series.max[i] }));
      print(parsed.json, rows, table(["step", "tokens", name, "least", "greatest"], rows.map((row) => [row.step, row.tokens, row.value, row.min, row.max])));
      return 0;
    });
  },
};

const routing: Command = {
  name: "runs routing", positional: ["ID"], about: "Show where the routers sent the tokens at one step.",
  details: "One line a sparse layer: tokens that chose each expert before dropping (load), tokens each kept, router entropy in nats, and the dropped fraction.",
  options: { step: { value: "N", about: "The newest recorded step at or before N (default: the newest of all)." } },
  run: (parsed) => {
    const step = wholeNumber(parsed, "step", 0);
    return open(parsed, async (backend) => {
      const { id } = await findRun(backend, parsed.positional[0]!);
      const layers = await backend.send("routing.at", { runId: id, ...(step === undefined ? {} : { step }) });
      print(parsed.json, layers, layers.length === 0 ? "No routing is recorded there." : table(
        ["step", "layer", "stack", "experts", "capacity", "tokens", "load", "kept", "entropy", "dropped"],
        layers.map((layer) => [layer.step, layer.layer, layer.stack, layer.experts, layer.capacity, layer.tokens, layer.load.join(" "), layer.kept.join(" "), layer.entropy, layer.dropped])));
      return 0;
    });
  },
};

const exportRun: Command = {
  name: "runs export", positional: ["ID"], about: "Write a run's metrics or routing as CSV or JSON.",
  options: {
    format: { value: "csv|json", about: "Format of the document." },
    what: { value: "metrics|routing", about: "What to write (default metrics)." },
    output: { value: "FILE", about: "File to write (default: standard output)." },
  },
  run: (parsed) => {
    const format = oneOf(parsed, "format", ["csv", "json"]);
    const what = oneOf(parsed, "what", ["metrics", "routing"], "metrics");
    return open(parsed, async (backend) => {
      const { id } = await findRun(backend, parsed.positional[0]!);
      const { text, fileName } = await backend.send("runs.export", { runId: id, format, what });
      const output = parsed.value("output");
      if (output !== undefined) {
        try {
          writeFileSync(output, text);
        } catch (error) {
          throw new Error(`${output} can't be written (${(error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such folder" : plainReason(error)}).`);
        }
        print(parsed.json, { file: output, bytes: Buffer.byteLength(text) }, `${output}: ${Buffer.byteLength(text)} bytes`);
      } else if (parsed.json && format === "csv") print(true, { fileName, text }, "");
      else process.stdout.write(text);
      return 0;
    });
  },
};

export const lookingAtRuns: readonly Command[] = [list, show, metrics, routing, exportRun];
