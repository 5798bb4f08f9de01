// switchyard COMMAND: everything the window does, from the terminal.
import { RequestError } from "../contract/client.ts";
import type { WireError } from "../contract/handlers.ts";
import { cleanOutput } from "../backend/runs/output.ts";
import { commandHelp, help, parseCommandLine, UsageError, type CommandGroup } from "./commandLine.ts";
import { controllingRuns } from "./commands/control.ts";
import { derivingRuns } from "./commands/derive.ts";
import { generateCommand } from "./commands/generate.ts";
import { hostCommands } from "./commands/hosts.ts";
import { importCommand } from "./commands/import.ts";
import { machineCommands } from "./commands/machine.ts";
import { modelCommands } from "./commands/models.ts";
import { plan } from "./commands/plan.ts";
import { prepare } from "./commands/prepare.ts";
import { lookingAtRuns } from "./commands/runs.ts";
import { remoteRuns } from "./commands/remote.ts";
import { tpuCommands } from "./commands/tpus.ts";
import { train } from "./commands/train.ts";
import { specPaths } from "./specFile.ts";
import { didYouMean, nearestField } from "./suggestion.ts";

const GROUPS: readonly CommandGroup[] = [
  { title: "Train and plan", commands: [train, ...derivingRuns, prepare, plan] },
  { title: "Runs", commands: [...lookingAtRuns, ...controllingRuns, importCommand] },
  { title: "Models", commands: [generateCommand, ...modelCommands] },
  { title: "Other machines", commands: [...hostCommands, ...tpuCommands, ...remoteRuns] },
  { title: "This machine", commands: machineCommands },
];
const commands = GROUPS.flatMap((group) => group.commands);

async function main(words: readonly string[]): Promise<number> {
  try {
    const { command, help: wanted, parsed, prefix } = parseCommandLine(words[0] === "--version" ? ["version", ...words.slice(1)] : words, commands);
    if (command && !wanted) return await command.run(parsed);
    process.stdout.write(command ? commandHelp(command) : help(GROUPS, prefix));
    return 0;
  } catch (error) {
    report(error as Error, words.includes("--json"));
    return error instanceof UsageError ? 2 : 1;
  }
}

function report(error: Error, json: boolean): void {
  const wire: WireError = error instanceof RequestError
    ? { message: error.message, detail: error.detail, issues: error.issues }
    : { message: error.message, detail: null, issues: [] };
  if (json) return void process.stdout.write(`${JSON.stringify({ error: wire }, null, 2)}\n`);
  // It may quote what a file or a host says.
  process.stderr.write(`${cleanOutput(wire.message)}\n`);
  if (wire.issues.length > 1 || wire.issues.some(({ message }) => message === "There is no such field."))
    for (const { path, message } of wire.issues) {
      const meant = message === "There is no such field." ? nearestField(path, specPaths()) : null;
      process.stderr.write(`  ${path}: ${message}${didYouMean(meant)}\n`);
    }
}

// A reader such as `head` that has seen enough is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const code = await main(process.argv.slice(2));
// `serve` goes on until it is told to end; everything else is done.
process.exitCode = code;
