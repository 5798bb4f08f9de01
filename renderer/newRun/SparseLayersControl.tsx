// Which layers are sparse, named by number instead of every n-th.
import { sparseIndices, stacksOf, type ModelSpec, type StackName } from "../../contract/modelSpec.ts";
import { typedNumber, valueAt, type Draft, type Json } from "../spec/draft.ts";
import { fieldFacts } from "../spec/specFields.ts";
import { below } from "./below.ts";
import { CheckField, FieldRow } from "./Field.tsx";

interface Props { draft: Draft; issues: ReadonlyMap<string, string>; advanced: boolean; change: (path: string, value: Json) => void }
const PATH = "model.sparse.layers";

/** "1, 3, 5" as the numbers it names; what is no number stays, for the schema to refuse. */
export const layerNumbers = (text: string): Json[] => text.split(/[\s,;]+/).filter(Boolean).map(typedNumber);

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
          {({ id, describedBy }) => <NumbersInput id={id} describedBy={describedBy} name={`${PATH}.${stack}`} wrong={error !== undefined} value={valueAt(draft, `${PATH}.${stack}`)} change={(value) => change(`${PATH}.${stack}`, value)} />}
        </FieldRow>
      ))}
    </>
  );
}

/** A text field, so that a comma just typed stays where it is. */
function NumbersInput({ id, describedBy, name, wrong, value, change }: { id: string; describedBy: string; name: string; wrong: boolean; value: Json | undefined; change: (value: Json[]) => void }) {
  const text = Array.isArray(value) ? value.join(", ") : String(value ?? "");
  return <input id={id} name={name} className="input" aria-describedby={describedBy} aria-invalid={wrong} autoComplete="off" placeholder="none" defaultValue={text} ref={(input) => {
    if (input && document.activeElement !== input && input.value !== text) input.value = text;
  }} onChange={(event) => change(layerNumbers(event.target.value))} />;
}
