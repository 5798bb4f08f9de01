// What the contract says of each setting, for the controls: title, explanation, choices; and which settings a method has.
import { z } from "zod";
import { GenerationSettings } from "../../contract/generation.ts";

export type Setting = keyof GenerationSettings;
export interface SettingFacts { title: string; unit: string; description: string; choices: readonly { value: string; label: string }[] }

interface Property { title?: string; unit?: string; description?: string; enum?: string[]; labels?: Record<string, string> }
const properties = (z.toJSONSchema(GenerationSettings, { io: "input" }) as { properties: Record<Setting, Property> }).properties;

export function settingFacts(setting: Setting): SettingFacts {
  const { title = setting, unit = "", description = "", enum: values = [], labels = {} } = properties[setting];
  return { title, unit, description, choices: values.map((value) => ({ value, label: labels[value] ?? value })) };
}

const OF_METHOD: Record<GenerationSettings["method"], readonly Setting[]> = {
  greedy: [], sampling: ["temperature", "topK", "topP", "seed"], beam: ["beams", "lengthPenalty"],
};
/** The settings that count for a method. */
export const settingsOf = (method: string): readonly Setting[] => ["maxTokens", ...(OF_METHOD[method as GenerationSettings["method"]] ?? [])];

/** A text that suits what a model was trained to do. */
export function exampleText(objective: string): string {
  switch (objective) {
    case "span-corruption": return "The President of the <extra_id_0> has sent a message to the <extra_id_1> of the nation.";
    case "causal": return "The President of the United States";
    default: return "";
  }
}
