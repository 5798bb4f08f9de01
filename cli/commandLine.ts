// Commands, their arguments and options: what is typed against what is known.
import { suggestion } from "./suggestion.ts";

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {}

export interface Option {
  /** What stands for the value in the help; none for a switch. */
  value?: string;
  about: string;
  repeated?: boolean;
}
export interface Command {
  /** Words that name it, for example "runs list". */
  name: string;
  /** Positional arguments, for example ["ID"]; those in brackets, such as "[SPEC.json]", may be left out and come last. */
  positional: readonly string[];
  about: string;
  details?: string;
  options: Readonly<Record<string, Option>>;
  run(parsed: ParsedCommand): Promise<number>;
}

/** Options that every command has. */
export const GLOBAL_OPTIONS: Readonly<Record<string, Option>> = {
  home: { value: "DIR", about: "Folder of database and runs (default: $SWITCHYARD_HOME, $XDG_DATA_HOME/switchyard or ~/.local/share/switchyard)." },
  json: { about: "Print one JSON document on standard output; errors as {\"error\": ...}." },
  help: { about: "Show this help." },
};

export interface ParsedCommand {
  positional: string[];
  home: string | undefined;
  json: boolean;
  /** Value of an option, or undefined when it was not given. */
  value(name: string): string | undefined;
  values(name: string): string[];
  has(name: string): boolean;
}

/** `prefix`: where help is asked for, the word that its commands begin with, or none. */
export interface Parsed { command: Command | null; help: boolean; prefix: string | null; parsed: ParsedCommand }
/** Commands that the help lists under one heading. */
export interface CommandGroup { title: string; commands: readonly Command[] }

/** Finds the command and reads its options. @throws UsageError with a suggestion. */
export function parseCommandLine(words: readonly string[], commands: readonly Command[]): Parsed {
  const { command, rest, prefix } = findCommand(words, commands);
  const known = { ...GLOBAL_OPTIONS, ...command?.options };
  const given = new Map<string, string[]>();
  const positional: string[] = [];
  for (let i = 0, literal = false; i < rest.length; i++) {
    const word = rest[i]!;
    if (literal || !word.startsWith("-") || word === "-") positional.push(word);
    else if (word === "--") literal = true;
    else {
      const [, key, inline] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(word === "-h" ? "--help" : word) ?? [];
      const option = key !== undefined && Object.hasOwn(known, key) ? known[key] : undefined;
      if (key === undefined || option === undefined)
        throw new UsageError(`There is no option "${word.split("=")[0]}"${command ? ` of "${command.name}"` : ""}.${suggestion(word.split("=")[0]!, Object.keys(known).map((name) => `--${name}`))}`);
      if (option.value === undefined && inline !== undefined) throw new UsageError(`The option "--${key}" takes no value.`);
      const value = option.value === undefined ? "" : inline ?? rest[++i];
      if (value === undefined || (inline === undefined && value.startsWith("--") && Object.hasOwn(known, value.slice(2)))) throw new UsageError(`The option "--${key}" needs a value: --${key} ${option.value}.`);
      if (given.has(key) && !option.repeated && option.value !== undefined) throw new UsageError(`The option "--${key}" was given twice.`);
      given.set(key, [...(given.get(key) ?? []), value]);
    }
  }
  const help = given.has("help") || command === null;
  if (command && !help) {
    const needed = command.positional.filter((name) => !name.startsWith("[")).length;
    if (positional.length < needed) throw new UsageError(`"${command.name}" needs ${command.positional[positional.length]}: switchyard ${usage(command)}`);
    if (positional.length > command.positional.length) throw new UsageError(`"${positional[command.positional.length]}" is one argument too many: switchyard ${usage(command)}`);
  }
  return {
    command, help, prefix,
    parsed: {
      positional, home: given.get("home")?.[0], json: given.has("json"),
      value: (name) => given.get(name)?.[0], values: (name) => given.get(name) ?? [], has: (name) => given.has(name),
    },
  };
}

