// Which layers are sparse, named by number instead of every n-th.
import { sparseIndices, stacksOf, type ModelSpec, type StackName } from "../../contract/modelSpec.ts";
import { typedNumber, valueAt, type Draft, type Json } from "../spec/draft.ts";
import { fieldFacts } from "../spec/specFields.ts";
import { below } from "./below.ts";
import { CheckField, FieldRow, TypedInput } from "./Field.tsx";

interface Props { draft: Draft; issues: ReadonlyMap<string, string>; advanced: boolean; change: (path: string, value: Json) => void }
const PATH = "model.sparse.layers";

/** "1, 3, 5" as the numbers it names; what is no number stays, for the schema to refuse. */
export const layerNumbers = (text: string): Json[] => text.split(/[\s,;]+/).filter(Boolean).map(typedNumber);
const listText = (value: Json | undefined): string => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));

export function SparseLayersControl({ draft, issues, advanced, change }: Props) {
  const { title, description } = fieldFacts(PATH);
  const lists = valueAt(draft, PATH) ?? null, error = below(issues, PATH);
  if (!advanced && lists === null && error === undefined) return null;
  const model = valueAt(draft, "model") as unknown as ModelSpec;
  /** The numbers of the layers that are sparse now, to begin from. */
  const present = (stack: StackName): Json[] => {
    const own = stacksOf(model).find((other) => other.stack === stack);
    return own && Number.isInteger(own.layers) ? sparseIndices(model, stack, own.layers) : [];
  };
  return (
    <>
      <CheckField title={title} help={description} checked={lists !== null} change={(on) => change(PATH, on ? { encoder: present("encoder"), decoder: present("decoder") } : null)} name={PATH} />
      {lists !== null && stacksOf(model).map(({ stack }) => (
        <FieldRow key={stack} title={stack === "encoder" ? "Sparse encoder layers" : "Sparse decoder layers"} help="Numbers from 0, such as 1, 3, 5." error={error}>
          {({ id, describedBy }) => (
            <TypedInput shared={{ id, name: `${PATH}.${stack}`, className: "input", "aria-describedby": describedBy, "aria-invalid": error !== undefined, placeholder: "none" }} text={listText(valueAt(draft, `${PATH}.${stack}`))}
              change={(text) => change(`${PATH}.${stack}`, layerNumbers(text))} />
          )}
        </FieldRow>
      ))}
    </>
  );
}
