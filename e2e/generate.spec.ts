// What a trained model says, from the window and from the terminal.
import { expect, startRun, status, test, TINY } from "./product.ts";

interface Answer { done: boolean; step: number; layers: { stack: string; layer: number; experts: number }[]; texts: { text: string; output: { name: string | null; experts: number[][] }[]; filledIn: { text: string; generated: boolean }[] | null }[] }
/** A checkpoint is all that is needed. */
const SHORT = { ...TINY, training: { ...TINY.training, steps: 20 } };

test("a trained run writes: in the window token by token with its experts, and the same from the terminal", async ({ app, product }) => {
  await startRun(app, SHORT);
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await app.getByRole("tab", { name: "Generate" }).click();
  const input = app.getByLabel("Input", { exact: true });
  await expect(input).toHaveValue(/<extra_id_0>/);
  await input.fill("Call me <extra_id_0>, said the <extra_id_1>.");
  await app.getByLabel("Tokens at most").fill("12");
  await input.press("Control+Enter");
  const result = app.getByRole("region", { name: "Generated text" });
  await expect(result).toContainText(/came to its end|cut at the token limit/, { timeout: 60_000 });
  await expect(result.getByText("Filled in")).toBeVisible();

  // Every input token was sent somewhere; the keyboard goes from one to the next, and each says where.
  const tokens = result.getByRole("group", { name: "Input, token by token" }).locator(".token");
  await expect(tokens.first()).toHaveAttribute("data-expert", /^[0-3]$/);
  await tokens.first().focus();
  await app.keyboard.press("ArrowRight");
  await expect(tokens.nth(1)).toBeFocused();
  await expect(result.locator(".token-detail").first()).toContainText(/^a · id 100 · encoder 1: expert [0-3]/);
  // The legend counts them all.
  const counts = await result.getByRole("list", { name: "Tokens by expert of encoder 1" }).getByRole("listitem").allInnerTexts();
  expect(counts.filter((text) => /^\d+ \d+$/.test(text)).reduce((sum, text) => sum + Number(text.split(" ")[1]), 0)).toBe(await tokens.count());

  await result.getByText("Table", { exact: true }).click();
  const outputTable = result.getByRole("table", { name: "Output" });
  await expect(outputTable.getByRole("columnheader", { name: "Expert, decoder 1" })).toBeVisible();
  const rows = await outputTable.locator("tbody tr").count();

  const [run] = await product.cli("runs", "list") as { id: string }[];
  const answer = await product.cli("generate", run!.id, "--input", "Call me <extra_id_0>, said the <extra_id_1>.", "--max-tokens", "12") as Answer;
  expect(answer).toMatchObject({ done: true, step: 20, layers: [{ stack: "encoder", layer: 1, experts: 4 }, { stack: "decoder", layer: 1, experts: 4 }] });
  // Greedy: the terminal's text is the window's.
  expect(answer.texts[0]!.output).toHaveLength(rows);
  const words = answer.texts[0]!.filledIn!.map(({ text }) => text).join("");
  await expect(result.locator(".generate-prose")).toHaveText(words, { useInnerText: false });
  expect((await product.cli("generate", run!.id, "--input", "a <extra_id_0>", "--method", "beam", "--beams", "3", "--max-tokens", "8", "--step", "best") as Answer).done).toBe(true);
  expect(await product.cli("generate", run!.id, "--input", "a", "--step", "7")).toMatchObject({ error: { message: expect.stringContaining("no checkpoint of step 7") } });
});

test("sampling repeats itself with the same seed, a long text can be stopped, and wrong settings are said beside their field", async ({ app }) => {
  await startRun(app, SHORT);
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await app.getByRole("tab", { name: "Generate" }).click();
  const result = app.getByRole("region", { name: "Generated text" });
  await app.getByText("Sampling", { exact: true }).click();
  await app.getByLabel("Tokens at most").fill("20");
  const generate = app.getByRole("button", { name: "Generate", exact: true });
  const write = async () => {
    await generate.click();
    await expect(result).toContainText(/came to its end|cut at the token limit/, { timeout: 60_000 });
    return result.getByRole("group", { name: "Output, token by token" }).innerText();
  };
  const first = await write();
  expect(await write()).toBe(first);
  await app.getByLabel("Seed").fill("2");
  expect(await write()).not.toBe(first);

  await app.getByLabel("Top-p").fill("3");
  await expect(app.getByRole("alert").filter({ hasText: /at most 1/ })).toBeVisible();
  await expect(generate).toBeDisabled();
  await app.getByLabel("Top-p").fill("1");
  // After so few steps the most probable token is the same again and again, so the text has no end.
  await app.getByText("Greedy", { exact: true }).click();
  await app.getByLabel("Tokens at most").fill("4096");
  await generate.click();
  await expect(result).toContainText("writing…", { timeout: 30_000 });
  await app.getByRole("button", { name: "Stop", exact: true }).click();
  await expect(result).toContainText("stopped");
  // What came is still there after a look at another tab.
  await app.getByRole("tab", { name: "Files" }).click();
  await app.getByRole("tab", { name: "Generate" }).click();
  await expect(result).toContainText("stopped");
});

test("before its first checkpoint a run says what to wait for", async ({ app }) => {
  await startRun(app, { ...TINY, training: { ...TINY.training, steps: 3000, evaluateEvery: 3000, checkpoint: { everySteps: 3000 } } });
  await app.getByRole("tab", { name: "Generate" }).click();
  await expect(app.getByRole("heading", { name: "No checkpoint yet" })).toBeVisible();
  await app.getByRole("button", { name: "Save a checkpoint now" }).click();
  await expect(app.getByRole("button", { name: "Generate", exact: true })).toBeVisible({ timeout: 60_000 });
});
