// attention_mask and decoder_attention_mask as transformers takes them, for an engine that masks by token: the encoder's padding,
// and in the decoder nothing but what comes later.
import type { ModelSpec } from "../../contract/runSpec.ts";
import { PersonError } from "../personError.ts";

type Rows = readonly (readonly number[])[];

/** @throws PersonError where the mask has other rows than the ids. */
function sameShape(name: string, mask: Rows, idsName: string, ids: Rows): void {
  if (mask.length !== ids.length) throw new PersonError(`${name} has ${mask.length} rows and ${idsName} ${ids.length}; give one for each.`);
  for (const [row, flags] of mask.entries())
    if (flags.length !== ids[row]!.length) throw new PersonError(`${name}[${row}] has ${flags.length} places and ${idsName}[${row}] ${ids[row]!.length}; give one for each token.`);
}

/**
 * Encoder ids with the padding token in each masked place: no other token attends to it, whatever stands there. In a model that routes
 * padding it still takes an expert's place as transformers has it, so there only padding or the end of a row can be masked.
 * @throws PersonError, one sentence, for a mask that this can't say.
 */
export function maskedInput(ids: Rows, mask: Rows, { sparse }: ModelSpec, padToken: number): number[][] {
  sameShape("attention_mask", mask, "input_ids", ids);
  return ids.map((row, index) => row.map((id, place) => {
    const attended = mask[index]![place] === 1;
    if (attended && id === padToken) throw new PersonError(`attention_mask[${index}][${place}] is 1 where input_ids has the padding token ${padToken}, which is always masked; write 0.`);
    if (!attended && id !== padToken && sparse?.routePadding && mask[index]!.includes(1, place))
      throw new PersonError(`attention_mask[${index}][${place}] masks token ${id} before others, which the model would still route to an expert; put the padding token ${padToken} there, or mask the end of a row alone.`);
    return attended ? id : padToken;
  }));
}

/** Masked tokens at the end of a row change nothing before them. @throws PersonError for others: the decoder attends to every token before. */
export function checkDecoderMask(ids: Rows, mask: Rows): void {
  sameShape("decoder_attention_mask", mask, "decoder_input_ids", ids);
  for (const [row, flags] of mask.entries()) {
    const place = flags.indexOf(0);
    if (place !== -1 && flags.includes(1, place)) throw new PersonError(`decoder_attention_mask[${row}][${place}] masks a token before others, and the decoder attends to every token before; mask the end of a row alone.`);
  }
}