function findCommand(words: readonly string[], commands: readonly Command[]): { command: Command | null; rest: string[]; prefix: string | null } {
  // Global options may stand before the command: they are passed over to find its words.
  const before: string[] = [];
  let i = 0;
  while (i < words.length && words[i]!.startsWith("-")) {
    before.push(words[i]!);
    const name = words[i]!.replace(/^--/, "");
    if (Object.hasOwn(GLOBAL_OPTIONS, name) && GLOBAL_OPTIONS[name]!.value !== undefined && i + 1 < words.length) before.push(words[++i]!);
    i++;
  }
  const [first, second] = [words[i], words[i + 1]];
  if (first === undefined || first === "help") {
    const about = first === "help" ? untilOption(words.slice(i + 1)).join(" ") : "";
    const command = commands.find(({ name }) => name === about) ?? null, group = !command && commands.some(({ name }) => name.startsWith(`${about} `));
    if (about !== "" && !command && !group) throw new UsageError(`There is no command "${about}".${suggestion(about, names(commands))} "switchyard help" lists them.`);
    return { command, rest: [...before, "--help"], prefix: group ? about : null };
  }
  const two = commands.find(({ name }) => name === `${first} ${second}`);
  if (two) return { command: two, rest: [...before, ...words.slice(i + 2)], prefix: null };
  const one = commands.find(({ name }) => name === first);
  if (one) return { command: one, rest: [...before, ...words.slice(i + 1)], prefix: null };
  const group = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length > 0) {
    if (second === undefined || second.startsWith("-")) {
      if (words.includes("--help") || words.includes("-h")) return { command: null, rest: ["--help"], prefix: first };
      throw new UsageError(`"${first}" needs one of: ${group.map(({ name }) => name.slice(first.length + 1)).join(", ")}.`);
    }
    throw new UsageError(`There is no command "${first} ${second}".${suggestion(`${first} ${second}`, group.map(({ name }) => name))}`);
  }
  throw new UsageError(`There is no command "${first}".${suggestion(first, names(commands))} "switchyard help" lists them.`);
}

const names = (commands: readonly Command[]): Set<string> => new Set(commands.flatMap(({ name }) => [name, name.split(" ")[0]!]));

function untilOption(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => word.startsWith("-"));
  return end < 0 ? words : words.slice(0, end);
}

export function usage(command: Command): string {
  const options = Object.keys(command.options).length > 0 ? " [options]" : "";
  return `${command.name}${command.positional.map((name) => ` ${name}`).join("")}${options}`;
}

/** All commands under their headings, or those that begin with a word. */
export function help(groups: readonly CommandGroup[], prefix: string | null = null): string {
  const shown = groups.map(({ title, commands }) => ({ title, commands: commands.filter(({ name }) => prefix === null || name.startsWith(`${prefix} `)) })).filter(({ commands }) => commands.length > 0);
  const width = Math.max(...shown.flatMap(({ commands }) => commands.map((command) => usage(command).length)));
  return [
    "Usage: switchyard COMMAND", "", "Trains Switch Transformers and looks at their routers, from the terminal.", "",
    ...shown.flatMap(({ title, commands }) => [`${title}:`, ...commands.map((command) => `  ${usage(command).padEnd(width)}  ${command.about}`), ""]),
    "Options of every command:", ...optionLines(GLOBAL_OPTIONS), "",
    "A run is named by its id or the beginning of it. \"switchyard help COMMAND\" says more of one.",
    "Exit codes: 0 done, 1 failed, 2 wrong command line; with --wait that of the run: 0 when it completed or was stopped, otherwise the trainer's own.", "",
  ].join("\n");
}

export function commandHelp(command: Command): string {
  return [
    `Usage: switchyard ${usage(command)}`, "", command.about, ...(command.details ? ["", command.details] : []), "",
    "Options:", ...optionLines({ ...command.options, ...GLOBAL_OPTIONS }), "",
  ].join("\n");
}

function optionLines(options: Readonly<Record<string, Option>>): string[] {
  const left = Object.entries(options).map(([name, { value, about }]) => [`--${name}${value ? ` ${value}` : ""}`, about] as const);
  const width = Math.max(...left.map(([words]) => words.length));
  return left.map(([words, about]) => `  ${words.padEnd(width)}  ${about}`);
}
