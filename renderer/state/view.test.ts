import { expect, test } from "vitest";
import { MAX_OVERLAID, readView, START_VIEW, writeView, type View } from "./view.ts";

const id = (n: number) => `01a20e72-bc8a-76f2-92c9-${String(n).padStart(12, "0")}`;

test("the start has an empty address", () => {
  expect(writeView(START_VIEW)).toBe("");
  expect(readView("")).toEqual(START_VIEW);
});

test("every part of a view survives its address", () => {
  const view: View = {
    page: "compare", run: id(1), overlaid: [id(2), id(3)], source: id(4), model: id(5), host: "tpu-0", cloud: { project: "my-project", zone: "us-central2-b" }, as: "distil", tab: "capacity", step: 410, range: { from: 100, to: 400 },
    axis: "tokens", logX: true, logY: true, smoothing: 0.6,
    routingOf: id(2), layer: { stack: "decoder", layer: 3 }, expert: 0, measure: "kept", factor: 1.25, maximised: "experts-over-time", place: "tokens", baseline: id(3),
    plan: { subject: "paper:Switch-Base", batch: 256, group: "rank", device: "own", devices: 64, mesh: { data: 2, expert: 16, model: 2 }, own: { peak: 0.4, memory: 16, bandwidth: 20, link: 5 }, efficiency: 40 },
  };
  expect(readView(writeView(view))).toEqual(view);
  for (const key of Object.keys(view) as (keyof View)[]) {
    const one = { ...START_VIEW, [key]: view[key] };
    expect(readView(writeView(one)), key).toEqual(one);
  }
});

test("what can't be read is as at the start", () => {
  expect(readView("?page=admin&run=../../etc&with=x,,y&tab=tiles&step=-1&from=9&to=3&axis=z&smoothing=2&routing=x&layer=middle-1&expert=-1&measure=heat&factor=0&full=%3Cb%3E&values=best&baseline=y&model=..&host=-x&project=-p&zone=us-central2-b&as=sell&of=run:x&batch=0&group=layer&device=abacus&devices=-1&mesh=2x2&own=1,2,3&efficiency=101")).toEqual(START_VIEW);
});

test("a run is not laid over itself, and no more runs than can be told apart", () => {
  expect(readView(`?run=${id(1)}&with=${id(1)},${id(2)},${id(2)}`).overlaid).toEqual([id(2)]);
  expect(readView(`?with=${Array.from({ length: 40 }, (_, i) => id(i)).join(",")}`).overlaid).toHaveLength(MAX_OVERLAID);
});
